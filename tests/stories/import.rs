//! What reconcile did not make, or made for another fleet: its document, and what becomes of it.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::bed;
use crate::hands::members_of;
use crate::identity::{ADMINISTRATOR, APPLY, CONTEXT};
use crate::story::{PLAIN, Story};

/// As somebody writes it after a tutorial: flags, a headless Service of the set's own name, and one for clients.
const BY_HAND: &str = include_str!("import/by-hand.yaml");

/// Finds the members of our cluster.
const OURS: &str = "reconcile/cluster=orders";
const DOCUMENT: &str = "clusters/here/orders.yaml";

fn told(output: Output, exit: i32) -> (String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(exit), "{stdout}{stderr}");
    (stdout, stderr)
}

/// `reconcile import here/orders`.
fn import(story: &Story, identity: &str, more: &[&str], exit: i32) -> (String, String) {
    let words = [&["import", "here/orders", "."][..], more].concat();
    told(story.run_as(identity, &words), exit)
}

/// From now on the fleet has this name.
fn call_fleet(story: &Story, name: &str) {
    let text = format!(
        "apiVersion: reconcile/v1alpha1\nkind: Fleet\nmetadata: {{name: {name}}}\nspec:\n  contexts:\n    {CONTEXT}: {{kubeContext: {CONTEXT}}}\n"
    );
    fs::write(story.directory.path().join("fleet.yaml"), text).expect("a writable directory");
}

/// The plan, for somebody who may see everything.
fn planned(story: &Story) -> Value {
    let (stdout, _) = told(story.run_as(ADMINISTRATOR, &["plan", ".", "-o", "json"]), 0);
    serde_json::from_str(&stdout).expect("a plan is JSON")
}

fn codes(plan: &Value) -> Vec<&str> {
    let blocked = plan["clusters"][0]["blocked"].as_array().expect("a list");
    let codes = blocked.iter().map(|note| &note["code"]);
    codes.filter_map(Value::as_str).collect()
}

/// What no restart leaves as it is: the three pods, their containers, and how often these began.
fn processes(story: &Story, selector: &str) -> String {
    let output = "-o=jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].containerID} {.status.containerStatuses[*].restartCount}{'\\n'}{end}";
    let seen = story.kubectl(&["get", "pods", "--selector", selector, output]);
    assert_eq!(seen.lines().count(), 3, "{seen}");
    seen
}

