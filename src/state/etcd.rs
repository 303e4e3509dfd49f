//! What etcd itself says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Reading;
use crate::fleet::Ordinal;

/// etcd's member ID, shown in hex as `etcdctl` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl From<MemberId> for String {
    fn from(id: MemberId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for MemberId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16)
            .map(Self)
            .map_err(|_| format!("found member id {text:?}, expected hexadecimal digits"))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Etcd {
    /// Read linearizably, and every reachable member's own list agrees. Unknown without quorum.
    pub membership: Reading<Membership>,
    /// What the lists of reachable members disagree about. The list is unknown then.
    pub disagreement: Option<String>,
    /// No voter answers, and something keeps us out rather than them down (TLS, a password, the port-forward): what.
    /// Nothing can be told about the members then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barred: Option<String>,
    /// Each seat that has a pod, asked on its own client port.
    pub statuses: BTreeMap<Ordinal, Reading<MemberStatus>>,
    pub alarms: Reading<Vec<Alarm>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Membership {
    /// Hex.
    pub cluster_id: MemberId,
    /// Sorted by ID.
    pub members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Member {
    pub id: MemberId,
    /// Empty in one that was added and never started; a statically bootstrapped member has it before it ever ran.
    pub name: String,
    pub peer_urls: Vec<String>,
    pub client_urls: Vec<String>,
    pub learner: bool,
}

impl Member {
    /// It has published itself: only a process that ran and reached a quorum does.
    pub fn has_started(&self) -> bool {
        !self.client_urls.is_empty()
    }
}

/// One member's own answer to `Maintenance.Status`, and a linearizable read through it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MemberStatus {
    pub cluster_id: MemberId,
    pub member_id: MemberId,
    /// `None`: it knows no leader.
    pub leader: Option<MemberId>,
    pub term: u64,
    /// Committed raft index.
    pub index: u64,
    pub applied: u64,
    pub revision: i64,
    pub version: String,
    /// Bytes.
    pub db_size: i64,
    pub db_size_in_use: i64,
    pub learner: bool,
    /// A linearizable read through this member succeeded; never asked of a learner (`None`).
    pub linearizable_read: Option<Reading<()>>,
    pub errors: Vec<String>,
    /// Members that it has a peer connection to, by its own metrics (`etcd_network_active_peers`); `None`: not read.
    pub connected: Option<BTreeSet<MemberId>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Alarm {
    pub member: MemberId,
    pub kind: AlarmKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlarmKind {
    NoSpace,
    Corrupt,
}
