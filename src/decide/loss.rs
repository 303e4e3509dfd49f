//! What has become of a member's volume and node: data that is proven lost, and volumes that will not stay.

use jiff::SignedDuration;

use super::view::{Seat, View};
use crate::state::ClaimPhase;

/// A node that is not ready for so long is held to be gone: three times what Kubernetes itself waits before it takes
/// the pods off it (`tolerationSeconds: 300`).
const NODE_GONE: SignedDuration = SignedDuration::from_mins(15);

/// How etcd ends that is to join, has no write-ahead log, and knows nobody but itself ([run] 3.5.35, 3.6.16, 3.7.3).
const NO_LOG: &str = "cannot fetch cluster info from peer urls";

impl View<'_> {
    /// Why the data of this voter is proven to be gone, in words; `None` while it may come back (2.8 #4). A process
    /// that answers has its data.
    pub fn data_lost(&self, seat: &Seat) -> Option<String> {
        let member = seat.member.filter(|m| !m.learner)?;
        if seat.answers() || self.is_connected(seat) == Some(true) {
            return None;
        }
        let never = !member.has_started() && seat.is_poisoned();
        if never {
            return Some("it has never started, and its file cannot start it any more".into());
        }
        if !member.has_started() {
            return None; // its bootstrap file still gives it a life
        }
        // What only a node's silence or a log's last line proves, a voter must confirm.
        let confirmed = self.is_connected(seat) == Some(false);
        self.volume_lost(seat).or_else(|| {
            let node = || {
                self.local_volume_lost(seat)
                    .or_else(|| self.node_lost(seat))
            };
            let else_lost = wiped(seat).or_else(node);
            else_lost.filter(|_| confirmed)
        })
    }

    fn volume_lost(&self, seat: &Seat) -> Option<String> {
        let name = || self.spec.claim_name(seat.ordinal);
        let Some(claim) = seat.claim else {
            // A claim that someone deleted is made again empty, with its pod.
            return Some(format!("claim {} is gone", name()));
        };
        if let Some(why) = self.claim_lost(seat) {
            return Some(why);
        }
        // A pod that could start keeps its claim for as long as it lives; one that cannot will never start on it.
        if claim.deleting && seat.pod.is_some_and(|p| p.is_stuck() && !p.deleting) {
            return Some(format!(
                "claim {} goes as soon as its pod ends, and its pod cannot run",
                name()
            ));
        }
        if seat.is_on_another_claim() {
            return Some(format!(
                "claim {} is another one than its data was on (now {})",
                name(),
                claim.uid
            ));
        }
        None
    }

    fn claim_lost(&self, seat: &Seat) -> Option<String> {
        let lost = seat.claim?.phase == ClaimPhase::Lost;
        let claim = || self.spec.claim_name(seat.ordinal);
        lost.then(|| format!("the volume of claim {} is gone", claim()))
    }

    /// A volume that can be used nowhere but on a node that is gone.
    fn local_volume_lost(&self, seat: &Seat) -> Option<String> {
        let volume = seat.claim?.volume.as_ref()?.known()?;
        let node = volume.node.as_ref()?;
        let gone = self.is_node_gone(node) == Some(true);
        gone.then(|| {
            format!(
                "volume {} can be used on node {node} only, and that is gone",
                volume.name
            )
        })
    }

    fn node_lost(&self, seat: &Seat) -> Option<String> {
        let pod = seat.pod.filter(|p| p.deleting)?;
        let node = pod.node.as_ref()?;
        let gone = self.is_node_gone(node) == Some(true);
        gone.then(|| format!("its pod is on node {node}, and that is gone"))
    }

    /// Not there any more, or not ready for longer than a reboot takes; `None` where nodes cannot be read.
    pub fn is_node_gone(&self, name: &str) -> Option<bool> {
        let nodes = self.kube.nodes.known()?;
        Some(nodes.get(name).is_none_or(|node| {
            let since = node.since.filter(|_| !node.ready);
            since.is_some_and(|since| self.now().duration_since(since) >= NODE_GONE)
        }))
    }

    /// Its pod waits to end on a node that is gone: nobody there will ever say that it has.
    pub fn is_pod_stranded(&self, seat: &Seat) -> bool {
        let pod = seat.pod.filter(|p| p.deleting);
        let node = pod.and_then(|p| p.node.as_ref());
        node.is_some_and(|node| self.is_node_gone(node) == Some(true))
    }

    /// Why a process that is to be born on this seat cannot start there, until someone brings back what is gone.
    pub fn keeps_from_birth(&self, seat: &Seat) -> Option<String> {
        self.claim_lost(seat)
            .or_else(|| self.local_volume_lost(seat))
            .or_else(|| self.node_lost(seat))
    }

    /// Another voter has a connection to it; `None` where none could be asked.
    pub fn is_connected(&self, seat: &Seat) -> Option<bool> {
        let id = seat.member?.id;
        let others = self.voters().filter(|s| s.ordinal != seat.ordinal);
        let mut said = others
            .filter_map(|s| s.status?.connected.as_ref())
            .map(|peers| peers.contains(&id));
        let first = said.next()?;
        Some(first || said.any(|connected| connected))
    }

    /// This member gives its seat to another although it runs: its volume will not stay, or is not as Git says.
    pub fn is_mismatched(&self, seat: &Seat) -> bool {
        let moves = || seat.is_voter() && self.must_move(seat);
        seat.answers() && (self.unsteady(seat).is_some() || moves())
    }

    /// Why the volume of this voter will not stay, whether the voter answers or not.
    pub fn unsteady(&self, seat: &Seat) -> Option<String> {
        if !seat.is_voter() {
            return None;
        }
        let name = || self.spec.claim_name(seat.ordinal);
        match seat.claim {
            None => Some(format!("claim {} is gone under it", name())),
            Some(c) if c.deleting => Some(format!("claim {} goes as soon as its pod ends", name())),
            Some(c) if c.phase == ClaimPhase::Lost => {
                Some(format!("the volume of claim {} is gone under it", name()))
            }
            Some(_) if seat.is_on_another_claim() => Some(format!(
                "claim {} is another one than the one it runs on",
                name()
            )),
            Some(_) => None,
        }
    }
}

/// etcd reads a poisoned file only where it finds no log, and then says so: the volume is there, and it is empty.
fn wiped(seat: &Seat) -> Option<String> {
    let empty = seat.is_poisoned() && has_no_log(seat);
    empty.then(|| format!("its volume is empty (its process: {NO_LOG})"))
}

/// Its pod is made again and again on a volume without a log.
pub(super) fn has_no_log(seat: &Seat) -> bool {
    let pod = seat.pod.filter(|p| p.is_stuck() && !p.deleting);
    let words = pod.and_then(|p| p.last_words.as_ref());
    words.is_some_and(|words| words.contains(NO_LOG))
}
