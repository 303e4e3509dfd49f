//! What differs, field by field.

use serde_json::Value;

use super::super::lines::{Line, changed};
use super::super::style::{Cell, Paint, Sheet, TextStyle};
use super::super::words;
use super::cluster::{BODY, Columns, WIDEST_CLASS, side};
use crate::fleet::pointer::unescaped;
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

/// Path, values, class and origin on one line where they fit; else the path above the rest.
fn field(sheet: &mut Sheet, change: &FieldChange, columns: &Columns, style: &TextStyle) {
    let most = if style.verbose {
        usize::MAX
    } else {
        side(style)
    };
    let (path, moved) = (path(change), movement(change, most));
    let (class, origin) = (change.class.as_str(), words::origin(change));
    let paint = match change.class {
        Class::Drift => Paint::Warn,
        Class::Pending | Class::InFlight => Paint::Plain,
    };
    let whole = [
        (Paint::Plain, path.as_str(), columns.path),
        (Paint::Plain, moved.as_str(), columns.change),
        (paint, class, WIDEST_CLASS),
        (Paint::Hint, origin.as_str(), 0),
    ];
    let fits = |indent: usize, cells: &[Cell]| style.row_width(indent, cells) <= style.width;
    if fits(BODY, &whole) {
        sheet.row(BODY, &whole);
    } else {
        sheet.row(BODY, &whole[..1]);
        // Under the other values where that is possible.
        let aligned = BODY + columns.path + 2;
        if let Some(indent) = [aligned, BODY + 2]
            .into_iter()
            .find(|at| fits(*at, &whole[1..]))
        {
            sheet.row(indent, &whole[1..]);
        } else {
            sheet.row(BODY + 2, &whole[1..2]);
            beside(sheet, &whole[2..], style);
        }
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

/// Class and origin, where not even they fit beside the values.
fn beside(sheet: &mut Sheet, cells: &[Cell], style: &TextStyle) {
    if style.row_width(BODY + 2, cells) <= style.width {
        return sheet.row(BODY + 2, cells);
    }
    for (paint, text, _) in cells {
        sheet.prose(BODY + 2, "", *paint, text);
    }
}

/// A pointer as a person reads it.
pub(super) fn path(change: &FieldChange) -> String {
    unescaped(&change.path).into_owned()
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
pub(in crate::report) fn texts(change: &FieldChange) -> Option<(&str, &str)> {
    let before = change.before.as_ref().map_or(Some(""), Value::as_str)?;
    let after = change.after.as_ref().map_or(Some(""), Value::as_str)?;
    (before.contains('\n') || after.contains('\n')).then_some((before, after))
}

fn changed_lines(sheet: &mut Sheet, before: &str, after: &str, shown: usize, style: &TextStyle) {
    let changed = changed(before, after);
    for line in changed.iter().take(shown) {
        let (sign, paint, line) = match line {
            Line::Gone(line) => ("-", Paint::Bad, line),
            Line::New(line) => ("+", Paint::Good, line),
        };
        let room = if style.verbose {
            usize::MAX
        } else {
            style.width.saturating_sub(BODY + 4)
        };
        let line = words::cut(line, room);
        sheet.row(BODY + 2, &[(paint, &format!("{sign} {line}"), 0)]);
    }
    if let Some(rest) = changed.len().checked_sub(shown).filter(|n| *n > 0) {
        let rest = words::counted(rest, "more line");
        sheet.row(BODY + 2, &[(Paint::Dim, &format!("… {rest}"), 0)]);
    }
}
