//! What was observed, for a person: a block for each cluster; what several cannot have for one reason is told once.

mod certificates;
mod facts;
mod members;
mod unknown;

use super::super::style::{Paint, Sheet, TextStyle};
use super::super::words::{self, counted};
use crate::decide::View;
use crate::fleet::{ClusterId, ClusterSpec};
use crate::plan::Orphans;
use crate::state::{Evidence, Expiry, Observation, Reading};

/// What there is to show: a cluster that was read, or several that could not be for the same reason.
enum Block<'a> {
    Read(&'a View<'a>),
    Unread {
        ids: Vec<&'a ClusterId>,
        why: &'a str,
    },
}

/// One block per cluster: its members, and below them what else there is to know; and a closing line that is always there.
pub fn status_text(
    clusters: &[(&ClusterSpec, &Observation)],
    orphans: &Orphans,
    style: &TextStyle,
) -> String {
    let evidence = Evidence::default();
    let views: Vec<Result<View, (&ClusterId, &str)>> = clusters
        .iter()
        .map(|(spec, observed)| match &observed.kube {
            Reading::Known(kube) => Ok(View::new(spec, observed, kube, &evidence)),
            Reading::Unknown(why) => Err((&spec.id, why.as_str())),
        })
        .collect();
    let mut sheet = Sheet::new(style);
    let shared = unknown::shared(views.iter().flatten());
    for (at, one) in blocks(&views).iter().enumerate() {
        if at > 0 {
            sheet.blank();
        }
        match one {
            Block::Read(view) => block(&mut sheet, view, &shared, style),
            Block::Unread { ids, why } => unread(&mut sheet, ids, why),
        }
    }
    unknown::tell_shared(&mut sheet, &shared);
    strays(&mut sheet, clusters, orphans);
    if !clusters.is_empty() || !orphans.found.is_empty() {
        sheet.blank();
    }
    closing(&mut sheet, clusters, &views, orphans);
    sheet.finish()
}

/// In the order of the clusters, neighbours that share a reason as one.
fn blocks<'a>(views: &'a [Result<View<'a>, (&'a ClusterId, &'a str)>]) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block> = Vec::new();
    for view in views {
        match (view, blocks.last_mut()) {
            (Ok(view), _) => blocks.push(Block::Read(view)),
            (Err((id, why)), Some(Block::Unread { ids, why: last })) if last == why => {
                ids.push(id);
            }
            (Err((id, why)), _) => blocks.push(Block::Unread { ids: vec![id], why }),
        }
    }
    blocks
}

fn unread(sheet: &mut Sheet, ids: &[&ClusterId], why: &str) {
    let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let head = match names.as_slice() {
        [one] => one.clone(),
        several => counted(several.len(), "cluster"),
    };
    sheet.row(
        0,
        &[(Paint::Strong, &head, 0), (Paint::Bad, "unreadable", 0)],
    );
    if names.len() > 1 {
        sheet.prose(2, "", Paint::Strong, &names.join(", "));
    }
    sheet.prose(2, "not known: ", Paint::Bad, &format!("Kubernetes: {why}"));
}

/// What runs and is in no file.
fn strays(sheet: &mut Sheet, clusters: &[(&ClusterSpec, &Observation)], orphans: &Orphans) {
    for orphan in &orphans.found {
        sheet.blank();
        sheet.row(
            0,
            &[(Paint::Strong, &orphan.id, 0), (Paint::Bad, "orphan", 0)],
        );
        sheet.prose(2, "", Paint::Plain, &orphan.found());
    }
    // Where no cluster of a context can be read, they say why.
    let said = |context: &str| {
        let mut here = clusters.iter().filter(|(s, _)| s.id.context == context);
        here.any(|(_, observed)| observed.kube.known().is_none())
    };
    for (context, why) in orphans.unknown.iter().filter(|(c, _)| !said(c)) {
        sheet.blank();
        let text = format!("what else of this fleet runs in {context}: {why}");
        sheet.prose(0, "not known: ", Paint::Warn, &text);
    }
}

