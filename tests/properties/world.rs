//! A cluster on the model with everything that happens to one: kills, flips in Git, lost pods, hands that meddle.
//!
//! [`World::truth`] is what is; [`World::look`] is what a run can see of it. The laws are counted on the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use reconcile::decide::{
    self, Act, Decision, FileLife, IntentKey, Next, NoteKind, RowId, Run, Situation, ledger_before,
    quorum, tolerance,
};
use reconcile::fleet::{
    Access, ClusterId, ClusterSpec, EtcdSettings, EtcdVersion, Ordinal, PodSettings, Policy,
    Resources, Scheduling, ServiceSettings, Storage, TlsSettings,
};
use reconcile::model;
use reconcile::state::{
    Contents, Evidence, FieldManager, Kube, MemberFile, MemberId, ObjectKind, Observation, Reading,
    Uid,
};
use serde_json::json;

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
        storage: Storage {
            class_name: None,
            size: "1Gi".parse().expect("a quantity"),
        },
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
        policy: Policy::default(),
        suspend: false,
        origins: BTreeMap::new(),
    }
}

/// Something that happens to a cluster or to a run. Numbers pick one of those there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The run is dropped; the next one starts without its evidence.
    Killed,
    /// Git asks for another size.
    Git(u32),
    PodLost(u32),
    /// A pod cannot start or start again: image, node, quota.
    Stuck(u32),
    Unstuck,
    LeaderMoves(u32),
    LabelTakenOff(u32),
    ObjectDeleted(ObjectKind),
    ObjectEdited(ObjectKind),
    /// Someone sets `replicas`.
    Scaled(u32),
    /// Someone deletes a claim: its data is gone when its pod restarts.
    ClaimDeleted(u32),
    /// Part of the world cannot be read.
    Blind(Part),
    Sight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Kubernetes,
    Membership,
    Status(u32),
    Volumes,
    Alarms,
}

impl Event {
    /// Leaves the cluster in a state that only a person can mend, as far as the procedures of today go.
    pub(crate) fn lasts(self) -> bool {
        matches!(
            self,
            Self::Scaled(_) | Self::ClaimDeleted(_) | Self::ObjectDeleted(ObjectKind::StatefulSet)
        )
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
    /// Lowest `h - q` right after an act, on the truth.
    pub(crate) lowest: Option<i64>,
    seen: BTreeSet<(String, IntentKey)>,
    laws: Laws,
}

/// What the invariants remember of the past.
#[derive(Clone, Default)]
struct Laws {
    cluster: Option<MemberId>,
    /// IDs that have had data, and the claim it was on.
    data: BTreeMap<MemberId, Uid>,
    /// IDs whose file was seen poisoned after they had started, and which nobody re-armed since.
    poisoned: BTreeSet<MemberId>,
    retired: BTreeSet<MemberId>,
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

    /// I1.
    fn check_quorum(&mut self, (n, h): (usize, usize), (n_after, h_after): (usize, usize)) {
        let left = tolerance(h_after, n_after);
        if n_after > 0 {
            self.lowest = Some(self.lowest.map_or(left, |lowest| lowest.min(left)));
        }
        if n == 0 {
            return;
        }
        let had = h >= quorum(n);
        assert!(
            !had || h_after >= quorum(n_after),
            "I1: quorum lost\n{}",
            self.tale()
        );
        let floor = tolerance(h, n).min(i64::from(self.spec.policy.min_tolerance));
        assert!(
            left >= floor,
            "I1: tolerance {left} under {floor}\n{}",
            self.tale()
        );
    }

