//! When certificates expire.

use jiff::Timestamp;

use super::super::super::style::{Paint, Sheet};
use super::super::super::words;
use crate::decide::View;
use crate::state::{CertificateKey, CertificateUse, Expiry, Kube, Reading};

/// What is known of one key.
enum Found<'k> {
    Expires(Expiry, &'k [Timestamp]),
    Unknown(&'k str),
    /// The Secret, or the key in it, is not there.
    Absent(&'static str),
}

/// Those that need somebody each on a line, of the others the first to expire.
pub(super) fn tell(sheet: &mut Sheet, view: &View) {
    let now = view.now();
    let mut good: Vec<(Timestamp, String)> = Vec::new();
    for (key, uses) in CertificateKey::of_spec(view.spec) {
        let name = name(&key, &uses);
        let (paint, text) = match find(view.kube, &key, now) {
            None => continue,
            Some(Found::Expires(Expiry::Far, all)) => {
                good.extend(all.iter().min().map(|first| (*first, name)));
                continue;
            }
            Some(Found::Expires(Expiry::Soon, all)) => (Paint::Warn, first_end(now, all)),
            Some(Found::Expires(Expiry::Past, all)) => (Paint::Bad, first_end(now, all)),
            Some(Found::Unknown(why)) => (Paint::Warn, format!("expiry not known: {why}")),
            Some(Found::Absent(what)) => (Paint::Bad, what.to_owned()),
        };
        sheet.prose(2, "certificate: ", paint, &format!("{name}: {text}"));
    }
    good.sort();
    let Some((first, name)) = good.first() else {
        return;
    };
    let end = first_end(now, &[*first]);
    if good.len() == 1 {
        sheet.prose(2, "certificate: ", Paint::Plain, &format!("{name}: {end}"));
    } else {
        let text = format!("{} are good; first of them {name}: {end}", good.len());
        sheet.prose(2, "certificates: ", Paint::Plain, &text);
    }
}

/// Of each key that was read.
pub(super) fn count<'a>(views: impl Iterator<Item = &'a View<'a>>) -> Vec<Expiry> {
    let of_view = |view: &'a View<'a>| {
        let keys = CertificateKey::of_spec(view.spec).into_keys();
        keys.filter_map(|key| match find(view.kube, &key, view.now())? {
            Found::Expires(expiry, _) => Some(expiry),
            Found::Unknown(_) | Found::Absent(_) => None,
        })
    };
    views.flat_map(of_view).collect()
}

/// `None`: it was not recorded.
fn find<'k>(kube: &'k Kube, key: &CertificateKey, now: Timestamp) -> Option<Found<'k>> {
    let recorded = kube.certificates.get(&key.secret);
    match recorded.and_then(|keys| keys.get(key.key)) {
        Some(Reading::Known(all)) => Some(Found::Expires(Expiry::of(now, key, all), all)),
        Some(Reading::Unknown(why)) => Some(Found::Unknown(why)),
        None => match kube.secrets.get(&key.secret)? {
            None => Some(Found::Absent("the Secret does not exist")),
            Some(keys) if !keys.contains(key.key) => {
                Some(Found::Absent("the Secret has no such key"))
            }
            Some(_) => None,
        },
    }
}

/// `tls.crt of orders-tls (client, peer)`.
fn name(key: &CertificateKey, uses: &[CertificateUse]) -> String {
    let uses: Vec<&str> = uses.iter().map(|what| word(*what)).collect();
    format!("{} of {} ({})", key.key, key.secret, uses.join(", "))
}

const fn word(what: CertificateUse) -> &'static str {
    match what {
        CertificateUse::Client => "client",
        CertificateUse::ClientAuthority => "client CA",
        CertificateUse::Peer => "peer",
        CertificateUse::PeerAuthority => "peer CA",
        CertificateUse::Access => "access",
    }
}

/// `expires in 12 d, 2026-12-03T00:00:00Z`.
fn first_end(now: Timestamp, all: &[Timestamp]) -> String {
    let Some(first) = all.iter().min() else {
        return String::new();
    };
    let which = match all.len() {
        1 => String::new(),
        several => format!("the first of {several} "),
    };
    let left = first.duration_since(now);
    if left.is_positive() {
        format!("{which}expires in {}, {first}", words::rough(left))
    } else {
        format!("{which}expired {} ago, {first}", words::rough(-left))
    }
}
