//! etcd's own settings against each other, the volume and the version.

use super::super::config_keys::{config_key, keys_of};
use super::super::documents::CompactionModeSpec;
use super::super::draft::{DEFAULT_QUOTA, Draft};
use super::super::nearest::nearest;
use super::super::pointer::escaped;
use crate::diag::Code;

const QUOTA: &str = "/spec/etcd/quota";
const SIZE: &str = "/spec/storage/size";

/// etcd says so itself in its documentation of limits.
const LARGE_QUOTA: u64 = 8 << 30;

/// 40 %: the database twice (a defragmentation or a snapshot) and its log.
const SHARE: (u128, u128) = (2, 5);

fn gib(bytes: u64) -> String {
    let units = [("Gi", 1u64 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    let unit = units
        .iter()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match unit {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

pub(super) fn quota_fits_volume(draft: &mut Draft<'_>) {
    let written = draft.has(QUOTA);
    let quota = match (&draft.quota, written) {
        (Some(quota), _) => quota.value(),
        (None, false) if draft.complete => DEFAULT_QUOTA,
        (None, _) => return,
    };
    if quota > LARGE_QUOTA {
        let message = "a database of more than 8Gi is slow to start, to copy and to defragment";
        draft.report(Code::QuotaLarge, QUOTA, message, "more than 8Gi");
    }
    let Some(size) = draft.size.as_ref().map(super::super::Quantity::value) else {
        return;
    };
    let above = u128::from(quota) * SHARE.1 > u128::from(size) * SHARE.0;
    let (code, message) = if quota > size {
        let message = "the volume is smaller than the quota of the database on it";
        (Code::QuotaAboveVolume, message)
    } else if above {
        let message = "the quota is more than 40 % of the volume";
        (Code::QuotaNearVolume, message)
    } else {
        return;
    };
    let volume = draft.label(SIZE, format!("the volume has {}", gib(size)));
    let quota = gib(quota);
    if written {
        let remark = format!("the quota is {quota}");
        draft
            .report(code, QUOTA, message, remark)
            .labels
            .push(volume);
    } else {
        let remark = format!("etcd's default quota is {quota}");
        draft.report(code, SIZE, message, remark).help =
            Some("make the volume larger, or set `etcd.quota`".to_owned());
    }
}

pub(super) fn quota_fits_memory(draft: &mut Draft<'_>) {
    const LIMIT: &str = "/spec/resources/limits/memory";
    let limits = draft.layer.resources.as_ref();
    let limit = limits.and_then(|resources| resources.limits.as_ref()?.get("memory"));
    let limit = limit.and_then(|limit| limit.0.parse::<super::super::Quantity>().ok());
    let quota = match (&draft.quota, draft.has(QUOTA)) {
        (Some(quota), _) => quota.value(),
        (None, false) if draft.complete => DEFAULT_QUOTA,
        (None, _) => return,
    };
    if limit.is_some_and(|limit| limit.value() < quota) {
        let message = format!("the memory limit is below the quota of {}", gib(quota));
        let remark = "members are killed as the database grows";
        draft.report(Code::MemoryBelowQuota, LIMIT, message, remark);
    }
}

pub(super) fn election(draft: &mut Draft<'_>) {
    const ELECTION: &str = "/spec/etcd/electionTimeout";
    const HEARTBEAT: &str = "/spec/etcd/heartbeatInterval";
    const LONGEST_MS: u64 = 50_000;
    let (heartbeat, election) = (draft.heartbeat_ms, draft.election_ms);
    // The label belongs to what was written; the other may be the default.
    let at = if draft.has(ELECTION) {
        ELECTION
    } else {
        HEARTBEAT
    };
    if heartbeat == 0 {
        let message = "the heartbeat interval must be at least 1 ms";
        draft.report(Code::ElectionTimeout, HEARTBEAT, message, "too short");
    } else if election < heartbeat.saturating_mul(5) {
        let message = format!(
            "the election timeout of {election} ms is less than five heartbeats of {heartbeat} ms"
        );
        let help = format!(
            "set `etcd.electionTimeout: {}ms` or more",
            heartbeat.saturating_mul(5)
        );
        draft
            .report(Code::ElectionTimeout, at, message, "etcd refuses to start")
            .help = Some(help);
    } else if election > LONGEST_MS {
        let message = format!("the election timeout of {election} ms is above 50 s");
        draft.report(Code::ElectionTimeout, at, message, "etcd refuses to start");
    }
}

pub(super) fn retention(draft: &mut Draft<'_>) {
    const AT: &str = "/spec/etcd/autoCompaction/retention";
    let compaction = draft
        .layer
        .etcd
        .as_ref()
        .and_then(|etcd| etcd.auto_compaction.as_ref());
    let Some((mode, retention)) = compaction.and_then(|c| Some((c.mode?, c.retention.clone()?)))
    else {
        return;
    };
    let is_count = retention.0.bytes().all(|byte| byte.is_ascii_digit());
    let (expected, help) = match (mode, is_count) {
        (CompactionModeSpec::Periodic, true) => (
            "a duration",
            format!("write `{0}h` for hours or `{0}m` for minutes", retention.0),
        ),
        (CompactionModeSpec::Revision, false) => (
            "a count of revisions",
            "write a number like `1000`".to_owned(),
        ),
        _ => return,
    };
    let mode_label = draft.label("/spec/etcd/autoCompaction/mode", "with this mode");
    let message = format!("`retention` must be {expected} with this mode");
    let report = draft.report(
        Code::Retention,
        AT,
        message,
        format!("found {}", retention.0),
    );
    report.labels.push(mode_label);
    report.help = Some(help);
}

pub(super) fn extra(draft: &mut Draft<'_>) {
    let extra = draft
        .layer
        .etcd
        .as_ref()
        .and_then(|etcd| etcd.extra.clone());
    let (Some(extra), Some(version)) = (extra, draft.version) else {
        return;
    };
    for (name, value) in extra {
        let at = format!("/spec/etcd/extra/{}", escaped(&name));
        let known = config_key(&name);
        match known {
            Some(key) if key.ours => {
                let message = format!("`{name}` is written by reconcile");
                let remark = "cannot be set here";
                draft.report_key(Code::ExtraOwned, &at, message, remark);
            }
            Some(key) if key.is_in(version.minor) => {
                if !key.value.takes(&value) {
                    let message = format!("etcd takes {} for `{name}`", key.value.expected());
                    let remark = format!("found {value}");
                    draft.report(Code::ExtraType, &at, message, remark);
                }
            }
            _ => unknown(draft, &at, &name, version.minor),
        }
    }
}

fn unknown(draft: &mut Draft<'_>, at: &str, name: &str, minor: u16) {
    let message = format!("etcd 3.{minor} has no configuration key `{name}`");
    let plain = name.strip_prefix("experimental-");
    let renamed = plain.filter(|plain| config_key(plain).is_some_and(|key| key.is_in(minor)));
    let help = match (renamed, nearest(name, keys_of(minor))) {
        (Some(plain), _) => Some(format!("since 3.6 it is `{plain}`")),
        (None, Some(near)) => Some(format!("did you mean `{near}`?")),
        (None, None) if plain.is_some() && minor >= 7 => {
            Some("3.7 has no experimental keys; many became `feature-gates`".to_owned())
        }
        (None, None) => None,
    };
    let remark = "etcd would ignore it";
    draft
        .report_key(Code::ExtraUnknown, at, message, remark)
        .help = help;
}
