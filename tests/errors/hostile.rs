//! Input made to hurt: what no folder under version control can hold. The program answers it in bounded memory and time, with
//! the exact words of `tests/golden/hostile` and its exit code.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use reconcile::diag::is_unsafe;
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};
use tempfile::TempDir;

/// Every transcript; one that no test writes is stale.
const TRANSCRIPTS: &[&str] = &[
    "amplified",
    "deep",
    "file-names",
    "large",
    "large-values",
    "links",
    "many-findings",
    "many-files",
    "special-files",
    "unreadable",
    "worlds",
];

/// Address space in KiB and seconds of processor time of a run, of a build for development: beyond it the run is killed.
const MEMORY: u32 = 2 << 20;
const PROCESSOR: u32 = 120;
/// A run that waits for what never comes is killed after as many seconds.
const PATIENCE: u32 = 300;

const FLEET: &str = "apiVersion: reconcile/v1alpha1\nkind: Fleet\nmetadata: {name: prod}\nspec:\n  contexts: {eu-1: {kubeContext: eu-1}}\n  \
    defaults: {backend: {statefulSet: {namespace: etcd}}, version: 3.6.16, members: 3, storage: {size: 16Gi}, etcd: {quota: 4Gi}}\n";

/// A document with more fields of its spec.
fn cluster(name: &str, more: &str) -> String {
    format!(
        "apiVersion: reconcile/v1alpha1\nkind: EtcdCluster\nmetadata: {{name: {name}}}\nspec:\n  context: eu-1\n{more}"
    )
}

/// A directory with a fleet in `fleet`, and what was said in it.
struct Place {
    directory: TempDir,
    said: String,
    /// Runs are another user's, whom permissions bind.
    nobody: bool,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            directory: tempfile::tempdir().expect("temporary directory"),
            said: String::new(),
            nobody: false,
        };
        fs::create_dir_all(place.path("fleet/clusters")).expect("directory");
        place.write("fleet/fleet.yaml", FLEET);
        place
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).expect("written");
    }

    /// A file of this size that takes no room.
    fn hollow(&self, name: &str, bytes: u64) {
        let file = fs::File::create(self.path(name)).expect("a file");
        file.set_len(bytes).expect("its size");
    }

    fn link(&self, to: &str, name: &str) {
        symlink(to, self.path(name)).expect("a link");
    }

    fn pipe(&self, name: &str) {
        let made = Command::new("mkfifo").arg(self.path(name)).status();
        assert!(made.expect("mkfifo").success());
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let limits = format!("ulimit -v {MEMORY} && ulimit -t {PROCESSOR} && exec \"$0\" \"$@\"");
        let mut command = Command::new("timeout");
        command
            .args([&PATIENCE.to_string(), "sh", "-c", &limits])
            .arg(if self.nobody {
                self.path("reconcile")
            } else {
                env!("CARGO_BIN_EXE_reconcile").into()
            })
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "home")
            .env("KUBECONFIG", "no-kubeconfig.yaml")
            .env("MALLOC_ARENA_MAX", "2")
            .env("COLUMNS", "100")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        if self.nobody {
            command.uid(65534);
        }
        command.output().expect("the program runs")
    }

    /// Runs, insists on the exit code and on text that is safe to read, and notes what was said.
    fn run(&mut self, arguments: &[&str], exit: i32) -> String {
        let output = self.output(arguments);
        let texts =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
        let [stdout, stderr] = &texts;
        let shown = arguments.join(" ").escape_debug().to_string();
        assert_eq!(
            output.status.code(),
            Some(exit),
            "reconcile {shown} ({}): {stdout:.2000}{stderr:.2000}",
            output.status
        );
        let drives = |c: char| is_unsafe(c) && c != '\n';
        assert!(!stdout.contains(drives), "{shown}: {stdout:?}");
        assert!(!stderr.contains(drives), "{shown}: {stderr:?}");
        let _ = writeln!(self.said, "$ reconcile {shown}");
        for (stream, text) in [("stdout", stdout), ("stderr", stderr)] {
            if !text.is_empty() {
                let _ = write!(self.said, "--- {stream}\n{text}");
            }
        }
        let _ = write!(self.said, "--- exit {exit}\n\n");
        texts.concat()
    }

    /// Holds all that was said against the transcript of this name.
    fn is_golden(&self, name: &str) {
        assert!(TRANSCRIPTS.contains(&name), "{name} is not listed");
        let golden = Path::new("tests/golden/hostile").join(format!("{name}.txt"));
        let golden = Data::read_from(&golden, Some(DataFormat::Text)).raw();
        Assert::new()
            .action_env("SNAPSHOTS")
            .eq(Data::text(self.said.clone()).raw(), golden);
    }
}

