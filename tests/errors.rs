//! What people read when a document is wrong: one folder of documents a case, and what `validate` says about it.

#[path = "errors/hostile.rs"]
mod hostile;
#[path = "errors/laws.rs"]
mod laws;
#[path = "errors/mutated.rs"]
mod mutated;
#[path = "errors/worlds.rs"]
mod worlds;

use std::fs;
use std::path::{Path, PathBuf};

use reconcile::cli::validate;
use reconcile::diag::{Code, Style};
use reconcile::fleet;
use reconcile::manifest::member_file::OWN_KEYS;
use snapbox::{Data, assert_data_eq};

/// Relative, since names stand in the messages; tests run in the package's directory.
const CASES: &str = "tests/golden/errors";

/// Codes that no folder under version control can show, and the test that does.
const ELSEWHERE: &[(Code, &str)] = &[
    (
        Code::GitUnreadable,
        "source::git: what_libgit2_cannot_read_is_explained",
    ),
    (Code::PlanUnreadable, PLAN_FILES),
    (Code::PlanSyntax, PLAN_FILES),
    (Code::PlanKind, PLAN_FILES),
    (Code::PlanVersion, PLAN_FILES),
    (Code::PlanShape, PLAN_FILES),
    (Code::PlanEdited, PLAN_FILES),
    (Code::SettingsSyntax, SETTINGS),
    (Code::SettingsKey, SETTINGS),
    (Code::SettingsValue, SETTINGS),
    (Code::ImportAbsent, IMPORT),
    (Code::ImportContainer, IMPORT),
    (Code::ImportVersion, IMPORT),
    (Code::ImportClaim, IMPORT),
    (Code::ImportActed, IMPORT),
    (Code::ImportByHand, IMPORT),
    (Code::ImportOtherName, IMPORT),
    (Code::ImportHeld, IMPORT),
];
const IMPORT: &str = "tests/fake_api/import.rs: what_stands_in_the_way_is_named";
const SETTINGS: &str = "tests/cli/settings.rs: a_wrong_setting_is_4_and_says_where";
const PLAN_FILES: &str = "plan_files: what_is_no_plan_is_not_shown_and_not_applied";

fn cases() -> Vec<PathBuf> {
    let listed = fs::read_dir(CASES).expect("the folder of cases");
    let mut cases: Vec<PathBuf> = listed.map(|case| case.expect("a case").path()).collect();
    cases.sort();
    cases
}

fn expected(case: &Path) -> PathBuf {
    case.join("expected/stderr.txt")
}

#[test]
fn messages_are_as_expected() {
    for case in cases() {
        let opened = validate::open(&case);
        let text = opened.text(Style::Plain, 100);
        let has_error = opened
            .diagnostics
            .iter()
            .any(reconcile::diag::Diagnostic::is_error);
        assert_eq!(opened.fleet.is_none(), has_error, "{}", case.display());
        for found in &opened.diagnostics {
            for label in &found.labels {
                let file = opened.files.iter().find(|file| file.name == label.file);
                let inside = file.is_none_or(|file| file.text.get(label.span.clone()).is_some());
                assert!(inside, "{}: {found:?}", case.display());
            }
        }
        let path = expected(&case);
        let golden = Data::read_from(&path, Some(snapbox::data::DataFormat::Text));
        assert_data_eq!(text, golden.raw());
        let (code, ending, _) = run(case.to_str().expect("UTF-8"), validate::Output::Human);
        assert_eq!(code, if has_error { 4 } else { 0 }, "{}", case.display());
        let path = case.join("expected/ending.txt");
        let golden = Data::read_from(&path, Some(snapbox::data::DataFormat::Text));
        assert_data_eq!(format!("{ending}exit {code}\n"), golden.raw());
    }
}

/// `validate`: its exit code, what is on stdout, and whether anything is on stderr.
fn run(path: &str, output: validate::Output) -> (u8, String, bool) {
    let args = validate::ValidateArgs {
        path: path.into(),
        output,
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = validate::run(&args, &mut stdout, &mut stderr, Style::Plain, 80);
    let stdout = String::from_utf8(stdout).expect("UTF-8");
    (code.expect("written"), stdout, !stderr.is_empty())
}

#[test]
fn every_code_has_a_golden() {
    let golden: String = cases()
        .iter()
        .map(|case| fs::read_to_string(expected(case)).expect("a golden"))
        .collect();
    for code in Code::ALL {
        let shown = golden.contains(&format!("reconcile::{} ({})", code.slug(), code.id()));
        let elsewhere = ELSEWHERE.iter().any(|(other, _)| other == code);
        assert!(
            shown != elsewhere,
            "{code:?}: shown {shown}, elsewhere {elsewhere}"
        );
    }
}

#[test]
fn codes_are_unique_and_explained() {
    let mut ids: Vec<_> = Code::ALL.iter().map(|code| code.id()).collect();
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.explain().ends_with('.'), "{code:?}");
    }
}

