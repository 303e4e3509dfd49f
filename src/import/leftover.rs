//! What runs otherwise than the document would have it, and what no document holds.

use serde_json::Value;

use super::mounts::Template;
use super::read::{client_service, named, text};
use super::{Finding, Running, configuration};
use crate::fleet::pointer::escaped;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::manifest::{
    self, CONTENT_ANNOTATION, CONTEXT_LABEL, Difference, FLEET_LABEL, LiveInputs,
    SETTINGS_ANNOTATION, member_file,
};
use crate::state::{Content, ObjectKind};

/// Lists whose elements have names.
const KEYED: [(&str, &str); 7] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("ports", "name"),
    ("imagePullSecrets", "name"),
    ("volumeMounts", "mountPath"),
];

/// What the API server fills in, or keeps for itself.
const FILLED_IN: [(&str, &str); 22] = [
    ("apiVersion", ""),
    ("creationTimestamp", ""),
    ("defaultMode", "420"),
    ("dnsPolicy", "ClusterFirst"),
    ("failureThreshold", "3"),
    ("initialDelaySeconds", "0"),
    ("kind", ""),
    ("minReadySeconds", "0"),
    ("periodSeconds", "10"),
    ("protocol", "TCP"),
    ("restartPolicy", "Always"),
    ("revisionHistoryLimit", "10"),
    ("rollingUpdate", ""),
    ("schedulerName", "default-scheduler"),
    ("scheme", "HTTP"),
    ("serviceAccount", ""),
    ("status", ""),
    ("successThreshold", "1"),
    ("terminationMessagePath", "/dev/termination-log"),
    ("timeoutSeconds", "1"),
    ("volumeMode", "Filesystem"),
    ("terminationGracePeriodSeconds", "30"),
];

/// Keys of a member's file that say where it is and how it is reached.
const ADDRESSES: [&str; 6] = [
    "data-dir",
    "listen-client-urls",
    "advertise-client-urls",
    "listen-peer-urls",
    "initial-advertise-peer-urls",
    "listen-metrics-urls",
];

const LONGEST: usize = 160;

pub(super) fn findings(running: &Running, spec: &ClusterSpec) -> Vec<Finding> {
    let rendered = manifest::object(ObjectKind::StatefulSet, spec, &LiveInputs::steady(spec));
    let (wanted, live) = (&rendered.body["spec"], &running.stateful_set["spec"]);
    let mut found = Vec::new();
    let there = Content::of(&running.stateful_set);
    for difference in manifest::differences(rendered.body.spot(), there.spot()) {
        let Some(pointer) = difference.pointer.strip_prefix("/spec") else {
            continue;
        };
        if !is_owners(pointer) {
            found.extend(differing(running, pointer, &difference));
        }
    }
    let mut beside = Vec::new();
    besides(Some(wanted), live, "", &mut beside);
    // Of what is made by hand: told already, where they are left out of the document.
    let is_told = |f: &Finding| {
        running.owner().is_none()
            && f.field
                .starts_with("StatefulSet /spec/template/metadata/labels/")
    };
    found.extend(beside.into_iter().filter(|f| !is_told(f)));
    found.extend(addresses(running, spec));
    found.extend(services(running, spec));
    found
}

/// Nothing becomes of what reconcile did not make: there it is told what a cluster of reconcile's has instead, and what
/// it has besides is no fact of what runs.
fn differing(running: &Running, pointer: &str, difference: &Difference) -> Option<Finding> {
    let desired = difference.desired.as_ref();
    let desired = desired.map_or_else(|| "nothing".to_owned(), short);
    let (live, then) = match (&difference.live, running.owner()) {
        (None, None) => return None,
        (Some(live), None) => (
            short(live),
            format!("a cluster of reconcile's has {desired}"),
        ),
        (live, Some(_)) => (
            live.as_ref().map_or_else(|| "(none)".to_owned(), short),
            format!("reconcile writes {desired}: {}", consequence(pointer)),
        ),
    };
    let field = format!("StatefulSet /spec{pointer}");
    Some(Finding::new(field, live, then))
}

/// What an adoption moves by itself.
fn is_owners(pointer: &str) -> bool {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    let own = [
        CONTENT_ANNOTATION,
        CONTEXT_LABEL,
        FLEET_LABEL,
        SETTINGS_ANNOTATION,
    ];
    own.iter().any(|name| escaped(name) == last)
}

fn consequence(pointer: &str) -> &'static str {
    let fixed = [
        "/selector",
        "/serviceName",
        "/podManagementPolicy",
        "/volumeClaimTemplates",
    ];
    if pointer.starts_with("/template/") {
        "a restart of each member"
    } else if fixed.iter().any(|field| pointer.starts_with(field)) {
        "it cannot change on a StatefulSet that is there, and is refused"
    } else {
        "changed in place, nothing restarts"
    }
}

fn short(value: &Value) -> String {
    let said = text(value);
    if said.chars().count() <= LONGEST {
        return said;
    }
    let start: String = said.chars().take(LONGEST).collect();
    format!("{start}…")
}