#[test]
fn every_transcript_is_of_a_test() {
    let folder = fs::read_dir("tests/golden/hostile").expect("transcripts");
    let found: BTreeSet<String> = folder
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into())
        .collect();
    let listed = TRANSCRIPTS.iter().map(|name| format!("{name}.txt"));
    assert_eq!(found, listed.collect());
}

#[test]
fn what_is_too_large_is_not_read() {
    let mut place = Place::new();
    place.hollow("fleet/clusters/large.yaml", 50 << 20);
    place.hollow("fleet/clusters/larger.yaml", 50 << 30);
    place.run(&["validate", "fleet"], 4);
    place.run(&["--check", "fleet", "--sandbox", "world.json"], 4);
    let mut all = Place::new();
    for number in 0..20 {
        all.hollow(&format!("fleet/clusters/{number:02}.yaml"), 4 << 20);
    }
    place.said += &{
        all.run(&["validate", "fleet"], 4);
        all.said
    };
    place.is_golden("large");
}

#[test]
fn too_many_files_are_not_read() {
    let mut place = Place::new();
    place.write("orders.yaml", cluster("orders", ""));
    for number in 0..=50_000 {
        place.link(
            "../../orders.yaml",
            &format!("fleet/clusters/{number}.yaml"),
        );
    }
    place.run(&["validate", "fleet"], 4);
    place.is_golden("many-files");
}

#[test]
fn what_nests_without_end_is_given_up() {
    let mut place = Place::new();
    let deep = |open: &str, close: &str| open.repeat(5000) + "x" + &close.repeat(5000);
    place.write("fleet/clusters/flow.yaml", deep("[", "]"));
    place.write("fleet/clusters/maps.yaml", deep("{a: ", "}"));
    place.write("fleet/clusters/lists.yaml", deep("- ", ""));
    place.write("fleet/clusters/keys.yaml", deep("? ", ""));
    place.write("fleet/clusters/open.yaml", "[".repeat(4 << 20));
    let fits = "[".repeat(29) + &"]".repeat(29);
    place.write(
        "fleet/clusters/wrong.yaml",
        cluster("wrong", &format!("  pod: {{labels: {{a: {fits}}}}}\n")),
    );
    place.run(&["validate", "fleet"], 4);
    place.is_golden("deep");
}

#[test]
fn pipes_sockets_and_devices_are_not_opened() {
    let mut place = Place::new();
    place.pipe("fleet/clusters/pipe.yaml");
    place.pipe("fleet/clusters/pipe.txt");
    place.pipe("fleet/clusters/.hidden.yaml");
    let _socket = UnixListener::bind(place.path("fleet/clusters/socket.yaml")).expect("a socket");
    place.link("/dev/zero", "fleet/clusters/zero.yaml");
    place.run(&["validate", "fleet"], 4);
    let mut other = Place::new();
    fs::remove_file(other.path("fleet/fleet.yaml")).expect("removed");
    other.pipe("fleet/fleet.yaml");
    other.run(&["validate", "fleet"], 4);
    other.run(&["validate", "fleet/fleet.yaml"], 4);
    other.run(&["validate", "nowhere"], 4);
    place.said += &other.said;
    place.is_golden("special-files");
}

