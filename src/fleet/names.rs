//! What is called how: the names of a cluster's objects and the URLs of its members, and back.

use super::{ClusterSpec, Ordinal};

/// Below the state home.
pub const SNAPSHOTS_AT_HOME: &str = "reconcile/snapshots";

/// What the names of a copy's claim and pod end with, behind those of the member's own.
const COPY: &str = "-copy";

/// Of a copy's claim or pod the name of the member's own; `None` where it is none of a copy's.
pub fn of_copy(name: &str) -> Option<&str> {
    name.strip_suffix(COPY)
}

impl ClusterSpec {
    pub fn pod_name(&self, ordinal: Ordinal) -> String {
        [&self.name, "-", &ordinal.to_string()].concat()
    }

    /// The ordinal whose pod has this name.
    pub fn ordinal_of_pod(&self, pod: &str) -> Option<Ordinal> {
        Ordinal::read(pod.strip_prefix(&self.name)?.strip_prefix('-')?)
    }

    pub fn claim_name(&self, ordinal: Ordinal) -> String {
        format!("data-{}-{ordinal}", self.name)
    }

    /// The ordinal whose claim has this name.
    pub fn ordinal_of_claim(&self, claim: &str) -> Option<Ordinal> {
        self.ordinal_of_pod(claim.strip_prefix("data-")?)
    }

    /// The pod that copies a stopped member's data. No pod of any StatefulSet ends so.
    pub fn copy_pod_name(&self, ordinal: Ordinal) -> String {
        format!("{}{COPY}", self.pod_name(ordinal))
    }

    /// The claim that the old volume is lent to while it is copied from.
    pub fn copy_claim_name(&self, ordinal: Ordinal) -> String {
        format!("{}{COPY}", self.claim_name(ordinal))
    }

    /// The ordinal whose old volume was bound to a claim of this name, lent or its own.
    pub fn ordinal_of_volume(&self, claim: &str) -> Option<Ordinal> {
        self.ordinal_of_claim(of_copy(claim).unwrap_or(claim))
    }

    /// Where in a store its snapshots are.
    pub fn snapshots_folder(&self) -> String {
        format!("{}/{}", self.id.context, self.id.name)
    }

    /// Where its snapshots are, as a path or URL. Which state home it is depends on who runs this.
    pub fn snapshots_place(&self) -> String {
        let folder = self.snapshots_folder();
        match &self.backup.store {
            Some(store) => format!("{store}/{folder}"),
            None => format!(
                "$XDG_STATE_HOME/{SNAPSHOTS_AT_HOME}/{}/{folder}",
                self.fleet
            ),
        }
    }

    pub fn peer_service(&self) -> String {
        format!("{}-peer", self.name)
    }

    pub fn client_service(&self) -> String {
        format!("{}-client", self.name)
    }

    /// Host part of a member's URLs, and the name its certificate is checked against.
    pub fn member_host(&self, ordinal: Ordinal) -> String {
        let Self {
            name, namespace, ..
        } = self;
        let ordinal = ordinal.to_string();
        // The peer Service's name; not by `format!`, since every look asks for every member's.
        [name, "-", &ordinal, ".", name, "-peer.", namespace, ".svc"].concat()
    }

    /// Peer URLs never change in a cluster's life: they are how a member is known to be an ordinal's.
    pub fn peer_url(&self, ordinal: Ordinal) -> String {
        let host = self.member_host(ordinal);
        [self.peer_scheme(), "://", &host, ":2380"].concat()
    }

    pub fn client_url(&self, ordinal: Ordinal) -> String {
        let scheme = if self.tls.client.is_some() {
            "https"
        } else {
            "http"
        };
        [scheme, "://", &self.member_host(ordinal), ":2379"].concat()
    }

    /// The ordinal whose peer URL this is, target or not.
    pub fn ordinal_of_peer_url(&self, url: &str) -> Option<Ordinal> {
        // Read and not written, since every look asks for every member.
        let host = url.strip_prefix(self.peer_scheme())?.strip_prefix("://")?;
        let pod = host.strip_prefix(&self.name)?.strip_prefix('-')?;
        let (ordinal, service) = pod.split_once('.')?;
        let namespace = service.strip_prefix(&self.name)?.strip_prefix("-peer.")?;
        let ours = namespace.strip_prefix(&self.namespace)? == ".svc:2380";
        ours.then(|| Ordinal::read(ordinal)).flatten()
    }

    const fn peer_scheme(&self) -> &'static str {
        if self.tls.peer.is_some() {
            "https"
        } else {
            "http"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::example;

    #[test]
    fn a_name_that_was_written_is_read() {
        let spec = example::spec(3);
        for ordinal in [0, 1, 9, 10, 120, u32::MAX].map(Ordinal) {
            let url = spec.peer_url(ordinal);
            assert_eq!(spec.ordinal_of_peer_url(&url), Some(ordinal), "{url}");
            let claim = spec.claim_name(ordinal);
            assert_eq!(spec.ordinal_of_claim(&claim), Some(ordinal), "{claim}");
            let copy = spec.copy_claim_name(ordinal);
            assert_eq!(spec.ordinal_of_volume(&copy), Some(ordinal), "{copy}");
        }
    }

    #[test]
    fn nothing_else_is_read() {
        let spec = example::spec(3);
        let url = spec.peer_url(Ordinal(1));
        assert_eq!(url, "http://orders-1.orders-peer.etcd.svc:2380");
        let others = [
            ("http:", "https:"),
            ("orders-1.", "orders-01."),
            ("orders-1.", "orders-+1."),
            ("orders-1.", "orders-."),
            ("orders-1.", "orders-4294967296."),
            ("orders-1.", "order-1."),
            ("-peer", "-client"),
            (".etcd.", ".etcd2."),
            (".svc", ".svc.cluster.local"),
            (":2380", ":2379"),
            (":2380", ":2380/"),
        ];
        for (ours, theirs) in others {
            let other = url.replacen(ours, theirs, 1);
            assert_ne!(other, url);
            assert_eq!(spec.ordinal_of_peer_url(&other), None, "{other}");
        }
        for other in [
            "data-orders-01",
            "data-orders-",
            "data-orders-1-copy",
            "orders-1",
        ] {
            assert_eq!(spec.ordinal_of_claim(other), None, "{other}");
        }
    }
}