    /// I3, before the act: what it would give up belongs to no listed member; and without a list nothing is touched.
    fn check_before(&self, act: &Act) {
        let listed = |id: MemberId| self.is_listed(id);
        match act {
            Act::ReleaseClaim { ordinal, uid, .. } => {
                let claim = self
                    .kube_ref()
                    .claims
                    .get(ordinal)
                    .filter(|c| c.uid == *uid);
                let Some(claim) = claim else { return };
                if let Some(Contents::Of(id)) = claim.contents {
                    assert!(
                        !listed(id),
                        "I3: data of a listed member given up\n{}",
                        self.tale()
                    );
                }
                let kept = claim.volume.as_ref().and_then(Reading::known);
                let kept = kept.is_none_or(|v| v.reclaim_policy == "Retain");
                assert!(
                    kept,
                    "I3: released a volume that is not Retain\n{}",
                    self.tale()
                );
            }
            Act::StopMember { replicas, .. } => {
                let list = self.truth.etcd.membership.known();
                let outside = list.iter().flat_map(|m| &m.members).find(|m| {
                    let ordinal = m
                        .peer_urls
                        .iter()
                        .find_map(|u| self.spec.ordinal_of_peer_url(u));
                    ordinal.is_some_and(|o| o.0 >= *replicas)
                        && ordinal.is_some_and(|o| self.kube_ref().pods.contains_key(&o))
                });
                assert!(
                    outside.is_none(),
                    "I3: a listed member put outside replicas\n{}",
                    self.tale()
                );
            }
            Act::RemoveMember { member, .. } => {
                let leads = |s: &reconcile::state::MemberStatus| s.leader == Some(*member);
                let all = self.truth.etcd.statuses.values().filter_map(Reading::known);
                let leads = all.into_iter().any(leads);
                assert!(
                    !leads || !self.blind.is_empty(),
                    "removed the leader\n{}",
                    self.tale()
                );
            }
            _ => {}
        }
        let changes_members = act.needs_lease() || matches!(act, Act::MoveLeader { .. });
        assert!(
            !changes_members || self.has_quorum(),
            "2.8 #17: {} without a quorum\n{}",
            act.verb(),
            self.tale()
        );
        if let Act::WriteMemberFile {
            ordinal,
            life: FileLife::Join,
            ..
        } = act
        {
            let claim = self.kube_ref().claims.get(ordinal);
            let started = claim.and_then(|c| match c.contents {
                Some(Contents::Of(id)) => Some(id),
                _ => None,
            });
            assert!(
                started.is_none_or(|id| !listed(id)) || !self.blind.is_empty(),
                "I2: a started member's file re-armed\n{}",
                self.tale()
            );
        }
    }

    fn is_listed(&self, id: MemberId) -> bool {
        let list = self.truth.etcd.membership.known();
        list.is_some_and(|m| m.members.iter().any(|m| m.id == id))
    }

    /// I2, I4 and the rest of I3: what has come about between two moments.
    fn check_passage(&mut self, before: &Observation) {
        let tale = self.tale();
        let kube = self.truth.kube.known().expect("the truth is known");
        if let Some(list) = self.truth.etcd.membership.known() {
            let first = *self.laws.cluster.get_or_insert(list.cluster_id);
            assert_eq!(first, list.cluster_id, "I4: another cluster\n{tale}");
            for member in &list.members {
                assert!(
                    !self.laws.retired.contains(&member.id),
                    "an ID came back\n{tale}"
                );
            }
            let was = before.etcd.membership.known();
            for gone in was.iter().flat_map(|m| &m.members) {
                if !list.members.iter().any(|m| m.id == gone.id) {
                    self.laws.retired.insert(gone.id);
                }
            }
        } else {
            assert!(self.laws.cluster.is_none(), "I4: the list is gone\n{tale}");
        }
        for (ordinal, claim) in &kube.claims {
            let Some(Contents::Of(id)) = claim.contents else {
                continue;
            };
            let home = self
                .laws
                .data
                .entry(id)
                .or_insert_with(|| claim.uid.clone());
            if *home != claim.uid {
                assert!(
                    !self.laws.poisoned.contains(&id),
                    "I2: {id} booted an empty volume at {ordinal}\n{tale}"
                );
                *home = claim.uid.clone();
            }
            let file = kube.member_files.get(ordinal).map(|t| MemberFile::parse(t));
            match file {
                Some(Ok(MemberFile::Poisoned { .. })) => {
                    self.laws.poisoned.insert(id);
                }
                // Someone else's hand; ours are checked before they act.
                Some(_) => {
                    self.laws.poisoned.remove(&id);
                }
                None => {}
            }
        }
    }

