//! Versions that may be asked for, and the image that must agree with them.

use super::super::EtcdVersion;
use super::super::build::{image, tag};
use super::super::draft::Draft;
use crate::diag::Code;

/// Minors of etcd 3 whose procedures we know.
const MINORS: std::ops::RangeInclusive<u16> = 5..=7;

/// The first patch of a minor without a certain bug.
struct Floor {
    minor: u16,
    patch: u16,
    code: Code,
    why: &'static str,
}

/// From the upstream changelogs and issues; worst first within a minor. One that concerns a version is enough to tell.
const FLOORS: &[Floor] = &[
    Floor {
        minor: 5,
        patch: 3,
        code: Code::KnownBug,
        why: "members may silently diverge after a crash (etcd-io/etcd#13766)",
    },
    Floor {
        minor: 5,
        patch: 24,
        code: Code::KnownBug,
        why: "a promoted learner may be stored as a learner still (etcd-io/etcd#19557, #20793)",
    },
    Floor {
        minor: 5,
        patch: 26,
        code: Code::KnownBug,
        why: "removed members may come back when 3.6 is installed (etcd-io/etcd#20967)",
    },
    Floor {
        minor: 6,
        patch: 4,
        code: Code::KnownBug,
        why: "members panic at restart after others were removed and added again (etcd-io/etcd#20340)",
    },
    Floor {
        minor: 6,
        patch: 5,
        code: Code::KnownBug,
        why: "a snapshot received while defragmenting corrupts the database",
    },
    Floor {
        minor: 6,
        patch: 6,
        code: Code::KnownBug,
        why: "`force-new-cluster` is broken and promotion through a follower fails with authentication on",
    },
    Floor {
        minor: 5,
        patch: 33,
        code: Code::SecurityFix,
        why: "watches may leak keys past role checks, and a TLS handshake can block the server",
    },
    Floor {
        minor: 6,
        patch: 14,
        code: Code::SecurityFix,
        why: "watches may leak keys past role checks, and a TLS handshake can block the server",
    },
    Floor {
        minor: 7,
        patch: 1,
        code: Code::SecurityFix,
        why: "watches may leak keys past role checks, and a TLS handshake can block the server",
    },
];

const AT: &str = "/spec/version";

pub(super) fn supported(draft: &mut Draft<'_>) {
    let Some(version) = draft.version.filter(|version| !is_supported(*version)) else {
        return;
    };
    let message = format!("etcd {version} is not supported");
    let remark = "reconcile knows 3.5, 3.6 and 3.7";
    draft.report(Code::UnsupportedVersion, AT, message, remark);
}

const fn is_supported(version: EtcdVersion) -> bool {
    version.major == 3 && *MINORS.start() <= version.minor && version.minor <= *MINORS.end()
}

pub(super) fn known_bugs(draft: &mut Draft<'_>) {
    let Some(version) = draft.version.filter(|version| is_supported(*version)) else {
        return;
    };
    let concerns = |floor: &&Floor| floor.minor == version.minor && version.patch < floor.patch;
    let Some(worst) = FLOORS.iter().find(concerns) else {
        return;
    };
    let same_kind = FLOORS.iter().filter(|floor| floor.code == worst.code);
    let enough = same_kind.filter(concerns).map(|floor| floor.patch).max();
    let enough = format!("3.{}.{}", version.minor, enough.unwrap_or(worst.patch));
    let message = match worst.code {
        Code::SecurityFix => format!("etcd {version} lacks a security fix"),
        _ => format!("etcd {version} is refused as a target: it has a known bug"),
    };
    let help = format!("take {enough} or later");
    draft.report(worst.code, AT, message, worst.why).help = Some(help);
}

/// A written tag names the version, or an apply would roll out something else than it says.
pub(super) fn image_follows(draft: &mut Draft<'_>) {
    const IMAGE: &str = "/spec/image";
    let (Some(written), Some(version)) = (&draft.layer.image, draft.version) else {
        return;
    };
    let complete = image(Some(&written.0), version);
    let Some(tag) = tag(&complete) else { return };
    if !names_version(tag, &version.to_string()) {
        let message = format!("the image's tag `{tag}` does not name version {version}");
        let label = draft.label(AT, "the version");
        let report = draft.report(Code::ImageVersion, IMAGE, message, "the tag");
        report.labels.push(label);
        report.help = Some("leave the tag out, or write `{version}` in it".to_owned());
    }
}

/// `3.6.1` is not named by `v3.6.16`.
fn names_version(tag: &str, version: &str) -> bool {
    tag.match_indices(version).any(|(at, found)| {
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        !digit(tag[..at].chars().next_back()) && !digit(tag[at + found.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_the_whole_version() {
        assert!(names_version("v3.6.16", "3.6.16"));
        assert!(names_version("3.6.16-r1", "3.6.16"));
        assert!(!names_version("v3.6.16", "3.6.1"));
        assert!(!names_version("v13.6.16", "3.6.16"));
        assert!(!names_version("latest", "3.6.16"));
    }
}
