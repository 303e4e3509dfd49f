//! Texts of a certain form: the pattern in the schema, the wording where it does not match, the code, all in one place.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::diag::Code;

/// What a pattern stands for in a message.
pub(super) struct Shape {
    pub(super) pattern: &'static str,
    pub(super) code: Code,
    pub(super) expected: &'static str,
}

macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident [$($json_type:literal),+] $code:ident max $max:literal $expected:literal $pattern:literal)*) => {
        pub(super) const SHAPES: &[Shape] = &[$(Shape { pattern: $pattern, code: Code::$code, expected: $expected },)*];

        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
            #[serde(transparent)]
            pub(super) struct $name(pub(super) String);

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    scalar_text(deserializer).map(Self)
                }
            }

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({
                        "type": one_or_many(&[$($json_type),+]),
                        "pattern": $pattern,
                        "maxLength": $max,
                    })
                }
            }
        )*
    };
}

texts! {
    /// DNS-1123 label.
    Label ["string"] BadName max 63
        "at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit"
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
    /// DNS-1123 subdomain: names of most Kubernetes objects.
    Subdomain ["string"] BadName max 253
        "a Kubernetes object name: lower-case letters, digits, `-` and `.`"
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
    /// A DNS domain, without a dot at its ends.
    Domain ["string"] BadName max 253
        "a DNS domain like `cluster.local`"
        "^([a-z0-9]([-a-z0-9]*[a-z0-9])?\\.)*[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
    /// A Kubernetes label value.
    LabelValue ["string"] BadName max 63
        "a Kubernetes label value: at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit"
        "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
    /// A Kubernetes label key.
    LabelKey ["string"] BadName max 317
        "a Kubernetes label key like `topology.kubernetes.io/zone`"
        "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
    /// `<context>/<name>`.
    CanaryId ["string"] BadName max 127
        "a cluster as `<context>/<name>`"
        "^[^/]+/[^/]+$"
    /// A Kubernetes quantity.
    QuantityText ["string", "number"] BadQuantity max 64
        "a quantity like `16Gi`, `500M` or `300m`"
        "^[0-9]+(\\.[0-9]+)?([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$"
    /// A time span.
    Duration ["string"] BadDuration max 64
        "a duration with a unit, like `100ms` or `1s`"
        "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$"
    /// An etcd version.
    VersionText ["string"] BadVersion max 32
        "`major.minor.patch`, like `3.6.16`"
        "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)$"
    /// An image reference, maybe with `{version}` in it.
    ImageText ["string"] NotAllowed max 512
        "an image reference like `registry.example/etcd`, maybe with `{version}` in its tag"
        "^[a-z0-9]([-a-z0-9._:/]*[a-z0-9])?(:([A-Za-z0-9_.-]|\\{version\\})+)?(@sha256:[0-9a-f]{64})?$"
    /// An absolute path.
    DirectoryText ["string"] NotAllowed max 1024
        "an absolute path like `/var/backups/etcd`, without `.` and `..`"
        "^(/([^/.\\x00][^/\\x00]*|\\.[^/.\\x00][^/\\x00]*|\\.\\.[^/\\x00]+))+$"
    /// A bucket or container.
    Bucket ["string"] BadName max 63
        "a bucket's name: 3 to 63 lower-case letters, digits, `-`, `_` and `.`"
        "^[a-z0-9][-a-z0-9._]{1,61}[a-z0-9]$"
    /// What object names begin with.
    Prefix ["string"] NotAllowed max 512
        "parts of letters, digits, `-`, `_` and `.` with `/` between them, like `etcd/prod`"
        "^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"
    /// A cloud's region.
    Region ["string"] NotAllowed max 63
        "a region like `eu-central-1`"
        "^[a-z0-9]+(-[a-z0-9]+)*$"
    /// A server.
    Endpoint ["string"] NotAllowed max 512
        "a server like `https://minio.example:9000`, without user, query and fragment"
        "^https?://([A-Za-z0-9.-]+|\\[[0-9a-fA-F:]+\\])(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$"
    /// An Azure storage account.
    Account ["string"] BadName max 24
        "a storage account: 3 to 24 lower-case letters and digits"
        "^[a-z0-9]{3,24}$"
    /// A duration or a count.
    RetentionText ["string", "integer"] Retention max 64
        "a duration like `30m` (`mode: periodic`) or a count like `1000` (`mode: revision`)"
        "^([0-9]+|([0-9]+(\\.[0-9]+)?(ms|s|m|h))+)$"
}

fn one_or_many(types: &[&str]) -> Value {
    match types {
        [one] => Value::from(*one),
        many => Value::from(many),
    }
}

/// A string, or a number as the text it stands for.
fn scalar_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(serde::de::Error::custom(format!(
            "found {other}, expected a text"
        ))),
    }
}

impl Duration {
    /// Whole milliseconds, rounded down; `None` where there are more than fit.
    pub(super) fn milliseconds(&self) -> Option<u64> {
        let mut rest = self.0.as_str();
        let mut total = 0u64;
        while !rest.is_empty() {
            let number = rest.find(|c: char| c.is_ascii_alphabetic())?;
            let (digits, tail) = rest.split_at(number);
            let unit = tail
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(tail.len());
            let factor = match &tail[..unit] {
                "ms" => 1,
                "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            total = total.checked_add(scaled(digits, factor)?)?;
            rest = &tail[unit..];
        }
        Some(total)
    }
}

/// `digits[.digits]` times a factor, rounded down.
fn scaled(digits: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let fraction = &fraction[..fraction.len().min(9)];
    let scale = 10u64.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    whole.checked_add(fraction.checked_mul(factor)? / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_milliseconds() {
        let ms = |text: &str| Duration(text.to_owned()).milliseconds();
        assert_eq!(ms("100ms"), Some(100));
        assert_eq!(ms("1s"), Some(1000));
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms("0.25s"), Some(250));
        assert_eq!(ms("99999999999999999999h"), None);
    }
}