/// The document is valid and says what runs; what it cannot hold is told; what was made by hand is left alone, and a
/// cluster beside it is none of its Services'.
#[test]
fn a_cluster_made_by_hand() {
    let name = "a_cluster_made_by_hand";
    let Some((bed, _turn)) = bed::beside(name) else {
        return;
    };
    let story = Story::new(name, bed, PLAIN);
    story.log_in_as_administrator();
    bed.apply_manifest(&BY_HAND.replace("${NAMESPACE}", &story.namespace));
    story.kubectl(&["rollout", "status", "statefulset/db", "--timeout=120s"]);
    let before = processes(&story, "app=db");
    let from = ["--namespace", &story.namespace, "--statefulset", "db"];
    let (stdout, findings) = import(&story, ADMINISTRATOR, &from, 0);
    story.say(stdout.trim_end());
    let path = story.directory.path().join(DOCUMENT);
    let document = fs::read_to_string(&path).expect("written");
    for part in [
        "members: 3",
        "version: 3.6.16",
        "quota: 128Mi",
        "retention: 1h",
        "max-request-bytes: 3145728",
        "snapshotCount: 5000",
        "size: 512Mi",
        "team: orders",
    ] {
        assert!(document.contains(part), "no {part} in {document}");
    }
    assert!(!document.contains("app: db"), "{document}");
    // Where the image does not tell the version, the members do. No pod is made of this.
    let nameless = r#"{"spec": {"updateStrategy": {"$retainKeys": ["type"], "type": "OnDelete"}, "template": {"spec": {"containers": [{"name": "etcd", "image": "example.net/etcd:stable"}]}}}}"#;
    story.kubectl(&["patch", "statefulset", "db", "-p", nameless]);
    let again = [
        "--out",
        "-",
        "--namespace",
        &story.namespace,
        "--statefulset",
        "db",
    ];
    let moved = fs::rename(&path, story.directory.path().join("away"));
    moved.expect("a writable directory");
    let (asked, _) = import(&story, ADMINISTRATOR, &again, 0);
    assert!(
        asked.contains("  version: 3.6.16\n  image: example.net/etcd\n"),
        "{asked}"
    );
    fs::write(&path, &document).expect("a writable directory");
    // What the members themselves say is there too: they were asked through the API server, by their pods' names.
    for part in [
        "the variable PASSWORD\n",
        "etcd: initial-advertise-peer-urls: ",
        "member db-0: http://db-0.db.",
        "pod.labels app: db\n",
        "by StatefulSet db, Service db, Service db-clients;",
        "Service db-clients: it finds the members, which clients use by its name\n",
        "reconcile did not make it\n    the plan refuses it (foreign-object)",
    ] {
        assert!(findings.contains(part), "no {part} in {findings}");
    }
    assert!(!format!("{document}{findings}").contains("correct-horse"));
    let (stdout, _) = told(story.run(&["validate", "."]), 0);
    let valid = format!("{}: 1 cluster in 1 context is valid\n", story.namespace);
    assert_eq!(stdout, valid);

    let refused = planned(&story);
    assert!(codes(&refused).contains(&"foreign-object"), "{refused:#}");
    assert_eq!(refused["counts"]["steps"], 0, "{refused:#}");
    let (_, stderr) = import(&story, ADMINISTRATOR, &["--adopt", "--yes"], 3);
    assert!(stderr.contains("(E0806)"), "{stderr}");

    story.say("a cluster beside it");
    let beside = document.replace("      name: db\n", "      name: orders\n");
    assert_ne!(beside, document);
    fs::write(&path, beside).expect("a writable directory");
    let hash = planned(&story)["intentHash"]
        .as_str()
        .expect("a hash")
        .to_owned();
    let apply = ["apply", ".", "--yes", "--expect-hash", &hash];
    told(story.run_as(ADMINISTRATOR, &apply), 0);
    processes(&story, OURS);
    assert_eq!(processes(&story, "app=db"), before);
    let slices = "--selector=kubernetes.io/service-name=db-clients";
    let led_to = "-o=jsonpath={.items[*].endpoints[*].targetRef.name}";
    let led_to = story.kubectl(&["get", "endpointslices", slices, led_to]);
    let mut led_to: Vec<&str> = led_to.split(' ').collect();
    led_to.sort_unstable();
    assert_eq!(led_to, ["db-0", "db-1", "db-2"]);
}

#[test]
fn a_cluster_changes_hands() {
    let name = "a_cluster_changes_hands";
    let Some((bed, _turn)) = bed::beside(name) else {
        return;
    };
    let story = Story::new(name, bed, PLAIN);
    let old = format!("{}-old", story.namespace);
    call_fleet(&story, &old);
    story.start_writers();
    story.want(3);
    story.settle();
    story.await_writers();
    let (processes_before, claims) = (processes(&story, OURS), story.claim_uids(3));
    let members = members_of(&story.observe());

    call_fleet(&story, &story.namespace);
    story.take_rights_back_of(&old);
    story.grant();
    assert_eq!(story.refusals(), ["claimed-elsewhere"]);
    story.mark("adoption");
    // The rights of whoever applies are enough.
    let adopt = ["--adopt", "--yes"];
    let (stdout, stderr) = import(&story, APPLY, &adopt, 0);
    story.say(stdout.trim_end());
    assert!(
        stderr.contains(&format!("of {old}/here/orders, ")),
        "{stderr}"
    );
    let (stdout, _) = import(&story, APPLY, &adopt, 0);
    assert_eq!(stdout, "here/orders: it is this fleet's already\n");
    // Whoever still has the old documents is refused now.
    call_fleet(&story, &old);
    assert_eq!(story.refusals(), ["claimed-elsewhere"]);
    call_fleet(&story, &story.namespace);

    story.mark("apply");
    let plan = story.plan();
    let actions = plan["clusters"][0]["actions"].as_array().expect("a list");
    let restarts = |action: &Value| action["effect"]["restarts"].as_u64();
    assert!(actions.iter().all(|a| restarts(a) == Some(0)), "{plan:#}");
    let done = story.settle();
    story.say(&format!("{} steps", done.len()));
    story.assert_in_sync();
    assert_eq!(
        processes(&story, OURS),
        processes_before,
        "something restarted"
    );
    assert_eq!(story.claim_uids(3), claims);
    assert_eq!(members_of(&story.observe()), members);
    story.judge(3);
}