/// Fields of the live object that no rendered one has. A variable's value may be a secret, and is not shown.
fn besides(wanted: Option<&Value>, live: &Value, at: &str, found: &mut Vec<Finding>) {
    let (Some(wanted), Value::Object(map)) = (wanted, live) else {
        return;
    };
    for (name, value) in map {
        let pointer = format!("{at}/{}", escaped(name));
        match (wanted.get(name), value) {
            // Ours as a whole, and compared as such.
            (None, _) if at.ends_with("/matchLabels") || at.ends_with("/nodeSelector") => {}
            (None, value) if is_filled_in(name, value) => {}
            (None, Value::Array(items)) if keys(name).is_some() => {
                for item in items {
                    unheld(name, item, &pointer, found);
                }
            }
            (None, value) => unheld(name, value, &pointer, found),
            (Some(Value::Array(wanted)), Value::Array(items)) if !items.is_empty() => {
                elements(name, wanted, items, &pointer, found);
            }
            (wanted, value) => besides(wanted, value, &pointer, found),
        }
    }
}

fn keys(list: &str) -> Option<&'static str> {
    KEYED
        .iter()
        .find(|(name, _)| *name == list)
        .map(|(_, key)| *key)
}

fn elements(
    name: &str,
    wanted: &[Value],
    items: &[Value],
    pointer: &str,
    found: &mut Vec<Finding>,
) {
    for (index, item) in items.iter().enumerate() {
        let at = format!("{pointer}/{index}");
        let twin = match keys(name) {
            Some(key) => wanted.iter().find(|other| other[key] == item[key]),
            // One value as a whole, which is compared as such, or claim templates.
            None => wanted.get(index),
        };
        match twin {
            Some(twin) => besides(Some(twin), item, &at, found),
            None if keys(name).is_some() => unheld(name, item, pointer, found),
            None => {}
        }
    }
}

fn unheld(name: &str, value: &Value, pointer: &str, found: &mut Vec<Finding>) {
    // Those of etcd are among its settings.
    let called = value["name"].as_str().unwrap_or_default();
    if name == "env" && called.starts_with("ETCD_") {
        return;
    }
    let image = || value["image"].as_str().unwrap_or_default();
    let live = match name {
        "env" => format!("the variable {called}"),
        // Its variables may be secrets too.
        "containers" | "initContainers" => format!("{called} (image {})", image()),
        _ => short(value),
    };
    let then = "no field of a document holds it: reconcile neither writes it nor takes it away";
    found.push(Finding::new(
        format!("StatefulSet /spec{pointer}"),
        live,
        then,
    ));
}

fn is_filled_in(name: &str, value: &Value) -> bool {
    let nothing = match value {
        Value::Null | Value::Bool(false) => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let usual = |(field, usual): &(&str, &str)| {
        *field == name && (usual.is_empty() || text(value) == *usual)
    };
    nothing || FILLED_IN.iter().any(usual)
}

/// Where member 0 keeps its data and is reached, as far as it says so.
fn addresses(running: &Running, spec: &ClusterSpec) -> Vec<Finding> {
    let Some(of) = Template::of(&running.stateful_set) else {
        return Vec::new();
    };
    let live = configuration::read(running, of).settings;
    let ours = member_file::poisoned(spec, Ordinal(0));
    let ours: Value = serde_saphyr::from_str(&ours).unwrap_or_default();
    let differs = |key: &&str| live.get(*key).is_some_and(|live| *live != ours[*key]);
    let one = |key: &str| {
        let then = match key {
            "initial-advertise-peer-urls" => "members are listed under it for ever: members under other names are refused (foreign-member)".to_owned(),
            _ if running.owner().is_none() => {
                format!("a cluster of reconcile's has {}", text(&ours[key]))
            }
            _ => format!("reconcile writes {}: a restart of each member", text(&ours[key])),
        };
        Finding::new(format!("etcd: {key}"), text(&live[key]), then)
    };
    ADDRESSES.into_iter().filter(differs).map(one).collect()
}

fn services(running: &Running, spec: &ClusterSpec) -> Vec<Finding> {
    let wanted = [spec.peer_service(), spec.client_service()];
    let other = |service: &&Value| !wanted.iter().any(|name| *name == named(service));
    let client = client_service(running).map(named);
    let one = |service: &Value| {
        let name = named(service);
        let clients = if Some(name) == client {
            ", which clients use by its name"
        } else {
            ""
        };
        let beside = found_beside(running, service, spec);
        Finding::new(
            format!("Service {name}"),
            format!("it finds the members{clients}"),
            format!(
                "it stays as it is; reconcile's own are {} and {}{beside}",
                wanted[0], wanted[1]
            ),
        )
    };
    running.services.iter().filter(other).map(one).collect()
}

/// What a Service of the old cluster would find of a cluster that is made beside it.
fn found_beside(running: &Running, service: &Value, spec: &ClusterSpec) -> String {
    const INSTANCE: &str = "app.kubernetes.io/instance";
    let ours = manifest::object_labels(spec);
    let selector = service.pointer("/spec/selector").and_then(Value::as_object);
    let selects = |(label, value): (&String, &Value)| {
        label == INSTANCE || ours.get(label).is_some_and(|own| value == own)
    };
    let Some(selector) = selector.filter(|s| running.owner().is_none() && s.iter().all(selects))
    else {
        return String::new();
    };
    let which = selector.get(INSTANCE).map_or_else(String::new, |instance| {
        format!(" with backend.statefulSet.name {}", text(instance))
    });
    format!(
        "; give it another selector before a new cluster{which} is made beside it, or its clients are led to both"
    )
}
