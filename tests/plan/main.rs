//! Plans as goldens: one folder is one case, a short story makes the observation.
//!
//! `SNAPSHOTS=overwrite cargo test --test plan` refreshes them.

mod formats;
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reconcile::fleet::{Fleet, Rollout};
use reconcile::plan::{Plan, orphans, outcome_codes, unroll};
use reconcile::report::{
    Color, FailOn, SavedPlan, TextStyle, Tool, exit_line, json_text, of, plan_json, plan_markdown,
    plan_text, schema, status_text,
};
use reconcile::world::recorded::Recording;
use snapbox::Data;
use snapbox::data::DataFormat;

use story::Story;

const TOOL: Tool = Tool {
    name: "reconcile",
    version: "0.0.0",
};

fn case(path: &Path) -> datatest_stable::Result<()> {
    let story = Story::read(&std::fs::read_to_string(path)?)?;
    let expected = path
        .parent()
        .ok_or("a story is in a folder")?
        .join("expected");
    let plan = story.plan();
    assert_eq!(
        plan,
        story.plan(),
        "two plans of the same inputs are the same"
    );
    let files = outputs(&story, &plan);
    is_read_back(&plan);
    valid(&plan_json(&plan, TOOL), "plan")?;
    let observations: Vec<_> = story.worlds.iter().map(|w| w.observed.clone()).collect();
    let recording = Recording::text(plan.now, &observations, story.sightings.clone())?;
    valid(&serde_json::from_str(&recording)?, "observation")?;
    for (name, text) in &files {
        let golden = Data::read_from(&expected.join(name), Some(DataFormat::Text)).raw();
        snapbox::Assert::new()
            .action_env("SNAPSHOTS")
            .eq(Data::text(text.clone()).raw(), golden);
    }
    let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for entry in std::fs::read_dir(&expected)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        assert!(names.contains(name.as_ref()), "no output is called {name}");
    }
    Ok(())
}

fn outputs(story: &Story, plan: &Plan) -> Vec<(String, String)> {
    let page = TextStyle {
        width: story.width,
        ..TextStyle::default()
    };
    let ascii = TextStyle {
        ascii: true,
        ..page
    };
    let verbose = TextStyle {
        verbose: true,
        ..page
    };
    let fail_on = FailOn::default();
    let with_exit = |style| plan_text(plan, style) + &exit_line(plan, &fail_on, 0);
    let json = serde_json::to_string_pretty(&plan_json(plan, TOOL)).expect("JSON has no NaN here");
    let mut files: Vec<(String, String)> = vec![
        ("plan.txt".into(), with_exit(&page)),
        ("plan.ascii.txt".into(), with_exit(&ascii)),
        ("plan.verbose.txt".into(), with_exit(&verbose)),
        ("plan.json".into(), json + "\n"),
        ("exit".into(), format!("{}\n", of(&fail_on.codes(plan, 0)))),
    ];
    assert!(files[1].1.is_ascii());
    if story.status {
        let clusters: Vec<_> = story
            .worlds
            .iter()
            .map(|w| (&w.spec, &w.observed))
            .collect();
        files.push((
            "status.txt".into(),
            status_text(&clusters, &plan.orphans, &page),
        ));
    }
    if story.color {
        let style = TextStyle {
            color: Color::Symbolic,
            ..page
        };
        files.push(("plan.color.txt".into(), with_exit(&style)));
    }
    if story.formats {
        files.extend(formats::outputs(plan));
    }
    files
}

/// A plan that was saved is shown as it was planned, in every form, and saved again it is the same document.
fn is_read_back(plan: &Plan) {
    let text = json_text(&plan_json(plan, TOOL));
    let saved = SavedPlan::read("plan.json", &text).expect("our own document");
    assert!(saved.is_as_hashed());
    assert_eq!(json_text(&saved.document), text);
    assert_eq!(json_text(&plan_json(&saved.plan, TOOL)), text);
    for (width, verbose) in [(40, false), (100, false), (100, true)] {
        let style = TextStyle {
            width,
            verbose,
            ..TextStyle::default()
        };
        assert_eq!(plan_text(&saved.plan, &style), plan_text(plan, &style));
    }
    for bytes in [1000, usize::MAX] {
        let comment = plan_markdown(&saved.plan, bytes);
        assert_eq!(comment, plan_markdown(plan, bytes));
    }
    assert_eq!(outcome_codes(&saved.plan), outcome_codes(plan));
}

/// Holds a document against the schema we ship for it.
fn valid(document: &serde_json::Value, name: &str) -> datatest_stable::Result<()> {
    let text = schema(name).ok_or("no such schema")?;
    let validator = jsonschema::validator_for(&serde_json::from_str(text)?)?;
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|e| format!("{} at {}", e, e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
    Ok(())
}

impl Story {
    fn fleet(&self) -> Fleet {
        Fleet {
            name: "prod".into(),
            contexts: BTreeMap::new(),
            rollout: Rollout::default(),
            clusters: self
                .worlds
                .iter()
                .map(|w| Box::new(w.spec.clone()))
                .collect(),
        }
    }

    fn plan(&self) -> Plan {
        let clusters = self.worlds.iter().map(|w| unroll(&w.spec, &w.observed));
        let now = self.worlds.iter().map(|w| w.observed.at).max();
        Plan::new(
            "prod".into(),
            now.expect("a story has a cluster"),
            self.source.clone(),
            clusters.collect(),
        )
        .with_orphans(orphans(&self.fleet(), &self.sightings))
    }
}

datatest_stable::harness! {
    { test = case, root = "tests/golden/plan", pattern = r"story\.txt$" },
}
