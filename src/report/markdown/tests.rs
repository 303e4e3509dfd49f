//! The ladder at every size: never over the limit, never an open fence, never a silent loss of what matters.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::json;

use super::*;
use crate::fleet::{ClusterId, ClusterSpec};
use crate::manifest::example;
use crate::model;
use crate::plan::{ClusterPlan, FieldChange, Orphan, Orphans, SourceFacts, Verdict, unroll};
use crate::state::{Observation, Reading, Sighting};

const NOW: &str = "2026-11-21T10:00:00Z";

/// What the hosts take: Bitbucket Server, our default, GitHub, Azure DevOps, GitLab.
const HOSTS: [usize; 5] = [32_768, 60_000, 65_536, 150_000, 1_000_000];

/// A cluster that was born with so many members.
fn born(members: u32) -> Observation {
    model::example::born(&example::spec(members))
}

/// One of every kind: grows, is refused, shrinks, cannot be read, is suspended, is in sync, is born.
fn kinds() -> Vec<ClusterPlan> {
    let three = born(3);
    let plan = |edit: &dyn Fn(&mut ClusterSpec), observed: &Observation| {
        let mut spec = example::spec(3);
        edit(&mut spec);
        unroll(&spec, observed)
    };
    let mut unreadable = three.clone();
    unreadable.kube = Reading::Unknown("no route to host".into());
    let nothing = model::empty(three.cluster.clone(), NOW.parse().expect("a time"));
    let kinds = vec![
        plan(&|spec| spec.members = 5, &three),
        plan(
            &|spec| {
                spec.members = 1;
                spec.policy.protected = true;
            },
            &three,
        ),
        plan(&|spec| spec.members = 1, &three),
        plan(&|_| {}, &unreadable),
        plan(
            &|spec| {
                spec.members = 5;
                spec.suspend = true;
            },
            &three,
        ),
        plan(&|_| {}, &three),
        plan(&|_| {}, &nothing),
    ];
    let verdicts: Vec<Verdict> = kinds.iter().map(|kind| kind.verdict).collect();
    let expected = [
        Verdict::Changes,
        Verdict::Blocked,
        Verdict::Changes,
        Verdict::Unreadable,
        Verdict::Deferred,
        Verdict::InSync,
        Verdict::Changes,
    ];
    assert_eq!(verdicts, expected);
    assert!(kinds[2].is_destructive() && kinds[6].is_destructive());
    kinds
}

fn plan_of(clusters: Vec<ClusterPlan>) -> Plan {
    let source = SourceFacts {
        commit: Some("3f9c2ab00112233445566778899aabbccddeeff0".into()),
        dirty: false,
        filters: Vec::new(),
        path: None,
    };
    Plan::new(
        "prod".into(),
        NOW.parse().expect("a time"),
        source,
        clusters,
    )
}

/// So many clusters, of every kind in turn.
fn fleet(count: usize) -> Plan {
    let kinds = kinds();
    let clusters = (0..count).zip(kinds.iter().cycle()).map(|(at, kind)| {
        let mut cluster = kind.clone();
        cluster.id = ClusterId::new(format!("eu-{}", at % 3), format!("orders-{at:04}"));
        cluster
    });
    plan_of(clusters.collect())
}

/// Every fence that was opened is closed, and so is every fold.
fn is_whole(text: &str) -> bool {
    let mut open: Option<usize> = None;
    let mut folds = 0_i32;
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match open {
            None if ticks >= 3 => open = Some(ticks),
            None if line.starts_with("<details>") => folds += 1,
            None if line == "</details>" => folds -= 1,
            Some(wanted) if ticks >= wanted && ticks == line.len() => open = None,
            _ => {}
        }
    }
    open.is_none() && folds == 0
}

/// Ids of clusters whose row may never be dropped.
fn guarded(plan: &Plan) -> Vec<String> {
    let matters = |c: &&ClusterPlan| {
        matches!(c.verdict, Verdict::Blocked | Verdict::Unreadable) || c.is_destructive()
    };
    let ids = plan.clusters.iter().filter(matters);
    ids.map(|c| c.id.to_string()).collect()
}

/// Ids in the second column of tables.
fn listed(text: &str) -> BTreeSet<&str> {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| "));
    cells.filter_map(|line| line.split(" | ").nth(1)).collect()
}

#[test]
fn at_every_size_the_comment_fits_and_is_whole() {
    for (count, step) in [(0, 1), (1, 1), (10, 11), (100, 101), (1000, 1009)] {
        let plan = fleet(count);
        let whole = plan_markdown(&plan, usize::MAX);
        assert!(!whole.contains("Cut to"));
        let guarded = guarded(&plan);
        // From the smallest size on at which all guarded rows are there they stay.
        let mut complete = false;
        let small = (0..3_000).step_by(step);
        let large = (3_000..whole.len() + 2_000).step_by((whole.len() / 16).max(1));
        let mut sizes: Vec<usize> = small.chain(large).chain(HOSTS).collect();
        sizes.sort_unstable();
        for size in sizes {
            let text = plan_markdown(&plan, size);
            assert!(text.len() <= size, "{} of {size} bytes", text.len());
            assert!(is_whole(&text), "{count} clusters, {size} bytes: {text}");
            let listed = listed(&text);
            let missing = guarded.iter().filter(|id| !listed.contains(id.as_str()));
            let missing = missing.count();
            assert!(!complete || missing == 0, "{missing} rows lost at {size}");
            complete = missing == 0;
            let told = format!("and {missing} more, blocked");
            assert!(
                missing == 0 || size < 1_000 || text.contains(&told),
                "{count}, {size}: {text}"
            );
        }
        assert!(complete, "{count}");
    }
}

