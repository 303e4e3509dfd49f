//! SIGKILL after every step of every move, and in the moment in which there is no StatefulSet.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Instant;

use super::{assert_as_git_says, kept};
use crate::bed;
use crate::killed::Moments;
use crate::runs::apply_beside;
use crate::states::born;
use crate::story::Story;
use crate::wish::Wish;

/// More runs than any move takes.
const MOST_RUNS: usize = 150;

#[test]
fn storage_killed_surging() {
    let name = "storage_killed_surging";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::beside) else {
        return;
    };
    let story = born(name, bed, 3);
    let mut moments = Moments::from_clock(&story);
    kill_through(&story, &mut moments, "surge", 4, |wish| {
        wish.class = "testbed-hdd";
    });
    story.judge(3);
}

#[test]
fn storage_killed_in_place() {
    let name = "storage_killed_in_place";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::beside) else {
        return;
    };
    let story = born(name, bed, 3);
    let mut moments = Moments::from_clock(&story);
    kill_through(&story, &mut moments, "in place", 3, |wish| {
        wish.class = "testbed-hdd";
        wish.migration = Some("inPlace");
    });
    story.judge(3);
}

#[test]
fn storage_killed_growing_and_shrinking() {
    let name = "storage_killed_growing_and_shrinking";
    // Volumes that grow are the project's own bed's.
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = born(name, bed, 3);
    let mut moments = Moments::from_clock(&story);
    let before = story.members();
    kill_through(&story, &mut moments, "growth", 0, |wish| wish.size = "2Gi");
    assert_eq!(story.members(), before, "nobody moves to grow");
    kill_through(&story, &mut moments, "shrink", 4, |wish| wish.size = "1Gi");
    story.judge(3);
}

#[test]
fn storage_killed_moving_one_member() {
    let name = "storage_killed_moving_one_member";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::beside) else {
        return;
    };
    let story = born(name, bed, 1);
    let mut moments = Moments::from_clock(&story);
    kill_through(&story, &mut moments, "one member", 2, |wish| {
        wish.class = "testbed-hdd";
    });
    assert_eq!(story.members().len(), 1);
    story.judge(1);
}

/// A run is killed between the old StatefulSet and the new one, and a member's pod is deleted in that moment: nobody
/// makes it again until the next run has made the set, which it does before anything else.
#[test]
fn storage_killed_where_there_is_no_set() {
    let name = "storage_killed_where_there_is_no_set";
    let Some((bed, _turn)) = bed::beside(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let gone = story.follower();
    let (before, pod) = (story.members(), story.pod_uid(gone));
    story.mark("no set");
    story.git(|wish| wish.class = "testbed-hdd");
    let mut going = Watched::set(&story);
    let mut run = apply_beside(&story);
    going.await_going();
    // SIGKILL: its next look would find the set gone, and its next step make it again.
    run.kill().expect("it has not ended");
    run.wait().expect("our program ends");
    story.delete_pod(gone);
    story.until("the StatefulSet and the pod to be gone", 60, || {
        set_uid(&story).is_empty() && story.pod_uid(gone).is_empty()
    });
    assert_eq!(story.members(), before, "who is listed");
    let plan = story.plan();
    let first = &plan["clusters"][0]["actions"][0];
    assert_eq!(first["verb"], "create", "{first:#}");
    let outcome = story.apply(&plan, &["--max-steps", "1"]);
    let outcome = outcome.expect("nobody else moves the cluster");
    assert_eq!(outcome["done"][0]["verb"], "create", "{outcome:#}");
    assert!(!set_uid(&story).is_empty());
    story.until("the pod to come back", 60, || {
        let now = story.pod_uid(gone);
        !now.is_empty() && now != pod
    });
    story.settle();
    assert_as_git_says(&story);
    story.say(&format!("{} volumes kept", kept(&story)));
    story.judge(3);
}

/// Git moves, and every run on the way is killed a moment after its first step.
pub(super) fn kill_through(
    story: &Story,
    moments: &mut Moments,
    phase: &str,
    given_up: usize,
    git: impl FnOnce(&mut Wish),
) {
    story.mark(phase);
    story.git(git);
    let (begun, kept_before) = (Instant::now(), kept(story));
    let mut killed_after = Vec::new();
    for run in 0.. {
        let plan = story.plan();
        if plan["clusters"][0]["verdict"] == "in-sync" {
            break;
        }
        assert!(run < MOST_RUNS, "no end: {killed_after:#?}");
        let hash = plan["intentHash"].as_str().expect("a hash");
        killed_after.extend(kill_after_a_step(story, moments, hash));
    }
    story.assert_in_sync();
    assert_as_git_says(story);
    let given = kept(story) - kept_before;
    assert!(given >= given_up, "{given} of {given_up} volumes kept");
    story.say(&format!(
        "{phase}: {:.1} s, {} runs killed, {given} volumes kept",
        begun.elapsed().as_secs_f32(),
        killed_after.len(),
    ));
}

/// What the run had just done when it was killed; `None`: it ended before.
fn kill_after_a_step(story: &Story, moments: &mut Moments, hash: &str) -> Option<String> {
    let apply = ["apply", ".", "--yes", "--expect-hash", hash];
    let mut run = story.spawn_told(&apply);
    let lines = BufReader::new(run.stderr.take().expect("stderr is piped")).lines();
    let mut told = Vec::new();
    for line in lines.map_while(Result::ok) {
        let is_step = tells_a_step(&line);
        told.push(line);
        if is_step {
            std::thread::sleep(moments.next() / 2);
            // SIGKILL; one that has already ended is as good.
            let _ = run.kill();
            run.wait().expect("our program ends");
            return told.pop();
        }
    }
    let code = run.wait().expect("our program ends").code();
    // What the run before had begun may come about between plan and apply: then the next turn plans anew.
    assert!(
        matches!(code, Some(0 | 6)),
        "it ended with {code:?}: {}",
        told.join("\n")
    );
    None
}

/// `03:12:04 here/orders 2/14 what was done (row), 0.3 s`. The plan, which comes first, has no times.
fn tells_a_step(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [time, cluster, number, what, ..] = words[..] else {
        return false;
    };
    let timed = time.len() == 8 && time.split(':').count() == 3;
    let number = number.split('/').next().unwrap_or_default();
    let counted = number.parse::<usize>().is_ok();
    let told = !["waiting", "FAILED"].contains(&what);
    timed && cluster.contains('/') && counted && told
}

fn set_uid(story: &Story) -> String {
    let output = "-o=jsonpath={.metadata.uid}";
    story.kubectl(&["get", "statefulset", "orders", "--ignore-not-found", output])
}

/// The StatefulSet, watched.
struct Watched {
    watch: std::process::Child,
}

impl Watched {
    fn set(story: &Story) -> Self {
        let mut watch = story.bed.command("kubectl");
        let output = "-o=jsonpath={.metadata.deletionTimestamp}{'\\n'}";
        watch
            .args(["-n", &story.namespace])
            .args(["get", "statefulset", "orders", "--watch-only", output])
            .stdout(Stdio::piped());
        Self {
            watch: watch.spawn().expect("kubectl runs"),
        }
    }

    /// Returns once it is being deleted.
    fn await_going(&mut self) {
        let stdout = self.watch.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        assert!(lines.any(|line| !line.is_empty()), "it never went");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }
}
