//! Who holds a cluster's lock, for whoever is asked whether to take it away.

use jiff::{SignedDuration, Timestamp};

use super::style::{Paint, Sheet, TextStyle};
use super::words;
use crate::fleet::ClusterSpec;
use crate::state::Lock;

/// Host, process, commit, since when and until when.
pub fn lock_text(spec: &ClusterSpec, lock: &Lock, now: Timestamp, style: &TextStyle) -> String {
    let mut sheet = Sheet::new(style);
    let head = format!(
        "{}: locked, by Lease {} in namespace {}",
        spec.id, spec.name, spec.namespace
    );
    sheet.prose(0, "", Paint::Strong, &head);
    let mut say = |label: &str, paint, text: &str| sheet.prose(2, label, paint, text);
    let (host, process) = holder(lock);
    say("held by: ", Paint::Plain, host);
    if let Some(process) = process {
        say("process: ", Paint::Plain, process);
    }
    let commit = lock.commit.as_deref().unwrap_or("not noted");
    say("commit:  ", Paint::Plain, commit);
    if let Some(acquired) = lock.acquired {
        let text = format!(
            "{} ({} ago)",
            words::whole_seconds(acquired),
            ago(acquired, now)
        );
        say("since:   ", Paint::Plain, &text);
    }
    let lasts = SignedDuration::from_secs(lock.duration.into());
    let until = lock.renewed.checked_add(lasts).unwrap_or(lock.renewed);
    let (paint, state) = if lock.is_expired(now) {
        (Paint::Warn, "expired")
    } else {
        (Paint::Plain, "expires unless it is renewed")
    };
    let text = format!(
        "{}: {state}; it was renewed {} ago and lasts {} s",
        words::whole_seconds(until),
        ago(lock.renewed, now),
        lock.duration
    );
    say("until:   ", paint, &text);
    sheet.finish()
}

/// `ada@laptop` and its process; what another program wrote stays as it is.
fn holder(lock: &Lock) -> (&str, Option<&str>) {
    let ours = lock.holder.contains(" boot:");
    let parts = lock.who().rsplit_once('/').filter(|_| ours);
    parts.map_or((lock.who(), None), |(host, process)| (host, Some(process)))
}

fn ago(time: Timestamp, now: Timestamp) -> String {
    words::rough(words::age(time, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::example;

    #[test]
    fn the_holder_is_told_whole() {
        let time = |text: &str| text.parse().unwrap();
        let mut lock = Lock {
            holder: "ada@laptop/4711 boot:b ns:1 start:2".into(),
            acquired: Some(time("2026-11-21T11:50:00.123Z")),
            renewed: time("2026-11-21T11:59:10Z"),
            duration: 30,
            commit: Some("3f9c2ab".into()),
        };
        let now = time("2026-11-21T12:00:00Z");
        let style = TextStyle::default();
        let text = lock_text(&example::spec(3), &lock, now, &style);
        assert_eq!(
            text,
            "eu-1/orders: locked, by Lease orders in namespace etcd\n  \
               held by: ada@laptop\n  \
               process: 4711\n  \
               commit:  3f9c2ab\n  \
               since:   2026-11-21T11:50:00Z (9 min ago)\n  \
               until:   2026-11-21T11:59:40Z: expired; it was renewed 50 s ago and lasts 30 s\n"
        );
        lock.holder = "kube-scheduler_1f".into();
        let text = lock_text(&example::spec(3), &lock, now, &style);
        assert!(
            text.contains("held by: kube-scheduler_1f\n  commit:"),
            "{text}"
        );
    }
}
