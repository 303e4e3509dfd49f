//! What could not be had, and why; nothing of it is ever taken for absent.

use std::collections::BTreeMap;

use super::super::super::style::{Paint, Sheet};
use super::members;
use crate::decide::View;
use crate::fleet::Ordinal;
use crate::state::{CertificateKey, Reading};

/// What is not known for a reason that its whole context has: (context, what, why), where more than one cluster has it.
pub(super) struct Shared(Vec<Gap>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Gap {
    context: String,
    what: String,
    why: String,
}

/// Gaps of several clusters of one context in what that context has once.
pub(super) fn shared<'a>(views: impl Iterator<Item = &'a View<'a>>) -> Shared {
    let mut counted: BTreeMap<Gap, usize> = BTreeMap::new();
    for gap in views.flat_map(of_context) {
        *counted.entry(gap).or_default() += 1;
    }
    let several = counted.into_iter().filter(|(_, count)| *count > 1);
    Shared(several.map(|(gap, _)| gap).collect())
}

pub(super) fn tell_shared(sheet: &mut Sheet, shared: &Shared) {
    for Gap { context, what, why } in &shared.0 {
        sheet.blank();
        let label = format!("not known in {context}: ");
        sheet.prose(0, &label, Paint::Warn, &format!("{what}: {why}"));
    }
}

pub(super) fn tell(sheet: &mut Sheet, view: &View, shared: &Shared) {
    let own = of_context(view).filter(|gap| !shared.0.contains(gap));
    let own = own.map(|gap| (gap.what, gap.why));
    for (what, why) in by_reason(of_members(view).into_iter().chain(own)) {
        sheet.prose(2, "not known: ", Paint::Warn, &format!("{what}: {why}"));
    }
}

/// What is read once for all clusters of a context.
fn of_context(view: &View) -> impl Iterator<Item = Gap> {
    let kube = view.kube;
    let readings = [
        ("released volumes", kube.released_volumes.why_unknown()),
        ("nodes", kube.nodes.why_unknown()),
        ("storage classes", kube.storage_classes.why_unknown()),
    ];
    let context = view.spec.id.context.clone();
    readings.into_iter().filter_map(move |(what, why)| {
        Some(Gap {
            context: context.clone(),
            what: what.to_owned(),
            why: why?.to_owned(),
        })
    })
}

fn of_members(view: &View) -> Vec<(String, String)> {
    let etcd = &view.observed.etcd;
    let mut gaps: Vec<(String, String)> = Vec::new();
    // Before its birth nobody is there to ask.
    let expected = view.is_born() || !view.kube.pods.is_empty();
    let readings = [
        ("member list", etcd.membership.why_unknown()),
        ("alarms", etcd.alarms.why_unknown()),
    ];
    for (what, why) in readings.into_iter().filter(|_| expected) {
        gaps.extend(why.map(|why| (what.to_owned(), why.to_owned())));
    }
    let mut silent: BTreeMap<&str, Vec<Ordinal>> = BTreeMap::new();
    for (ordinal, status) in &etcd.statuses {
        if let Reading::Unknown(why) = status {
            silent.entry(why).or_default().push(*ordinal);
        }
    }
    for (why, ordinals) in silent {
        let what = format!("status of {}", members::names(view, &ordinals));
        gaps.push((what, why.to_owned()));
    }
    let recorded = |named: &CertificateKey| {
        let secret = view.kube.certificates.get(&named.secret);
        secret.is_some_and(|keys| keys.contains_key(named.key))
    };
    let there = |named: &CertificateKey| {
        let keys = view.kube.secrets.get(&named.secret);
        keys.is_some_and(|keys| keys.as_ref().is_some_and(|keys| keys.contains(named.key)))
    };
    if CertificateKey::of_spec(view.spec)
        .keys()
        .any(|named| there(named) && !recorded(named))
    {
        let what = "expiry of its certificates";
        gaps.push((what.to_owned(), "not recorded".to_owned()));
    }
    gaps
}

/// One line for each reason, in the order in which it is met first.
fn by_reason(gaps: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut told: Vec<(String, String)> = Vec::new();
    for (what, why) in gaps {
        match told.iter_mut().find(|(_, said)| *said == why) {
            Some((all, _)) => *all = format!("{all}, {what}"),
            None => told.push((what, why)),
        }
    }
    told
}
