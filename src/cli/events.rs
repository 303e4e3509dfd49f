//! `--events FILE`: every event of a run as a line of JSON, for whoever watches it or asks afterwards.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use super::Stop;
use crate::apply::ApplyEvent;
use crate::report::{self, LostEvents};

/// A file that events are written to, one whole line at a time.
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
    lost: Option<LostEvents>,
}

impl EventFile {
    /// Made anew: a file that was there before is of another run. Its owner alone may read it.
    pub(super) fn create(path: &Path) -> Result<Self, Stop> {
        if path == Path::new("-") {
            return Err(Stop::usage(
                "--events wants a file: stdout is for the outcome; /dev/stderr is one",
            ));
        }
        let failed = |error: io::Error| {
            let path = path.display();
            Stop::new(
                1,
                format!("cannot write events to {path}: {error}; nothing was changed"),
            )
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut events = Self {
            path: path.to_owned(),
            file: options.open(path).map_err(failed)?,
            lost: None,
        };
        events.line(&report::events_header()).map_err(failed)?;
        Ok(events)
    }

    /// Never stops the run. Returns the error when it is the first one; what cannot be written is counted.
    pub(super) fn write(&mut self, at: Timestamp, event: &ApplyEvent) -> Option<&LostEvents> {
        let Some(lost) = &mut self.lost else {
            let error = self.line(&report::event_json(at, event)).err()?;
            return Some(self.lost.insert(LostEvents {
                file: self.path.display().to_string(),
                error: error.to_string(),
                events: 1,
            }));
        };
        // Half a line may be there: what follows it would not be read.
        lost.events += 1;
        None
    }

    /// What could not be written.
    pub(super) fn into_lost(self) -> Option<LostEvents> {
        self.lost
    }

    /// In one piece, without a buffer of ours: a run that is killed leaves whole lines.
    fn line(&mut self, body: &Value) -> io::Result<()> {
        self.file.write_all(format!("{body}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::fleet::ClusterId;

    fn locked() -> ApplyEvent {
        ApplyEvent::Locked {
            cluster: ClusterId::new("eu-1", "orders"),
        }
    }

    #[test]
    fn a_file_of_another_run_is_replaced() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("events.ndjson");
        let at = "2026-11-21T03:12:04Z".parse().expect("a time");
        for _ in 0..2 {
            let mut events = EventFile::create(&path).expect("created");
            assert!(events.write(at, &locked()).is_none());
            assert_eq!(events.into_lost(), None);
        }
        let text = std::fs::read_to_string(&path).expect("written");
        let expected = [
            r#"{"type":"version","schema":"reconcile.events/v1"}"#,
            r#"{"type":"locked","cluster":"eu-1/orders","at":"2026-11-21T03:12:04Z"}"#,
        ];
        let read = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
        let lines: Vec<Value> = text.lines().map(read).collect();
        assert_eq!(lines, expected.map(read));
        let mode = std::fs::metadata(&path)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_full_disk_is_told_once_and_counted() {
        let at = "2026-11-21T03:12:04Z".parse().expect("a time");
        let error = EventFile::create(Path::new("/dev/full"))
            .err()
            .expect("full");
        assert_eq!(error.code, 1);
        assert!(
            error.message.contains("/dev/full") && error.message.contains("nothing was changed")
        );
        let mut events = EventFile {
            path: "/dev/full".into(),
            file: OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .expect("a device"),
            lost: None,
        };
        assert!(events.write(at, &locked()).is_some());
        assert!(events.write(at, &locked()).is_none());
        let lost = events.into_lost().expect("two");
        assert_eq!(lost.events, 2);
        assert!(EventFile::create(Path::new("-")).is_err());
    }
}
