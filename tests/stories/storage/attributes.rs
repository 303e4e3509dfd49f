//! Volumes get other attributes under running members: the bed's driver is asked by Kubernetes' own resizer.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bed;
use crate::states::{Before, born};
use crate::story::Story;

/// A class of the bed's driver or of another, with one parameter.
fn class(name: &str, driver: &str, tier: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: VolumeAttributesClass\nmetadata: {{name: {name}}}\ndriverName: {driver}\nparameters: {{tier: {tier}}}\n"
    )
}

/// Three claims and their template come to what Git names; nobody moves, restarts or loses a put. Members that come later
/// are made with it.
#[test]
fn storage_attributes_class() {
    let name = "storage_attributes_class";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    bed.apply_manifest(&class("testbed-gold", "testbed.csi", "gold"));
    let (before, pods) = (Before::of(&story), processes(&story));
    story.mark("modified");
    story.git(|wish| wish.attributes = Some("testbed-gold"));
    let plan = story.plan();
    assert_eq!(
        verbs(&plan),
        [
            "modify-claim",
            "modify-claim",
            "modify-claim",
            "orphan-delete",
            "create"
        ],
        "{plan:#}"
    );
    let outcome = story.apply(&plan, &[]).expect("nobody else moves it");
    assert_eq!(outcome["ending"]["kind"], "in-sync", "{outcome:#}");
    story.assert_in_sync();
    let after = Before::of(&story);
    assert_eq!(after.members, before.members, "nobody moves");
    assert_eq!(story.claim_uids(3), before.claims, "claims stay");
    assert_eq!(processes(&story), pods, "nothing restarts");
    assert_modified(&story, 3);
    story.mark("grown");
    story.want(5);
    story.settle();
    assert_modified(&story, 5);
    story.judge(5);
}

/// A class that is not there or of another driver is refused before anything is touched; what the driver does not give is
/// asked of one claim, and another name frees it.
#[test]
fn storage_attributes_refused() {
    let name = "storage_attributes_refused";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = born(name, bed, 3);
    let refused = |attributes: &'static str, code: &str| {
        story.git(|wish| wish.attributes = Some(attributes));
        let plan = story.plan();
        assert_eq!(plan["counts"]["steps"], 0, "{plan:#}");
        assert_eq!(story.refusals(), [code]);
    };
    refused("testbed-nowhere", "attributes-missing");
    bed.apply_manifest(&class("testbed-foreign", "other.csi", "gold"));
    refused("testbed-foreign", "attributes-of-another-driver");
    bed.apply_manifest(&class("testbed-impossible", "testbed.csi", "none"));
    story.git(|wish| wish.attributes = Some("testbed-impossible"));
    story.mark("impossible");
    let outcome = story.apply(&story.plan(), &[]).expect("as planned");
    assert_eq!(outcome["ending"]["kind"], "blocked", "{outcome:#}");
    let plan = story.plan();
    assert_eq!(story.refusals(), ["attributes-infeasible"], "{plan:#}");
    let found = plan["clusters"][0]["blocked"][0]["found"].as_str();
    let found = found.expect("the driver's words");
    assert!(found.contains("no tier \"none\""), "{found}");
    let asked = |claim: &Value| claim["attributes"]["asked"] == "testbed-impossible";
    let seen = story.observe();
    let claims = claims(&seen);
    assert_eq!(claims.filter(|(_, claim)| asked(claim)).count(), 1);
    bed.apply_manifest(&class("testbed-gold", "testbed.csi", "gold"));
    story.git(|wish| wish.attributes = Some("testbed-gold"));
    story.mark("possible");
    story.settle();
    assert_modified(&story, 3);
    story.judge(3);
}

fn verbs(plan: &Value) -> Vec<&str> {
    let actions = plan["clusters"][0]["actions"].as_array().expect("a list");
    let verbs = actions.iter().map(|action| action["verb"].as_str());
    verbs.map(|verb| verb.expect("a verb")).collect()
}

/// Every pod, and how often its process was started again.
fn processes(story: &Story) -> Vec<(String, u64)> {
    let seen = story.observe();
    let pods = seen["kube"]["known"]["pods"].as_object().expect("pods");
    let process = |pod: &Value| {
        let uid = pod["uid"].as_str().unwrap_or_default().to_owned();
        (uid, pod["restarts"].as_u64().unwrap_or_default())
    };
    pods.values().map(process).collect()
}

fn claims(seen: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let claims = seen["kube"]["known"]["claims"].as_object();
    claims.expect("claims").iter()
}

/// So many claims have what Git says, and their driver was handed its parameters.
fn assert_modified(story: &Story, members: usize) {
    let seen = story.observe();
    let run = Path::new(&story.bed.kubeconfig).parent();
    let volumes = run.expect("in a directory").join("volumes");
    for (ordinal, claim) in claims(&seen) {
        assert_eq!(
            claim["attributes"],
            serde_json::json!({
                "asked": "testbed-gold", "current": "testbed-gold", "modification": null
            }),
            "claim {ordinal}"
        );
        let volume = claim["volume"]["known"]["name"].as_str();
        let file = volumes.join(format!("{}.img.attributes", volume.expect("bound")));
        let told = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert_eq!(told, "tier=gold\n", "claim {ordinal}");
    }
    assert_eq!(claims(&seen).count(), members);
}
