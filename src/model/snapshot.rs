//! A store that has always room and never loses anything.

use super::ModelError;
use crate::fleet::ClusterSpec;
use crate::state::{Backup, MemberStatus, Observation, Reading, SnapshotFacts, Snapshots};

/// The store that `spec` declares, as somebody would have made it; another one than before is empty.
pub fn provide_store(observed: &mut Observation, spec: &ClusterSpec) {
    let place = spec.snapshots_place();
    let same = observed.backup.as_ref().is_some_and(|b| b.store == place);
    if spec.backup.store.is_some() && !same {
        observed.backup = Some(Backup {
            store: place,
            snapshots: Reading::Known(Snapshots::default()),
        });
    }
}

/// Takes one from a voter that reaches a quorum. It costs no time: whoever performs it lets that pass.
pub fn take_snapshot(observed: &mut Observation, spec: &ClusterSpec) -> Result<(), ModelError> {
    if spec.policy.require_store && spec.backup.store.is_none() {
        return Err(ModelError::Conflict("a store is required".into()));
    }
    let (at, status) = (observed.at, source(observed)?.clone());
    let place = match (&spec.backup.store, &observed.backup) {
        // The state home of whoever observed it.
        (None, Some(backup)) => backup.store.clone(),
        _ => spec.snapshots_place(),
    };
    let mut snapshots = match observed.backup.take() {
        Some(Backup { store, snapshots }) if store == place => match snapshots {
            Reading::Known(snapshots) => snapshots,
            Reading::Unknown(why) => {
                let error = ModelError::Conflict(format!("the store is not known: {why}"));
                let snapshots = Reading::Unknown(why);
                observed.backup = Some(Backup { store, snapshots });
                return Err(error);
            }
        },
        _ => Snapshots::default(),
    };
    // A follower may be behind: what the cluster has is what the furthest has.
    let all = observed.etcd.statuses.values().filter_map(Reading::known);
    let revision = all.map(|s| s.revision).max().unwrap_or(status.revision);
    let lineage = snapshots.check_lineage(status.cluster_id, revision);
    if lineage.is_ok() {
        let facts = SnapshotFacts {
            taken: at,
            revision: status.revision,
            // The database, and the hash at the end.
            size: u64::try_from(status.db_size).unwrap_or(0) + 32,
            cluster_id: status.cluster_id,
            verified: true,
            place: format!("{place}/{}.db", at.strftime("%Y%m%dT%H%M%SZ")),
        };
        snapshots.add(facts);
    }
    observed.backup = Some(Backup {
        store: place,
        snapshots: Reading::Known(snapshots),
    });
    lineage.map_err(|why| ModelError::Conflict(why.to_string()))
}

/// A follower where there is one.
fn source(observed: &Observation) -> Result<&MemberStatus, ModelError> {
    let voters = observed.etcd.statuses.values().filter_map(Reading::known);
    let healthy = voters.filter(|status| {
        !status.learner && matches!(status.linearizable_read, Some(Reading::Known(())))
    });
    healthy
        .min_by_key(|status| (status.leader == Some(status.member_id), status.member_id))
        .ok_or(ModelError::Etcd("no voter answers"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Ordinal, SnapshotStore};
    use crate::manifest::example;
    use crate::state::MemberId;

    fn status(member: u64, leader: u64, revision: i64) -> Reading<MemberStatus> {
        Reading::Known(MemberStatus {
            cluster_id: MemberId(7),
            member_id: MemberId(member),
            leader: Some(MemberId(leader)),
            term: 2,
            index: 9,
            applied: 9,
            revision,
            version: "3.6.16".into(),
            db_size: 20_480,
            db_size_in_use: 20_480,
            learner: false,
            linearizable_read: Some(Reading::Known(())),
            errors: Vec::new(),
            connected: None,
        })
    }

    fn observed() -> Observation {
        let at = "2026-11-21T12:00:00Z".parse().expect("a time");
        let mut observed = crate::model::empty(example::spec(3).id, at);
        let statuses = &mut observed.etcd.statuses;
        statuses.insert(Ordinal(0), status(1, 1, 12));
        statuses.insert(Ordinal(1), status(2, 1, 11));
        observed
    }

    fn snapshots(observed: &Observation) -> &Snapshots {
        let backup = observed.backup.as_ref().expect("a store");
        backup.snapshots.known().expect("known")
    }

    #[test]
    fn a_snapshot_is_of_a_follower_and_of_now() {
        let (mut observed, spec) = (observed(), example::spec(3));
        take_snapshot(&mut observed, &spec).expect("taken");
        let newest = snapshots(&observed).newest.as_ref().expect("one");
        assert_eq!((newest.revision, newest.size), (11, 20_512));
        assert_eq!(newest.taken, observed.at);
        assert_eq!(snapshots(&observed).count, 1);
    }

    #[test]
    fn another_store_is_another_place() {
        let (mut observed, mut spec) = (observed(), example::spec(3));
        provide_store(&mut observed, &spec);
        assert_eq!(observed.backup, None, "none is declared");
        spec.backup.store = Some(SnapshotStore::Path("/a".into()));
        take_snapshot(&mut observed, &spec).expect("taken");
        provide_store(&mut observed, &spec);
        assert_eq!(snapshots(&observed).count, 1, "the same store");
        spec.backup.store = Some(SnapshotStore::Path("/b".into()));
        provide_store(&mut observed, &spec);
        assert_eq!(snapshots(&observed).count, 0);
    }

    #[test]
    fn what_the_live_store_refuses_is_refused() {
        let (mut observed, mut spec) = (observed(), example::spec(3));
        take_snapshot(&mut observed, &spec).expect("taken");
        observed.etcd.statuses = [(Ordinal(0), status(1, 1, 5))].into();
        let error = take_snapshot(&mut observed, &spec);
        assert!(matches!(error, Err(ModelError::Conflict(_))), "gone back");
        assert_eq!(snapshots(&observed).count, 1, "and nothing is lost");
        spec.policy.require_store = true;
        let error = take_snapshot(&mut observed, &spec);
        assert!(matches!(error, Err(ModelError::Conflict(_))), "no store");
        observed.etcd.statuses.clear();
        spec.policy.require_store = false;
        let error = take_snapshot(&mut observed, &spec);
        assert_eq!(error, Err(ModelError::Etcd("no voter answers")));
    }
}
