use std::fs;

use super::*;

fn id(name: &str) -> ClusterId {
    ClusterId::new("eu-1", name)
}

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().expect("a time")
}

fn sightings() -> Sightings {
    let unknown = Reading::Unknown("nobody let us in".into());
    [("eu-1".to_owned(), unknown)].into()
}

fn text() -> String {
    let observations = ["a", "b", "c"].map(|name| crate::model::empty(id(name), now()));
    Recording::text(now(), &observations, sightings()).expect("JSON")
}

/// What is in a recording of this text, by name; or why there is none.
fn read(text: &str) -> Result<Vec<String>, String> {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("r.json");
    fs::write(&path, text).expect("written");
    let plain = |error: RecordingError| {
        error
            .to_string()
            .replace(&*path.to_string_lossy(), "r.json")
    };
    let recording = Recording::open(&path).map_err(plain)?;
    assert_eq!(recording.now, now());
    assert_eq!(recording.sightings, sightings());
    recording
        .scan(|observed| Some(observed.cluster.name))
        .map_err(plain)
}

#[test]
fn the_layout_makes_no_difference() {
    let lines = text();
    assert_eq!(
        lines.lines().count(),
        6,
        "two lines, a cluster a line, and the end"
    );
    let value: serde_json::Value = serde_json::from_str(&lines).expect("JSON");
    for text in [lines, value.to_string(), format!("{value:#}")] {
        assert_eq!(read(&text).expect("a recording"), ["a", "b", "c"]);
    }
    let none = Recording::text(now(), &[], sightings()).expect("JSON");
    assert_eq!(read(&none).expect("a recording"), [""; 0]);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let whole = text();
    let broken = whole.replacen("\"namespaceExists\":true", "\"namespaceExists\":1", 1);
    let error = read(&broken).expect_err("no boolean");
    assert!(
        error.starts_with("r.json is no recording: invalid type: integer `1`"),
        "{error}"
    );
    assert!(error.contains(" at line 3 column "), "{error}");

    for cut in [whole.len() - 4, whole.len() / 2] {
        let error = read(&whole[..cut]).expect_err("cut off");
        assert!(error.contains("it is cut off in line "), "{error}");
    }
    let other = whole.replacen("observation/v1", "observation/v9", 1);
    let error = read(&other).expect_err("another schema");
    assert!(
        error.contains("found schema \"reconcile.observation/v9\""),
        "{error}"
    );
}