    pub(crate) fn happen(&mut self, event: Event) {
        self.story.push(format!("-- {event:?}"));
        let before = self.truth.clone();
        match event {
            Event::Killed => self.forget(),
            Event::Git(members) => {
                self.spec.members = members;
                self.forget();
            }
            Event::PodLost(nth) => {
                if let Some(ordinal) = pick(self.kube_ref().pods.keys(), nth) {
                    self.kube().pods.remove(&ordinal);
                    self.truth.etcd.statuses.remove(&ordinal);
                    self.pass();
                }
            }
            Event::Stuck(nth) => {
                if let Some(ordinal) = pick(self.kube_ref().pods.keys(), nth) {
                    self.truth.etcd.statuses.remove(&ordinal);
                    if let Some(pod) = self.kube().pods.get_mut(&ordinal) {
                        pod.waiting = Some("ImagePullBackOff: no such image".into());
                        pod.ready = false;
                    }
                    self.pass();
                }
            }
            Event::Unstuck => {
                for pod in self.kube().pods.values_mut() {
                    pod.waiting = None;
                }
                self.pass();
            }
            Event::LeaderMoves(nth) => self.move_leader(nth),
            Event::LabelTakenOff(nth) => {
                if let Some(ordinal) = pick(self.kube_ref().pods.keys(), nth)
                    && let Some(pod) = self.kube().pods.get_mut(&ordinal)
                {
                    pod.serving_label = false;
                }
            }
            Event::ObjectDeleted(kind) => self.delete_object(kind),
            Event::ObjectEdited(kind) => self.edit_object(kind),
            Event::Scaled(replicas) => {
                self.set_replicas(replicas);
                self.pass();
            }
            Event::ClaimDeleted(nth) => {
                if let Some(ordinal) = pick(self.kube_ref().claims.keys(), nth)
                    && let Some(claim) = self.kube().claims.get_mut(&ordinal)
                {
                    claim.deleting = true;
                }
            }
            Event::Blind(part) => {
                self.blind.insert(part);
            }
            Event::Sight => self.blind.clear(),
        }
        self.seen.clear();
        self.check_passage(&before);
    }

    fn move_leader(&mut self, nth: u32) {
        let list = self.truth.etcd.membership.known();
        let voters: Vec<MemberId> = list
            .iter()
            .flat_map(|m| &m.members)
            .filter(|m| !m.learner && self.runs(m.id))
            .map(|m| m.id)
            .collect();
        if let Some(to) = pick(voters.iter(), nth)
            && self.has_quorum()
        {
            for status in self
                .truth
                .etcd
                .statuses
                .values_mut()
                .filter_map(Reading::known_mut)
            {
                status.leader = Some(to);
                status.term += 1;
            }
        }
    }

    fn set_replicas(&mut self, replicas: u32) {
        let kube = self.kube();
        if let Some(set) = &mut kube.stateful_set {
            set.replicas = replicas;
            set.generation += 1;
            set.observed_generation = set.generation;
            set.resource_version = set.generation.to_string();
        }
        if let Some(object) = kube.objects.get_mut(&ObjectKind::StatefulSet) {
            object.content["spec"]["replicas"] = json!(replicas);
        }
    }

    fn delete_object(&mut self, kind: ObjectKind) {
        let kube = self.kube();
        kube.objects.remove(&kind);
        match kind {
            ObjectKind::ConfigMap => kube.member_files.clear(),
            // Orphaned: its pods and claims stay.
            ObjectKind::StatefulSet => kube.stateful_set = None,
            _ => {}
        }
    }

