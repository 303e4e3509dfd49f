//! Snapshots as a table and as JSON: what is there, what was taken, what a second look found.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::exit::{self, Exit};
use super::style::{Paint, Sheet, TextStyle};
use super::words;
use crate::fleet::ClusterId;
use crate::state::SnapshotFacts;

/// `schemas/snapshots.schema.json`.
pub const SNAPSHOTS_SCHEMA: &str = "reconcile.snapshots/v1";

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotAction {
    Take,
    List,
    Verify,
}

/// One cluster's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSnapshots {
    pub cluster: ClusterId,
    /// Where they are; `None`: that could not be found out.
    pub store: Option<String>,
    /// The newest first.
    pub snapshots: Vec<SnapshotFacts>,
    /// What a second look found, by place.
    pub looks: Vec<Look>,
    /// Why there is no answer.
    pub fault: Option<Fault>,
}

/// A second look at one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub place: String,
    /// etcdutl made a data directory of it in which the same is; false where it was not at hand.
    pub restored: bool,
    /// As etcdutl counted them, where it can.
    pub keys: Option<u64>,
    pub fault: Option<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// As `reconcile explain` knows it.
    pub code: String,
    pub text: String,
    pub exit: Exit,
}

impl SnapshotAction {
    const fn word(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::List => "list",
            Self::Verify => "verify",
        }
    }
}