#[test]
fn links_in_a_circle_end() {
    let mut place = Place::new();
    fs::create_dir_all(place.path("fleet/clusters/eu/old.yaml")).expect("directory");
    place.write("fleet/clusters/eu/orders.yaml", cluster("orders", ""));
    place.write(
        "fleet/clusters/eu/old.yaml/users.yaml",
        cluster("users", ""),
    );
    place.link(".", "fleet/clusters/here");
    place.link("../eu", "fleet/clusters/eu/again");
    place.link("..", "fleet/clusters/eu/up");
    place.run(&["validate", "fleet"], 0);
    place.link("b", "fleet/clusters/a");
    place.link("a", "fleet/clusters/b");
    place.link("self.yaml", "fleet/clusters/self.yaml");
    place.link("/nowhere/at/all", "fleet/clusters/us-2");
    place.link("/nowhere.yaml", "fleet/clusters/gone.yaml");
    place.link("../..", "fleet/clusters/out");
    place.run(&["validate", "fleet"], 4);
    place.is_golden("links");
}

#[test]
fn what_may_not_be_read_is_said() {
    let mut place = Place::new();
    let mode = |path: PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    };
    mode(place.path(""), 0o755);
    // Permissions do not bind root, so that another user runs the program then, which must be where it may be read.
    let probe = place.path("probe");
    place.write("probe", "");
    mode(probe.clone(), 0o000);
    if fs::read(&probe).is_ok() {
        place.nobody = true;
        let program = env!("CARGO_BIN_EXE_reconcile");
        fs::hard_link(program, place.path("reconcile"))
            .or_else(|_| fs::copy(program, place.path("reconcile")).map(|_| ()))
            .expect("the program");
    }
    fs::create_dir_all(place.path("fleet/clusters/us-2")).expect("directory");
    place.write("fleet/clusters/us-2/orders.yaml", cluster("orders", ""));
    place.write("fleet/clusters/users.yaml", cluster("users", ""));
    mode(place.path("fleet/clusters/us-2"), 0o000);
    mode(place.path("fleet/clusters/users.yaml"), 0o000);
    place.run(&["validate", "fleet"], 4);
    // Names can be read, what they stand for cannot.
    mode(place.path("fleet/clusters/us-2"), 0o444);
    place.run(&["validate", "fleet"], 4);
    mode(place.path("fleet"), 0o000);
    place.run(&["validate", "fleet"], 4);
    mode(place.path("fleet"), 0o755);
    mode(place.path("fleet/clusters/us-2"), 0o755);
    place.is_golden("unreadable");
}

#[test]
fn names_of_files_cannot_drive_the_terminal() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut place = Place::new();
    let wrong = cluster("wrong", "  members: 4\n");
    let names: [&[u8]; 4] = [
        b"\x1b[2J\x1b]0;owned\x07.yaml",
        b"new\nline.yaml",
        "\u{202e}lmay.yaml".as_bytes(),
        b"not-\xff-text.yaml",
    ];
    for name in names {
        let path = place
            .path("fleet/clusters")
            .join(std::ffi::OsStr::from_bytes(name));
        fs::write(path, &wrong).expect("written");
    }
    place.run(&["validate", "fleet"], 4);
    place.run(&["plan", "no\u{1b}[2Jwhere"], 64);
    place.run(&["plan", "fleet", "--observed", "no\u{1b}[2Jwhere"], 4);
    place.is_golden("file-names");
}