/// What is rendered and what is refused are kept in two places.
#[test]
fn keys_that_we_render_are_refused_as_extra() {
    let extra = OWN_KEYS.map(|key| format!("      {key}: x")).join(
        "
",
    );
    let file = |name: &str, text: &str| reconcile::diag::SourceFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let cluster = format!(
        "apiVersion: reconcile/v1alpha1\nkind: EtcdCluster\nmetadata: {{name: orders}}\nspec:\n  version: 3.6.16\n  \
         etcd:\n    extra:\n{extra}"
    );
    let loaded = fleet::load(&[file("clusters/orders.yaml", &cluster)]);
    let owned = loaded
        .diagnostics
        .iter()
        .filter(|found| found.code == Code::ExtraOwned);
    assert_eq!(owned.count(), OWN_KEYS.len());
}

#[test]
fn validate_closes_with_one_line_and_its_exit_code() {
    let human = validate::Output::Human;
    assert_eq!(
        run("examples/clusters", human),
        (
            0,
            "platform: 8 clusters in 3 contexts are valid\n".to_owned(),
            false
        )
    );
    assert_eq!(
        run("tests/golden/errors/min-tolerance", human),
        (4, "invalid: 1 error in 2 files\n".to_owned(), true)
    );
    let (code, json, said) = run("tests/golden/errors/min-tolerance", validate::Output::Json);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((code, said), (4, false));
    assert_eq!(json["diagnostics"][0]["code"], "E0509");
    assert_eq!(json["diagnostics"][0]["labels"][0]["line"], 6);
}

/// Half-written documents, as an editor saves them: no panic, and every label lies within its file.
#[test]
fn any_beginning_of_a_document_is_answered() {
    let read = |name: &str| fs::read_to_string(Path::new("examples/clusters").join(name));
    let name = "clusters/eu-1/kube-main.yaml";
    let (fleet_text, whole) = (read("fleet.yaml"), read(name));
    let (fleet_text, whole) = (fleet_text.expect("an example"), whole.expect("an example"));
    let file = |name: &str, text: &str| reconcile::diag::SourceFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        let files = [file("fleet.yaml", &fleet_text), file(name, &whole[..end])];
        let loaded = fleet::load(&files);
        for found in &loaded.diagnostics {
            let shown = reconcile::diag::render(found, &files, Style::Plain, 80);
            assert!(shown.contains(found.code.id()), "{shown}");
            for label in &found.labels {
                let inside = files.iter().any(|file| {
                    file.name == label.file && file.text.get(label.span.clone()).is_some()
                });
                assert!(inside, "{found:?}");
            }
        }
    }
}

/// Wherever the fleet's own document stands, clusters are judged by what it says, and the one mistake is its place.
#[test]
fn a_fleet_in_another_file_is_still_what_clusters_inherit_from() {
    let file = |name: &str, text: &str| reconcile::diag::SourceFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let cluster = "apiVersion: reconcile/v1alpha1\nkind: EtcdCluster\nmetadata: {name: orders}\nspec: {profile: small}\n";
    let own = "apiVersion: reconcile/v1alpha1\nkind: Fleet\nmetadata: {name: mine}\nspec:\n  contexts: {dev: {kubeContext: \
               dev}}\n  defaults:\n    context: dev\n    backend: {statefulSet: {namespace: etcd}}\n  profiles:\n    small: \
               {members: 3, version: 3.6.16, storage: {size: 8Gi}}\n";
    let found = |own: &str| {
        let files = [
            file("clusters/orders.yaml", cluster),
            file("clusters/zoo.yaml", own),
        ];
        let loaded = fleet::load(&files).diagnostics;
        loaded.iter().map(|found| found.code).collect::<Vec<_>>()
    };
    assert_eq!(found(own), [Code::Misplaced]);
    let another = own.replace("small:", "large:");
    assert!(found(&another).contains(&Code::UnknownProfile));
}
