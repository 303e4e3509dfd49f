//! Settings, and where they come from.

use super::style::{Paint, Sheet, TextStyle};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    pub name: &'static str,
    /// `None`: not set at all.
    pub value: Option<String>,
    pub origin: String,
}

/// A line each, in columns.
pub fn settings_text(rows: &[SettingRow], style: &TextStyle) -> String {
    let value = |row: &SettingRow| row.value.clone().unwrap_or_else(|| "(none)".to_owned());
    let names = rows.iter().map(|row| row.name.len()).max();
    let values = rows.iter().map(|row| value(row).chars().count()).max();
    let mut sheet = Sheet::new(style);
    for row in rows {
        let cells = [
            (Paint::Strong, row.name, names.unwrap_or_default()),
            (Paint::Plain, &value(row), values.unwrap_or_default()),
            (Paint::Hint, &row.origin, 0),
        ];
        sheet.row(0, &cells);
    }
    sheet.finish()
}
