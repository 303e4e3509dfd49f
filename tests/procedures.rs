//! Every row of every procedure and every guard's refusal is reached by a case with a name, and `docs/procedures.md` is
//! what the rows say.

#[expect(dead_code, reason = "the property tests use the rest")]
#[path = "properties/world.rs"]
mod world;

#[path = "procedures/attributes.rs"]
mod attributes;
#[path = "procedures/breaches.rs"]
mod breaches;
#[path = "procedures/cases.rs"]
mod cases;
#[path = "procedures/hidden.rs"]
mod hidden;
#[path = "procedures/offline.rs"]
mod offline;
#[path = "procedures/storage.rs"]
mod storage;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use attributes::ATTRIBUTES;
use breaches::BREACHES;
use cases::{CHANGES, DOWN, OBJECTS, ROLLS, STORIES, STRANGE};
use hidden::HIDDEN;
use offline::OFFLINE;
use reconcile::decide::guard::{self, Verdict};
use reconcile::decide::{Act, Focus, ORDER, RowId, View};
use reconcile::fleet::Ordinal;
use reconcile::report::procedures_markdown;
use reconcile::state::{Evidence, Uid};
use storage::{ROOM, STORAGE};
use world::End;

#[test]
fn every_row_is_reached_by_a_named_case() {
    let mut reached: BTreeMap<RowId, &str> = BTreeMap::new();
    for (name, case) in [
        STRANGE, OBJECTS, CHANGES, ROLLS, STORIES, DOWN, HIDDEN, STORAGE, ATTRIBUTES, ROOM, OFFLINE,
    ]
    .concat()
    {
        let mut world = case();
        world.run_at_most(300);
        for row in world.rows {
            reached.entry(row).or_insert(name);
        }
    }
    let all = ORDER.iter().flat_map(|p| {
        let id = |row: &'static str| RowId {
            procedure: p.name,
            row,
        };
        p.rows.iter().map(move |r| id(r.name))
    });
    let missed: Vec<String> = all
        .filter(|row| !reached.contains_key(row))
        .map(|row| row.to_string())
        .collect();
    assert!(
        missed.is_empty(),
        "rows that no case reaches: {}",
        missed.join(", ")
    );
}

/// Golden: without one of the rows something else would happen in the case that is there for it (tests/mutants).
#[test]
fn every_named_case_goes_as_told() {
    let mut told = String::new();
    for (name, case) in [
        STRANGE, OBJECTS, CHANGES, ROLLS, STORIES, DOWN, HIDDEN, STORAGE, ATTRIBUTES, ROOM, OFFLINE,
    ]
    .concat()
    {
        let mut world = case();
        let from = world.told.len();
        let end = match world.run_at_most(300) {
            Some(End::InSync) => "in sync",
            Some(End::Refused(_)) => "what is left is not done",
            Some(End::Stalled(_)) => "it does not come about",
            None => "goes on and on",
        };
        let lines = world.told[from..].iter().map(|line| format!("  {line}\n"));
        let _ = write!(
            told,
            "{name}\n{}  end: {end}\n\n",
            lines.collect::<String>()
        );
    }
    let golden = std::path::Path::new("tests/golden/procedures/cases.txt");
    let golden = snapbox::Data::read_from(golden, Some(snapbox::data::DataFormat::Text)).raw();
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(snapbox::Data::text(told).raw(), golden);
}

#[test]
fn every_guard_stops_its_act() {
    for (name, guard, case, about) in BREACHES {
        let world = case();
        let seen = world.look();
        let evidence = Evidence::default();
        let kube = seen.kube.known().expect("read");
        let view = View::new(&world.spec, &seen, kube, &evidence);
        let focus = Focus {
            view: &view,
            about: *about,
        };
        let act = Act::Drain {
            ordinal: Ordinal(2),
            pod: Uid("any".into()),
        };
        match guard.ask(&focus, &act) {
            Verdict::Holds => panic!("{}: {name}: let through", guard.id),
            Verdict::NotYet(condition) => assert!(!condition.to_string().is_empty()),
            Verdict::No(facts) => {
                assert!(
                    !facts.found.is_empty() && !facts.unblock.is_empty(),
                    "{}",
                    guard.id
                );
            }
        }
    }
    let shown = |id: &str| BREACHES.iter().any(|(_, guard, _, _)| guard.id == id);
    let missed: Vec<&str> = guard::ALL
        .iter()
        .map(|g| g.id)
        .filter(|id| !shown(id))
        .collect();
    assert!(
        missed.is_empty(),
        "guards that no case breaks: {}",
        missed.join(", ")
    );
}

#[test]
fn every_guard_that_a_row_asks_is_listed() {
    let asked = ORDER.iter().flat_map(|p| p.rows).flat_map(|r| r.guards);
    for guard in asked {
        assert!(
            guard::ALL.iter().any(|g| g.id == guard.id),
            "{} is not in guard::ALL",
            guard.id
        );
    }
}

#[test]
fn the_document_is_what_the_rows_say() {
    let written = snapbox::Data::read_from(std::path::Path::new("docs/procedures.md"), None);
    snapbox::assert_data_eq!(procedures_markdown(), written.raw());
}
