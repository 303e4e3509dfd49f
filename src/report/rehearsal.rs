//! What was rehearsed, as text.

use std::fmt::Write as _;

use crate::decide::ORDER;
use crate::rehearse::{Story, Tally};

/// The figures of a rehearsal: what was tried, what was reached, how the stories ended.
pub fn rehearsal_text(tally: &Tally, clusters: usize, sizes: &[u32], seeds: (u64, u64)) -> String {
    let mut text = String::new();
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    let (first, last) = seeds;
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12}{value}");
    };
    row(
        "clusters",
        &format!("{clusters}, with {} members", sizes.join(", ")),
    );
    row("seeds", &format!("{first} to {last}"));
    row(
        "schedules",
        &format!(
            "{}, of them {} through the engine of apply",
            grouped(tally.schedules),
            grouped(tally.engine)
        ),
    );
    row(
        "triples",
        &format!(
            "{} different (state, desired, schedule)",
            grouped(tally.triples() as u64)
        ),
    );
    row(
        "storage",
        &format!(
            "{} schedules, and {} different crashes on the way to other volumes",
            grouped(tally.storage),
            grouped(tally.storage_crashes() as u64)
        ),
    );
    row("runs", &grouped(tally.runs));
    row("steps", &grouped(tally.acts));
    row("states", &grouped(tally.states() as u64));
    let (reached, missing) = rows(tally);
    row("rows", &reached);
    if !missing.is_empty() {
        row("", &format!("not reached: {}", missing.join(", ")));
    }
    text.push('\n');
    counts(
        &mut text,
        "events",
        tally.events.iter().map(|(k, n)| (*k, *n)),
    );
    text.push('\n');
    let ends = tally.ends.iter().map(|(k, n)| (k.as_str(), *n));
    counts(&mut text, "ends", ends);
    text
}

/// Rows of the tables that a decision matched, and those that none did.
fn rows(tally: &Tally) -> (String, Vec<String>) {
    let all = ORDER
        .iter()
        .flat_map(|p| p.rows.iter().map(|r| (p.name, r.name)));
    let reached = |(procedure, row): &(&str, &str)| {
        let mut rows = tally.rows.iter();
        rows.any(|id| id.procedure == *procedure && id.row == *row)
    };
    let (there, missing): (Vec<_>, Vec<_>) = all.partition(reached);
    let missing: Vec<String> = missing.iter().map(|(p, r)| format!("{p}/{r}")).collect();
    let of = there.len() + missing.len();
    (format!("{} of {of} reached", there.len()), missing)
}

fn counts<'a>(text: &mut String, title: &str, all: impl Iterator<Item = (&'a str, u64)>) {
    let mut all: Vec<(&str, u64)> = all.collect();
    all.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
    for (at, (name, count)) in all.iter().enumerate() {
        let title = if at == 0 { title } else { "" };
        let _ = writeln!(text, "{title:<12}{:>11}  {name}", grouped(*count));
    }
}

/// `1234567` as `1,234,567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A story from its schedule to its end, line by line.
pub fn story_text(story: &Story) -> String {
    let mut text = format!("{}: {}\n\n", story.cluster, story.schedule);
    for line in &story.lines {
        let _ = writeln!(text, "{line}");
    }
    text.push('\n');
    match &story.violation {
        Some(violation) => {
            let _ = writeln!(text, "broken: {violation}");
        }
        None => {
            let _ = writeln!(text, "no law was broken; the story ends: {}", story.end);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ];
        for (n, text) in cases {
            assert_eq!(grouped(n), text);
        }
    }
}
