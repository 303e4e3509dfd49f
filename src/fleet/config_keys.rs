//! Keys of etcd's configuration file: name, type, the minors that know it, and which of them reconcile writes itself.
//!
//! Taken from the `json` tags of `embed.Config` (`server/embed/config.go`) in etcd 3.5.35, 3.6.16 and 3.7.3. etcd ignores
//! unknown keys of the file in silence and exits on a value of another type, so both are refused here.

use serde_json::Value;

/// A key of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConfigKey {
    pub(super) name: &'static str,
    pub(super) value: ValueType,
    /// First and last minor of etcd 3 that knows it, as far as we know minors.
    pub(super) minors: (u16, u16),
    /// Written by reconcile: identity, membership, addresses, volume, TLS, what has a field of its own, and what would
    /// give up durability.
    pub(super) ours: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    Text,
    Flag,
    Whole,
    /// The file knows no `10s`: Go's durations are whole nanoseconds in it.
    Nanoseconds,
    Texts,
    Mapping,
}

impl ValueType {
    pub(super) fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Whole | Self::Nanoseconds => value.is_u64() || value.is_i64(),
            Self::Texts => {
                let items = value.as_array();
                items.is_some_and(|items| items.iter().all(Value::is_string))
            }
            Self::Mapping => value.is_object(),
        }
    }

    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Flag => "`true` or `false`",
            Self::Whole => "a whole number",
            Self::Nanoseconds => "a whole number of nanoseconds",
            Self::Texts => "a list of texts",
            Self::Mapping => "a mapping",
        }
    }
}

/// The value that this key takes in the file, of a flag's or a variable's text; why not, where it takes none of it.
pub fn config_value(name: &str, text: &str) -> Result<Value, &'static str> {
    let Some(key) = config_key(name) else {
        return Err("no version of etcd known here has that key");
    };
    if key.ours {
        return Err("reconcile writes that key itself");
    }
    let value = match key.value {
        ValueType::Text => Some(Value::from(text)),
        ValueType::Flag => text.parse::<bool>().ok().map(Value::from),
        ValueType::Whole => text.parse::<i64>().ok().map(Value::from),
        ValueType::Nanoseconds => nanoseconds(text).map(Value::from),
        ValueType::Texts => Some(text.split(',').map(Value::from).collect()),
        ValueType::Mapping => None,
    };
    value.ok_or("that is no value of its type")
}

/// Go's spelling of a duration, as in `1m30s`.
fn nanoseconds(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 6] = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let (mut rest, mut sum) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit());
        let unit = &rest[..end.unwrap_or(rest.len())];
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.checked_mul(*factor)?)?;
        rest = &rest[unit.len()..];
    }
    (!text.is_empty()).then_some(sum)
}

pub(super) fn config_key(name: &str) -> Option<&'static ConfigKey> {
    KEYS.iter().find(|key| key.name == name)
}

pub(super) fn keys_of(minor: u16) -> impl Iterator<Item = &'static str> {
    let known = KEYS.iter().filter(move |key| !key.ours && key.is_in(minor));
    known.map(|key| key.name)
}

impl ConfigKey {
    pub(super) const fn is_in(&self, minor: u16) -> bool {
        self.minors.0 <= minor && minor <= self.minors.1
    }
}

const fn free(name: &'static str, value: ValueType, from: u16, to: u16) -> ConfigKey {
    ConfigKey {
        name,
        value,
        minors: (from, to),
        ours: false,
    }
}

const fn ours(name: &'static str, value: ValueType, from: u16, to: u16) -> ConfigKey {
    ConfigKey {
        ours: true,
        ..free(name, value, from, to)
    }
}

use ValueType::{Flag, Mapping, Nanoseconds, Text, Texts, Whole};

