//! `reconcile explain`: a page for everything that a plan or a run can name.
//!
//! Refusals, guards, waits and endings are written by hand, in the Markdown files beside this one; rows, procedures,
//! findings, fields of the documents and exit codes are told from the data they are. A written page is
//!
//! ```text
//! ## code, other-name: What is so, in one line
//!
//! **Means.** …            what was found
//! **Why.** …              why it is refused, with its source
//! **Look.** …             followed by a block of commands
//! **Do.** …
//! **Override.** …         when that is safe, and how
//! ```

mod documents;
mod field;
mod generated;
mod markdown;
mod page;
mod written;

use std::collections::BTreeSet;
use std::fmt;

pub use documents::documents_markdown;
pub use markdown::refusals_markdown;
pub use page::{Kind, Page, Part};

use super::style::{Paint, Sheet, TextStyle};
use crate::fleet::nearest;

/// Every page there is, in the order of their kinds.
pub fn explanations() -> Vec<Page> {
    let mut pages = written::pages();
    generated::complete(&mut pages);
    pages.extend(generated::pages());
    pages.extend(field::pages());
    generated::refer(&mut pages);
    pages.sort_by_key(|page| page.kind);
    pages
}

/// No page has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found no page for {name:?}{}; the names there are:\n\n{list}", suggestion(.near))]
pub struct UnknownTopic {
    pub name: String,
    /// What may have been meant.
    pub near: Vec<String>,
    /// All names.
    pub list: String,
}

fn suggestion(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    format!("; did you mean {}?", near.join(", "))
}

/// The pages of this name as text; one name may be a guard's, a wait's and an ending's.
pub fn explain_text(name: &str, style: &TextStyle) -> Result<String, UnknownTopic> {
    let pages = explanations();
    let found: Vec<&Page> = pages.iter().filter(|page| page.is_called(name)).collect();
    if found.is_empty() {
        return Err(unknown(name, &pages, style));
    }
    let mut sheet = Sheet::new(style);
    for (at, page) in found.iter().enumerate() {
        if at > 0 {
            sheet.blank();
        }
        page.write(&mut sheet);
    }
    if found.iter().any(|page| page.has_commands()) {
        sheet.blank();
        for (word, meaning) in LEGEND {
            sheet.prose(0, &format!("{word}: "), Paint::Dim, meaning);
        }
    }
    Ok(sheet.finish())
}

/// The names of all pages, by kind.
pub fn explain_topics(style: &TextStyle) -> String {
    let mut sheet = Sheet::new(style);
    list(&mut sheet, &explanations());
    sheet.finish()
}

/// What the words in capital letters stand for.
const LEGEND: [(&str, &str); 3] = [
    (
        "NAMESPACE, NAME",
        "the cluster's namespace, and the name of its objects (that of the cluster, or backend.statefulSet.name)",
    ),
    (
        "NAME-N",
        "the pod of member N; its claim is data-NAME-N, its peers are in Service NAME-peer, clients use NAME-client",
    ),
    (
        "etcdctl",
        "is in every member's image: kubectl -n NAMESPACE exec NAME-0 -- etcdctl …; with TLS add --cacert, --cert and --key",
    ),
];

fn unknown(name: &str, pages: &[Page], style: &TextStyle) -> UnknownTopic {
    let names = || pages.iter().flat_map(|page| &page.names);
    let typing_error = nearest(name, names().map(String::as_str));
    // The last part of a row's id, or a piece of a name.
    let piece = names().filter(|n| name.len() > 2 && n.contains(name));
    let mut near: Vec<String> = typing_error
        .map(str::to_owned)
        .into_iter()
        .chain(field::nearest_of(name))
        .chain(piece.take(5).cloned())
        .collect();
    let mut seen = BTreeSet::new();
    near.retain(|name| seen.insert(name.clone()));
    let mut sheet = Sheet::new(style);
    list(&mut sheet, pages);
    UnknownTopic {
        name: name.to_owned(),
        near,
        list: sheet.finish().trim_end().to_owned(),
    }
}

fn list(sheet: &mut Sheet, pages: &[Page]) {
    for (at, kind) in Kind::ALL.into_iter().enumerate() {
        if at > 0 {
            sheet.blank();
        }
        sheet.prose(0, "", Paint::Strong, kind.title());
        let names: Vec<String> = pages
            .iter()
            .filter(|page| page.kind == kind)
            .map(|page| page.names.join(", "))
            .collect();
        sheet.prose(2, "", Paint::Plain, &names.join(", "));
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
