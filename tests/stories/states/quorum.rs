//! Quorum lost, and a cluster that must not be born twice (2.8 #3, #17).

use super::{Before, born};
use crate::bed;
use crate::story::{PLAIN, Story};

/// #17: scaled to one by hand, and two processes frozen: nothing about members is done, and objects are mended.
#[test]
fn states_quorum_lost() {
    let name = "states_quorum_lost";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = Before::of(&story);
    story.mark("frozen");
    story.want(5);
    story.signal("STOP", 1);
    story.signal("STOP", 2);
    let plan = story.plan();
    story.signal("CONT", 1);
    story.signal("CONT", 2);
    let cluster = &plan["clusters"][0];
    // A frozen process looks to Kubernetes as one that is coming up: its quorum is waited for, and that has no end.
    let codes: Vec<_> = cluster["blocked"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|note| &note["code"])
        .collect();
    story.say(&format!("two frozen: {codes:?}"));
    assert_eq!(codes, ["no-end"], "{plan:#}");
    for action in cluster["actions"].as_array().expect("a list") {
        assert!(action["subject"]["object"].is_string(), "{action:#}");
    }
    story.settle();
    story.want(3);
    story.settle();
    story.mark("scaled to one");
    story.scale(1);
    story.until("two pods to be gone", 60, || {
        story.pod_uid(1).is_empty() && story.pod_uid(2).is_empty()
    });
    story.settle();
    let after = Before::of(&story);
    assert_eq!(after.members, before.members, "a member was replaced");
    assert_eq!(after.claims, before.claims, "a claim was given up");
    story.judge(3);
}

/// #3: at the birth one pod of three is never made; the two that live lose their volumes. It is not born again.
///
/// A quota of pods does not say which of three stays away, and gone it lets that one join before both volumes are.
#[test]
fn states_not_born_twice() {
    let name = "states_not_born_twice";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = Story::new(name, bed, PLAIN);
    story.deny_pod(2);
    story.want(3);
    let plan = story.plan();
    let hash = plan["intentHash"].as_str().expect("a hash");
    let mut run = story.spawn(&["apply", ".", "--yes", "--expect-hash", hash]);
    let files = [
        "get",
        "configmap",
        "orders-members",
        "--ignore-not-found",
        "-o=jsonpath={.data}",
    ];
    // Two of the three files say `existing`: those members have started.
    story.until("the files of two members to be poisoned", 90, || {
        story
            .kubectl(&files)
            .matches("initial-cluster-state: existing")
            .count()
            == 2
    });
    let _ = run.kill();
    run.wait().expect("our program ends");
    let cluster = story.observe()["etcd"]["membership"]["known"]["clusterId"].clone();
    assert!(cluster.is_string(), "two of three have a list");
    for ordinal in 0..2 {
        story.lose_volume(ordinal);
    }
    std::thread::sleep(std::time::Duration::from_secs(10));
    let refusals = story.refusals();
    story.say(&format!("refused: {refusals:?}"));
    assert!(!refusals.is_empty());
    assert_eq!(story.plan()["counts"]["steps"], 0);
    let seen = story.observe();
    assert!(
        seen["etcd"]["membership"]["known"].is_null(),
        "{:#}",
        seen["etcd"]
    );
}