/// Sorted by name.
#[rustfmt::skip]
const KEYS: &[ConfigKey] = &[
    ours("advertise-client-urls", Text, 5, 7),
    free("auth-token", Text, 5, 7),
    free("auth-token-ttl", Whole, 5, 7),
    ours("auto-compaction-mode", Text, 5, 7),
    ours("auto-compaction-retention", Text, 5, 7),
    free("backend-batch-interval", Nanoseconds, 5, 7),
    free("backend-batch-limit", Whole, 5, 7),
    free("backend-bbolt-freelist-type", Text, 5, 7),
    free("bcrypt-cost", Whole, 5, 7),
    free("bootstrap-defrag-threshold-megabytes", Whole, 6, 7),
    free("cipher-suites", Texts, 5, 7),
    ours("client-transport-security", Mapping, 5, 7),
    free("compact-hash-check-time", Nanoseconds, 6, 7),
    free("compaction-batch-limit", Whole, 6, 7),
    free("compaction-sleep-interval", Nanoseconds, 6, 7),
    free("corrupt-check-time", Nanoseconds, 6, 7),
    free("cors", Text, 5, 7),
    ours("data-dir", Text, 5, 7),
    ours("discovery", Text, 5, 6),
    ours("discovery-config", Mapping, 6, 7),
    ours("discovery-proxy", Text, 5, 6),
    ours("discovery-srv", Text, 5, 7),
    ours("discovery-srv-name", Text, 5, 7),
    free("distributed-tracing-address", Text, 6, 7),
    free("distributed-tracing-instance-id", Text, 6, 7),
    free("distributed-tracing-sampling-rate", Whole, 6, 7),
    free("distributed-tracing-service-name", Text, 6, 7),
    free("downgrade-check-time", Nanoseconds, 6, 7),
    ours("election-timeout", Whole, 5, 7),
    free("enable-distributed-tracing", Flag, 6, 7),
    free("enable-grpc-gateway", Flag, 5, 7),
    free("enable-log-rotation", Flag, 5, 7),
    free("enable-pprof", Flag, 5, 7),
    ours("enable-v2", Flag, 5, 5),
    free("experimental-bootstrap-defrag-threshold-megabytes", Whole, 5, 6),
    free("experimental-compact-hash-check-enabled", Flag, 5, 6),
    free("experimental-compact-hash-check-time", Nanoseconds, 5, 6),
    free("experimental-compaction-batch-limit", Whole, 5, 6),
    free("experimental-compaction-sleep-interval", Nanoseconds, 5, 6),
    free("experimental-corrupt-check-time", Nanoseconds, 5, 6),
    free("experimental-distributed-tracing-address", Text, 5, 6),
    free("experimental-distributed-tracing-instance-id", Text, 5, 6),
    free("experimental-distributed-tracing-sampling-rate", Whole, 5, 6),
    free("experimental-distributed-tracing-service-name", Text, 5, 6),
    free("experimental-downgrade-check-time", Nanoseconds, 5, 6),
    free("experimental-enable-distributed-tracing", Flag, 5, 6),
    free("experimental-enable-lease-checkpoint", Flag, 5, 6),
    free("experimental-enable-lease-checkpoint-persist", Flag, 5, 6),
    ours("experimental-enable-v2v3", Text, 5, 5),
    free("experimental-initial-corrupt-check", Flag, 5, 6),
    free("experimental-memory-mlock", Flag, 5, 6),
    free("experimental-peer-skip-client-san-verification", Flag, 6, 6),
    free("experimental-snapshot-catch-up-entries", Whole, 5, 6),
    free("experimental-stop-grpc-service-on-defrag", Flag, 5, 6),
    free("experimental-txn-mode-write-with-shared-buffer", Flag, 5, 6),
    free("experimental-warning-apply-duration", Nanoseconds, 5, 6),
    free("experimental-warning-unary-request-duration", Nanoseconds, 6, 6),
    free("experimental-watch-progress-notify-interval", Nanoseconds, 5, 6),
    free("feature-gates", Text, 6, 7),
    ours("force-new-cluster", Flag, 5, 7),
    free("grpc-keepalive-interval", Nanoseconds, 5, 7),
    free("grpc-keepalive-min-time", Nanoseconds, 5, 7),
    free("grpc-keepalive-timeout", Nanoseconds, 5, 7),
    ours("heartbeat-interval", Whole, 5, 7),
    free("host-whitelist", Text, 5, 7),
    ours("initial-advertise-peer-urls", Text, 5, 7),
    ours("initial-cluster", Text, 5, 7),
    ours("initial-cluster-state", Text, 5, 7),
    ours("initial-cluster-token", Text, 5, 7),
    free("initial-election-tick-advance", Flag, 5, 7),
    ours("listen-client-http-urls", Text, 5, 7),
    ours("listen-client-urls", Text, 5, 7),
    ours("listen-metrics-urls", Text, 5, 7),
    ours("listen-peer-urls", Text, 5, 7),
    free("log-format", Text, 6, 7),
    free("log-level", Text, 5, 7),
    ours("log-outputs", Texts, 5, 7),
    free("log-rotation-config-json", Text, 5, 7),
    ours("logger", Text, 5, 7),
    free("max-concurrent-streams", Whole, 5, 7),
    ours("max-learners", Whole, 6, 7),
    free("max-request-bytes", Whole, 5, 7),
    free("max-snapshots", Whole, 5, 7),
    free("max-txn-ops", Whole, 5, 7),
    free("max-wals", Whole, 5, 7),
    free("memory-mlock", Flag, 6, 7),
    free("metrics", Text, 5, 7),
    ours("name", Text, 5, 7),
    ours("peer-transport-security", Mapping, 5, 7),
    free("pre-vote", Flag, 5, 7),
    ours("quota-backend-bytes", Whole, 5, 7),
    free("self-signed-cert-validity", Whole, 5, 7),
    free("snapshot-catchup-entries", Whole, 6, 7),
    ours("snapshot-count", Whole, 5, 7),
    free("socket-options", Mapping, 5, 7),
    ours("strict-reconfig-check", Flag, 5, 7),
    free("tls-max-version", Text, 5, 7),
    free("tls-min-version", Text, 5, 7),
    ours("unsafe-no-fsync", Flag, 5, 7),
    free("v2-deprecation", Text, 5, 7),
    ours("wal-dir", Text, 5, 7),
    free("warning-apply-duration", Nanoseconds, 6, 7),
    free("warning-unary-request-duration", Nanoseconds, 6, 7),
    free("watch-progress-notify-interval", Nanoseconds, 6, 7),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_unique() {
        assert!(KEYS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn minors_differ() {
        let known = |name| config_key(name).expect(name);
        assert!(!known("experimental-corrupt-check-time").is_in(7));
        assert!(known("corrupt-check-time").is_in(6) && !known("corrupt-check-time").is_in(5));
        assert!(known("initial-cluster").ours);
    }
}
