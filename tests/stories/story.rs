//! One story: a fleet of one cluster in a namespace of its own, and our program run on it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::bed::{Bed, between_looks, program};
use crate::certificates;
use crate::ending::{meanwhile, output_of};
use crate::identity::{CHECK, CONTEXT, identity_for, kubeconfig};
use crate::judge::load_average;
use crate::wish::Wish;

/// Exit code of a plan that is not the one approved.
const PLAN_MOVED: i32 = 6;

/// More runs than any mishap takes.
const MOST_RUNS: usize = 8;

/// How a story's cluster is made and reached.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) version: &'static str,
    pub(crate) tls: bool,
    /// `None`: as the bed can.
    pub(crate) reach: Option<&'static str>,
}

/// What most stories are told on.
pub(crate) const PLAIN: Setting = Setting {
    version: "3.6.16",
    tls: false,
    reach: None,
};

pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) bed: &'static Bed,
    pub(crate) namespace: String,
    pub(crate) directory: TempDir,
    pub(crate) setting: Setting,
    pub(crate) wish: RefCell<Wish>,
    /// The roles of our program's identities as they were granted last.
    pub(crate) granted: RefCell<String>,
    /// All that our program printed.
    printed: RefCell<String>,
    started: Instant,
    /// How busy the machine was before it.
    pub(crate) load: f64,
}