/// The codes that hold, ascending, each once; empty is 0.
pub fn snapshot_codes(clusters: &[ClusterSnapshots]) -> Vec<u8> {
    let faults = clusters.iter().flat_map(ClusterSnapshots::faults);
    let mut codes: Vec<u8> = faults.map(|fault| fault.exit.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

impl ClusterSnapshots {
    fn faults(&self) -> impl Iterator<Item = &Fault> {
        let looks = self.looks.iter().filter_map(|look| look.fault.as_ref());
        self.fault.iter().chain(looks)
    }

    fn look(&self, facts: &SnapshotFacts) -> Option<&Look> {
        self.looks.iter().find(|look| look.place == facts.place)
    }
}

/// `reconcile.snapshots/v1`.
pub fn snapshots_json(
    action: SnapshotAction,
    clusters: &[ClusterSnapshots],
    now: Timestamp,
) -> Value {
    let fault = |fault: &Fault| json!({"code": fault.code, "text": fault.text});
    let all = clusters.iter().map(|cluster| {
        let snapshots = cluster.snapshots.iter().map(|facts| {
            let mut one = json!({
                "place": facts.place,
                "taken": facts.taken,
                "ageSeconds": words::age(facts.taken, now).as_secs(),
                "revision": facts.revision,
                "size": facts.size,
                "clusterId": facts.cluster_id,
                "verified": facts.verified,
            });
            if let Some(look) = cluster.look(facts) {
                one["look"] = json!({
                    "whole": look.fault.is_none(),
                    "restored": look.restored,
                    "keys": look.keys,
                    "fault": look.fault.as_ref().map(fault),
                });
            }
            one
        });
        json!({
            "cluster": cluster.cluster,
            "store": cluster.store,
            "snapshots": snapshots.collect::<Vec<_>>(),
            "fault": cluster.fault.as_ref().map(fault),
        })
    });
    let codes = snapshot_codes(clusters);
    json!({
        "schema": SNAPSHOTS_SCHEMA,
        "action": action.word(),
        "now": now,
        "clusters": all.collect::<Vec<_>>(),
        "outcome": {"code": exit::of(&codes), "codes": codes},
    })
}

/// A block per cluster, and a line that sums up.
pub fn snapshots_text(
    action: SnapshotAction,
    clusters: &[ClusterSnapshots],
    now: Timestamp,
    style: &TextStyle,
) -> String {
    let mut sheet = Sheet::new(style);
    for cluster in clusters {
        let store = cluster.store.as_deref().unwrap_or_default();
        let id = cluster.cluster.to_string();
        sheet.row(0, &[(Paint::Strong, &id, 0), (Paint::Dim, store, 0)]);
        table(&mut sheet, cluster, now);
        for fault in cluster.faults() {
            sheet.prose(2, "", Paint::Bad, &fault.text);
            let page = format!("`reconcile explain {}`", fault.code);
            sheet.prose(4, "more: ", Paint::Hint, &page);
        }
        if cluster.snapshots.is_empty() && cluster.fault.is_none() {
            sheet.prose(2, "", Paint::Warn, "no snapshot");
        }
        sheet.blank();
    }
    sheet.prose(0, "", Paint::Plain, &closing(action, clusters));
    sheet.finish()
}

const HEADS: [&str; 6] = [
    "age",
    "revision",
    "size",
    "verified",
    "etcd cluster",
    "file",
];

fn table(sheet: &mut Sheet, cluster: &ClusterSnapshots, now: Timestamp) {
    if cluster.snapshots.is_empty() {
        return;
    }
    let mut rows = vec![(Paint::Dim, HEADS.map(str::to_owned))];
    rows.extend(cluster.snapshots.iter().map(|facts| {
        let (paint, verified) = verified(facts, cluster.look(facts));
        let cells = [
            words::duration(words::age(facts.taken, now)),
            facts.revision.to_string(),
            words::bytes(facts.size),
            verified,
            facts.cluster_id.to_string(),
            file(facts).to_owned(),
        ];
        (paint, cells)
    }));
    let width = |column: usize| {
        let cells = rows.iter().map(|(_, row)| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADS.len()).map(width).collect();
    for (paint, row) in &rows {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(text, width)| (*paint, text.as_str(), *width))
            .collect();
        sheet.row(2, &cells);
    }
}

fn verified(facts: &SnapshotFacts, look: Option<&Look>) -> (Paint, String) {
    match look {
        Some(Look { fault: Some(_), .. }) => (Paint::Bad, "NO".into()),
        Some(Look {
            keys: Some(keys), ..
        }) => (Paint::Good, format!("yes, restored, {keys} keys")),
        Some(Look { restored: true, .. }) => (Paint::Good, "yes, restored".into()),
        Some(_) => (Paint::Good, "yes, read again".into()),
        None if facts.verified => (Paint::Plain, "yes".into()),
        None => (Paint::Bad, "NO".into()),
    }
}

fn file(facts: &SnapshotFacts) -> &str {
    facts.place.rsplit('/').next().unwrap_or(&facts.place)
}

fn closing(action: SnapshotAction, clusters: &[ClusterSnapshots]) -> String {
    let snapshots: usize = clusters.iter().map(|cluster| cluster.snapshots.len()).sum();
    let said = match action {
        SnapshotAction::Take => "taken",
        SnapshotAction::List => "listed",
        SnapshotAction::Verify => "verified",
    };
    let failed = clusters.iter().flat_map(ClusterSnapshots::faults).count();
    let done = match action {
        SnapshotAction::Verify => {
            let looks = clusters.iter().flat_map(|cluster| &cluster.looks);
            looks.filter(|look| look.fault.is_none()).count()
        }
        _ => snapshots,
    };
    let faults = match failed {
        0 => String::new(),
        n => format!(", {}", words::counted(n, "fault")),
    };
    format!(
        "{} of {} {said}{faults}",
        words::counted(done, "snapshot"),
        words::counted(clusters.len(), "cluster")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::MemberId;

    fn facts(second: i64, verified: bool) -> SnapshotFacts {
        SnapshotFacts {
            taken: Timestamp::from_second(second).expect("a time"),
            revision: 1234,
            size: 20_971_552,
            cluster_id: MemberId(0xcdf8),
            verified,
            place: format!("/backups/eu-1/orders/{second}.db"),
        }
    }

    fn cluster(snapshots: Vec<SnapshotFacts>) -> ClusterSnapshots {
        ClusterSnapshots {
            cluster: ClusterId::new("eu-1", "orders"),
            store: Some("/backups/eu-1/orders".into()),
            snapshots,
            looks: Vec::new(),
            fault: None,
        }
    }

    fn fault(code: &str, exit: Exit) -> Fault {
        Fault {
            code: code.into(),
            text: format!("{code}: found it"),
            exit,
        }
    }

    #[test]
    fn a_list_has_age_revision_size_and_whether_it_is_good() {
        let now = Timestamp::from_second(1000).expect("a time");
        let text = snapshots_text(
            SnapshotAction::List,
            &[cluster(vec![facts(940, true), facts(10, false)])],
            now,
            &TextStyle::default(),
        );
        assert_eq!(
            text,
            "eu-1/orders  /backups/eu-1/orders
  age          revision  size     verified  etcd cluster  file
  1 min        1234      20.0 Mi  yes       cdf8          940.db
  16 min 30 s  1234      20.0 Mi  NO        cdf8          10.db

2 snapshots of 1 cluster listed
"
        );
    }

    #[test]
    fn codes_are_those_of_all_faults() {
        let mut one = cluster(vec![facts(940, true)]);
        one.looks = vec![Look {
            place: facts(940, true).place,
            restored: false,
            keys: None,
            fault: Some(fault("snapshot-hash", Exit::Blocked)),
        }];
        let mut other = cluster(Vec::new());
        other.fault = Some(fault("store-unreachable", Exit::Incomplete));
        let all = [one, other];
        assert_eq!(snapshot_codes(&all), [3, 5]);
        let now = Timestamp::from_second(1000).expect("a time");
        let json = snapshots_json(SnapshotAction::Verify, &all, now);
        assert_eq!(json["outcome"]["code"], 5);
        assert_eq!(
            json["clusters"][0]["snapshots"][0]["look"]["fault"]["code"],
            "snapshot-hash"
        );
        let text = snapshots_text(SnapshotAction::Verify, &all, now, &TextStyle::default());
        assert!(
            text.contains("0 snapshots of 2 clusters verified, 2 faults"),
            "{text}"
        );
    }
}
