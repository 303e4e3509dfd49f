//! The etcd half: one channel per member, one deadline per call, our own plain types out.
//!
//! It needs addresses and no Kubernetes, so that it is tested against bare etcd processes.

mod act;
mod alarms;
mod answer;
mod channel;
mod dial;
mod lists;
mod metrics;
mod read;
mod silence;
mod snapshot;
mod wire;

pub use act::Membership as MembershipAct;
pub use answer::{Answer, EtcdError, Unreached};
pub use channel::{Access, Credentials, MemberChannel, Target, Tls};
pub use dial::{Dial, PortForward};
pub use read::{Seats, read};
pub use silence::Silence;
pub use snapshot::{SnapshotStream, open_snapshot};
