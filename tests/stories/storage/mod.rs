//! Volumes that move while runs are killed, and while what they need is not to be had (P5-a, P5-b, P6).

mod attributes;
pub(crate) mod faults;
mod killed;
mod offline;
mod store;

use serde_json::Value;

use crate::story::Story;

/// Every member's claim is of the class and size that Git says, and no volume that was given up is lost.
pub(crate) fn assert_as_git_says(story: &Story) {
    let seen = story.observe();
    let (class, size) = {
        let wish = story.wish.borrow();
        (wish.class, wish.size)
    };
    let claims = seen["kube"]["known"]["claims"].as_object().expect("claims");
    assert_eq!(claims.len(), story.members().len(), "{claims:#?}");
    for (ordinal, claim) in claims {
        let is = |field: &str| claim[field].as_str().unwrap_or_default().to_owned();
        assert_eq!(is("className"), class, "claim {ordinal}");
        assert_eq!(is("request"), size, "claim {ordinal}");
    }
    kept(story);
}

/// How many volumes of this story's were given up: each is Released and Retain.
pub(crate) fn kept(story: &Story) -> usize {
    let all = story.bed.kubectl(&["get", "pv", "-o=json"]);
    let all: Value = serde_json::from_str(&all).expect("kubectl prints JSON");
    let volumes = all["items"].as_array().expect("a list").iter();
    let ours = volumes.filter(|v| v["spec"]["claimRef"]["namespace"] == story.namespace);
    let given_up: Vec<&Value> = ours.filter(|v| v["status"]["phase"] != "Bound").collect();
    for volume in &given_up {
        let policy = &volume["spec"]["persistentVolumeReclaimPolicy"];
        assert_eq!(*policy, "Retain", "{volume:#}");
    }
    given_up.len()
}
