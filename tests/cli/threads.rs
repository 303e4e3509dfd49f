//! However many threads work on it: the same bytes.

use std::fmt::Write as _;

use super::{Place, text};

/// Enough that each of four threads has many, and none finishes in the order in which they were begun.
const MANY: usize = 36;

/// What is said, on both streams, with this many threads.
fn said(place: &Place, threads: &str, arguments: &str, exit: i32) -> String {
    let mut command = place.command(arguments);
    command.env("RAYON_NUM_THREADS", threads);
    let output = command.output().expect("the program runs");
    let said = text(&output.stdout) + "--- stderr\n" + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{arguments}: {said}");
    said
}

fn is_the_same(place: &Place, arguments: &str, exit: i32) -> String {
    let alone = said(place, "1", arguments, exit);
    for _ in 0..2 {
        let together = said(place, "4", arguments, exit);
        assert!(alone == together, "{arguments}:\n{alone}\n{together}");
    }
    alone
}

/// The example fleet's `us-2/kube-events` so many times more, as documents and in the recording `many.json`.
fn multiply(place: &Place) {
    place.stdout("status fleet --sandbox world.json --record r.json");
    let read = |file| std::fs::read_to_string(place.path(file)).expect("a file");
    let (document, recording) = (read("fleet/clusters/us-2/kube-events.yaml"), read("r.json"));
    let mut many = String::new();
    for line in recording.split_inclusive('\n') {
        if line.starts_with(r#"{"cluster":"us-2/kube-events""#) {
            let line = line.trim_end().trim_end_matches(',');
            for number in 0..MANY {
                let name = format!("kube-events-{number}");
                let _ = writeln!(many, "{},", line.replace("kube-events", &name));
                let mut text = document.replace("kube-events", &name);
                if number % 3 == 0 {
                    text += "  members: 5\n";
                }
                let file = format!("fleet/clusters/us-2/{name}.yaml");
                std::fs::write(place.path(&file), text).expect("written");
            }
        }
        many += line;
    }
    assert_eq!(many.lines().count(), recording.lines().count() + MANY);
    std::fs::write(place.path("many.json"), many).expect("written");
}

#[test]
fn a_plan_of_many_clusters_is_the_same_with_one_thread_and_with_four() {
    let place = Place::new();
    multiply(&place);
    let check = "--check fleet --observed many.json";
    for form in ["human --verbose", "json"] {
        let told = is_the_same(&place, &format!("{check} -o {form}"), 2);
        let last = format!("us-2/kube-events-{}", MANY - 1);
        assert!(told.contains(&last), "{told}");
    }
}

#[test]
fn findings_of_many_documents_are_the_same_with_one_thread_and_with_four() {
    let place = Place::new();
    for number in 0..MANY {
        let wrong = [
            "members: 4",
            "member: 3",
            "version: 3.4.1",
            "etcd: {quota: 900Gi}",
            "profile: none",
            "storage: [",
        ];
        let wrong = wrong[number % wrong.len()];
        // The same name twice, in two files.
        let name = format!("broken-{}", number / 2);
        let text = format!(
            "apiVersion: reconcile/v1alpha1\nkind: EtcdCluster\nmetadata: {{name: {name}}}\nspec:\n  context: eu-1\n  {wrong}\n"
        );
        let file = format!("fleet/clusters/broken-{number}.yaml");
        std::fs::write(place.path(&file), text).expect("written");
    }
    let told = is_the_same(&place, "validate fleet -o json", 4);
    let found = told.matches(r#""severity": "error""#).count();
    assert!(found > MANY, "{found} errors: {told}");
    is_the_same(&place, "validate fleet", 4);
    is_the_same(&place, "--check fleet --observed nowhere.json", 4);
}
