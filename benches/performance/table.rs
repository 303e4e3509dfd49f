//! The table, and its place in the documents.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::Result;

pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    what: String,
    measured: String,
    target: String,
    held: Option<bool>,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            measured: measured.into(),
            target: String::new(),
            held: None,
        }
    }

    /// What was promised, and whether it is so.
    pub(crate) fn held(mut self, target: &str, held: bool) -> Self {
        target.clone_into(&mut self.target);
        self.held = Some(held);
        self
    }
}

const BEGIN: &str = "<!-- written by `make bench` -->\n";
const END: &str = "<!-- until here -->\n";

impl Table {
    pub(crate) fn text(&self) -> String {
        let mut text = "| | measured | target | |\n|---|---|---|---|\n".to_owned();
        for row in &self.rows {
            let held = match row.held {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "",
            };
            let (what, measured, target) = (&row.what, &row.measured, &row.target);
            text.extend([
                "| ", what, " | ", measured, " | ", target, " | ", held, " |\n",
            ]);
        }
        text
    }

    /// Between the markers, with when and on what it was measured.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let page = fs::read_to_string(path)?;
        let parts = page
            .split_once(BEGIN)
            .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) =
            parts.ok_or_else(|| format!("{} has no place for the table", path.display()))?;
        let table = format!("{}\n\n{}", Self::surroundings(), self.text());
        fs::write(path, format!("{before}{BEGIN}\n{table}\n{END}{after}"))?;
        Ok(())
    }

    fn surroundings() -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let line = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let found = text
                .lines()
                .find_map(|l| l.strip_prefix(key)?.split_once(':'));
            found.map(|(_, value)| value.trim().to_owned())
        };
        let cpu = line("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unnamed CPU".into());
        let kilobytes = line("/proc/meminfo", "MemTotal").unwrap_or_default();
        let kilobytes: u64 = kilobytes
            .trim_end_matches(" kB")
            .parse()
            .unwrap_or_default();
        let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        format!(
            "Measured on {}: {cores} cores ({cpu}), {} GB of memory, Linux {}, reconcile {}.",
            today(),
            kilobytes / 1_000_000,
            system.trim(),
            env!("CARGO_PKG_VERSION"),
        )
    }
}

#[expect(clippy::disallowed_methods, reason = "when it was measured")]
fn today() -> String {
    Timestamp::now().strftime("%Y-%m-%d").to_string()
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
