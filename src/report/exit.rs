//! Exit codes: a stable interface (plan-apply-tools.md 2.0).

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::apply::{ClusterOutcome, Ending, Outcome};
use crate::plan::{Class, ClusterPlan, Plan, Verdict};

/// Why the program ends the way it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// In sync, or nothing that `--fail-on` names was found.
    InSync = 0,
    /// Could not finish: I/O, Git, API, an error of our own. Never means "differences".
    Failed = 1,
    /// Changes were found.
    Changes = 2,
    /// A needed change is blocked: quorum, protection, policy.
    Blocked = 3,
    /// The documents are invalid.
    Invalid = 4,
    /// At least one cluster could not be read; the rest was judged.
    Incomplete = 5,
    /// The plan was refused as stale or not the one approved; nothing was changed.
    Refused = 6,
    /// Stopped after something was changed; the tally says what.
    Stopped = 7,
    /// Someone else holds the lock.
    Locked = 8,
    /// The command line was wrong.
    Usage = 64,
}

impl Exit {
    /// The one that counts first, when several hold: that something changed matters most of all that can be true
    /// once the input was valid.
    const PRECEDENCE: [Self; 10] = [
        Self::Usage,
        Self::Invalid,
        Self::Stopped,
        Self::Failed,
        Self::Refused,
        Self::Locked,
        Self::Incomplete,
        Self::Blocked,
        Self::Changes,
        Self::InSync,
    ];

    pub const fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::PRECEDENCE.into_iter().find(|e| e.code() == code)
    }

    /// One or two words for the closing line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::Failed => "failed",
            Self::Changes => "changes",
            Self::Blocked => "blocked",
            Self::Invalid => "invalid input",
            Self::Incomplete => "incomplete",
            Self::Refused => "plan refused",
            Self::Stopped => "stopped after changes",
            Self::Locked => "locked",
            Self::Usage => "usage",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::InSync => "in sync, or nothing that --fail-on names was found",
            Self::Failed => {
                "could not finish: I/O, Git, API or internal error; never means differences"
            }
            Self::Changes => "changes found (pending or drift)",
            Self::Blocked => "a needed change is blocked (quorum, protection, policy)",
            Self::Invalid => "invalid input: the documents do not validate",
            Self::Incomplete => {
                "incomplete: at least one cluster is unreadable; the rest was judged"
            }
            Self::Refused => "plan refused: stale, or not the one approved; nothing was changed",
            Self::Stopped => "apply stopped after changing something; the tally says what",
            Self::Locked => "the lock is held by someone else",
            Self::Usage => "usage error",
        }
    }
}

/// The code to end with when all of `codes` hold; 0 when none does.
///
/// Codes that are not in the table (101, 130, 143) are decided by whoever dies of them and come before all others.
pub fn of(codes: &[u8]) -> u8 {
    let foreign = codes.iter().find(|c| Exit::from_code(**c).is_none());
    let first = Exit::PRECEDENCE.iter().map(|e| e.code());
    foreign
        .copied()
        .or_else(|| first.into_iter().find(|c| codes.contains(c)))
        .unwrap_or(0)
}

/// Every code that holds at the end of an apply, ascending, each once; empty is 0.
pub fn codes_of(outcome: &Outcome) -> Vec<u8> {
    let signal = outcome.signal.and_then(|s| u8::try_from(128 + s).ok());
    let codes: BTreeSet<u8> = outcome
        .clusters
        .iter()
        .flat_map(codes_of_cluster)
        .chain(signal)
        .collect();
    codes.into_iter().collect()
}

fn codes_of_cluster(cluster: &ClusterOutcome) -> Vec<u8> {
    let own = match &cluster.ending {
        Ending::Blocked => Some(Exit::Blocked),
        Ending::TimedOut(_) | Ending::Failed(_) => Some(Exit::Failed),
        Ending::NotApproved(_) | Ending::OlderCommit(_) => Some(Exit::Refused),
        Ending::LockHeld(_) => Some(Exit::Locked),
        Ending::Unreadable(_) => Some(Exit::Incomplete),
        // What stopped these has a code of its own: a signal, another cluster, or what was done (7).
        Ending::InSync
        | Ending::Deferred
        | Ending::Interrupted { .. }
        | Ending::StepLimit
        | Ending::NotStarted => None,
    };
    // These are ends; everything else with something done is a stop on the way.
    let ended = matches!(
        cluster.ending,
        Ending::InSync | Ending::Deferred | Ending::Blocked
    );
    let stopped = (!ended && !cluster.done.is_empty()).then_some(Exit::Stopped);
    own.into_iter().chain(stopped).map(Exit::code).collect()
}

/// Every code with its meaning, and which wins when several hold.
pub(super) fn exit_meanings() -> (Vec<(String, String)>, String) {
    let mut exits = Exit::PRECEDENCE;
    exits.sort();
    let own = exits.iter().map(|e| (e.code(), e.meaning()));
    let foreign = [
        (101, "panic"),
        (130, "SIGINT, after reaching a safe point"),
        (143, "SIGTERM, after reaching a safe point"),
    ];
    let rows = own.chain(foreign);
    let rows = rows.map(|(code, meaning)| (code.to_string(), meaning.to_owned()));
    let order: Vec<String> = Exit::PRECEDENCE
        .iter()
        .map(|e| e.code().to_string())
        .collect();
    let order = format!(
        "{}; the full set is `outcome.codes` in the JSON",
        order.join(" > ")
    );
    (rows.collect(), order)
}

