//! `.reconcile.toml`: the settings of a repository.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::look::Coloring;
use super::output::Output;
use super::settings::SETTINGS;
use crate::diag::{Code, Diagnostic, Label, SourceFile, Style, render_all};
use crate::fleet::nearest;
use crate::report::FailOn;

const NAME: &str = ".reconcile.toml";

/// What the file says, checked.
#[derive(Debug)]
pub(super) struct SettingsFile {
    name: String,
    said: Vec<Said>,
}

#[derive(Debug)]
pub(super) struct Said {
    name: &'static str,
    /// As on the command line.
    pub(super) value: String,
    pub(super) line: usize,
}

/// What is wrong with it.
#[derive(Debug)]
pub(super) struct Invalid {
    file: SourceFile,
    diagnostics: Vec<Diagnostic>,
}

impl Invalid {
    pub(super) fn name(&self) -> &str {
        &self.file.name
    }

    pub(super) fn text(&self, style: Style, width: usize) -> String {
        render_all(
            &self.diagnostics,
            std::slice::from_ref(&self.file),
            style,
            width,
        )
    }
}

impl SettingsFile {
    /// The nearest one from the fleet's directory up to its repository's root. Outside of a repository only the
    /// directory itself counts: what lies above it is somebody's home.
    pub(super) fn find(fleet: &Path) -> Option<PathBuf> {
        let real = fleet.canonicalize().ok()?;
        let start = if real.is_dir() {
            real.as_path()
        } else {
            real.parent()?
        };
        let root = start.ancestors().find(|at| at.join(".git").exists());
        let root = root.unwrap_or(start);
        let inside = start.ancestors().take_while(|at| at.starts_with(root));
        let found = inside.map(|at| at.join(NAME)).find(|file| file.is_file())?;
        let here = std::env::current_dir().and_then(|here| here.canonicalize());
        let short = here
            .ok()
            .and_then(|here| found.strip_prefix(here).ok().map(Path::to_owned));
        Some(short.unwrap_or(found))
    }

    pub(super) fn read(path: &Path) -> Result<Self, Invalid> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("{name} could not be read: {error}");
            Invalid {
                diagnostics: vec![Diagnostic::new(Code::Unreadable, message)],
                file: SourceFile {
                    name: name.clone(),
                    text: String::new(),
                },
            }
        })?;
        let file = SourceFile { name, text };
        match parse(&file) {
            Ok(said) => Ok(Self {
                name: file.name,
                said,
            }),
            Err(mut diagnostics) => {
                Diagnostic::sort(&mut diagnostics);
                Err(Invalid { file, diagnostics })
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn get(&self, name: &str) -> Option<&Said> {
        self.said.iter().find(|said| said.name == name)
    }
}

fn parse(file: &SourceFile) -> Result<Vec<Said>, Vec<Diagnostic>> {
    let table = DeTable::parse(&file.text).map_err(|error| {
        let message = error.message().to_owned();
        let span = error.span().unwrap_or_default();
        vec![Diagnostic::new(Code::SettingsSyntax, message).label(label(file, span, "here"))]
    })?;
    let (mut said, mut wrong) = (Vec::new(), Vec::new());
    for (key, value) in table.get_ref() {
        let known = SETTINGS.iter().filter(|setting| setting.in_file);
        let Some(setting) = known.clone().find(|setting| *key.get_ref() == setting.name) else {
            let names: Vec<&str> = known.map(|setting| setting.name).collect();
            wrong.push(unknown(file, key.get_ref(), key.span(), &names));
            continue;
        };
        match check(setting.name, value.get_ref()) {
            Ok(text) => said.push(Said {
                name: setting.name,
                value: text,
                line: place(&file.text, key.span().start).0,
            }),
            Err(why) => wrong.push(refused(file, setting.name, value, &why)),
        }
    }
    if wrong.is_empty() {
        Ok(said)
    } else {
        Err(wrong)
    }
}

fn unknown(
    file: &SourceFile,
    key: &str,
    span: std::ops::Range<usize>,
    names: &[&str],
) -> Diagnostic {
    let message = format!("unknown setting `{key}`");
    let diagnostic = Diagnostic::new(Code::SettingsKey, message);
    let diagnostic = diagnostic.label(label(file, span, "no such setting"));
    match nearest(key, names.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("the settings are: {}", names.join(", "))),
    }
}

fn refused(file: &SourceFile, name: &str, value: &Spanned<DeValue<'_>>, why: &str) -> Diagnostic {
    let message = format!("`{name}` cannot have this value");
    Diagnostic::new(Code::SettingsValue, message).label(label(file, value.span(), why))
}

/// The value as on the command line, or what was expected.
fn check(name: &str, value: &DeValue<'_>) -> Result<String, String> {
    match name {
        "color" => one_of::<Coloring>(value),
        "output" => one_of::<Output>(value),
        "fail-on" => {
            let list = words(value).ok_or("expected a text, or a list of texts")?;
            let checked: Result<FailOn, _> = list.parse();
            checked.map(|_| list).map_err(|error| error.to_string())
        }
        _ => match value {
            DeValue::Integer(number) if number.radix() == 10 => {
                let seconds: Result<u64, _> = number.as_str().parse();
                seconds.map(|seconds| seconds.to_string()).ok()
            }
            _ => None,
        }
        .ok_or_else(|| "expected a number of seconds, 0 or more".to_owned()),
    }
}

fn one_of<T: ValueEnum>(value: &DeValue<'_>) -> Result<String, String> {
    let names: Vec<String> = T::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value)
        .map(|value| value.get_name().to_owned())
        .collect();
    match value {
        DeValue::String(text) if names.iter().any(|name| name == text) => Ok(text.to_string()),
        _ => Err(format!("expected one of: {}", names.join(", "))),
    }
}

/// `"a,b"` and `["a", "b"]` are the same.
fn words(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Array(items) => {
            let text = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            };
            let words: Option<Vec<String>> = items.iter().map(text).collect();
            words.map(|words| words.join(","))
        }
        _ => None,
    }
}

fn label(file: &SourceFile, span: std::ops::Range<usize>, text: &str) -> Label {
    let (line, column) = place(&file.text, span.start);
    Label {
        file: file.name.clone(),
        span,
        line,
        column,
        text: text.to_owned(),
    }
}

/// Line and column from 1, the column in characters.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() + 1)
}
