//! A cluster on the model with everything that happens to one: kills, flips in Git, lost pods, hands that meddle.
//!
//! [`World::truth`] is what is; [`World::look`] is what a run can see of it. The laws are counted on the truth.

#[path = "events.rs"]
mod events;
#[path = "laws.rs"]
mod laws;
#[path = "projection.rs"]
mod projection;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use reconcile::decide::{
    self, Act, Decision, IntentKey, Next, NoteKind, RowId, Run, Situation, ledger_before, quorum,
};
use reconcile::fleet::{
    Access, BackupSettings, ClusterId, ClusterSpec, EtcdSettings, EtcdVersion, PodSettings, Policy,
    Resources, Scheduling, ServiceSettings, Storage, TlsSettings,
};
use reconcile::model;
use reconcile::state::{Evidence, Kube, MemberId, Observation, Reading};

pub(crate) use events::{Event, Part};
pub(crate) use projection::projection;

use events::hide;
use laws::Laws;
use projection::fingerprint;

/// Decisions within which every run must come to its end (I5).
const BOUND: usize = 800;
/// Looks at one wait after which it counts as one that does not come about by itself.
const PATIENCE: usize = 70;

pub(crate) fn spec(members: u32) -> ClusterSpec {
    ClusterSpec {
        fleet: "prod".into(),
        id: ClusterId::new("eu-1", "orders"),
        namespace: "etcd".into(),
        name: "orders".into(),
        cluster_domain: "cluster.local".into(),
        members,
        version: EtcdVersion::new(3, 6, 16),
        image: "registry.example/etcd:v3.6.16".into(),
        storage: Storage::new(None, "1Gi".parse().expect("a quantity")),
        etcd: EtcdSettings {
            quota: None,
            auto_compaction: None,
            snapshot_count: None,
            heartbeat_interval_ms: 100,
            election_timeout_ms: 1000,
            extra: BTreeMap::new(),
        },
        resources: Resources::default(),
        tls: TlsSettings::default(),
        access: Access::default(),
        scheduling: Scheduling::default(),
        pod: PodSettings::default(),
        service: ServiceSettings::default(),
        backup: BackupSettings::default(),
        policy: Policy::default(),
        suspend: false,
        origins: Arc::default(),
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    InSync,
    Refused(Vec<(RowId, &'static str)>),
    /// A wait for something that does not come.
    Stalled(String),
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) spec: ClusterSpec,
    pub(crate) truth: Observation,
    pub(crate) evidence: Evidence,
    blind: BTreeSet<Part>,
    /// Time passes after each act before the next look.
    pub(crate) settles: bool,
    pub(crate) done: Vec<IntentKey>,
    pub(crate) rows: BTreeSet<RowId>,
    /// Guards by the code of their refusal, and the ids of those that said "not yet".
    pub(crate) refused: BTreeSet<&'static str>,
    pub(crate) story: Vec<String>,
    /// What a bystander sees: acts, waits and refusals in order, without the rows they come from.
    pub(crate) told: Vec<String>,
    /// Lowest `h - q` right after an act, on the truth.
    pub(crate) lowest: Option<i64>,
    seen: BTreeSet<(String, IntentKey)>,
    laws: Laws,
}

impl World {
    pub(crate) fn empty(members: u32) -> Self {
        let now = "2026-11-21T10:00:00Z".parse().expect("a time");
        Self::at(model::empty(spec(members).id, now), members)
    }

    pub(crate) fn at(truth: Observation, members: u32) -> Self {
        Self {
            spec: spec(members),
            truth,
            evidence: Evidence::default(),
            blind: BTreeSet::new(),
            settles: false,
            done: Vec::new(),
            rows: BTreeSet::new(),
            refused: BTreeSet::new(),
            story: Vec::new(),
            told: Vec::new(),
            lowest: None,
            seen: BTreeSet::new(),
            laws: Laws::default(),
        }
    }

    /// A new run of the program: what it carried is gone.
    pub(crate) fn forget(&mut self) {
        self.evidence = Evidence::default();
        self.done.clear();
        self.seen.clear();
        self.lowest = None;
    }

    pub(crate) fn kube(&mut self) -> &mut Kube {
        self.truth.kube.known_mut().expect("the truth is known")
    }

    fn kube_ref(&self) -> &Kube {
        self.truth.kube.known().expect("the truth is known")
    }

    pub(crate) fn tale(&self) -> String {
        let mut tale = self.story.join("\n");
        let _ = write!(tale, "\nnow: {}", projection(&self.truth));
        tale
    }

    /// `n` and `h`, on the truth.
    pub(crate) fn voters(&self) -> (usize, usize) {
        let list = self.truth.etcd.membership.known();
        let voters = || list.iter().flat_map(|m| &m.members).filter(|m| !m.learner);
        let alive = voters().filter(|m| self.runs(m.id)).count();
        (voters().count(), alive)
    }

    fn runs(&self, id: MemberId) -> bool {
        let mut statuses = self.truth.etcd.statuses.iter();
        statuses.any(|(ordinal, s)| {
            s.known().is_some_and(|s| s.member_id == id)
                && self.kube_ref().pods.contains_key(ordinal)
        })
    }

    /// A run can know what is: unborn, or with a quorum.
    pub(crate) fn voters_are_a_quorum(&self) -> bool {
        self.truth.etcd.membership.known().is_none() || self.has_quorum()
    }

    pub(crate) fn is_born(&self) -> bool {
        self.truth.etcd.membership.known().is_some()
    }

    fn has_quorum(&self) -> bool {
        let (n, h) = self.voters();
        n > 0 && h >= quorum(n)
    }

    /// What a run can see: without a quorum no list, and nothing of what it is blind to.
    pub(crate) fn look(&self) -> Observation {
        let mut seen = self.truth.clone();
        let is_born = self.truth.etcd.membership.known().is_some();
        if is_born && !self.has_quorum() {
            seen.etcd.membership = Reading::Unknown("etcdserver: request timed out".into());
            seen.etcd.alarms = Reading::Unknown("etcdserver: request timed out".into());
            for status in seen
                .etcd
                .statuses
                .values_mut()
                .filter_map(Reading::known_mut)
            {
                status.leader = None;
                status.linearizable_read = Some(Reading::Unknown("no leader".into()));
            }
        }
        for part in &self.blind {
            hide(&mut seen, *part);
        }
        seen
    }

    pub(crate) fn decide(&self) -> Decision {
        let seen = self.look();
        let situation = Situation {
            spec: &self.spec,
            observed: &seen,
            evidence: &self.evidence,
        };
        decide::decide(&situation)
    }

    fn tell(&mut self, line: String) {
        if !self.told.ends_with(std::slice::from_ref(&line)) {
            self.told.push(line);
        }
    }

    /// One turn of the loop; `None` while there is more to do.
    pub(crate) fn turn(&mut self, waits: &mut (String, usize)) -> Option<End> {
        let seen = self.look();
        self.evidence.record(&seen);
        let decision = self.decide();
        self.rows.extend(&decision.trace);
        self.refused.extend(
            decision
                .notes
                .iter()
                .filter(|n| n.kind == NoteKind::Refused)
                .map(|n| n.facts.code),
        );
        for note in &decision.notes {
            let subject = note.subject.as_ref().map(ToString::to_string);
            let line = format!("says {} {}", note.facts.code, subject.unwrap_or_default());
            let line = line.trim_end().to_owned();
            if !self.told.contains(&line) {
                self.told.push(line);
            }
        }
        match decision.next {
            Next::Rest => Some(if decision.notes.is_empty() {
                End::InSync
            } else {
                End::Refused(
                    decision
                        .notes
                        .iter()
                        .map(|n| (n.row, n.facts.code))
                        .collect(),
                )
            }),
            Next::Wait { row, condition } => {
                let name = format!("{row} waits for {condition}");
                self.tell(format!("waits for {condition}"));
                if waits.0 == name {
                    waits.1 += 1;
                } else {
                    *waits = (name, 0);
                }
                let before = self.truth.clone();
                model::advance(&mut self.truth, &self.spec, condition);
                self.check_passage(&before);
                (waits.1 > PATIENCE).then(|| End::Stalled(waits.0.clone()))
            }
            Next::Act(step) => {
                *waits = (String::new(), 0);
                self.perform(&seen, &step.act, step.intent.row);
                None
            }
        }
    }

    /// Turns until nothing is left to do.
    pub(crate) fn run(&mut self) -> End {
        self.run_at_most(BOUND)
            .unwrap_or_else(|| panic!("I5: no end after {BOUND} decisions\n{}", self.tale()))
    }

    pub(crate) fn run_at_most(&mut self, turns: usize) -> Option<End> {
        let mut waits = (String::new(), 0);
        (0..turns).find_map(|_| self.turn(&mut waits))
    }

    /// Turns until this many acts are done, or the end.
    pub(crate) fn run_acts(&mut self, acts: usize) -> Option<End> {
        let until = self.done.len() + acts;
        let mut waits = (String::new(), 0);
        let mut turns = 0;
        while self.done.len() < until {
            if let Some(end) = self.turn(&mut waits) {
                return Some(end);
            }
            turns += 1;
            assert!(turns < BOUND, "I5: no end\n{}", self.tale());
        }
        None
    }

    fn perform(&mut self, seen: &Observation, act: &Act, row: RowId) {
        let key = act.key();
        self.story
            .push(format!("{row}: {} {}", key.verb, key.subject));
        self.tell(format!("{} {}", key.verb, key.subject));
        let again = !self.seen.insert((fingerprint(seen), key.clone()));
        assert!(
            !again,
            "I5: the same act on the same observation\n{}",
            self.tale()
        );
        self.check_before(act);
        if let Act::MoveLeader { .. } = act {
            self.evidence.expect_leader_change();
        }
        let before = self.truth.clone();
        let (n, h) = self.voters();
        let ledger = ledger_before(seen, act, &Run::default());
        let answer = model::perform(&mut self.truth, &self.spec, act, &ledger);
        if let Err(error) = answer {
            // A run that sees everything acts on what is; only a blind one may be answered no.
            assert!(
                !self.blind.is_empty(),
                "{act:?} was answered {error}\n{}",
                self.tale()
            );
            self.story.push(format!("  answered: {error}"));
        }
        self.done.push(key);
        self.check_files(&before);
        let (n_after, h_after) = self.voters();
        self.check_quorum((n, h), (n_after, h_after));
        self.check_passage(&before);
        if self.settles {
            self.pass();
            self.check_quorum((n, h), self.voters());
        }
    }

    /// A second passes.
    pub(crate) fn pass(&mut self) {
        let before = self.truth.clone();
        model::pass(
            &mut self.truth,
            &self.spec,
            jiff::SignedDuration::from_secs(1),
        );
        self.check_passage(&before);
    }

    /// Faults stop: everything can be read, nothing is stuck.
    pub(crate) fn heal(&mut self) {
        self.happen(Event::Sight);
        self.happen(Event::Unstuck);
    }
}
