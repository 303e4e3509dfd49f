//! The laws of the crate's shape (ARCHITECTURE.md), read off the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Modules from the bottom up; one may name those below it.
const LAYERS: &[&[&str]] = &[
    &["diag"],
    &["fleet", "state"],
    &["manifest"],
    &["model", "decide", "import"],
    &["world", "plan"],
    &["apply", "source"],
    &["rehearse"],
    &["report"],
    &["cli"],
];

/// Arrows inside a layer, one way as well.
const SIDEWAYS: &[(&str, &str)] = &[("state", "fleet"), ("model", "decide")];

/// No I/O, no clock, nothing asynchronous: time and randomness come in as arguments.
const PURE: &[&str] = &[
    "fleet", "state", "decide", "model", "plan", "manifest", "import", "rehearse", "report",
];
const IMPURE_WORDS: &[&str] = &[
    "async",
    ".await",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "std::io::stdout",
    "std::io::stderr",
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
    "Instant",
    "tokio",
    "etcd_client",
    "git2",
    "kube::Client",
    "kube::Api",
    "kube::api",
    "kube::client",
    "kube::core",
    "kube::runtime",
    "kube::Config",
    "kube::config",
];

/// A file that may say an impure word, and why.
const EXCEPTED: &[(&str, &str)] = &[
    // Under `--cfg mutants` alone: which row or guard is broken on purpose.
    ("src/decide/mutant.rs", "std::env"),
];

/// A word, and the modules that alone may say it.
const RESERVED: &[(&str, &[&str])] = &[
    ("miette", &["diag"]),
    ("git2", &["source"]),
    ("etcd_client", &["world"]),
    ("object_store", &["world"]),
    (".perform(", &["apply", "world"]),
    // A file that was asked for by its path (`render --output`, `status --record`) is the command's own to write.
    ("fs::write", &["world", "cli"]),
    ("fs::create_dir_all", &["world", "cli"]),
    ("File::create", &["world"]),
    ("OpenOptions", &["world", "cli"]), // files that a person or CI named: `--events`, GITHUB_OUTPUT
    ("fs::rename", &["world", "cli"]),  // `plan --out`: whole or not at all
    ("fs::remove_file", &["world", "cli"]),
    ("PatchParams", &["world"]),
    ("PostParams", &["world"]),
    ("DeleteParams", &["world"]),
];

const MOST_FILE_LINES: usize = 600;
const MOST_FUNCTION_LINES: usize = 80;
const MOST_MEDIAN_LINES: usize = 120;

struct Source {
    /// From the crate's root, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn read() -> Vec<Self> {
        let mut found = Vec::new();
        for root in ["src", "tests"] {
            walk(Path::new(root), &mut found);
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// `decide` for `src/decide/view.rs`; `None` for the root and for tests.
    fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let first = inside.split('/').next()?;
        let module = first.strip_suffix(".rs").unwrap_or(first);
        (!["lib", "main"].contains(&module)).then_some(module)
    }
}

fn walk(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            let path = path.to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}

/// The code alone: comments, the insides of literals and test modules as blanks, every line where it was.
fn code(text: &str) -> String {
    without_tests(&without_prose(text))
}

