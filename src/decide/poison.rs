//! Poison the file of every member that has started, before all other work.

use super::procedure::{About, Focus, Procedure, Row, Then};
use super::step::{Act, FileLife};
use crate::manifest::member_file;
use crate::state::{Member, MemberFile, ObjectKind};

pub(super) const POISON: Procedure = Procedure {
    name: "poison",
    title: "a member that has started never boots an empty volume under its old ID",
    source: "etcd-operations.md 2.8 #2, #3; invariant I2",
    subjects: |view| {
        view.seats()
            .filter(|s| s.file.is_some_and(|file| !file.is_poisoned()))
            .map(|s| About::Seat(s.ordinal))
            .collect()
    },
    rows: &[Row {
        name: "member-started",
        observed: "the file says `new` or lists other members, and the member has published itself or answers",
        step: "rewrite the file: `existing` with only itself listed, every setting to the letter",
        why: "an empty directory would take the old member ID by its URL and boot; acknowledged writes can vanish",
        guards: &[],
        undo: "nothing to undo: with a log on disk etcd ignores the file",
        hides: false,
        when: has_started,
        then: |f| write_poison(f).map_or(Then::Pass, Then::act),
    }],
};

/// Its own answer, or client URLs in the list: a statically bootstrapped member has a name before it ever ran.
fn has_started(f: &Focus) -> bool {
    let seat = f.seat();
    seat.status.is_some() || seat.member.is_some_and(Member::has_started)
}

fn write_poison(f: &Focus) -> Option<Act> {
    let ordinal = f.seat().ordinal;
    let live = f.view.kube.member_files.get(&ordinal)?;
    let poisoned = MemberFile::parse(&member_file::poisoned(f.view.spec, ordinal)).ok()?;
    let text = poisoned.rewrite(live);
    Some(Act::WriteMemberFile {
        ordinal,
        life: FileLife::Poison,
        uid: f.view.kube.objects.get(&ObjectKind::ConfigMap)?.uid.clone(),
        object: f.view.object_key(ObjectKind::ConfigMap),
        text,
    })
}