impl Story {
    pub(crate) fn new(name: &'static str, bed: &'static Bed, setting: Setting) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        // A namespace is never used twice: volumes of an earlier life would rightly be refused.
        let run = directory.path().to_string_lossy();
        let unique: String = run.chars().filter(char::is_ascii_alphanumeric).collect();
        let unique = unique[unique.len() - 6..].to_lowercase();
        let story = Self {
            name,
            bed,
            namespace: format!("{}-{unique}", name.replace('_', "-")),
            directory,
            setting,
            wish: RefCell::new(Wish::of(&setting)),
            granted: RefCell::default(),
            printed: RefCell::default(),
            started: Instant::now(),
            load: load_average(),
        };
        bed.kubectl(&["create", "namespace", &story.namespace]);
        // Nobody may make a pod before a controller has made this.
        story.until("the namespace's own account", 30, || {
            let get = [
                "get",
                "serviceaccount",
                "default",
                "--ignore-not-found",
                "-o=name",
            ];
            !story.kubectl(&get).is_empty()
        });
        if setting.tls {
            certificates::install(bed, story.directory.path(), &story.namespace);
        }
        // A fleet of its own: `orders` of another story would be this cluster, living elsewhere.
        let fleet = format!(
            "apiVersion: reconcile/v1alpha1\nkind: Fleet\nmetadata: {{name: {}}}\nspec:\n  contexts:\n    {CONTEXT}: {{kubeContext: {CONTEXT}}}\n",
            story.namespace
        );
        fs::create_dir(story.directory.path().join("clusters")).expect("a writable directory");
        fs::write(story.directory.path().join("fleet.yaml"), fleet).expect("a writable directory");
        story
    }

    /// To whoever watches the run, past the harness' capture.
    pub(crate) fn say(&self, line: &str) {
        let seconds = self.started.elapsed().as_secs_f32();
        writeln!(std::io::stderr(), "{:>6.1}s {}: {line}", seconds, self.name)
            .expect("stderr is open");
    }

    fn scheme(&self) -> &'static str {
        if self.setting.tls { "https" } else { "http" }
    }

    pub(crate) fn client_service(&self) -> String {
        format!(
            "{}://orders-client.{}.svc:2379",
            self.scheme(),
            self.namespace
        )
    }

    pub(crate) fn member_urls(&self, members: u32) -> String {
        let url = |ordinal| {
            format!(
                "{}://orders-{ordinal}.orders-peer.{}.svc:2379",
                self.scheme(),
                self.namespace
            )
        };
        (0..members).map(url).collect::<Vec<_>>().join(",")
    }

    /// Runs our program to its end, as the identity that is meant for what it does.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_as(identity_for(arguments), arguments)
    }

    pub(crate) fn run_as(&self, identity: &str, arguments: &[&str]) -> Output {
        let output = output_of(&mut self.command(identity, arguments));
        let mut printed = self.printed.borrow_mut();
        printed.push_str(&String::from_utf8_lossy(&output.stdout));
        printed.push_str(&String::from_utf8_lossy(&output.stderr));
        output
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(identity_for(arguments), arguments);
        let told = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.told_beside());
        let told = told.expect("a writable directory");
        command.stdout(Stdio::piped()).stderr(told);
        command.spawn().expect("our program runs")
    }

    /// As [`Story::spawn`], and what it tells is for the caller to read as it comes.
    pub(crate) fn spawn_told(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(identity_for(arguments), arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("our program runs")
    }

    /// Where runs beside the story say what they do.
    fn told_beside(&self) -> PathBuf {
        self.directory.path().join("runs.stderr")
    }

    /// What those runs said until now.
    pub(crate) fn told(&self) -> String {
        fs::read_to_string(self.told_beside()).unwrap_or_default()
    }

    /// Returns once a learner is listed.
    pub(crate) fn await_learner(&self) {
        for _ in 0..200 {
            let seen = self.observe();
            let members = &seen["etcd"]["membership"]["known"]["members"];
            if members
                .as_array()
                .into_iter()
                .flatten()
                .any(|m| m["learner"] == true)
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no learner was ever added");
    }

    fn command(&self, identity: &str, arguments: &[&str]) -> std::process::Command {
        let mut command = program_as(self.bed, self.directory.path(), identity);
        command.args(arguments);
        command
    }

    pub(crate) fn plan(&self) -> Value {
        let output = self.run(&["plan", ".", "-o", "json"]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "plan: {errors}");
        serde_json::from_slice(&output.stdout).expect("a plan is JSON")
    }

    /// Applies the plan as it is approved, and returns the outcome's only cluster; `None` where the cluster moved on
    /// between the two and the approval no longer holds.
    pub(crate) fn apply(&self, plan: &Value, more: &[&str]) -> Option<Value> {
        let hash = plan["intentHash"].as_str().expect("a hash").to_owned();
        let mut arguments = vec!["apply", ".", "--yes", "--expect-hash", &hash, "-o", "json"];
        arguments.extend(more);
        let output = self.run(&arguments);
        if output.status.code() == Some(PLAN_MOVED) {
            return None;
        }
        let outcome: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "apply: {error}\n{}",
                String::from_utf8_lossy(&output.stderr)
            )
        });
        let cluster = outcome["clusters"][0].clone();
        if std::env::var_os("RECONCILE_TEST_EVENTS").is_some() {
            self.say(&String::from_utf8_lossy(&output.stderr));
        }
        Some(cluster)
    }

    /// Plans and applies until nothing is left to do; returns what was done. A plan that no longer holds is made anew,
    /// for things happen to these clusters between the two.
    pub(crate) fn settle(&self) -> Vec<Value> {
        let mut done = Vec::new();
        for _ in 0..MOST_RUNS {
            let plan = self.plan();
            if plan["clusters"][0]["verdict"] == "in-sync" {
                self.assert_in_sync();
                return done;
            }
            let Some(outcome) = self.apply(&plan, &[]) else {
                continue;
            };
            done.extend(outcome["done"].as_array().expect("a list").clone());
            let ending = outcome["ending"]["kind"].as_str().expect("a kind");
            assert!(
                ["in-sync", "not-approved"].contains(&ending),
                "{outcome:#}\n{plan:#}"
            );
        }
        panic!("no end after {MOST_RUNS} runs");
    }

    /// What the plan refuses, by code.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let plan = self.plan();
        let blocked = plan["clusters"][0]["blocked"].as_array().expect("a list");
        let code = |note: &Value| note["code"].as_str().map(str::to_owned);
        blocked.iter().filter_map(code).collect()
    }

    /// `--check` says in sync.
    pub(crate) fn assert_in_sync(&self) {
        let output = self.run(&["--check", "."]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "--check: {text}");
    }

    /// Plans, applies and checks: the acts performed are the intents planned, and tolerance never falls below the
    /// plan's own figure.
    pub(crate) fn become_size(&self, members: u32) {
        self.want(members);
        let plan = self.plan();
        let cluster = &plan["clusters"][0];
        let planned = counted(cluster["actions"].as_array().expect("a list"));
        let lowest = lowest_tolerance(cluster);
        let least = AtomicI64::new(i64::MAX);
        let begun = Instant::now();
        let (bed, directory) = (self.bed, self.directory.path());
        let outcome = meanwhile(
            |stop| watch_tolerance(bed, directory, &least, stop),
            || self.apply(&plan, &[]),
        );
        let outcome = outcome.expect("nobody else moves the cluster");
        assert_eq!(outcome["ending"]["kind"], "in-sync", "{outcome:#}");
        let done = counted(outcome["done"].as_array().expect("a list"));
        assert_eq!(done, planned, "what was done is not what was planned");
        let least = least.load(Ordering::SeqCst);
        if let Some(lowest) = lowest {
            assert!(
                least >= lowest,
                "tolerance fell to {least}, planned {lowest}"
            );
        }
        self.assert_in_sync();
        self.say(&format!(
            "{members} members after {:.1} s, {} steps",
            begun.elapsed().as_secs_f32(),
            done.values().sum::<i64>()
        ));
    }

    /// What our program observes, as its recording.
    pub(crate) fn observe(&self) -> Value {
        observe(self.bed, self.directory.path()).expect("a cluster that can be read")
    }

    /// None of these strings was ever printed.
    pub(crate) fn assert_never_printed(&self, secrets: &[String]) {
        assert!(!secrets.is_empty());
        let printed = self.printed.borrow();
        for secret in secrets {
            assert!(!printed.contains(secret.as_str()), "a secret was printed");
        }
    }
}

