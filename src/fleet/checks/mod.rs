//! Rules between the values of one cluster, each a function that adds what it finds to the draft.

mod backup;
mod etcd;
mod kubernetes;
mod version;

pub(super) use kubernetes::is_value;

use super::draft::Draft;
use super::spec::MigrationStrategy;
use super::tree::dotted;
use crate::diag::Code;

/// All of them, in no order that matters: findings are sorted by place.
pub(super) const CHECKS: &[fn(&mut Draft<'_>)] = &[
    required,
    version::supported,
    version::known_bugs,
    version::image_follows,
    size,
    keep_time,
    offline,
    tolerance,
    client_certificate,
    backup::one_kind,
    backup::required,
    etcd::quota_fits_volume,
    etcd::quota_fits_memory,
    etcd::election,
    etcd::retention,
    etcd::extra,
    kubernetes::object_names,
    kubernetes::labels,
    kubernetes::resources,
    kubernetes::affinity,
];

/// Fields that must come from somewhere, when their parent (or nothing) is set.
const REQUIRED: &[(&str, &str)] = &[
    ("", "/spec/context"),
    ("", "/spec/backend/statefulSet/namespace"),
    ("", "/spec/members"),
    ("", "/spec/version"),
    ("", "/spec/storage/size"),
    ("/spec/tls/client", "/spec/tls/client/secretName"),
    ("/spec/tls/client", "/spec/tls/client/caSecretName"),
    ("/spec/tls/peer", "/spec/tls/peer/secretName"),
    ("/spec/tls/peer", "/spec/tls/peer/caSecretName"),
    (
        "/spec/etcd/autoCompaction",
        "/spec/etcd/autoCompaction/mode",
    ),
    (
        "/spec/etcd/autoCompaction",
        "/spec/etcd/autoCompaction/retention",
    ),
    ("/spec/backup/store/s3", "/spec/backup/store/s3/bucket"),
    ("/spec/backup/store/gcs", "/spec/backup/store/gcs/bucket"),
    (
        "/spec/backup/store/azure",
        "/spec/backup/store/azure/container",
    ),
    (
        "/spec/backup/store/azure",
        "/spec/backup/store/azure/account",
    ),
];

fn required(draft: &mut Draft<'_>) {
    for (when, field) in REQUIRED {
        if !draft.complete || !draft.has(when) || draft.has(field) {
            continue;
        }
        let message = format!("`{}` is missing", dotted(field));
        let layers = match &draft.layer.profile {
            Some(profile) => format!(
                "set neither here, nor in profile `{}`, nor in the defaults",
                profile.0
            ),
            None => "set neither here nor in the fleet's defaults".to_owned(),
        };
        draft.report(Code::MissingField, field, message, layers);
    }
}

/// Voters that may be down with quorum kept.
const fn tolerance_of(members: u32) -> u32 {
    members - (members / 2 + 1)
}

fn size(draft: &mut Draft<'_>) {
    const AT: &str = "/spec/members";
    let Some(members) = draft.layer.members.filter(|members| *members > 0) else {
        return;
    };
    let policy = draft.layer.policy.as_ref();
    let even_allowed = policy.and_then(|policy| policy.allow_even_members);
    if members.is_multiple_of(2) && even_allowed != Some(true) {
        let tolerance = tolerance_of(members);
        let fewer = members - 1;
        let message =
            format!("{members} voters survive {tolerance} failures, no more than {fewer} do");
        let message = message.replace(" 1 failures", " 1 failure");
        let help = format!(
            "take {fewer} or {}; `policy.allowEvenMembers: true` keeps {members}",
            members + 1
        );
        let remark = "an even number of members";
        draft.report(Code::EvenMembers, AT, message, remark).help = Some(help);
    }
    if members > 6 {
        let message = "every write waits for four of seven members";
        let remark = "five are enough for nearly everyone";
        draft.report(Code::ManyMembers, AT, message, remark);
    }
}

/// Who finds on Monday that something is missing must still find the volume (etcd-operations.md P5-a: 24 h at least).
fn keep_time(draft: &mut Draft<'_>) {
    const AT: &str = "/spec/storage/migration/keepOldVolumes";
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    if draft.keep_ms.is_some_and(|ms| ms < DAY_MS) {
        let message = "old volumes are kept for a day at least";
        draft
            .report(Code::BadDuration, AT, message, "too short")
            .help = Some(
            "say `1d` or more; without the field they are kept until a person deletes them".into(),
        );
    }
}

/// The one strategy that takes a cluster down: all that it wants is said where it is said.
fn offline(draft: &mut Draft<'_>) {
    const AT: &str = "/spec/storage/migration/strategy";
    const IMAGE: &str = "/spec/storage/migration/copyImage";
    let storage = draft.layer.storage.as_ref();
    let migration = storage.and_then(|storage| storage.migration.as_ref());
    let strategy = migration.and_then(|migration| migration.strategy);
    if strategy != Some(MigrationStrategy::Offline) {
        return;
    }
    let members = draft.layer.members;
    let policy = draft.layer.policy.as_ref();
    let allowed = policy.and_then(|policy| policy.allow_downtime) == Some(true);
    if let Some(members) = members.filter(|members| *members > 1) {
        let message = format!("{members} members move without downtime, `offline` is for one");
        let label = draft.label("/spec/members", format!("{members} here"));
        let report = draft.report(Code::Offline, AT, message, "stops the cluster");
        report.labels.push(label);
        report.help = Some("leave the strategy out: members move one by one".to_owned());
    } else if !allowed {
        let message = "`offline` stops the only member, and `policy.allowDowntime` is not set";
        draft
            .report(Code::Offline, AT, message, "stops the cluster")
            .help = Some(
            "set `policy.allowDowntime: true`, or leave the strategy out: one member moves without downtime too, by a second one for a while"
                .to_owned(),
        );
    } else if !draft.has(IMAGE) {
        let message = "nothing is there to copy the data with: the image of etcd has no shell";
        draft
            .report(Code::Offline, AT, message, "copies the data")
            .help = Some(
            "name an image with a shell and `cp` in `storage.migration.copyImage`, as `busybox:1.37`"
                .to_owned(),
        );
    }
}

fn tolerance(draft: &mut Draft<'_>) {
    const AT: &str = "/spec/policy/minTolerance";
    let policy = draft.layer.policy.as_ref();
    let (Some(wanted), Some(members)) = (
        policy.and_then(|policy| policy.min_tolerance),
        draft.layer.members.filter(|members| *members > 0),
    ) else {
        return;
    };
    let possible = tolerance_of(members);
    if wanted > possible {
        let message =
            format!("{members} members never tolerate {wanted} failures, {possible} at the most");
        let label = draft.label("/spec/members", format!("{members} here"));
        let report = draft.report(Code::MinTolerance, AT, message, "out of reach");
        report.labels.push(label);
    }
}

fn client_certificate(draft: &mut Draft<'_>) {
    const TLS: &str = "/spec/tls/client";
    const CERT: &str = "/spec/access/clientCertSecretName";
    match (draft.has(TLS), draft.has(CERT)) {
        (true, false) => {
            let message = "members ask clients for a certificate, and reconcile has none";
            let remark = "client TLS is on here";
            draft.report(Code::ClientCert, TLS, message, remark).help = Some(
                "name a Secret with `tls.crt` and `tls.key` in `access.clientCertSecretName`"
                    .into(),
            );
        }
        (false, true) => {
            let message = "a client certificate would not be used without `tls.client`";
            draft.report(Code::ClientCert, CERT, message, "members serve plain HTTP");
        }
        _ => {}
    }
}
