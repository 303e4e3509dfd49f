//! The name of a snapshot tells what a list must know.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use crate::state::MemberId;

/// `<taken>-<revision>-<etcd cluster ID>`, as in `20261121T184003.250Z-00000000000004d2-cdf818194e3a8c32`.
///
/// The time has milliseconds, both numbers are sixteen hexadecimal digits: names sort by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stem {
    pub taken: Timestamp,
    pub revision: i64,
    pub cluster_id: MemberId,
}

const TIME: &str = "%Y%m%dT%H%M%S";

impl Stem {
    /// Names have milliseconds and no more.
    pub fn new(taken: Timestamp, revision: i64, cluster_id: MemberId) -> Self {
        let taken = Timestamp::from_millisecond(taken.as_millisecond()).unwrap_or(taken);
        Self {
            taken,
            revision,
            cluster_id,
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (time, revision, cluster) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || revision.len() != 16 || cluster.len() != 16 {
            return None;
        }
        let (seconds, milliseconds) = time.strip_suffix('Z')?.split_once('.')?;
        let whole = jiff::civil::DateTime::strptime(TIME, seconds).ok()?;
        let whole = whole.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        let milliseconds: i64 = milliseconds.parse().ok()?;
        let stem = Self {
            taken: Timestamp::from_millisecond(whole.as_millisecond() + milliseconds).ok()?,
            revision: i64::try_from(u64::from_str_radix(revision, 16).ok()?).ok()?,
            cluster_id: MemberId(u64::from_str_radix(cluster, 16).ok()?),
        };
        // Only what we write ourselves is ours.
        (stem.to_string() == text).then_some(stem)
    }
}

impl std::fmt::Display for Stem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = self.taken.strftime(TIME);
        let milliseconds = self.taken.as_millisecond().rem_euclid(1000);
        write!(
            f,
            "{time}.{milliseconds:03}Z-{:016x}-{:016x}",
            self.revision, self.cluster_id.0
        )
    }
}

/// RFC 3339 with milliseconds.
pub(super) fn rfc3339(time: Timestamp) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    PRINTER.timestamp_to_string(&time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back() {
        let taken: Timestamp = "2026-11-21T18:40:03.250912Z".parse().expect("a time");
        let stem = Stem::new(taken, 1234, MemberId(0xcdf8_1819_4e3a_8c32));
        let text = "20261121T184003.250Z-00000000000004d2-cdf818194e3a8c32";
        assert_eq!(stem.to_string(), text);
        assert_eq!(Stem::parse(text), Some(stem));
        assert_eq!(rfc3339(stem.taken), "2026-11-21T18:40:03.250Z");
    }

    #[test]
    fn names_of_others_are_passed_over() {
        for text in [
            "",
            "snapshot",
            "20261121T184003Z-00000000000004d2-cdf818194e3a8c32",
            "20261121T184003.250Z-4d2-cdf818194e3a8c32",
            "20261121T184003.250Z-00000000000004D2-cdf818194e3a8c32",
            "20261121T184003.250Z-00000000000004d2-cdf818194e3a8c32-x",
            "20261321T184003.250Z-00000000000004d2-cdf818194e3a8c32",
            "20261121T184003.250Z-f0000000000004d2-cdf818194e3a8c32",
        ] {
            assert_eq!(Stem::parse(text), None, "{text}");
        }
    }
}
