//! What an apply leaves behind, whatever happened.

use super::super::events::ending;
use super::super::exit::{self, Exit};
use super::super::style::{Paint, Sheet, TextStyle};
use super::super::words;
use crate::apply::{ClusterOutcome, Ending, Outcome};

/// What the command line named, to be named again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again<'a> {
    /// The fleet, and the world it lives in.
    pub fleet: &'a str,
    /// The plan file and the world, where one was applied: it has its own selection of clusters.
    pub saved: Option<&'a str>,
}

/// Per cluster what was done, failed, not started and deferred, whether it may be left like this, and what to run next.
pub fn tally_text(outcome: &Outcome, again: &Again, style: &TextStyle) -> String {
    let mut sheet = Sheet::new(style);
    let ids = outcome.clusters.iter().map(|c| c.id.to_string());
    let widest = ids.map(|id| id.chars().count()).max().unwrap_or(0);
    for cluster in &outcome.clusters {
        block(&mut sheet, cluster, widest);
    }
    let in_sync = outcome
        .clusters
        .iter()
        .filter(|c| c.ending == Ending::InSync);
    let closing = !style.quiet;
    let summary = format!(
        "Applied: {} of {} in sync",
        in_sync.count(),
        words::counted(outcome.clusters.len(), "cluster")
    );
    if closing {
        sheet.prose(0, "", Paint::Strong, &summary);
    }
    if let Some(next) = next(outcome, again) {
        sheet.prose(0, "next: ", Paint::Hint, &next);
    }
    if closing {
        sheet.prose(0, "", Paint::Plain, &exit_words(outcome));
    }
    sheet.finish()
}

fn block(sheet: &mut Sheet, cluster: &ClusterOutcome, widest: usize) {
    let (glyph, paint) = glyph(cluster);
    let id = cluster.id.to_string();
    let label = format!("{id:widest$}  ");
    let label = format!(" {glyph}  {label}");
    sheet.prose(0, &label, paint, &ending(&cluster.ending));
    let untouched =
        cluster.done.is_empty() && matches!(cluster.ending, Ending::InSync | Ending::NotStarted);
    if untouched {
        return;
    }
    sheet.prose(4, "", Paint::Plain, &steps(cluster));
    let (paint, safety) = safety(cluster);
    sheet.prose(4, "", paint, &safety);
}

const fn glyph(cluster: &ClusterOutcome) -> (&'static str, Paint) {
    match cluster.ending {
        Ending::InSync => ("=", Paint::Good),
        Ending::Deferred => ("-", Paint::Plain),
        Ending::Interrupted { .. } | Ending::StepLimit | Ending::NotStarted => ("-", Paint::Warn),
        Ending::Unreadable(_) => ("?", Paint::Bad),
        Ending::Blocked
        | Ending::TimedOut(_)
        | Ending::Failed(_)
        | Ending::LockHeld(_)
        | Ending::OlderCommit(_)
        | Ending::NotApproved(_) => ("!", Paint::Bad),
    }
}

fn steps(cluster: &ClusterOutcome) -> String {
    let last = cluster.done.last().map(words::step);
    let done = cluster.done.len();
    let mut parts = vec![match last {
        Some(last) => format!("{done} done (last: {last})"),
        None => "nothing done".into(),
    }];
    if matches!(cluster.ending, Ending::Failed(_)) {
        parts.push("1 failed".into());
    }
    parts.push(format!("{} left", cluster.left));
    if cluster.deferred > 0 {
        parts.push(format!("{} deferred", cluster.deferred));
    }
    parts.join(" · ")
}

fn safety(cluster: &ClusterOutcome) -> (Paint, String) {
    let voters = words::counted(cluster.voters, "voter");
    match cluster.tolerance {
        Some(t) if cluster.is_safe_to_leave() => (
            Paint::Good,
            format!("{voters}, tolerates {t}: safe to leave"),
        ),
        Some(_) => (
            Paint::Bad,
            format!("{voters}, NO QUORUM: not safe to leave"),
        ),
        None => (
            Paint::Warn,
            "its voters are not known: look before leaving it".into(),
        ),
    }
}

/// Resuming is planning again: the state is in the cluster.
fn next(outcome: &Outcome, again: &Again) -> Option<String> {
    let open: Vec<&ClusterOutcome> = outcome
        .clusters
        .iter()
        .filter(|c| !matches!(c.ending, Ending::InSync | Ending::Deferred))
        .collect();
    let goes_on = |c: &&ClusterOutcome| {
        matches!(
            c.ending,
            Ending::Interrupted { .. } | Ending::StepLimit | Ending::NotStarted
        )
    };
    let clusters: Vec<String> = open.iter().map(|c| format!("--cluster {}", c.id)).collect();
    let these = format!("{} {}", again.fleet, clusters.join(" "));
    let command = match again.saved {
        Some(saved) if open.iter().all(goes_on) => format!("apply {saved}"),
        None if open.iter().all(goes_on) => format!("apply {these}"),
        _ => format!("plan {these}"),
    };
    (!open.is_empty()).then(|| format!("`reconcile {command}`"))
}