#[test]
fn each_rung_says_what_it_leaves_out() {
    let plan = fleet(10);
    let whole = plan_markdown(&plan, usize::MAX);
    let page = |size| plan_markdown(&plan, size);
    let less = page(whole.len() - 1);
    assert!(less.contains("the steps are left out"), "{less}");
    assert!(less.contains("```diff\n") && !less.contains("- **1** "));
    let rows = page(less.len() - 1);
    assert!(
        rows.contains("fields, steps and reasons are left out"),
        "{rows}"
    );
    assert!(!rows.contains("<details>"));
    for cluster in plan
        .clusters
        .iter()
        .filter(|c| c.verdict != Verdict::InSync)
    {
        assert!(rows.contains(&format!("| {} |", cluster.id)));
    }
    let counted = page(rows.len() - 1);
    assert!(counted.contains("all but counts"), "{counted}");
    assert!(
        counted.contains("| 🔁 | 2 | to change, member by member |"),
        "{counted}"
    );
    for id in guarded(&plan) {
        assert!(counted.contains(&format!("| {id} |")), "{counted}");
    }
    let heading = page(500);
    assert!(heading.contains("everything is left out"), "{heading}");
    assert_eq!(page(10), "");
    let marker = format!("<!-- reconcile:prod:intent={} -->\n", plan.intent_hash);
    for text in [&whole, &less, &rows, &counted, &heading] {
        assert!(text.starts_with(&marker), "{text}");
    }
}

#[test]
fn nothing_found_and_no_plan_are_comments_too() {
    let plan = fleet(0);
    let text = plan_markdown(&plan, 60_000);
    assert!(
        text.contains("in sync ✅") && text.contains("In sync: 0 pending"),
        "{text}"
    );
    let why = "error: a `fence`:\n```\n".repeat(2_000);
    for size in (0..1_000).chain([4_000, 60_000]) {
        let text = failure_markdown(4, &why, size);
        assert!(text.len() <= size && is_whole(&text), "{size}: {text}");
    }
    let text = failure_markdown(4, &why, 4_000);
    assert!(
        text.contains("more lines\n") && text.contains("exit 4"),
        "{text}"
    );
    assert!(
        text.starts_with("<!-- reconcile:?:intent=none -->\n"),
        "{text}"
    );
}

/// What a reader sees of every cell of the first table, and every block of code.
fn seen(text: &str) -> (Vec<Vec<String>>, Vec<String>) {
    let (mut rows, mut blocks) = (Vec::new(), Vec::new());
    let (mut row, mut cell, mut code) = (Vec::new(), String::new(), None::<String>);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(Tag::TableCell) => cell.clear(),
            Event::End(TagEnd::TableCell) => row.push(std::mem::take(&mut cell)),
            Event::End(TagEnd::TableRow | TagEnd::TableHead) => rows.push(std::mem::take(&mut row)),
            Event::Start(Tag::CodeBlock(_)) => code = Some(String::new()),
            Event::End(TagEnd::CodeBlock) => blocks.extend(code.take()),
            Event::Text(text) => match &mut code {
                Some(code) => code.push_str(&text),
                None => cell.push_str(&text),
            },
            Event::InlineHtml(html) => panic!("HTML of a value: {html}"),
            _ => {}
        }
    }
    (rows, blocks)
}

#[test]
fn a_hostile_value_stays_a_value() {
    let evil = "`a`|</details><img src=x>@team #123 **b** ~~c~~ [d](e) \u{1b}[2J";
    let mut cluster = kinds().remove(0);
    cluster.id = ClusterId::new("eu-1", evil);
    cluster.changes = vec![FieldChange {
        path: "storage.className".into(),
        before: Some(json!(evil)),
        after: Some(json!("```\n</details>\n````\n@team")),
        class: crate::plan::Class::Drift,
        origin: None,
        manager: None,
    }];
    let orphan = Orphan {
        id: format!("eu-1/{evil}"),
        sighted: vec![Sighting {
            cluster: evil.into(),
            kind: "StatefulSet".into(),
            namespace: "n".into(),
            name: evil.into(),
        }],
        why: evil.into(),
    };
    let mut plan = plan_of(vec![cluster]).with_orphans(Orphans {
        found: vec![orphan],
        unknown: BTreeMap::from([(evil.to_owned(), evil.to_owned())]),
    });
    plan.fleet = evil.to_owned();
    let text = plan_markdown(&plan, usize::MAX);
    assert!(is_whole(&text), "{text}");
    assert!(!text.contains('\u{1b}'));
    let (rows, blocks) = seen(&text);
    let shown = "`a`|</details><img src=x>@\u{200b}team #\u{200b}123 **b** ~~c~~ [d](e) \\u{1b}[2J";
    let ids: Vec<&str> = rows.iter().skip(1).map(|row| row[1].as_str()).collect();
    let id = format!("eu-1/{shown}");
    assert_eq!(ids, [&id, &id]);
    assert!(rows.iter().all(|row| row.len() == 5), "{rows:?}");
    assert_eq!(blocks.len(), 1, "{text}");
    for line in ["+     ```", "+     </details>", "+     ````", "+     @team"] {
        assert!(blocks[0].lines().any(|l| l == line), "{}", blocks[0]);
    }
    let outside = text.replace(&blocks[0], "");
    assert!(
        !outside.contains("@team") && !outside.contains("#123"),
        "{outside}"
    );
}
