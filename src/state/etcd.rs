//! What etcd itself says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Reading;
use crate::fleet::Ordinal;

/// etcd's member ID, shown in hex as `etcdctl` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl FromStr for MemberId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| format!("found member id {text:?}, expected hexadecimal digits"))
    }
}

impl Serialize for MemberId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Without a text of its own: an observation of a cluster has dozens.
impl<'de> Deserialize<'de> for MemberId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;

        impl Visitor<'_> for Digits {
            type Value = MemberId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member id in hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<MemberId, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Digits)
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
