//! The move to another class as it is done without a tool: the cluster is stopped, each disk is copied, and volume and
//! claim are written under the old names. By choice only: for the table of docs/storage-migration.md.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use super::big::CHOICE;
use crate::bed;
use crate::hands::{claim, pod};
use crate::states::born;
use crate::story::Story;

const MEMBERS: u32 = 3;
const CLASS: &str = "testbed-hdd";

#[test]
fn moves_by_hand() {
    let name = "moves_by_hand";
    if std::env::var_os(CHOICE).is_none() {
        bed::left_out(
            name,
            "it proves nothing of ours; RECONCILE_TEST_BIG=1 tells it",
        );
        return;
    }
    let Some((bed, _turn)) = bed::take_own(name) else {
        return;
    };
    let story = born(name, bed, MEMBERS);
    story.load("100", "1000000");
    story.mark("by hand");
    let steps = Steps::begin(&story);
    story.etcdctl(0, &["snapshot", "save", "/data/etcd/hand.db"]);
    steps.took("a snapshot");
    for ordinal in 0..MEMBERS {
        let volume = volume_of(&story, ordinal);
        let retain = r#"{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}"#;
        bed.kubectl(&["patch", "pv", &volume, "-p", retain]);
    }
    steps.took("volumes to Retain");
    story.scale(0);
    story.until("all members to be stopped", 60, || {
        (0..MEMBERS).all(|o| story.pod_uid(o).is_empty())
    });
    steps.took("members stopped");
    for ordinal in 0..MEMBERS {
        copy(&story, ordinal);
    }
    steps.took("disks copied, volumes and claims written");
    replace_set(&story);
    story.until("all members to be started", 120, || {
        (0..MEMBERS).all(|o| !story.pod_uid(o).is_empty())
    });
    for ordinal in 0..MEMBERS {
        let member = format!("pod/{}", pod(ordinal));
        story.kubectl(&["wait", "--for=condition=Ready", &member, "--timeout=120s"]);
    }
    steps.took("members started");
    steps.end();
    // A claim that another one put there proves nothing: reconcile moves such members again, and that is its own story.
    story.judge(MEMBERS);
}

/// How long each step took.
struct Steps<'a> {
    story: &'a Story,
    begun: Instant,
    last: std::cell::Cell<Instant>,
}

impl<'a> Steps<'a> {
    fn begin(story: &'a Story) -> Self {
        let begun = Instant::now();
        Self {
            story,
            begun,
            last: begun.into(),
        }
    }

    fn took(&self, what: &str) {
        let since = self.last.replace(Instant::now());
        let seconds = since.elapsed().as_secs_f64();
        self.story.say(&format!("by hand: {what}: {seconds:.1} s"));
    }

    fn end(&self) {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.story
            .say(&format!("by hand: all of it: {seconds:.1} s"));
    }
}

fn volume_of(story: &Story, ordinal: u32) -> String {
    story.kubectl(&[
        "get",
        "pvc",
        &claim(ordinal),
        "-o=jsonpath={.spec.volumeName}",
    ])
}

/// The disk of this member under another name, and a volume and a claim of the other class that are on it.
fn copy(story: &Story, ordinal: u32) {
    let old = volume_of(story, ordinal);
    let new = format!("by-hand-{}-{ordinal}", story.namespace);
    let disks = PathBuf::from(&story.bed.kubeconfig)
        .parent()
        .expect("the kubeconfig is in the directory of the bed")
        .join("volumes");
    let copied = Command::new("cp")
        .arg("--sparse=always")
        .arg(disks.join(format!("{old}.img")))
        .arg(disks.join(format!("{new}.img")))
        .status();
    assert!(copied.expect("cp runs").success());
    let mut pv = object(story, "pv", &old);
    let mut pvc = object(story, "pvc", &claim(ordinal));
    story.kubectl(&["delete", "pvc", &claim(ordinal), "--timeout=60s"]);
    pv["metadata"]["name"] = json!(new);
    pv["spec"]["csi"]["volumeHandle"] = json!(new);
    pv["spec"]["storageClassName"] = json!(CLASS);
    pv["spec"]["claimRef"] = json!({"namespace": story.namespace, "name": claim(ordinal)});
    pvc["spec"]["storageClassName"] = json!(CLASS);
    pvc["spec"]["volumeName"] = json!(new);
    story.bed.apply_manifest(&pv.to_string());
    story.bed.apply_manifest(&pvc.to_string());
}

/// The StatefulSet again, its claim template of the other class.
fn replace_set(story: &Story) {
    let mut set = object(story, "statefulset", "orders");
    set["spec"]["replicas"] = json!(MEMBERS);
    set["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] = json!(CLASS);
    story.orphan_set();
    story.bed.apply_manifest(&set.to_string());
}

/// As one would write it anew: without what the server gave it.
fn object(story: &Story, kind: &str, name: &str) -> Value {
    let text = story.kubectl(&["get", kind, name, "-o=json"]);
    let mut object: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
    object["status"] = Value::Null;
    let metadata = object["metadata"].as_object_mut().expect("an object");
    metadata.retain(|key, _| ["name", "namespace", "labels"].contains(&key.as_str()));
    object
}