    fn edit_object(&mut self, kind: ObjectKind) {
        let kube = self.kube();
        let Some(live) = kube.objects.get_mut(&kind) else {
            return;
        };
        let (pointer, value) = match kind {
            ObjectKind::PodDisruptionBudget => ("/spec/minAvailable", json!(1)),
            ObjectKind::StatefulSet => ("/spec/updateStrategy/type", json!("RollingUpdate")),
            ObjectKind::PeerService => ("/spec/publishNotReadyAddresses", json!(false)),
            ObjectKind::ConfigMap => {
                rearm(kube);
                return;
            }
            ObjectKind::ServiceAccount | ObjectKind::ClientService => (
                "/metadata/labels/app.kubernetes.io~1component",
                json!("edited"),
            ),
        };
        if let Some(field) = live.content.pointer_mut(pointer) {
            *field = value;
            live.managers = vec![FieldManager {
                name: "kubectl-edit".into(),
                time: None,
                fields: BTreeSet::from([pointer.to_owned()]),
            }];
        }
    }

    /// Faults stop: everything can be read, nothing is stuck.
    pub(crate) fn heal(&mut self) {
        self.happen(Event::Sight);
        self.happen(Event::Unstuck);
    }

    /// What in sync means, counted on the truth.
    pub(crate) fn assert_in_place(&mut self) {
        self.pass();
        let tale = self.tale();
        let members = self.spec.members;
        let all: BTreeSet<Ordinal> = self.spec.target().collect();
        assert_eq!(
            self.voters(),
            (members as usize, members as usize),
            "{tale}"
        );
        let kube = self.kube_ref();
        assert_eq!(
            kube.pods.keys().copied().collect::<BTreeSet<_>>(),
            all,
            "{tale}"
        );
        assert_eq!(
            kube.claims.keys().copied().collect::<BTreeSet<_>>(),
            all,
            "{tale}"
        );
        assert_eq!(kube.serving, all, "{tale}");
        assert_eq!(kube.objects.len(), ObjectKind::ALL.len(), "{tale}");
        let list = self.truth.etcd.membership.known().expect("a list");
        assert_eq!(list.members.len(), members as usize, "{tale}");
        for ordinal in all {
            let file = kube
                .member_files
                .get(&ordinal)
                .map(|t| MemberFile::parse(t));
            let poisoned = matches!(file, Some(Ok(MemberFile::Poisoned { .. })));
            // At one member `new` with itself and `existing` with itself are both one name; only the latter is right.
            assert!(poisoned, "file {ordinal} is {file:?}\n{tale}");
        }
    }
}

/// Someone writes every member's list back into its file.
fn rearm(kube: &mut Kube) {
    let files: Vec<(Ordinal, MemberFile)> = kube
        .member_files
        .iter()
        .filter_map(|(o, text)| Some((*o, MemberFile::parse(text).ok()?)))
        .collect();
    let all: Vec<String> = files
        .iter()
        .flat_map(|(_, f)| {
            f.initial_cluster()
                .split(',')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let life = MemberFile::Join {
        initial_cluster: all.join(","),
    };
    for (ordinal, _) in files {
        let text = life.rewrite(&kube.member_files[&ordinal]);
        let key = format!("orders-{ordinal}.yaml");
        if let Some(map) = kube.objects.get_mut(&ObjectKind::ConfigMap) {
            map.content["data"][&key] = json!(text);
        }
        kube.member_files.insert(ordinal, text);
    }
}

fn hide(seen: &mut Observation, part: Part) {
    let why = || "deadline exceeded".to_owned();
    match part {
        Part::Kubernetes => seen.kube = Reading::Unknown(why()),
        Part::Membership => seen.etcd.membership = Reading::Unknown(why()),
        Part::Alarms => seen.etcd.alarms = Reading::Unknown(why()),
        Part::Status(ordinal) => {
            if let Some(status) = seen.etcd.statuses.get_mut(&Ordinal(ordinal)) {
                *status = Reading::Unknown(why());
            }
        }
        Part::Volumes => {
            if let Some(kube) = seen.kube.known_mut() {
                kube.released_volumes = Reading::Unknown(why());
                for volume in kube.claims.values_mut().filter_map(|c| c.volume.as_mut()) {
                    *volume = Reading::Unknown(why());
                }
            }
        }
    }
}

fn pick<'a, T: Copy + 'a>(items: impl Iterator<Item = &'a T>, nth: u32) -> Option<T> {
    let items: Vec<T> = items.copied().collect();
    let at = (nth as usize).checked_rem(items.len())?;
    Some(items[at])
}

/// An observation as far as decisions depend on it, without its time and what every act writes.
fn fingerprint(seen: &Observation) -> String {
    let mut seen = seen.clone();
    seen.at = jiff::Timestamp::UNIX_EPOCH;
    if let Some(kube) = seen.kube.known_mut() {
        kube.ledger = None;
        kube.objects
            .values_mut()
            .for_each(|o| o.content = json!(o.content.to_string().len()));
    }
    format!("{seen:?}")
}

/// What small worlds are told apart by: ordinal → role, incarnation of its claim, serving, file, and the objects there.
pub(crate) fn projection(truth: &Observation) -> String {
    let Some(kube) = truth.kube.known() else {
        return "unknown".into();
    };
    let list = truth.etcd.membership.known();
    let host = |url: &str, ordinal: Ordinal| url.contains(&format!("//orders-{ordinal}."));
    let mut text = String::new();
    for ordinal in (0..8).map(Ordinal) {
        let member = list
            .iter()
            .flat_map(|m| &m.members)
            .find(|m| m.peer_urls.iter().any(|u| host(u, ordinal)));
        let role = member.map(|m| match (m.learner, m.has_started()) {
            (true, false) => "added",
            (true, true) => "learner",
            (false, false) => "unpublished",
            (false, true) => "voter",
        });
        let data = kube
            .claims
            .get(&ordinal)
            .map(|c| match (c.contents, member) {
                _ if c.deleting => "terminating",
                (Some(Contents::Of(id)), Some(m)) if m.id == id => "own",
                (Some(Contents::Of(_)), _) => "old",
                (Some(Contents::Empty), _) => "empty",
                (None, _) => "?",
            });
        let retain = kube
            .claims
            .get(&ordinal)
            .and_then(|c| c.volume.as_ref()?.known());
        let retain = retain.is_some_and(|v| v.reclaim_policy == "Retain");
        let file = kube
            .member_files
            .get(&ordinal)
            .map(|t| match MemberFile::parse(t) {
                Ok(MemberFile::Bootstrap { .. }) => "new".to_owned(),
                Ok(MemberFile::Join { initial_cluster }) => {
                    format!("join{}", initial_cluster.split(',').count())
                }
                Ok(MemberFile::Poisoned { .. }) => "poisoned".to_owned(),
                Err(_) => "broken".to_owned(),
            });
        let pod = kube.pods.get(&ordinal);
        if role.is_none() && data.is_none() && pod.is_none() && file.is_none() {
            continue;
        }
        let status = truth.etcd.statuses.get(&ordinal).and_then(Reading::known);
        let leads = status.is_some_and(|s| s.leader == Some(s.member_id));
        let _ = write!(
            text,
            "{ordinal}:{}{}/{}{}/{}/{}{}{}{} ",
            role.unwrap_or("-"),
            if leads { "*" } else { "" },
            data.unwrap_or("-"),
            if retain { "+" } else { "" },
            file.as_deref().unwrap_or("-"),
            if pod.is_some() { "pod" } else { "-" },
            if pod.is_some_and(|p| p.serving_label) {
                ""
            } else {
                ",drained"
            },
            pod.and_then(|p| p.waiting.as_deref())
                .map_or("", |w| if w.starts_with("Crash") {
                    ",crash"
                } else {
                    ",stuck"
                }),
            if status.is_some() { ",up" } else { "" },
        );
    }
    let set = kube.stateful_set.as_ref().map(|s| s.replicas);
    let pdb = kube.objects.get(&ObjectKind::PodDisruptionBudget);
    let pdb = pdb.and_then(|o| o.content.pointer("/spec/minAvailable")?.as_u64());
    let kinds: Vec<_> = kube.objects.keys().collect();
    let _ = write!(
        text,
        "replicas {set:?} pdb {pdb:?} {} objects {kinds:?}",
        kube.objects.len()
    );
    let _ = write!(
        text,
        " serving {:?} ledger {:?}",
        kube.serving,
        kube.ledger.as_ref().and_then(|l| l.cluster_id)
    );
    text
}
