//! Documents that cannot lie: links lead somewhere, command lines are ones that the program takes, codes, rows, files and
//! quoted code exist, exit codes are the program's, and what a guide's console shows is what is printed.
//!
//! `SNAPSHOTS=overwrite cargo test --test docs` writes the guides' output again. The tutorial is run by a story, on a real
//! Kubernetes: tests/stories/tutorial.rs.

#[path = "docs/console.rs"]
mod console;
#[path = "docs/markdown.rs"]
mod markdown;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use reconcile::decide::ORDER;
use reconcile::report::{Exit, Kind, explanations};
use serde_json::Value;
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    let text = std::fs::read_to_string(root().join(name));
    text.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every document that people read, by its name in the project.
fn documents() -> BTreeMap<String, String> {
    let mut names: Vec<String> = ["README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG"]
        .map(|name| format!("{name}.md"))
        .to_vec();
    for folder in ["docs", "docs/adr", "examples/ci", "tests/bed"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("a folder of documents");
        let files = entries.map(|entry| entry.expect("an entry").file_name());
        let files = files.filter_map(|file| file.into_string().ok());
        let documents = files.filter(|file| Path::new(file).extension().is_some_and(|e| e == "md"));
        names.extend(documents.map(|file| format!("{folder}/{file}")));
    }
    let read = names.into_iter().map(|name| {
        let text = read(&name);
        (name, text)
    });
    read.collect()
}

const GUIDES: [&str; 3] = [
    "docs/guide-ci.md",
    "docs/guide-operators.md",
    "docs/guide-contributors.md",
];

