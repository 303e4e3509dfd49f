//! Where snapshots go: to exactly one place, and to a declared one where that is asked for.

use super::super::draft::Draft;
use super::super::tree::Kind;
use crate::diag::Code;

const STORE: &str = "/spec/backup/store";
const KINDS: [&str; 4] = ["path", "s3", "gcs", "azure"];

pub(super) fn one_kind(draft: &mut Draft<'_>) {
    let store = draft.tree.find(STORE);
    // Of what is wrong in itself, or stands in what is, nobody knows what it names.
    if store.is_none_or(|store| store.node.kind == Kind::Reported) {
        return;
    }
    let pointers = KINDS.map(|kind| format!("{STORE}/{kind}"));
    let written: Vec<&String> = pointers.iter().filter(|at| draft.has(at)).collect();
    match written.as_slice() {
        [_] => {}
        // A key that is none of them has a finding of its own.
        [] if draft
            .tree
            .find(STORE)
            .is_some_and(|store| !store.node.entries().is_empty()) => {}
        [] => {
            let report = draft.report_key(
                Code::StoreKind,
                STORE,
                "`backup.store` names no place",
                "has no place in it",
            );
            report.help = Some(
                "give one of `path: DIR`, `s3: {bucket: …}`, `gcs: {bucket: …}` and `azure: {container: …, account: …}`"
                    .to_owned(),
            );
        }
        [first, rest @ ..] => {
            let others: Vec<_> = rest
                .iter()
                .map(|at| draft.label(at, "and another one"))
                .collect();
            let message = "`backup.store` names more than one place";
            let report = draft.report_key(Code::StoreKind, first, message, "one place");
            report.labels.extend(others);
        }
    }
}

pub(super) fn required(draft: &mut Draft<'_>) {
    const AT: &str = "/spec/policy/requireStore";
    let policy = draft.layer.policy.as_ref();
    let wanted = policy.and_then(|policy| policy.require_store) == Some(true);
    if !wanted || draft.has(STORE) {
        return;
    }
    let message = "a store is required, and the cluster has none";
    let remark = "snapshots must go to a declared store";
    draft.report(Code::RequireStore, AT, message, remark).help =
        Some("name one in `backup.store`, for the fleet in `spec.defaults`".to_owned());
}