/// A million small things out of a few large ones.
#[test]
fn what_is_said_once_and_meant_often_is_counted() {
    let many = |count: usize| -> String {
        (0..count)
            .map(|n| cluster(&format!("c{n}"), "") + "---\n")
            .collect()
    };
    let defaults = |more: &str| {
        let with = format!("defaults: {{pod: {{annotations: {{{more}}}}}, ");
        FLEET.replace("defaults: {", &with)
    };
    // An alias of a large text, and one of many values.
    let mut place = Place::new();
    let large = "x".repeat(3 << 20);
    let aliases = format!(
        "  scheduling:\n    topologySpread: [&a {large}{}]\n",
        ", *a".repeat(60)
    );
    place.write("fleet/clusters/text.yaml", cluster("text", &aliases));
    let values = format!(
        "  pod:\n    labels: &a [{}]\n    annotations: [{}*a]\n",
        "1,".repeat(15_000),
        "*a,".repeat(40)
    );
    place.write("fleet/clusters/values.yaml", cluster("values", &values));
    place.run(&["validate", "fleet"], 4);
    // Defaults that thousands of clusters inherit.
    let mut text = Place::new();
    text.write("fleet/fleet.yaml", defaults(&format!("a: {large}")));
    text.write("fleet/clusters/many.yaml", many(1000));
    text.run(&["validate", "fleet"], 4);
    let mut values = Place::new();
    let pairs: Vec<String> = (0..18_000).map(|n| format!("k{n}: a,")).collect();
    let pairs = pairs.concat();
    values.write("fleet/fleet.yaml", defaults(&pairs));
    values.write("fleet/clusters/many.yaml", many(1000));
    values.run(&["validate", "fleet"], 4);
    place.said += &text.said;
    place.said += &values.said;
    place.is_golden("amplified");
}

#[test]
fn of_many_findings_some_are_shown() {
    let keys = |count: usize| {
        let keys: Vec<String> = (0..count).map(|n| format!("  key{n}: 1\n")).collect();
        keys.concat()
    };
    let mut place = Place::new();
    place.write("fleet/clusters/keys.yaml", cluster("keys", &keys(19_000)));
    place.write("fleet/clusters/more.yaml", cluster("more", &keys(100_000)));
    place.run(&["validate", "fleet"], 4);
    // A mistake in each of many clusters, and one in what they inherit.
    let mut clusters = Place::new();
    for file in 0..3 {
        let even = |n: usize| cluster(&format!("c{file}-{n}"), "  members: 4\n") + "---\n";
        clusters.write(
            &format!("fleet/clusters/{file}.yaml"),
            (0..4000).map(even).collect::<String>(),
        );
    }
    clusters.run(&["validate", "fleet"], 4);
    let mut inherited = Place::new();
    inherited.write(
        "fleet/fleet.yaml",
        FLEET.replace("members: 3", "members: 4"),
    );
    let odd: String = (0..2000)
        .map(|n| cluster(&format!("c{n}"), "") + "---\n")
        .collect();
    inherited.write("fleet/clusters/many.yaml", odd);
    inherited.run(&["validate", "fleet"], 4);
    place.said += &clusters.said;
    place.said += &inherited.said;
    place.is_golden("many-findings");
}

#[test]
fn large_values_are_shown_in_part() {
    let mut place = Place::new();
    let large = "größe-".repeat(400_000);
    let bad = [
        ("version", format!("  version: \"{large}\"\n")),
        ("profile", format!("  profile: \"{large}\"\n")),
        ("key", format!("  ? \"{large}\"\n  : 1\n")),
        (
            "label",
            format!("  pod:\n    labels:\n      ? \"{large}\"\n      : a\n"),
        ),
        (
            "extra",
            format!("  etcd:\n    extra:\n      pre-vote: \"{large}\"\n"),
        ),
        (
            "affinity",
            format!("  scheduling:\n    affinity:\n      podAffinity: \"{large}\"\n"),
        ),
        (
            "block",
            format!("  image: |\n{}", "    line\n".repeat(200_000)),
        ),
    ];
    for (name, more) in bad {
        place.write(&format!("fleet/clusters/{name}.yaml"), cluster(name, &more));
    }
    place.write(
        "fleet/clusters/name.yaml",
        cluster(&format!("\"{large}\""), ""),
    );
    place.run(&["validate", "fleet"], 4);
    let json = place.output(&["validate", "fleet", "-o", "json"]);
    assert!(json.stdout.len() < 100_000, "{} bytes", json.stdout.len());
    place.is_golden("large-values");
}

