//! Two runs at once, and a run that is frozen past its Lease.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::bed;
use crate::ending::{ended_within, send};
use crate::states::born;
use crate::story::Story;

/// Longer than the Lease, which lasts 30 s.
const PAST_THE_LEASE: Duration = Duration::from_secs(32);

#[test]
fn two_runs_at_once() {
    let name = "two_runs_at_once";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    story.want(5);
    // Nothing is given up by growing: each plans for itself, and no approval names a hash.
    let apply = ["apply", ".", "--yes"];
    let mut first = story.spawn(&apply);
    std::thread::sleep(Duration::from_secs(1));
    // One that has no patience: somebody else holds the lock.
    let impatient = [&apply[..], &["--lock-timeout", "2"]].concat();
    assert_eq!(story.run(&impatient).status.code(), Some(8));
    // One that waits: by the time it has the lock, nothing is left of what it may do.
    let mut second = story.spawn(&[&apply[..], &["--lock-timeout", "200"]].concat());
    let first = ended_within(&mut first, 240);
    let second = ended_within(&mut second, 240);
    assert_eq!(first, 0, "the first run's exit code");
    assert_eq!(second, 0, "the second run's exit code");
    let told = story.told();
    let waited = told
        .lines()
        .find(|line| line.contains("waiting for its lock"));
    let waited = waited.unwrap_or_else(|| panic!("it waits in silence: {told}"));
    assert!(waited.contains(": held by "), "{waited}");
    story.say(waited);
    story.assert_in_sync();
    assert_eq!(story.members().len(), 5);
    story.judge(5);
}

#[test]
fn frozen_past_the_lease() {
    let name = "frozen_past_the_lease";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    // Stopped right after the ledger was written and before or while the act is done, or wherever it then is.
    for (members, verb) in [(5, "add-learner"), (3, "remove-member")] {
        story.mark(verb);
        story.want(members);
        let plan = story.plan();
        let hash = plan["intentHash"].as_str().expect("a hash");
        let mut frozen = freeze_at(&story, hash, verb);
        std::thread::sleep(PAST_THE_LEASE);
        let took_over = story.settle();
        story.say(&format!(
            "{verb}: the second run did {} steps",
            took_over.len()
        ));
        let before = story.members();
        send("-CONT", frozen.id());
        let code = ended_within(&mut frozen, 120);
        story.say(&format!("{verb}: the first run woke and ended with {code}"));
        assert_eq!(story.members(), before, "the frozen run changed the list");
        story.assert_in_sync();
    }
    story.judge(3);
}

/// Applies what is planned now, and goes on beside us.
pub(crate) fn apply_beside(story: &Story) -> Child {
    let plan = story.plan();
    let hash = plan["intentHash"].as_str().expect("a hash");
    story.spawn(&["apply", ".", "--yes", "--expect-hash", hash])
}

/// Starts an apply and stops it with SIGSTOP as soon as its ledger tells of a step of this verb.
fn freeze_at(story: &Story, hash: &str, verb: &str) -> Child {
    let mut watch = story.bed.command("kubectl");
    let output = "-o=jsonpath={.data}{'\\n'}";
    let ledger = ["get", "configmap", "orders-ledger", "--watch-only", output];
    watch
        .args(["-n", &story.namespace])
        .args(ledger)
        .stdout(Stdio::piped());
    let mut watch = watch.spawn().expect("kubectl runs");
    std::thread::sleep(Duration::from_millis(500));
    let run = story.spawn(&["apply", ".", "--yes", "--expect-hash", hash]);
    let lines = BufReader::new(watch.stdout.take().expect("stdout is piped")).lines();
    let seen = lines.map_while(Result::ok).any(|line| line.contains(verb));
    send("-STOP", run.id());
    let _ = watch.kill();
    watch.wait().expect("kubectl ends");
    assert!(seen, "no {verb} was ever begun");
    story.say(&format!(
        "frozen at {verb}, {} members listed",
        story.members().len()
    ));
    run
}