/// What a plan can be failed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// Git moved, or our own procedure is unfinished.
    Pending,
    /// Someone else moved the cluster.
    Drift,
    Blocked,
    /// A cluster could not be read.
    Incomplete,
    /// Work that waits for its time.
    Deferred,
    Warnings,
}

impl Failure {
    const ALL: [Self; 6] = [
        Self::Pending,
        Self::Drift,
        Self::Blocked,
        Self::Incomplete,
        Self::Deferred,
        Self::Warnings,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Drift => "drift",
            Self::Blocked => "blocked",
            Self::Incomplete => "incomplete",
            Self::Deferred => "deferred",
            Self::Warnings => "warnings",
        }
    }

    pub const fn exit(self) -> Exit {
        match self {
            Self::Pending | Self::Drift | Self::Deferred | Self::Warnings => Exit::Changes,
            Self::Blocked => Exit::Blocked,
            Self::Incomplete => Exit::Incomplete,
        }
    }
}

/// `--fail-on`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailOn(BTreeSet<Failure>);

impl Default for FailOn {
    /// Deferred work does not fail: a gate that is red by design until Sunday gets ignored.
    fn default() -> Self {
        Self(BTreeSet::from([
            Failure::Pending,
            Failure::Drift,
            Failure::Blocked,
            Failure::Incomplete,
        ]))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found {found:?} in --fail-on, expected `none` or a comma-separated list of: pending, drift, blocked, incomplete, deferred, warnings"
)]
pub struct FailOnError {
    pub found: String,
}

impl FromStr for FailOn {
    type Err = FailOnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "none" {
            return Ok(Self(BTreeSet::new()));
        }
        let one = |word: &str| {
            let known = Failure::ALL.into_iter().find(|f| f.word() == word.trim());
            known.ok_or_else(|| FailOnError {
                found: word.trim().to_owned(),
            })
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl FailOn {
    /// As they are given; none: nothing fails.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(|f| f.word().to_owned()).collect()
    }

    /// What these words say; `FailOn::words` back.
    pub fn of_words(words: &[String]) -> Result<Self, FailOnError> {
        if words.is_empty() {
            return Ok(Self(BTreeSet::new()));
        }
        words.join(",").parse()
    }

    /// What of this plan fails the check, in the order of their declaration.
    pub fn failures(&self, plan: &Plan, warnings: usize) -> Vec<Failure> {
        found(plan, warnings)
            .into_iter()
            .filter(|f| self.0.contains(f))
            .collect()
    }

    /// The codes for `--check`.
    pub fn codes(&self, plan: &Plan, warnings: usize) -> Vec<u8> {
        let failures = self.failures(plan, warnings);
        let codes: BTreeSet<u8> = failures.iter().map(|f| f.exit().code()).collect();
        codes.into_iter().collect()
    }
}

/// Everything that could fail a check, whether asked for or not.
fn found(plan: &Plan, warnings: usize) -> BTreeSet<Failure> {
    let mut found: BTreeSet<Failure> = plan.clusters.iter().flat_map(of_cluster).collect();
    if !plan.orphans.found.is_empty() {
        found.insert(Failure::Blocked);
    }
    if warnings > 0 {
        found.insert(Failure::Warnings);
    }
    found
}

fn of_cluster(cluster: &ClusterPlan) -> Vec<Failure> {
    // What waits for its time as a whole is not also pending: it would be red until then.
    if cluster.verdict == Verdict::Deferred {
        return vec![Failure::Deferred];
    }
    let drift = cluster.changes.iter().any(|c| c.class == Class::Drift);
    let other = cluster.changes.iter().any(|c| c.class != Class::Drift);
    let unexplained = !cluster.intents.is_empty() && cluster.changes.is_empty();
    [
        (Failure::Pending, other || unexplained),
        (Failure::Drift, drift),
        (Failure::Blocked, cluster.verdict == Verdict::Blocked),
        (Failure::Incomplete, cluster.verdict == Verdict::Unreadable),
        (Failure::Deferred, cluster.deferred().next().is_some()),
    ]
    .into_iter()
    .filter_map(|(failure, holds)| holds.then_some(failure))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_in_precedence_wins() {
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[2, 3]), 3);
        assert_eq!(of(&[2, 3, 5]), 5);
        assert_eq!(of(&[5, 8, 6]), 6);
        assert_eq!(of(&[1, 7]), 7);
        assert_eq!(of(&[7, 4, 64]), 64);
        assert_eq!(of(&[7, 130]), 130);
    }

    #[test]
    fn fail_on_reads_its_words() {
        assert_eq!(
            "pending,drift,blocked,incomplete".parse(),
            Ok(FailOn::default())
        );
        assert_eq!("none".parse(), Ok(FailOn(BTreeSet::new())));
        assert_eq!(
            "drift, warnings".parse(),
            Ok(FailOn(BTreeSet::from([Failure::Drift, Failure::Warnings])))
        );
        for text in ["none", "pending,drift,blocked,incomplete", "deferred"] {
            let fail_on: FailOn = text.parse().expect("known words");
            assert_eq!(FailOn::of_words(&fail_on.words()), Ok(fail_on), "{text}");
        }
        let error = "drfit".parse::<FailOn>().expect_err("no such word");
        assert_eq!(error.found, "drfit");
    }

    #[test]
    fn every_code_is_explained() {
        let (rows, order) = exit_meanings();
        for exit in Exit::PRECEDENCE {
            let row = (exit.code().to_string(), exit.meaning().to_owned());
            assert!(rows.contains(&row));
        }
        assert!(order.starts_with("64 > 4 > 7 > 1 > 6 > 8 > 5 > 3 > 2 > 0;"));
    }
}
