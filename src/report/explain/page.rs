//! One page, whoever wrote it.

use super::super::style::{Paint, Sheet};
use super::field;

/// What a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The code of a refusal, a deferral or what could not be read.
    Refusal,
    Guard,
    Wait,
    Ending,
    Procedure,
    Row,
    /// A finding in the documents.
    Finding,
    /// A field of the documents.
    Field,
    Exit,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Refusal,
        Self::Guard,
        Self::Wait,
        Self::Ending,
        Self::Procedure,
        Self::Row,
        Self::Finding,
        Self::Field,
        Self::Exit,
    ];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Guard => "guard",
            Self::Wait => "wait",
            Self::Ending => "ending",
            Self::Procedure => "procedure",
            Self::Row => "row",
            Self::Finding => "finding",
            Self::Field => "field",
            Self::Exit => "exit codes",
        }
    }

    /// Heading of the pages of this kind.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Refusal => "Refusals, and what is deferred or cannot be read",
            Self::Guard => "Guards",
            Self::Wait => "Waits",
            Self::Ending => "Endings of a run",
            Self::Procedure => "Procedures",
            Self::Row => "Rows",
            Self::Finding => "Findings in the documents",
            Self::Field => "Fields of the documents",
            Self::Exit => "Exit codes",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub kind: Kind,
    /// The first is the usual one.
    pub names: Vec<String>,
    pub title: String,
    pub parts: Vec<Part>,
}

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A label and a paragraph.
    Says(&'static str, String),
    /// Things to do one after the other, no further than needed.
    Steps(Vec<String>),
    /// Lines for a shell, as they are.
    Commands(Vec<String>),
    /// A label, and names with what each is.
    Table(&'static str, Vec<(String, String)>),
}

impl Page {
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
            || (self.kind == Kind::Field && field::is_called(&self.names[0], name))
    }

    /// The paragraph under this label.
    pub fn says(&self, label: &str) -> Option<&str> {
        self.parts.iter().find_map(|part| match part {
            Part::Says(own, text) if *own == label => Some(text.as_str()),
            _ => None,
        })
    }

    pub fn has_commands(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Commands(_)))
    }

    pub(super) fn write(&self, sheet: &mut Sheet) {
        let names = self.names.join(", ");
        let head = format!("{} ({})", names, self.kind);
        sheet.prose(0, "", Paint::Strong, &head);
        sheet.prose(0, "", Paint::Plain, &self.title);
        for part in &self.parts {
            sheet.blank();
            part.write(sheet);
        }
    }
}

impl Part {
    fn write(&self, sheet: &mut Sheet) {
        match self {
            Self::Says(label, text) => {
                let label = format!("{:10}", format!("{label}: "));
                sheet.prose(0, &label, Paint::Plain, text);
            }
            Self::Steps(steps) => {
                for (at, step) in steps.iter().enumerate() {
                    sheet.prose(2, &format!("{}. ", at + 1), Paint::Plain, step);
                }
            }
            Self::Commands(lines) => {
                sheet.prose(0, "", Paint::Plain, "Look:");
                for line in lines {
                    sheet.row(2, &[(Paint::Hint, line, 0)]);
                }
            }
            Self::Table(label, rows) => {
                sheet.prose(0, "", Paint::Plain, &format!("{label}:"));
                for (name, text) in rows {
                    sheet.prose(2, &format!("{name}: "), Paint::Plain, text);
                }
            }
        }
    }
}