fn exists(document: &str, link: &str) -> PathBuf {
    let folder = root().join(document);
    let folder = folder.parent().expect("a document is in a folder");
    if link.is_empty() {
        return root().join(document);
    }
    folder.join(link)
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, text) in documents() {
        for link in markdown::links(&text) {
            let target = link.target.as_str();
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = exists(&name, file);
            if !path.exists() {
                wrong.push(format!("{name}: {target}: no such file"));
            } else if !anchor.is_empty() {
                let headings = markdown::anchors(&std::fs::read_to_string(&path).expect("UTF-8"));
                if !headings.contains_key(anchor) {
                    wrong.push(format!("{name}: {target}: no such heading"));
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} links were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Our program where there is nothing to read, change or reach: a command line that is none ends with 64 all the same.
fn parses(line: &str) -> Result<(), String> {
    let mut words = markdown::shell_words(line);
    words.remove(0);
    // Takes minutes; what stands before `--help` is read all the same.
    if words.first().is_some_and(|word| word == "rehearse") {
        words.push("--help".into());
    }
    let nowhere = tempfile::tempdir().expect("temporary directory");
    std::fs::create_dir(nowhere.path().join("fleet")).expect("a writable directory");
    // No plan, but a file: what is in it is asked later than the command line.
    std::fs::write(nowhere.path().join("plan.json"), "").expect("a writable directory");
    let output = Command::new(env!("CARGO_BIN_EXE_reconcile"))
        .args(&words)
        .current_dir(nowhere.path())
        .env_clear()
        .env("HOME", "home")
        .env("KUBECONFIG", "no-kubeconfig.yaml")
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    if output.status.code() == Some(64) {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(())
}

#[test]
fn command_lines_are_ones_that_the_program_takes() {
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for (name, text) in documents() {
        for block in console::blocks(&text) {
            for line in markdown::own_commands(&block.text) {
                lines.entry(line).or_insert_with(|| name.clone());
            }
        }
    }
    assert!(lines.len() > 40, "only {} were found", lines.len());
    let wrong: Vec<String> = lines
        .iter()
        .filter(|(line, _)| !is_form(line))
        .filter_map(|(line, name)| parses(line).err().map(|e| format!("{name}: {line}: {e}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(parses("reconcile --no-such-flag").is_err());
    assert!(parses("reconcile apply --max-steps none").is_err());
}

/// `reconcile explain CODE` says what to type, not what was typed.
fn is_form(line: &str) -> bool {
    let words = markdown::shell_words(line);
    let last = words.last().map(String::as_str).unwrap_or_default();
    words.get(1).is_some_and(|word| word == "explain")
        && last.chars().all(|c| c.is_ascii_uppercase() || c == '|')
}

/// The names of pages of `reconcile explain`.
fn page_names(kinds: &[Kind]) -> BTreeSet<String> {
    let pages = explanations().into_iter();
    let of_kinds = pages.filter(|page| kinds.contains(&page.kind));
    of_kinds.flat_map(|page| page.names).collect()
}

#[test]
fn codes_that_are_linked_to_are_on_their_pages() {
    let names = page_names(&Kind::ALL);
    let pages = markdown::anchors(&read("docs/refusals.md"));
    for (name, text) in documents() {
        for link in markdown::links(&text) {
            let Some((_, anchor)) = link.target.split_once("refusals.md#") else {
                continue;
            };
            let code = &link.text;
            assert!(names.contains(code), "{name}: no page is called {code:?}");
            let heading = &pages[anchor];
            let there = heading.split('`').any(|part| part == code);
            assert!(there, "{name}: {code} is not at #{anchor}: {heading}");
        }
    }
}

/// Whoever is on call finds every refusal, guard and ending in the guide: one that is new has no class there yet.
#[test]
fn the_operators_guide_knows_every_refusal() {
    let text = read("docs/guide-operators.md");
    let links = markdown::links(&text).into_iter().map(|link| link.text);
    let known: BTreeSet<String> = links.collect();
    let pages = explanations().into_iter();
    let stops = pages.filter(|p| [Kind::Refusal, Kind::Guard, Kind::Ending].contains(&p.kind));
    let missing: Vec<String> = stops
        .filter(|page| !page.names.iter().any(|name| known.contains(name)))
        .map(|page| page.names[0].clone())
        .collect();
    assert!(
        missing.is_empty(),
        "not in the operators' guide: {missing:?}"
    );
}

#[test]
fn pages_rows_and_procedures_that_are_named_exist() {
    let pages = page_names(&Kind::ALL);
    let rows = page_names(&[Kind::Row]);
    let is_procedure = |name: &str| ORDER.iter().any(|p| p.name == name);
    for (name, text) in documents() {
        if name == "CHANGELOG.md" {
            continue;
        }
        for code in markdown::inline_codes(&text) {
            if let Some(page) = code.strip_prefix("reconcile explain ") {
                let form = page.chars().any(|c| c.is_ascii_uppercase()) && !page.starts_with('E');
                // Fields are called by the end of their path too: the program itself knows.
                let known = form || pages.contains(page) || parses(&code).is_ok();
                assert!(known, "{name}: {code}");
            }
            if let Some((procedure, row)) = code.split_once('/')
                && is_procedure(procedure)
                && GUIDES.contains(&name.as_str())
            {
                assert!(rows.contains(&code) || row == "ROW", "{name}: {code}");
            }
        }
    }
}

#[test]
fn exit_codes_are_those_of_the_program() {
    let own = (0..=255).filter(|code| Exit::from_code(*code).is_some());
    let all: BTreeSet<u8> = own.chain([101, 130, 143]).collect();
    let mut whole = BTreeSet::new();
    for (name, text) in documents() {
        for rows in markdown::tables(&text, "exit") {
            let numbers = rows.iter().flat_map(|row| row[0].split(','));
            let told: BTreeSet<u8> = numbers
                .map(|number| {
                    number
                        .trim()
                        .parse()
                        .unwrap_or_else(|_| panic!("{name}: {number:?}"))
                })
                .collect();
            assert!(told.is_subset(&all), "{name}: {told:?}");
            if told == all {
                whole.insert(name.clone());
            }
        }
    }
    assert!(whole.contains("docs/guide-ci.md"), "all codes: {whole:?}");
}

#[test]
fn files_and_names_of_the_code_exist() {
    let text = read("docs/guide-contributors.md");
    let code = sources();
    let mut seen = 0;
    for name in markdown::inline_codes(&text) {
        let is_path = name.contains('/') && !name.contains(' ') && !name.contains('=');
        if is_path
            && ["src/", "tests/", "docs/", "schemas/"]
                .iter()
                .any(|f| name.starts_with(f))
        {
            assert!(root().join(&name).exists(), "there is no {name}");
            seen += 1;
        } else if let Some((_, last)) = name.rsplit_once("::") {
            let last = last.trim_end_matches("()");
            assert!(markdown::has_word(&code, last), "nothing is called {name}");
            seen += 1;
        }
    }
    assert!(seen > 15, "only {seen} names were found");
}

/// All Rust of the project.
fn sources() -> String {
    fn below(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, text);
            } else if path.extension().is_some_and(|e| e == "rs") {
                text.push_str(&std::fs::read_to_string(&path).expect("UTF-8"));
            }
        }
    }
    let mut text = String::new();
    below(&root().join("src"), &mut text);
    below(&root().join("tests"), &mut text);
    text
}

/// `<!-- from: PATH -->` above a block says where its lines stand, in that order and one after the other; `…` leaves
/// some out.
#[test]
fn quoted_code_is_in_its_file() {
    let mut quoted = 0;
    for (name, text) in documents() {
        for (path, block) in markdown::quotations(&text) {
            let file = read(&path);
            let trimmed = |text: &str| -> String {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                lines.flat_map(|line| [line, "\n"]).collect()
            };
            let file = trimmed(&file);
            let mut rest = file.as_str();
            for part in trimmed(&block).split("…\n").filter(|p| !p.is_empty()) {
                let at = rest.find(part);
                let at = at.unwrap_or_else(|| panic!("{name}: {path} does not have:\n{part}"));
                rest = &rest[at + part.len()..];
            }
            quoted += 1;
        }
    }
    assert!(quoted > 4, "only {quoted} quotations were found");
}

/// Every string of a document, by the key it is under.
fn strings<'v>(value: &'v Value, key: &str, found: &mut Vec<(String, &'v str)>) {
    match value {
        Value::String(text) => found.push((key.to_owned(), text)),
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, found)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, field)| strings(field, name, found)),
        _ => {}
    }
}

#[test]
fn pipelines_are_yaml_and_run_what_the_program_takes() {
    let folder = root().join("examples/ci");
    let mut commands = 0;
    for entry in std::fs::read_dir(folder).expect("examples/ci") {
        let path = entry.expect("an entry").path();
        let name = path.display().to_string();
        if path.extension().is_none_or(|e| e != "yml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let pipeline: Value =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut found = Vec::new();
        strings(&pipeline, "", &mut found);
        let scripts = ["run", "script", "before_script", "after_script"];
        for (_, script) in found
            .iter()
            .filter(|(key, _)| scripts.contains(&key.as_str()))
        {
            is_shell(&name, script);
            for line in markdown::own_commands(script) {
                commands += 1;
                if let Err(error) = parses(&line) {
                    panic!("{name}: {line}: {error}");
                }
            }
        }
    }
    assert!(commands >= 6, "only {commands} commands were found");
}

fn is_shell(name: &str, script: &str) {
    let checked = Command::new("bash").args(["-nc", script]).output();
    let checked = checked.expect("bash is there");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{name}: {script}: {said}");
}

/// What the guides show was printed: on the example fleet in `fleet` and last week's world in `world.json`.
#[test]
fn the_guides_show_what_is_printed() {
    for guide in ["docs/guide-ci.md", "docs/guide-operators.md"] {
        let text = read(guide);
        let entries = console::entries(&text);
        assert!(!entries.is_empty(), "{guide} shows nothing");
        let output = bash(&console::script(&entries));
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        let told = console::told(&entries, &printed, &[]);
        let overwrite = std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite");
        let fresh = console::refreshed(&text, &told);
        let golden = Data::read_from(&root().join(guide), Some(DataFormat::Text)).raw();
        Assert::new()
            .action_env("SNAPSHOTS")
            .eq(Data::text(fresh).raw(), golden);
        let wrong = console::differences(&told, &[]);
        assert!(
            overwrite || wrong.is_empty(),
            "{guide}: {}",
            wrong.join("\n")
        );
    }
}

fn bash(script: &str) -> Output {
    let place = tempfile::tempdir().expect("temporary directory");
    let fleet = place.path().join("fleet");
    let from = root().join("examples/clusters");
    let copied = Command::new("cp").arg("-R").args([&from, &fleet]).status();
    assert!(copied.expect("cp is there").success());
    let world = place.path().join("world.json");
    std::fs::rename(fleet.join("sandbox.json"), world).expect("moved");
    let program = Path::new(env!("CARGO_BIN_EXE_reconcile"));
    let folder = program.parent().expect("the program is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-c", script])
        .current_dir(place.path())
        .env_clear()
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("HOME", place.path())
        .env("KUBECONFIG", "no-kubeconfig.yaml")
        .env("COLUMNS", "100")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output();
    output.expect("bash is there")
}

#[test]
fn the_tutorial_can_be_run() {
    let entries = console::entries(&read("docs/tutorial.md"));
    assert!(entries.len() > 15, "only {} commands", entries.len());
    is_shell("docs/tutorial.md", &console::script(&entries));
}

/// Who reads the README has five minutes.
#[test]
fn the_readme_is_short() {
    assert!(read("README.md").lines().count() <= 200);
}
