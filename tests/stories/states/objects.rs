//! Objects that others deleted, scaled, labelled, evicted or own (2.8 #1, #5, #16, #18, #20, #21; F1, F5).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Before, born, stop_after_verb};
use crate::bed;
use crate::ending::meanwhile;

/// #1, F1: the StatefulSet is deleted, its pods left, and one of them is lost meanwhile.
#[test]
fn states_set_deleted_and_a_pod_lost() {
    let name = "states_set_deleted_and_a_pod_lost";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = Before::of(&story);
    for lost in [1, 2] {
        story.mark(&format!("pod {lost} lost"));
        story.orphan_set();
        story.delete_pod(lost);
        story.until("the pod to be gone", 60, || story.pod_uid(lost).is_empty());
        story.settle();
        let after = Before::of(&story);
        assert_eq!(after.claims, before.claims, "a voter's claim was given up");
        assert_eq!(after.members, before.members, "a voter was replaced");
    }
    story.judge(3);
}

/// Scaled down by kubectl, a pod out of the client Service, the peer Service and the budget deleted: all of it goes
/// back as Git says, and what a controller owns is refused by name.
#[test]
fn states_drift() {
    let name = "states_drift";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = Before::of(&story);
    story.mark("drift");
    story.scale(2);
    story.until("the pod to be gone", 60, || story.pod_uid(2).is_empty());
    story.kubectl(&["label", "pod", "orders-0", "reconcile/serving-"]);
    story.kubectl(&["delete", "service", "orders-peer"]);
    story.kubectl(&["delete", "poddisruptionbudget", "orders"]);
    let no_label = r#"{"spec":{"selector":{"reconcile/serving":null}}}"#;
    story.edit("service/orders-client", no_label, "kubectl-edit");
    story.settle();
    let after = Before::of(&story);
    assert_eq!(after.claims, before.claims, "a voter's claim was given up");
    assert_eq!(after.members, before.members, "a voter was replaced");
    let drained = story.kubectl(&["get", "pods", "-l", "!reconcile/serving", "-o=name"]);
    assert!(!drained.contains("orders-"), "left drained: {drained}");
    story.mark("a controller's");
    let patient = r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":60}}}}"#;
    story.edit("statefulset/orders", patient, "argocd-controller");
    let refusals = story.refusals();
    assert!(!refusals.is_empty(), "what a controller holds is not taken");
    story.say(&format!("a controller's field: {refusals:?}"));
    story.judge(3);
}

/// #16, #18: others evict pods all along while a roll drains and restarts; the run is killed after a drain. How a run
/// under evictions ends is theirs to say; what they leave is rolled.
#[test]
fn states_evictions_meanwhile() {
    let name = "states_evictions_meanwhile";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    story.mark("evictions");
    story.git(|wish| wish.quota = "384Mi");
    stop_after_verb(&story, "drain");
    let leader = story.leader();
    story.say(&format!("killed after a drain; member {leader} leads"));
    meanwhile(
        |stop| evict_all_along(bed, &story.namespace, stop),
        || {
            let outcome = story.apply(&story.plan(), &[]);
            let ending = outcome.map(|cluster| cluster["ending"]["kind"].clone());
            story.say(&format!("under evictions: {ending:?}"));
        },
    );
    story.settle();
    story.judge(3);
}

/// A minute of them.
const EVICTIONS: usize = 12;

fn evict_all_along(bed: &bed::Bed, namespace: &str, stop: &AtomicBool) {
    for ordinal in (0..3).cycle().take(EVICTIONS) {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        crate::hands::evict(bed, namespace, ordinal);
        std::thread::sleep(Duration::from_secs(5));
    }
}

/// #21: a member that belongs to no ordinal, and an object of our name that is not ours.
#[test]
fn states_foreigners() {
    let name = "states_foreigners";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    story.mark("foreign member");
    let url = "--peer-urls=http://nobody.example:2380";
    story.etcdctl(0, &["member", "add", "stranger", "--learner", url]);
    story.want(5);
    assert_eq!(story.refusals(), ["foreign-member"]);
    assert_eq!(story.plan()["counts"]["steps"], 0);
    let seen = story.observe();
    let members = seen["etcd"]["membership"]["known"]["members"].as_array();
    let stranger = members.into_iter().flatten().find(|m| m["learner"] == true);
    let id = stranger.expect("the stranger")["id"]
        .as_str()
        .expect("an id");
    story.etcdctl(0, &["member", "remove", id]);
    story.want(3);
    story.assert_in_sync();
    story.mark("foreign object");
    story.kubectl(&["delete", "poddisruptionbudget", "orders"]);
    story.kubectl(&[
        "create",
        "poddisruptionbudget",
        "orders",
        "--selector=a=b",
        "--min-available=1",
    ]);
    assert_eq!(story.refusals(), ["foreign-object"]);
    story.kubectl(&["delete", "poddisruptionbudget", "orders"]);
    story.settle();
    story.judge(3);
}