/// Files of `--observed` and `--sandbox`; nothing is written to those that are none.
#[test]
fn worlds_that_are_none_are_refused() {
    let mut place = Place::new();
    place.write("fleet/clusters/orders.yaml", cluster("orders", ""));
    place.pipe("pipe");
    place.link("/dev/zero", "zero");
    fs::create_dir(place.path("folder")).expect("directory");
    place.hollow("hollow", 2 << 30);
    place.write("empty", "");
    place.write("garbage", "PK\u{3}\u{4}\u{0}");
    place.write("latin", b"{\"schema\": \"gr\xf6\xdfe\"}");
    place.write("list", "[]");
    place.write(
        "plan",
        "{\"schema\": \"reconcile.plan/v1\", \"now\": \"2026-11-20T15:00:00Z\"}",
    );
    place.write("deep", "[".repeat(1 << 20));
    place.write("escape", "{\"\\u001b[2J\\u202e\\nerror: x\": 1}");
    place.write("key", format!("{{\"{}\": 1}}", "x".repeat(1 << 20)));
    for file in [
        "pipe", "zero", "folder", "hollow", "empty", "garbage", "latin", "list", "plan", "deep",
        "escape", "key",
    ] {
        let before = fs::symlink_metadata(place.path(file)).expect("a file");
        place.run(&["plan", "fleet", "--observed", file], 4);
        place.run(&["apply", "fleet", "--yes", "--sandbox", file], 4);
        let after = fs::symlink_metadata(place.path(file)).expect("a file");
        assert_eq!(
            after.modified().expect("a time"),
            before.modified().expect("a time")
        );
        assert_eq!(after.len(), before.len());
    }
    // A recording cut off at any place.
    let recorded = place.output(&["status", "fleet", "--sandbox", "new", "--record", "r.json"]);
    assert_eq!(recorded.status.code(), Some(0));
    let whole = fs::read(place.path("r.json")).expect("a recording");
    for part in 1..8 {
        place.write("part", &whole[..whole.len() * part / 8]);
        let output = place.output(&["plan", "fleet", "--observed", "part"]);
        assert_eq!(output.status.code(), Some(4));
    }
    place.is_golden("worlds");
}

/// Values that are right, and that no document should have.
#[test]
fn values_cannot_drive_the_terminal() {
    let mut place = Place::new();
    let value = "\"\\e[2J\\e]0;owned\\a\\u009b31m\\u202e\\u200b\\n\\terror: x\"";
    let more = format!(
        "  pod: {{annotations: {{a: {value}}}}}\n  service: {{annotations: {{b: {value}}}}}\n"
    );
    place.write("fleet/clusters/orders.yaml", cluster("orders", &more));
    let world = ["--sandbox", "world.json", "--now", "2026-11-20T15:00:00Z"];
    let run = |place: &mut Place, arguments: &[&str], exit| {
        place.run(&[arguments, &world[..]].concat(), exit)
    };
    place.run(&["validate", "fleet"], 0);
    for form in ["human", "json", "yaml", "markdown"] {
        run(&mut place, &["plan", "fleet", "-o", form], 0);
    }
    run(&mut place, &["plan", "fleet", "--verbose"], 0);
    run(&mut place, &["apply", "fleet", "--yes"], 0);
    for form in ["human", "json", "yaml"] {
        run(&mut place, &["status", "fleet", "-o", form], 0);
    }
    // And where it is a change of what runs.
    let file = "fleet/clusters/orders.yaml";
    place.write(file, cluster("orders", &more.replace("owned", "changed")));
    let plan = run(&mut place, &["plan", "fleet"], 0);
    assert!(plan.contains("\\u{1b}]0;changed"), "{plan}");
}
