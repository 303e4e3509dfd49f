//! etcd's settings as fields of the document.

use serde_json::{Map, Value, json};

use super::Finding;
use super::configuration::Configuration;
use super::mounts::Template;
use super::read::text;
use crate::fleet::{Quantity, config_value};

/// What the settings tell.
pub(super) struct Told {
    pub(super) etcd: Value,
    pub(super) tls: Value,
    /// The data directory.
    pub(super) data: String,
    pub(super) findings: Vec<Finding>,
}

/// Of one member's place or birth: what reconcile writes instead is told with what is left over.
const OF_ITS_OWN: [&str; 14] = [
    "name",
    "data-dir",
    "config-file",
    "listen-client-urls",
    "advertise-client-urls",
    "listen-peer-urls",
    "initial-advertise-peer-urls",
    "listen-metrics-urls",
    "initial-cluster",
    "initial-cluster-state",
    "initial-cluster-token",
    "client-transport-security",
    "peer-transport-security",
    "auto-compaction-mode",
];

/// What reconcile writes always; another value is a change.
const ALWAYS: [(&str, &str); 3] = [
    ("strict-reconfig-check", "true"),
    ("logger", "zap"),
    ("log-outputs", "stderr"),
];

pub(super) fn read(configuration: &Configuration, of: Template) -> Told {
    let settings = &configuration.settings;
    let (mut etcd, mut extra) = (Map::new(), Map::new());
    let mut findings = Vec::new();
    for (key, value) in settings {
        match field(key, value, settings.get("auto-compaction-mode")) {
            Known::Field(name, value) => drop(etcd.insert(name.to_owned(), value)),
            Known::Default => {}
            Known::Other => match passed(configuration, key, value) {
                Ok(value) => drop(extra.insert(key.clone(), value)),
                Err(why) => findings.push(Finding::new(
                    format!("etcd: {key}"),
                    text(value),
                    format!("not in the document: {why}"),
                )),
            },
        }
    }
    if !extra.is_empty() {
        etcd.insert("extra".into(), Value::Object(extra));
    }
    let mut tls = Map::new();
    for (listener, key) in [
        ("client", "client-transport-security"),
        ("peer", "peer-transport-security"),
    ] {
        if let Some(files) = settings.get(key)
            && let Some(secrets) = secrets(listener, files, of, &mut findings)
        {
            tls.insert(listener.to_owned(), secrets);
        }
    }
    let data = settings.get("data-dir").map(text);
    Told {
        etcd: Value::Object(etcd),
        tls: Value::Object(tls),
        data: data.unwrap_or_else(|| "/default.etcd".to_owned()),
        findings,
    }
}