fn block(sheet: &mut Sheet, view: &View, shared: &unknown::Shared, style: &TextStyle) {
    let (health, text) = Health::told(view);
    let mut head = vec![
        (Paint::Strong, view.spec.id.to_string(), 0),
        (health.paint(), text, 0),
    ];
    if view.spec.suspend {
        head.push((Paint::Warn, "suspended in Git".to_owned(), 0));
    }
    let head: Vec<_> = head.iter().map(|(p, t, w)| (*p, t.as_str(), *w)).collect();
    sheet.row(0, &head);
    members::members(sheet, view, style);
    facts::troubles(sheet, view);
    unknown::tell(sheet, view, shared);
    facts::actors(sheet, view);
    certificates::tell(sheet, view);
    facts::kept(sheet, view);
    facts::lock(sheet, view);
    facts::last_act(sheet, view);
}

/// How a cluster is, in the order in which it is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    Healthy,
    /// It serves, and something is wrong with it.
    Degraded,
    NotBorn,
    WithoutQuorum,
    Unreadable,
}

impl Health {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Healthy, "healthy"),
        (Self::Degraded, "degraded"),
        (Self::WithoutQuorum, "without a quorum"),
        (Self::NotBorn, "not born"),
        (Self::Unreadable, "unreadable"),
    ];

    fn told(view: &View) -> (Self, String) {
        if view.membership().is_none() {
            return if view.is_born() {
                (Self::WithoutQuorum, "member list not known".to_owned())
            } else {
                (Self::NotBorn, "not born".to_owned())
            };
        }
        let (voters, healthy) = (view.voter_count(), view.healthy_count());
        let tolerance = view.tolerance();
        let survives = if tolerance < 0 {
            "no quorum".to_owned()
        } else {
            format!("tolerates {tolerance}")
        };
        let text = format!(
            "{healthy} of {} healthy, {survives}",
            counted(voters, "voter")
        );
        let health = if tolerance < 0 {
            Self::WithoutQuorum
        } else if healthy < voters || facts::is_troubled(view) {
            Self::Degraded
        } else {
            Self::Healthy
        };
        (health, text)
    }

    const fn paint(self) -> Paint {
        match self {
            Self::Healthy => Paint::Good,
            Self::Degraded => Paint::Warn,
            Self::NotBorn => Paint::Plain,
            Self::WithoutQuorum | Self::Unreadable => Paint::Bad,
        }
    }
}

/// `3 clusters: 2 healthy, 1 degraded · 1 certificate expires within 30 days · as of …`.
fn closing(
    sheet: &mut Sheet,
    clusters: &[(&ClusterSpec, &Observation)],
    views: &[Result<View, (&ClusterId, &str)>],
    orphans: &Orphans,
) {
    let health = |view: &Result<View, _>| match view {
        Ok(view) => Health::told(view).0,
        Err(_) => Health::Unreadable,
    };
    let all: Vec<Health> = views.iter().map(health).collect();
    let words = Health::ALL.iter().filter_map(|(health, word)| {
        let count = all.iter().filter(|h| *h == health).count();
        (count > 0).then(|| format!("{count} {word}"))
    });
    let words = words.collect::<Vec<_>>().join(", ");
    let colon = if words.is_empty() { "" } else { ": " };
    let mut parts = vec![format!("{}{colon}{words}", counted(views.len(), "cluster"))];
    if !orphans.found.is_empty() {
        parts.push(counted(orphans.found.len(), "orphan"));
    }
    let expiry = certificates::count(views.iter().flatten());
    for (which, one, many) in [
        (Expiry::Past, "has expired", "have expired"),
        (
            Expiry::Soon,
            "expires within 30 days",
            "expire within 30 days",
        ),
    ] {
        let count = expiry.iter().filter(|e| **e == which).count();
        if count > 0 {
            let verb = if count == 1 { one } else { many };
            parts.push(format!("{} {verb}", counted(count, "certificate")));
        }
    }
    if let Some(at) = clusters.iter().map(|(_, observed)| observed.at).max() {
        parts.push(format!("as of {}", words::whole_seconds(at)));
    }
    let worst = all.iter().max().copied().unwrap_or(Health::Healthy);
    let certificates = expiry.iter().max().copied().unwrap_or(Expiry::Far);
    let paint = match (worst, certificates) {
        (Health::Healthy | Health::NotBorn, Expiry::Far) if orphans.found.is_empty() => Paint::Good,
        _ => Paint::Strong,
    };
    sheet.prose(0, "", paint, &parts.join(" · "));
}
