//! Why a pod or a claim does not come: what Kubernetes says of it in Events, and nowhere else.
//!
//! Asked only about seats that miss something, so a cluster at rest costs no request. Events are words for a reader: where
//! they may not be read nothing else is unknown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::api::Api;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{Claim, ClaimPhase, Obstacle, Pod, StatefulSet, Uid};

/// What was said longer ago is of another time. Kubernetes itself repeats less and less often, up to this.
const RECENT: SignedDuration = SignedDuration::from_mins(20);
/// An API server's sentence about a quota fits; a driver's stack trace need not.
const LONGEST: usize = 600;
/// Said while a driver has not answered: no refusal, and all there is where nobody serves the class.
const NO_ANSWER_YET: &str = "ExternalProvisioning";

/// What there is of one cluster.
pub(super) struct Found<'a> {
    pub(super) at: Timestamp,
    pub(super) set: Option<&'a StatefulSet>,
    pub(super) pods: &'a BTreeMap<Ordinal, Pod>,
    pub(super) claims: &'a BTreeMap<Ordinal, Claim>,
}

pub(super) async fn obstacles(
    api: &Api,
    spec: &ClusterSpec,
    found: &Found<'_>,
) -> BTreeMap<Ordinal, Obstacle> {
    let Some(set) = found.set else {
        return BTreeMap::new();
    };
    let mut obstacles = BTreeMap::new();
    let mut of_set = None;
    // The StatefulSet makes nothing for a member that is stopped to be copied, and its new claim may still not come.
    let waits = |(_, claim): &(&Ordinal, &Claim)| claim.phase == ClaimPhase::Pending;
    let copied_to = found.claims.iter().filter(waits).map(|(o, _)| *o);
    let seats: BTreeSet<Ordinal> = (0..set.replicas).map(Ordinal).chain(copied_to).collect();
    for ordinal in seats {
        let claim = found.claims.get(&ordinal);
        let said = match claim {
            Some(claim) if claim.phase == ClaimPhase::Pending => {
                let name = spec.claim_name(ordinal);
                let events = events(api, spec, "PersistentVolumeClaim", &name, &claim.uid).await;
                last(&events, found.at, |_| true)
            }
            Some(_) if found.pods.contains_key(&ordinal) => None,
            _ => {
                if of_set.is_none() {
                    let read = events(api, spec, "StatefulSet", &spec.name, &set.uid).await;
                    of_set = Some(read);
                }
                let names = [spec.claim_name(ordinal), spec.pod_name(ordinal)];
                let about = |said: &str| {
                    let mut words = said.split(|c: char| c.is_whitespace() || c == '"');
                    words.any(|word| names.iter().any(|name| name == word))
                };
                last(of_set.as_deref().unwrap_or_default(), found.at, about)
            }
        };
        obstacles.extend(said.map(|said| (ordinal, said)));
    }
    obstacles
}

/// Those about this incarnation of an object.
async fn events(api: &Api, spec: &ClusterSpec, kind: &str, name: &str, uid: &Uid) -> Vec<Value> {
    let fields = format!("involvedObject.kind={kind},involvedObject.name={name}");
    let read = api.events(&spec.namespace, &fields).await;
    let mut events = read.unwrap_or_else(|error| {
        tracing::debug!(%error, "events are not read");
        Vec::new()
    });
    events.retain(|event| text(event, "/involvedObject/uid") == uid.0);
    events
}

/// The last that says why; a refusal before everything else.
fn last(events: &[Value], now: Timestamp, about: impl Fn(&str) -> bool) -> Option<Obstacle> {
    let all = events.iter().filter_map(|event| {
        let refused = text(event, "/type") == "Warning";
        let reason = text(event, "/reason");
        let message = text(event, "/message");
        let at = instant(event)?;
        let tells = refused || reason == NO_ANSWER_YET;
        let recent = now.duration_since(at) < RECENT;
        (tells && recent && about(message)).then(|| Obstacle {
            said: format!("{reason}: {}", shortened(message)),
            at,
            refused,
        })
    });
    all.max_by_key(|obstacle| (obstacle.refused, obstacle.at))
}

fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    let found = event.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// When it was last said: an old and a new kind of event tell it in different places.
fn instant(event: &Value) -> Option<Timestamp> {
    let places = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ];
    places.iter().find_map(|at| text(event, at).parse().ok())
}

fn shortened(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
