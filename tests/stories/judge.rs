//! The bed's writers, which judge every story with etcd's own client.

use std::time::Duration;

use serde_json::Value;

use crate::bed;
use crate::story::Story;

/// From this load average on when a story begins, its gaps are told and not held against it: an election's timeout is a
/// second, and members that wait for a processor miss heartbeats by themselves. Two cores with nothing else to do are
/// below it, CI's among them.
const BUSY: f64 = 4.0;
/// Twice a client waits for reasons of its own: a put that a follower forwards in the moment of a leader move is dropped
/// by raft without an answer, until its time-out of 0.3 s (tests/bed/manifests/writer.yaml); and a connection that broke
/// and is not had at once is tried again a second later (gRPC's first backoff). Told, and not held against a story.
const TIMED_OUT: f64 = 1.1;

/// Of the last minute; 0 where this system does not say.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().and_then(|load| load.parse().ok());
    first.unwrap_or(0.0)
}

impl Story {
    /// Starts the writers; they may be there before the cluster is.
    pub(crate) fn start_writers(&self) {
        // Beside other stories no gap is measured, and two processors are soon full of puts.
        let (every, fresh_every) = if bed::is_alone() {
            ("15ms", "50ms")
        } else {
            ("200ms", "500ms")
        };
        let template = include_str!("../bed/manifests/writer.yaml");
        let manifest = template
            .replace("${EVERY}", every)
            .replace("${FRESH_EVERY}", fresh_every)
            .replace("${NAME}", "writer")
            .replace("${NAMESPACE}", &self.namespace)
            .replace("${SECRET}", "writer")
            .replace("${ENDPOINTS}", &self.client_service());
        self.bed.apply_manifest(&manifest);
    }

    /// Returns once each writer has had a put acknowledged.
    pub(crate) fn await_writers(&self) {
        self.bed.kubectl(&[
            "-n",
            &self.namespace,
            "wait",
            "--for=condition=Ready",
            "pod/writer",
            "--timeout=90s",
        ]);
    }

    /// So many keys with values of so many bytes.
    pub(crate) fn load(&self, keys: &str, bytes: &str) {
        let service = self.client_service();
        let all = ["-endpoints", &service, "-n", keys, "-size", bytes];
        let loaded: Value = self.writer(&[&["load"], &all[..]].concat());
        assert_eq!(loaded["keys"].to_string(), keys, "{loaded}");
    }

    /// A new phase of the story begins.
    pub(crate) fn mark(&self, phase: &str) {
        let () = self.writer(&["mark", phase]);
    }

    /// No acknowledged key is missing on any member, and all of them hold the same; prints the gaps and returns what the
    /// writers' verifier said.
    pub(crate) fn judge(&self, members: u32) -> Value {
        // A last put is acknowledged before it is asked for everywhere.
        std::thread::sleep(Duration::from_secs(1));
        let endpoints = self.member_urls(members);
        let verdict: Value = self.writer(&["verify", "-endpoints", &endpoints]);
        self.print_gaps(&verdict);
        self.print_failures(&verdict);
        assert_eq!(
            verdict["missing"], 0,
            "acknowledged keys are missing: {verdict:#}"
        );
        assert!(
            verdict["acknowledged"].as_u64().expect("a count") > 0,
            "nothing was acknowledged: {verdict:#}"
        );
        for endpoint in verdict["endpoints"].as_array().expect("a list") {
            assert!(endpoint.get("error").is_none(), "{endpoint:#}");
        }
        let hash: Value = self.writer(&["hash", "-endpoints", &endpoints]);
        assert_eq!(hash["equal"], true, "members differ: {hash:#}");
        let listed = hash["members"].as_array().expect("a list").len();
        assert_eq!(listed, members as usize, "{hash:#}");
        verdict
    }

    /// No writer waited longer than this in that phase: asserted where the machine was idle, and told always.
    pub(crate) fn assert_gap(&self, verdict: &Value, phase: &str, limit: f64) {
        let (gap, load) = (longest_gap(verdict, phase), self.load);
        let asserted = if load < BUSY { "" } else { ", not asserted" };
        let wanted = if gap <= limit {
            ""
        } else {
            ", MORE THAN WANTED"
        };
        self.say(&format!(
            "gap of {phase}: {gap:.2} s, wanted {limit} s{wanted}{asserted}; load {load} at the start"
        ));
        let most = limit + TIMED_OUT;
        assert!(gap <= most || load >= BUSY, "{phase}: a gap of {gap} s");
    }

    fn print_gaps(&self, verdict: &Value) {
        self.say(&format!(
            "{} puts at {} per second, {} acknowledged, {} failed, {} missing",
            verdict["puts"],
            verdict["putsPerSecond"],
            verdict["acknowledged"],
            verdict["failed"],
            verdict["missing"]
        ));
        for phase in verdict["phases"].as_array().expect("a list") {
            let gap = |kind: &str| phase["longestGapSeconds"][kind].as_f64().unwrap_or(0.0);
            self.say(&format!(
                "  {:<12} longest gap: lasting {:.2} s, reconnecting {:.2} s",
                phase["name"].as_str().unwrap_or("?"),
                gap("lasting"),
                gap("fresh")
            ));
        }
    }

    /// When and why puts failed: what a gap is made of.
    fn print_failures(&self, verdict: &Value) {
        if !bed::is_alone() {
            return; // the machine's doing as much as the cluster's
        }
        for phase in verdict["phases"].as_array().expect("a list") {
            for kind in ["lasting", "fresh"] {
                for put in phase["longestGapPuts"][kind]
                    .as_array()
                    .into_iter()
                    .flatten()
                {
                    self.say(&format!(
                        "  {} {kind} at {}: {} after {} s",
                        phase["name"], put["at"], put["error"], put["seconds"]
                    ));
                }
            }
        }
    }

    fn writer<T: FromWords>(&self, arguments: &[&str]) -> T {
        let tls = [
            "-cacert=/tls/ca.crt",
            "-cert=/tls/tls.crt",
            "-key=/tls/tls.key",
        ];
        let mut words = vec![
            "-n",
            self.namespace.as_str(),
            "exec",
            "writer",
            "--",
            "writer",
        ];
        words.extend(arguments);
        words.extend(tls);
        let output = self.bed.try_kubectl(&words);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        T::from_words(&String::from_utf8_lossy(&output.stdout), &errors)
    }
}

/// The longest gap of any writer in a phase, in seconds.
fn longest_gap(verdict: &Value, phase: &str) -> f64 {
    let phases = verdict["phases"].as_array().expect("a list");
    let found = phases.iter().find(|p| p["name"] == phase);
    let gaps = &found.expect("a phase of that name")["longestGapSeconds"];
    let of = |kind: &str| gaps[kind].as_f64().unwrap_or(0.0);
    of("lasting").max(of("fresh"))
}

trait FromWords {
    fn from_words(stdout: &str, stderr: &str) -> Self;
}

impl FromWords for () {
    fn from_words(_: &str, _: &str) -> Self {}
}

impl FromWords for Value {
    fn from_words(stdout: &str, stderr: &str) -> Self {
        serde_json::from_str(stdout)
            .unwrap_or_else(|error| panic!("the writer said {stdout:?} {stderr:?}: {error}"))
    }
}