fn exit_words(outcome: &Outcome) -> String {
    let codes = exit::codes_of(outcome);
    let code = exit::of(&codes);
    match Exit::from_code(code) {
        Some(exit) => format!("exit {code} ({})", exit.word()),
        None => format!("exit {code} (signal)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{IntentKey, Subject};
    use crate::fleet::{ClusterId, Ordinal};

    fn outcome(ending: Ending, done: usize) -> Outcome {
        let key = IntentKey {
            verb: "promote",
            subject: Subject::Member(Ordinal(3)),
            takes: Vec::new(),
        };
        Outcome {
            clusters: vec![ClusterOutcome {
                id: ClusterId::new("eu-1", "orders"),
                ending,
                done: vec![key; done],
                left: 5,
                deferred: 0,
                tolerance: Some(1),
                voters: 4,
            }],
            signal: None,
        }
    }

    const fn again(fleet: &str) -> Again<'_> {
        Again { fleet, saved: None }
    }

    #[test]
    fn a_saved_plan_goes_on_by_itself() {
        let next = |ending| {
            let saved = Some("plan.json --sandbox w.json");
            let fleet = "fleet --sandbox w.json";
            let again = Again { fleet, saved };
            super::next(&outcome(ending, 2), &again).expect("not in sync")
        };
        assert_eq!(
            next(Ending::StepLimit),
            "`reconcile apply plan.json --sandbox w.json`"
        );
        assert_eq!(
            next(Ending::Blocked),
            "`reconcile plan fleet --sandbox w.json --cluster eu-1/orders`"
        );
    }

    #[test]
    fn the_tally_names_what_is_left_and_what_to_run() {
        let text = tally_text(
            &outcome(Ending::StepLimit, 2),
            &again("fleet/"),
            &TextStyle::default(),
        );
        let lines = [
            " -  eu-1/orders  stopped by --max-steps",
            "    2 done (last: member 3: promote) · 5 left",
            "    4 voters, tolerates 1: safe to leave",
            "Applied: 0 of 1 cluster in sync",
            "next: `reconcile apply fleet/ --cluster eu-1/orders`",
            "exit 7 (stopped after changes)",
            "",
        ];
        assert_eq!(text, lines.join("\n"));
    }

    #[test]
    fn a_cluster_without_quorum_is_not_safe_to_leave() {
        let mut outcome = outcome(Ending::Failed("the disk is full".into()), 1);
        outcome.clusters[0].tolerance = Some(-1);
        let text = tally_text(&outcome, &again("."), &TextStyle::default());
        assert!(
            text.contains("4 voters, NO QUORUM: not safe to leave\n"),
            "{text}"
        );
        assert!(
            text.contains("next: `reconcile plan . --cluster eu-1/orders`"),
            "{text}"
        );
        outcome.clusters[0].tolerance = None;
        let text = tally_text(&outcome, &again("."), &TextStyle::default());
        assert!(text.contains("look before leaving it\n"), "{text}");
    }

    #[test]
    fn the_outcome_is_in_its_schema() {
        let tool = crate::report::Tool::this();
        let document = crate::report::outcome_json(&outcome(Ending::Failed("x".into()), 1), tool);
        let schema = crate::report::schema("outcome").expect("shipped");
        let schema = serde_json::from_str(schema).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        assert!(validator.is_valid(&document), "{document}");
        assert_eq!(document["outcome"]["code"], 7);
    }

    #[test]
    fn codes_of_endings() {
        let codes = |ending, done| exit::codes_of(&outcome(ending, done));
        assert_eq!(codes(Ending::InSync, 3), [] as [u8; 0]);
        assert_eq!(codes(Ending::Blocked, 3), [3]);
        assert_eq!(codes(Ending::Failed("x".into()), 0), [1]);
        assert_eq!(codes(Ending::TimedOut("x".into()), 1), [1, 7]);
        assert_eq!(codes(Ending::LockHeld("x".into()), 0), [8]);
        assert_eq!(codes(Ending::NotApproved("x".into()), 1), [6, 7]);
        assert_eq!(codes(Ending::Unreadable("x".into()), 0), [5]);
        assert_eq!(codes(Ending::NotStarted, 0), [] as [u8; 0]);
        let mut interrupted = outcome(Ending::Interrupted { safe: true }, 1);
        interrupted.signal = Some(2);
        assert_eq!(exit::codes_of(&interrupted), [7, 130]);
        assert_eq!(exit::of(&exit::codes_of(&interrupted)), 130);
    }
}