fn without_prose(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => after(&chars, at + 2, &['*', '/']),
            '"' => string_end(&chars, at + 1),
            'r' if opens_raw(&chars, at) => raw_end(&chars, at + 1),
            '\'' => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(
                chars[at..end]
                    .iter()
                    .map(|c| if *c == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    code
}

fn line_end(chars: &[char], at: usize) -> usize {
    let rest = chars[at..].iter().position(|c| *c == '\n');
    rest.map_or(chars.len(), |n| at + n)
}

fn after(chars: &[char], at: usize, close: &[char]) -> usize {
    let rest = chars.get(at..).unwrap_or_default();
    let found = rest.windows(close.len()).position(|w| w == close);
    found.map_or(chars.len(), |n| at + n + close.len())
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn opens_raw(chars: &[char], at: usize) -> bool {
    let word_before = at > 0 && is_word(chars[at - 1]) && chars[at - 1] != 'b';
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    !word_before && chars.get(at + 1 + hashes) == Some(&'"')
}

fn raw_end(chars: &[char], at: usize) -> usize {
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    let mut close = vec!['"'];
    close.resize(hashes + 1, '#');
    after(chars, at + hashes + 1, &close)
}

/// The end of a character literal; a lifetime ends where it starts.
fn char_end(chars: &[char], at: usize) -> usize {
    match chars.get(at + 1) {
        Some('\\') => after(chars, at + 3, &['\'']),
        Some(_) if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Items under `#[cfg(test)]` as blank lines.
fn without_tests(code: &str) -> String {
    let lines: Vec<&str> = code.lines().collect();
    let mut kept = String::with_capacity(code.len());
    let mut at = 0;
    while at < lines.len() {
        if lines[at].trim() == "#[cfg(test)]" {
            let end = item_end(&lines, at + 1);
            kept.extend(std::iter::repeat_n('\n', end - at));
            at = end;
        } else {
            kept.push_str(lines[at]);
            kept.push('\n');
            at += 1;
        }
    }
    kept
}

/// The line after an item: after its `;` or its last brace.
fn item_end(lines: &[&str], from: usize) -> usize {
    let mut depth = 0_i64;
    for (at, line) in lines.iter().enumerate().skip(from) {
        for c in line.chars() {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            if depth == 0 && (c == '}' || c == ';') {
                return at + 1;
            }
        }
    }
    lines.len()
}

/// Lines (from 1) on which `word` stands by itself.
fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let alone = |line: &str, at: usize| {
        let before = line[..at].chars().next_back();
        let behind = line[at + word.len()..].chars().next();
        let open = |c: Option<char>| c.is_none_or(|c| !is_word(c));
        (open(before) || word.starts_with('.')) && (open(behind) || word.ends_with('('))
    };
    let numbered = code.lines().enumerate();
    let hits = numbered.filter(|(_, line)| line.match_indices(word).any(|(at, _)| alone(line, at)));
    hits.map(|(n, _)| n + 1).collect()
}

/// Modules of the crate that the code names: `crate::a`, and each of `crate::{a, b::c}`.
fn names(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        let mut depth = 0_i64;
        let mut word = String::new();
        let mut expects = true;
        for c in rest.chars() {
            if is_word(c) && expects {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                found.push((line, std::mem::take(&mut word)));
                expects = false;
            }
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => expects = true,
                _ => {}
            }
            if depth <= 0 {
                break;
            }
        }
    }
    found
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// What this source does against the laws, each as `path:line: what`.
fn breaches(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let lines = source.text.lines().count();
    if lines > MOST_FILE_LINES {
        found.push(format!(
            "{}: {lines} lines, at most {MOST_FILE_LINES}",
            source.path
        ));
    }
    let code = code(&source.text);
    let ours = source.path.starts_with("src/");
    for (line, name, length) in functions(&code).into_iter().filter(|_| ours) {
        if length > MOST_FUNCTION_LINES {
            found.push(format!(
                "{}:{line}: fn {name} has {length} lines, at most {MOST_FUNCTION_LINES}",
                source.path
            ));
        }
    }
    let Some(module) = source
        .module()
        .filter(|_| !source.path.ends_with("/tests.rs"))
    else {
        return found;
    };
    found.extend(arrows(source, module, &code));
    let mut forbid = |word: &str, why: &str| {
        for line in lines_with(&code, word) {
            found.push(format!(
                "{}:{line}: `{word}` in {module}, {why}",
                source.path
            ));
        }
    };
    if PURE.contains(&module) {
        let excepted = |word: &&&str| !EXCEPTED.contains(&(source.path.as_str(), **word));
        for word in IMPURE_WORDS.iter().filter(excepted) {
            forbid(word, "which is pure");
        }
    }
    for (word, owners) in RESERVED {
        if !owners.contains(&module) {
            forbid(word, &format!("which belongs to {}", owners.join(" and ")));
        }
    }
    found
}

fn arrows(source: &Source, module: &str, code: &str) -> Vec<String> {
    let Some(own) = layer(module) else {
        return vec![format!("{}: module {module} is in no layer", source.path)];
    };
    let named = names(code).into_iter();
    let wrong = named.filter(|(_, name)| {
        name != module
            && layer(name).is_some_and(|other| other >= own)
            && !SIDEWAYS.contains(&(module, name))
    });
    wrong
        .map(|(line, name)| {
            format!(
                "{}:{line}: {module} names {name}: arrows point the other way",
                source.path
            )
        })
        .collect()
}

/// Line, name and length of every function.
fn functions(code: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let starts = lines.iter().enumerate().filter_map(|(at, line)| {
        let head = line.split_once("fn ").filter(|(before, _)| {
            let words = ["pub", "const", "async", "unsafe"];
            let plain = before.trim();
            plain
                .split_whitespace()
                .all(|w| words.contains(&w) || w.starts_with("pub("))
        });
        let name: String = head?.1.chars().take_while(|c| is_word(*c)).collect();
        Some((at, name)).filter(|(_, name)| !name.is_empty())
    });
    starts
        .map(|(at, name)| (at + 1, name, item_end(&lines, at) - at))
        .collect()
}

#[test]
fn every_module_keeps_the_laws() {
    let found: Vec<String> = Source::read().iter().flat_map(breaches).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn files_are_small() {
    let sources = Source::read();
    let of_code = |s: &Source| {
        code(&s.text)
            .lines()
            .filter(|l| !l.trim().is_empty())
            .count()
    };
    let own = sources.iter().filter(|s| s.module().is_some());
    let mut lengths: Vec<usize> = own.map(of_code).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(
        median <= MOST_MEDIAN_LINES,
        "median {median} lines of code, at most {MOST_MEDIAN_LINES}"
    );
}

#[test]
fn every_module_is_in_a_layer_and_there() {
    let sources = Source::read();
    for module in LAYERS.iter().flat_map(|layer| layer.iter()) {
        assert!(
            sources.iter().any(|s| s.module() == Some(module)),
            "no module {module}"
        );
    }
}

/// What the checker says of one planted file.
fn planted(path: &str, text: &str) -> Vec<String> {
    breaches(&Source {
        path: path.into(),
        text: text.into(),
    })
}

#[test]
fn planted_violations_are_found() {
    let cases: BTreeMap<&str, (&str, &str)> = BTreeMap::from([
        (
            "`std::fs` in decide, which is pure",
            ("src/decide/x.rs", "use std::fs;\n"),
        ),
        (
            "`async` in plan",
            ("src/plan/x.rs", "pub async fn f() {}\n"),
        ),
        (
            "`.await` in model",
            ("src/model/x.rs", "fn f() { g().await }\n"),
        ),
        (
            "`Timestamp::now` in report",
            ("src/report/x.rs", "fn f() { jiff::Timestamp::now(); }\n"),
        ),
        (
            "`tokio` in state",
            ("src/state/x.rs", "use tokio::sync::Mutex;\n"),
        ),
        (
            "`kube::Client` in manifest",
            ("src/manifest/x.rs", "use kube::Client;\n"),
        ),
        (
            "`miette` in fleet",
            ("src/fleet/x.rs", "use miette::Report;\n"),
        ),
        ("`git2` in cli", ("src/cli/x.rs", "use git2::Repository;\n")),
        (
            "`.perform(` in cli",
            ("src/cli/x.rs", "fn f() { world.perform(act); }\n"),
        ),
        (
            "`fs::write` in apply",
            ("src/apply/x.rs", "fn f() { std::fs::write(a, b); }\n"),
        ),
        (
            "decide names plan",
            ("src/decide/x.rs", "use crate::plan::unroll;\n"),
        ),
        (
            "fleet names state",
            ("src/fleet/x.rs", "use crate::state::Reading;\n"),
        ),
        (
            "plan names world",
            ("src/plan/x.rs", "fn f() { crate::world::g() }\n"),
        ),
        (
            "decide names model",
            ("src/decide/x.rs", "use crate::{fleet::Ordinal, model};\n"),
        ),
        ("module stray is in no layer", ("src/stray/mod.rs", "\n")),
    ]);
    for (expected, (path, text)) in cases {
        let found = planted(path, text);
        assert!(
            found.iter().any(|f| f.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}

#[test]
fn planted_sizes_are_found() {
    let long = format!(
        "fn long() {{\n{}}}\n",
        "    f();\n".repeat(MOST_FUNCTION_LINES)
    );
    assert!(planted("src/cli/x.rs", &long)[0].contains("fn long has"));
    let short = format!("fn short() {{\n{}}}\n", "    f();\n".repeat(10));
    assert_eq!(planted("src/cli/x.rs", &short), Vec::<String>::new());
    let tall = "// line\n".repeat(MOST_FILE_LINES + 1);
    assert!(planted("src/cli/x.rs", &tall)[0].contains("lines, at most"));
}

#[test]
fn prose_and_tests_are_no_code() {
    let innocent = [
        "// async fn over tokio\n",
        "/// `std::fs` is not named\nfn f() {}\n",
        "const A: &str = \"async { std::fs }\";\n",
        "const A: &str = r#\"git2 \" { tokio\"#;\n",
        "#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn f() {}\n}\nfn g() {}\n",
        "fn f<'a>(s: &'a str) -> char { '{' }\nfn instant() {}\n",
        "struct AsyncLike;\nuse crate::fleet::Ordinal;\n",
    ];
    for text in innocent {
        assert_eq!(
            planted("src/decide/x.rs", text),
            Vec::<String>::new(),
            "{text}"
        );
    }
}

/// What docs/reliability.md says of each state is there: its plan, its named story, its story on the bed.
#[test]
fn every_state_that_is_said_to_be_told_is_told() {
    let document = fs::read_to_string("docs/reliability.md").expect("the document");
    let rows = document.lines().skip_while(|l| !l.starts_with("| State |"));
    let rows = rows.skip(2).take_while(|l| l.starts_with('|'));
    let all = |folder: &str| -> String {
        let mut files = Vec::new();
        walk(Path::new(folder), &mut files);
        files.into_iter().map(|file| file.text).collect()
    };
    let (named, stories) = (all("src/rehearse"), all("tests/stories"));
    let mut states = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        let quoted = |cell: usize| cells[cell].split('`').skip(1).step_by(2);
        for plan in quoted(2) {
            let golden = Path::new("tests/golden/plan").join(plan);
            assert!(golden.is_dir(), "no {}", golden.display());
        }
        for state in quoted(3) {
            assert!(named.contains(&format!("\"{state}\"")), "no story {state}");
        }
        for story in quoted(4) {
            assert!(stories.contains(&format!("fn {story}()")), "no {story}");
        }
        states += 1;
    }
    assert_eq!(states, 21 + 5, "the states of 2.8, and F1 to F5");
}
