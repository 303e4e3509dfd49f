//! What differs, field by field.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::super::style::{Paint, Sheet, TextStyle};
use super::super::words;
use super::cluster::{BODY, Columns, WIDEST_VALUE};
use crate::plan::{Class, ClusterPlan, FieldChange};

/// Changed lines of a text shown before the rest is counted.
const LINES_SHOWN: usize = 6;
/// Fields of a cluster shown before the rest is counted.
const FIELDS_SHOWN: usize = 6;

/// Fields, the first ones only where a step's reader need not see them all.
pub(super) fn fields(
    sheet: &mut Sheet,
    cluster: &ClusterPlan,
    columns: &Columns,
    style: &TextStyle,
) {
    let shown = if style.verbose {
        usize::MAX
    } else {
        FIELDS_SHOWN
    };
    for change in cluster.changes.iter().take(shown) {
        field(sheet, change, columns, style);
    }
    if let Some(rest) = cluster.changes.len().checked_sub(shown).filter(|n| *n > 0) {
        let rest = words::counted(rest, "more field");
        let text = format!("… {rest} (--verbose shows all)");
        sheet.row(BODY, &[(Paint::Dim, &text, 0)]);
    }
}

fn field(sheet: &mut Sheet, change: &FieldChange, columns: &Columns, style: &TextStyle) {
    let paint = match change.class {
        Class::Drift => Paint::Warn,
        Class::Pending | Class::InFlight => Paint::Plain,
    };
    let moved = if style.verbose {
        movement(change, usize::MAX)
    } else {
        movement(change, WIDEST_VALUE)
    };
    let (path, origin) = (path(change), origin(change));
    let path = (Paint::Plain, path.as_str(), columns.path);
    let values = [
        (Paint::Plain, moved.as_str(), columns.change),
        (paint, change.class.as_str(), "in-flight".len()),
        (Paint::Hint, origin.as_str(), 0),
    ];
    let width = |text: &str| style.clean(text).chars().count();
    let whole = BODY + width(path.1) + 2 + width(&moved) + 2 + width(change.class.as_str());
    if width(path.1) > columns.path && whole > style.width {
        // Wrapped by a terminal the values would be hard to find.
        sheet.row(BODY, &[path]);
        sheet.row(BODY + 2, &values);
    } else {
        sheet.row(BODY, &[&[path], &values[..]].concat());
    }
    if let Some((before, after)) = texts(change) {
        let lines = if style.verbose {
            usize::MAX
        } else {
            LINES_SHOWN
        };
        changed_lines(sheet, before, after, lines, style);
    }
}

/// A pointer as a person reads it.
pub(super) fn path(change: &FieldChange) -> String {
    words::pointer(&change.path)
}

/// Live → desired, each side cut after so many characters.
pub(super) fn movement(change: &FieldChange, most: usize) -> String {
    if texts(change).is_some() {
        return "(text, see below)".into();
    }
    let side = |v: Option<&Value>| words::cut(&words::value(v), most);
    format!(
        "{} → {}",
        side(change.before.as_ref()),
        side(change.after.as_ref())
    )
}

/// Both sides, where one of them has lines.
fn texts(change: &FieldChange) -> Option<(&str, &str)> {
    let before = change.before.as_ref().map_or(Some(""), Value::as_str)?;
    let after = change.after.as_ref().map_or(Some(""), Value::as_str)?;
    (before.contains('\n') || after.contains('\n')).then_some((before, after))
}

fn changed_lines(sheet: &mut Sheet, before: &str, after: &str, shown: usize, style: &TextStyle) {
    let diff = TextDiff::from_lines(before, after);
    let changes: Vec<_> = diff
        .iter_all_changes()
        .filter(|c| c.tag() != ChangeTag::Equal)
        .collect();
    for change in changes.iter().take(shown) {
        let (sign, paint) = match change.tag() {
            ChangeTag::Delete => ("-", Paint::Bad),
            ChangeTag::Insert | ChangeTag::Equal => ("+", Paint::Good),
        };
        let line = change.value().trim_end_matches('\n');
        let room = if style.verbose {
            usize::MAX
        } else {
            style.width.saturating_sub(BODY + 4)
        };
        let line = words::cut(line, room);
        sheet.row(BODY + 2, &[(paint, &format!("{sign} {line}"), 0)]);
    }
    if let Some(rest) = changes.len().checked_sub(shown).filter(|n| *n > 0) {
        let rest = words::counted(rest, "more line");
        sheet.row(BODY + 2, &[(Paint::Dim, &format!("… {rest}"), 0)]);
    }
}

fn origin(change: &FieldChange) -> String {
    if let Some(manager) = &change.manager {
        let time = manager.time.map_or(String::new(), |t| format!(", {t}"));
        return format!("set by {}{time}", manager.name);
    }
    change
        .origin
        .as_ref()
        .map_or(String::new(), |o| format!("{}:{}", o.file, o.line))
}