enum Known {
    Field(&'static str, Value),
    /// Nothing to write.
    Default,
    Other,
}

fn field(key: &str, value: &Value, mode: Option<&Value>) -> Known {
    let said = text(value);
    let same = |(name, usual): &(&str, &str)| {
        let one = value.as_array().filter(|items| items.len() == 1);
        *name == key && one.map_or_else(|| said.clone(), |items| text(&items[0])) == *usual
    };
    if OF_ITS_OWN.contains(&key) || ALWAYS.iter().any(same) {
        return Known::Default;
    }
    let number = said.parse::<u64>();
    match (key, number) {
        // etcd's own default.
        ("quota-backend-bytes", Ok(0)) => Known::Default,
        ("quota-backend-bytes", Ok(bytes)) => Known::Field("quota", json!(quantity(bytes))),
        ("snapshot-count", Ok(count)) => Known::Field("snapshotCount", json!(count)),
        ("heartbeat-interval", Ok(ms)) => Known::Field("heartbeatInterval", duration(ms)),
        ("election-timeout", Ok(ms)) => Known::Field("electionTimeout", duration(ms)),
        ("auto-compaction-retention", _) => compaction(&said, mode),
        _ => Known::Other,
    }
}

/// A bare number is hours in the periodic mode.
fn compaction(retention: &str, mode: Option<&Value>) -> Known {
    let mode = mode.map_or_else(|| "periodic".to_owned(), text);
    let bare = retention.parse::<u64>();
    let retention = match (bare, mode.as_str()) {
        (Ok(0), _) => return Known::Default,
        (Ok(hours), "periodic") => format!("{hours}h"),
        _ => retention.to_owned(),
    };
    let value = json!({"mode": mode, "retention": retention});
    Known::Field("autoCompaction", value)
}

/// In the largest unit that divides it.
fn quantity(bytes: u64) -> String {
    let units = [("Gi", 1_u64 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    let unit = units.iter().find(|(_, unit)| bytes.is_multiple_of(*unit));
    let plain = || {
        Quantity::of_milli(u128::from(bytes) * 1000)
            .as_str()
            .to_owned()
    };
    unit.map_or_else(plain, |(name, unit)| format!("{}{name}", bytes / unit))
}

fn duration(ms: u64) -> Value {
    if ms >= 1000 && ms.is_multiple_of(1000) {
        json!(format!("{}s", ms / 1000))
    } else {
        json!(format!("{ms}ms"))
    }
}

/// Typed already in a file; a flag is text.
fn passed(configuration: &Configuration, key: &str, value: &Value) -> Result<Value, &'static str> {
    let said = text(value);
    if said.contains("$(") || said.contains("${") {
        return Err("its value is a variable's");
    }
    match (configuration.of_file, value) {
        (false, _) | (true, Value::String(_)) => config_value(key, &said),
        // Whether the key takes it is the document's own check.
        (true, _) => Ok(value.clone()),
    }
}

/// The Secrets that a listener's files are in.
fn secrets(
    listener: &str,
    files: &Value,
    of: Template,
    findings: &mut Vec<Finding>,
) -> Option<Value> {
    let secret_of = |file: &str| of.secret(files.get(file)?.as_str()?);
    let field = format!("tls.{listener}");
    let (Some((own, key)), Some((ca, ca_key))) =
        (secret_of("cert-file"), secret_of("trusted-ca-file"))
    else {
        findings.push(Finding::new(
            field,
            files.to_string(),
            "not in the document: reconcile takes a certificate and its authority from Secrets that are mounted, and the peers' and clients' certificates are asked for",
        ));
        return None;
    };
    for (found, expected) in [(key.as_str(), "tls.crt"), (ca_key.as_str(), "ca.crt")] {
        if found != expected {
            findings.push(Finding::new(
                field.clone(),
                format!("the file is the key {found:?} of its Secret"),
                format!("reconcile reads {expected:?}: the Secret has to hold that key as well"),
            ));
        }
    }
    if files.get("client-cert-auth").map(text).as_deref() != Some("true") {
        findings.push(Finding::new(
            field,
            "certificates are not asked for (client-cert-auth)",
            "changed with a restart: reconcile always asks for them",
        ));
    }
    Some(json!({"secretName": own, "caSecretName": ca}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_times_are_written_as_people_write_them() {
        assert_eq!(quantity(8 << 30), "8Gi");
        assert_eq!(quantity(3 << 19), "1536Ki");
        assert_eq!(quantity(8_000_000_001), "8000000001");
        assert_eq!(duration(1500), "1500ms");
        assert_eq!(duration(5000), "5s");
    }

    #[test]
    fn a_bare_retention_is_hours() {
        let told = |retention: &str, mode: Option<Value>| match compaction(retention, mode.as_ref())
        {
            Known::Field(_, value) => value["retention"].clone(),
            _ => Value::Null,
        };
        assert_eq!(told("2", None), "2h");
        assert_eq!(told("1000", Some(json!("revision"))), "1000");
        assert_eq!(told("5m", Some(json!("periodic"))), "5m");
        assert_eq!(told("0", None), Value::Null);
    }
}
