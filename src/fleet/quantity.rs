//! Kubernetes quantities: `16Gi`, `300m`, `1e3`.
//!
//! Grammar: `apimachinery/pkg/api/resource/quantity.go`. Kept as written for the manifest, compared by value, since the
//! API server answers with its own canonical form (`1024Mi` comes back as `1Gi`).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A non-negative quantity, exact to a thousandth (`m`); finer suffixes round up as Kubernetes does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Quantity {
    text: Box<str>,
    milli: u128,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found quantity {found:?}, expected a number with an optional suffix like `16Gi`, `500M` or `300m`"
)]
pub struct QuantityError {
    pub found: String,
}

impl Quantity {
    /// The value in whole units (bytes for storage), rounded up.
    pub fn value(&self) -> u64 {
        u64::try_from(self.milli.div_ceil(1000)).unwrap_or(u64::MAX)
    }

    /// Of so many thousandths.
    pub fn of_milli(milli: u128) -> Self {
        let text = match milli % 1000 {
            0 => (milli / 1000).to_string(),
            _ => format!("{milli}m"),
        };
        Self {
            text: text.into(),
            milli,
        }
    }

    /// The value in thousandths.
    pub const fn milli(&self) -> u128 {
        self.milli
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.milli == other.milli
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.milli.cmp(&other.milli)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.text.into()
    }
}

impl TryFrom<String> for Quantity {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match parse_milli(&text) {
            Some(milli) => Ok(Self {
                text: text.into(),
                milli,
            }),
            None => Err(QuantityError { found: text }),
        }
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        String::from(text).try_into()
    }
}

/// `digits[.digits]suffix` in thousandths, rounded up; `None` when it does not parse or overflows.
fn parse_milli(text: &str) -> Option<u128> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 18 {
        return None;
    }
    let digits: u128 = match fraction {
        "" => whole.parse().ok()?,
        _ => [whole, fraction].concat().parse().ok()?,
    };
    let scale = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let (numerator, denominator) = multiplier(suffix)?;
    let scaled = digits.checked_mul(numerator)?.checked_mul(1000)?;
    Some(scaled.div_ceil(scale.checked_mul(denominator)?))
}

/// A suffix as a fraction: `m` is 1/1000, `Ki` 1024/1, `e3` 1000/1.
fn multiplier(suffix: &str) -> Option<(u128, u128)> {
    let binary = |power: u32| Some((1024u128.pow(power), 1));
    let decimal = |power: u32| Some((10u128.pow(power), 1));
    match suffix {
        "" => decimal(0),
        "n" => Some((1, 1_000_000_000)),
        "u" => Some((1, 1_000_000)),
        "m" => Some((1, 1000)),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10u128.checked_pow(exponent.unsigned_abs())?;
            Some(if exponent < 0 { (1, power) } else { (power, 1) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> u64 {
        text.parse::<Quantity>().expect(text).value()
    }

    #[test]
    fn reads_kubernetes_forms() {
        assert_eq!(value("16Gi"), 16 << 30);
        assert_eq!(value("1.5Gi"), 3 << 29);
        assert_eq!(value("500M"), 500_000_000);
        assert_eq!(value("1e3"), 1000);
        assert_eq!(value("300m"), 1, "rounded up, as Kubernetes does");
    }

    #[test]
    fn compares_by_value() {
        let q = |t: &str| t.parse::<Quantity>().expect(t);
        assert_eq!(q("1024Mi"), q("1Gi"));
        assert!(q("999m") < q("1"));
    }

    #[test]
    fn refuses_the_rest() {
        for bad in [
            "",
            "Gi",
            "-1Gi",
            "1.2.3",
            "1gi",
            "1 Gi",
            "one",
            "1e",
            "99999999999999999999999999999999999999Ei",
        ] {
            assert!(bad.parse::<Quantity>().is_err(), "{bad}");
        }
    }
}