impl Story {
    /// Its members are for whoever looks into it; a writer without end would be a load on other stories.
    fn leave(&self) {
        let writer = ["delete", "pod", "writer", "--wait=false", "-n"];
        self.bed
            .try_kubectl(&[&writer[..], &[&self.namespace]].concat());
        self.say(&format!(
            "failed; namespace {} is left as it is",
            self.namespace
        ));
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let beside = self.told();
            for (mark, told) in [("beside |", beside.as_str()), ("|", &self.printed.borrow())] {
                let last: Vec<&str> = told.lines().rev().take(60).collect();
                for line in last.into_iter().rev() {
                    let line: String = line.chars().take(400).collect();
                    self.say(&format!("{mark} {line}"));
                }
            }
            if !self.bed.keep_logs(&self.namespace) {
                self.leave();
                return;
            }
            self.say("failed; the logs of its pods are kept, and its namespace is deleted");
        }
        self.take_rights_back();
        let words = ["delete", "namespace", &self.namespace, "--wait=false"];
        self.bed.try_kubectl(&words);
    }
}

/// Verb and subject with their numbers. Moving the leader follows from where the cluster stands and is within every
/// approval; a drain that was taken back counts for nothing.
fn counted(actions: &[Value]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for action in actions {
        let subject = &action["subject"];
        match action["verb"].as_str().expect("a verb") {
            "move-leader" => {}
            "undrain" => *counts.entry(format!("drain {subject}")).or_insert(0) -= 1,
            verb => *counts.entry(format!("{verb} {subject}")).or_insert(0) += 1,
        }
    }
    counts.retain(|_, count| *count != 0);
    counts
}

/// `None` for a birth: before all members are there, there is nothing to tolerate.
fn lowest_tolerance(cluster: &Value) -> Option<i64> {
    let actions = cluster["actions"].as_array().expect("a list");
    let effects = || actions.iter().map(|action| &action["effect"]);
    if effects().any(|effect| effect["votersBefore"] == 0) {
        return None;
    }
    effects()
        .filter_map(|effect| effect["toleranceAfter"].as_i64())
        .min()
}

/// In the story's fleet, as one of its identities; where no store is named, snapshots go to its own state home.
fn program_as(bed: &Bed, directory: &std::path::Path, identity: &str) -> std::process::Command {
    // The way into the bed sets a KUBECONFIG of its own.
    let mut command = bed.command("env");
    let kubeconfig = kubeconfig(directory, identity);
    command
        .arg(format!("KUBECONFIG={}", kubeconfig.display()))
        .arg(program())
        .current_dir(directory)
        .env("XDG_STATE_HOME", directory.join("state"));
    command
}

fn observe(bed: &Bed, directory: &std::path::Path) -> Option<Value> {
    let mut command = program_as(bed, directory, CHECK);
    command.args(["status", ".", "-o", "json"]);
    let output = command.output().ok()?;
    let recording: Value = serde_json::from_slice(&output.stdout).ok()?;
    Some(recording["observations"][0].clone())
}

/// Looks on beside the run: the lowest `h - q(n)` seen three times in a row. One look is no instant: a member promoted
/// between its answer and the list's would count as a voter that does not answer, and on a busy machine one that is late.
fn watch_tolerance(bed: &Bed, directory: &std::path::Path, least: &AtomicI64, stop: &AtomicBool) {
    let mut before = [i64::MAX; 2];
    while !stop.load(Ordering::SeqCst) {
        if let Some(tolerance) = observe(bed, directory).as_ref().and_then(tolerance) {
            let held = before.into_iter().fold(tolerance, i64::max);
            least.fetch_min(held, Ordering::SeqCst);
            before = [before[1], tolerance];
        }
        // What falls stays so for seconds, and nobody waits for this.
        std::thread::sleep(between_looks() * 2);
    }
}

/// `None` where the member list is not known: an unknown is no observation.
fn tolerance(observation: &Value) -> Option<i64> {
    let members = observation["etcd"]["membership"]["known"]["members"].as_array()?;
    let voters: Vec<&Value> = members.iter().filter(|m| m["learner"] == false).collect();
    let statuses = observation["etcd"]["statuses"].as_object()?;
    let healthy = voters
        .iter()
        .filter(|voter| {
            statuses.values().any(|status| {
                let status = &status["known"];
                status["memberId"] == voter["id"]
                    && status["leader"].is_string()
                    && status["linearizableRead"].get("known").is_some()
            })
        })
        .count();
    let (healthy, voters) = (
        i64::try_from(healthy).ok()?,
        i64::try_from(voters.len()).ok()?,
    );
    Some(healthy - (voters / 2 + 1))
}
