//! etcd versions: `major.minor.patch`, ordered.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A released etcd version, as `etcd --version` prints it (no `v`, no suffix).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EtcdVersion {
    pub major: u16,
    pub minor: u16,
    pub patch: u16,
}

impl EtcdVersion {
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    pub const fn same_minor(self, other: Self) -> bool {
        self.major == other.major && self.minor == other.minor
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found version {found:?}, expected `major.minor.patch` like `3.6.16`")]
pub struct VersionError {
    pub found: String,
}

impl FromStr for EtcdVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| -> Option<u16> {
            let plain = part.bytes().all(|b| b.is_ascii_digit());
            let padded = part.len() > 1 && part.starts_with('0');
            if plain && !padded {
                part.parse().ok()
            } else {
                None
            }
        };
        let mut parts = text.split('.').map(number);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => {
                Ok(Self::new(major, minor, patch))
            }
            _ => Err(VersionError {
                found: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for EtcdVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl From<EtcdVersion> for String {
    fn from(version: EtcdVersion) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for EtcdVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_etcd_prints_and_nothing_else() {
        assert_eq!("3.6.16".parse(), Ok(EtcdVersion::new(3, 6, 16)));
        for bad in [
            "3.6",
            "v3.6.16",
            "3.6.16-rc.0",
            "3.06.1",
            "3.6.",
            "",
            "3.6.16.1",
            "3.6.+1",
        ] {
            assert!(bad.parse::<EtcdVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn orders_by_number_not_by_text() {
        assert!(EtcdVersion::new(3, 6, 9) < EtcdVersion::new(3, 6, 16));
    }
}
