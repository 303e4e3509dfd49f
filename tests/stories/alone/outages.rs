//! Processes of the control plane away in the middle of an apply.

use std::time::Duration;

use crate::bed;
use crate::ending::ended_within;
use crate::runs::apply_beside;
use crate::states::born;
use crate::wish::Wish;

#[test]
fn outage_of_the_api_server() {
    let name = "outage_of_the_api_server";
    let Some((bed, _turn)) = bed::take_own(name) else {
        return;
    };
    let story = born(name, bed, 3);
    // In the middle of growing, and in the middle of a roll.
    for (phase, change) in [
        ("growing", (|wish| wish.members = 5) as fn(&mut Wish)),
        ("rolling", |wish| wish.quota = "384Mi"),
    ] {
        story.mark(phase);
        story.git(change);
        let mut run = apply_beside(&story);
        std::thread::sleep(Duration::from_secs(4));
        let away = bed.without("kube-apiserver");
        std::thread::sleep(Duration::from_secs(20));
        drop(away);
        let ended = ended_within(&mut run, 240);
        story.say(&format!("{phase}: the run ended by itself with {ended}"));
        story.settle();
    }
    story.judge(5);
}

#[test]
fn outage_of_the_controllers() {
    let name = "outage_of_the_controllers";
    let Some((bed, _turn)) = bed::take_own(name) else {
        return;
    };
    // Nobody acts on a template or on replicas: what was asked for has not come about (2.8 #20).
    let story = born(name, bed, 3);
    let away = bed.without("kube-controller-manager");
    story.git(|wish| wish.quota = "384Mi");
    let mut run = apply_beside(&story);
    std::thread::sleep(Duration::from_secs(10));
    let early = run.try_wait().expect("our program is ours to ask");
    assert!(
        early.is_none(),
        "it ended with {early:?} while no controller ran"
    );
    assert_eq!(story.members().len(), 3);
    drop(away);
    ended_within(&mut run, 120);
    story.settle();
    story.judge(3);
}
