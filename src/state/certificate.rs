//! When the certificates in a cluster's Secrets expire.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Reading;
use crate::fleet::ClusterSpec;

/// Secret → key → when each certificate under it expires, in the order they are in there: a pair's chain begins with its
/// own, an authority may be several.
pub type Certificates = BTreeMap<String, BTreeMap<String, Reading<Vec<Timestamp>>>>;

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateUse {
    /// Members show it to clients.
    Client,
    /// Members know clients by it.
    ClientAuthority,
    /// Members show it to each other.
    Peer,
    /// Members know each other by it.
    PeerAuthority,
    /// reconcile shows it to members.
    Access,
}

/// A certificate, or several, under one key of a Secret that the spec names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateKey {
    pub secret: String,
    pub key: &'static str,
}

/// How near its end a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiry {
    Far,
    /// Within [`EXPIRES_SOON`].
    Soon,
    Past,
}

/// Long enough to ask another department for a new one.
pub const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Expiry {
    pub fn at(now: Timestamp, expires: Timestamp) -> Self {
        let left = expires.duration_since(now);
        if !left.is_positive() {
            Self::Past
        } else if left <= EXPIRES_SOON {
            Self::Soon
        } else {
            Self::Far
        }
    }

    /// Of what is under one key. A chain breaks with the first of it; of several authorities the last one still vouches,
    /// but who has one that is over may have certificates that only it has signed.
    pub fn of(now: Timestamp, key: &CertificateKey, all: &[Timestamp]) -> Self {
        let each = || all.iter().map(|expires| Self::at(now, *expires));
        let first = each().max().unwrap_or(Self::Far);
        let last = each().min().unwrap_or(Self::Far);
        if key.is_authority() && first == Self::Past {
            last.max(Self::Soon)
        } else {
            first
        }
    }
}

impl CertificateKey {
    pub const PAIR: &'static str = "tls.crt";
    pub const AUTHORITY: &'static str = "ca.crt";

    pub fn is_authority(&self) -> bool {
        self.key == Self::AUTHORITY
    }

    /// Every one that the spec names, with what it is for.
    pub fn of_spec(spec: &ClusterSpec) -> BTreeMap<Self, Vec<CertificateUse>> {
        use CertificateUse::{Access, Client, ClientAuthority, Peer, PeerAuthority};
        let tls = |secrets: &Option<crate::fleet::TlsSecret>, own, authority| {
            let of = |secret: &crate::fleet::TlsSecret| {
                [
                    (secret.secret_name.clone(), Self::PAIR, own),
                    (secret.ca_secret_name.clone(), Self::AUTHORITY, authority),
                ]
            };
            secrets.as_ref().map(of)
        };
        let client = tls(&spec.tls.client, Client, ClientAuthority);
        let peer = tls(&spec.tls.peer, Peer, PeerAuthority);
        let access = spec.access.client_cert_secret_name.iter();
        let all = client.into_iter().chain(peer).flatten();
        let mut named: BTreeMap<Self, Vec<CertificateUse>> = BTreeMap::new();
        for (secret, key, what) in
            all.chain(access.map(|secret| (secret.clone(), Self::PAIR, Access)))
        {
            named.entry(Self { secret, key }).or_default().push(what);
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> Timestamp {
        format!("{day}T00:00:00Z").parse().expect("a time")
    }

    fn expiry(key: &'static str, days: &[&str]) -> Expiry {
        let all: Vec<Timestamp> = days.iter().map(|day| at(day)).collect();
        let secret = "s".to_owned();
        Expiry::of(at("2026-11-21"), &CertificateKey { secret, key }, &all)
    }

    #[test]
    fn a_month_before_its_end_it_is_told() {
        let of = |day| expiry(CertificateKey::PAIR, &[day]);
        assert_eq!(of("2026-12-22"), Expiry::Far);
        assert_eq!(of("2026-12-21"), Expiry::Soon);
        assert_eq!(of("2026-11-22"), Expiry::Soon);
        assert_eq!(of("2026-11-21"), Expiry::Past, "to the moment");
    }

    #[test]
    fn a_chain_ends_with_its_first_and_authorities_with_their_last() {
        let days = ["2027-11-21", "2026-11-20"];
        assert_eq!(expiry(CertificateKey::PAIR, &days), Expiry::Past);
        assert_eq!(expiry(CertificateKey::AUTHORITY, &days), Expiry::Soon);
        let over = ["2026-11-19", "2026-11-20"];
        assert_eq!(expiry(CertificateKey::AUTHORITY, &over), Expiry::Past);
        let soon = ["2027-11-21", "2026-11-30"];
        assert_eq!(expiry(CertificateKey::AUTHORITY, &soon), Expiry::Soon);
    }
}
