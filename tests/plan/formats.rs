//! The forms of one plan: text at every width and in every colour, YAML, and comments of several sizes.

use reconcile::plan::Plan;
use reconcile::report::{
    Color, FailOn, TextStyle, exit_line, plan_json, plan_markdown, plan_text, yaml_text,
};
use serde_json::Value;

use super::TOOL;

const WIDTHS: [usize; 5] = [40, 60, 80, 100, 160];

/// Name of the golden, and its text.
pub(crate) fn outputs(plan: &Plan) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for width in WIDTHS {
        let page = TextStyle {
            width,
            ..TextStyle::default()
        };
        let ansi = TextStyle {
            color: Color::Ansi,
            ..page
        };
        let ascii = TextStyle {
            ascii: true,
            ..page
        };
        let text =
            |style: &TextStyle| plan_text(plan, style) + &exit_line(plan, &FailOn::default(), 0);
        for (name, style) in [("", page), (".ansi", ansi), (".ascii", ascii)] {
            files.push((format!("human.{width}{name}.txt"), text(&style)));
        }
        assert_eq!(
            uncoloured(&text(&ansi)),
            text(&page),
            "colour adds nothing but colour"
        );
        wraps(&plan_text(plan, &page), width);
    }
    let document = plan_json(plan, TOOL);
    let yaml = yaml_text(&document);
    let back: Value = serde_saphyr::from_str(&yaml).expect("our own YAML");
    assert_eq!(back, document, "one document in two forms");
    files.push(("plan.yaml".into(), yaml));
    let whole = plan_markdown(plan, usize::MAX);
    let fields = plan_markdown(plan, whole.len() - 1);
    let lines = plan_markdown(plan, fields.len() - 1);
    let counts = plan_markdown(plan, lines.len() - 1);
    files.push(("comment.md".into(), whole));
    files.push(("comment.fields.md".into(), fields));
    files.push(("comment.lines.md".into(), lines));
    files.push(("comment.counts.md".into(), counts));
    files
}

/// A line over the width is one that cannot be broken: nothing in it but its indent, a label and one long word.
fn wraps(text: &str, width: usize) {
    for line in text.lines().filter(|line| line.chars().count() > width) {
        let indent = line.len() - line.trim_start().len();
        let longest = line.split(' ').map(|word| word.chars().count()).max();
        let room = width.saturating_sub(indent + "no-spare-room: ".len());
        assert!(longest.unwrap_or(0) > room.min(24), "{width}: {line:?}");
    }
}

fn uncoloured(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            let _ = rest.find(char::is_ascii_alphabetic);
        } else {
            out.push(c);
        }
    }
    out
}
