//! The Kubernetes that stories run on.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// Where the cluster is and how to get at it.
pub(crate) struct Bed {
    /// Put before every command: the bed's node lives in a network namespace of its own.
    enter: Vec<String>,
    pub(crate) kubeconfig: String,
    /// How our program reaches members from where stories run it.
    pub(crate) reach: &'static str,
    /// The script that can break the project's own bed; somebody else's cluster is not broken.
    pub(crate) own: Option<PathBuf>,
}

static BED: OnceLock<Result<Bed, String>> = OnceLock::new();
/// Stories that measure gaps or break the bed run alone, the others beside each other.
static TURN: RwLock<()> = RwLock::new(());
static ALONE: AtomicBool = AtomicBool::new(false);

/// A story's turn on the bed.
pub(crate) enum Turn {
    Alone {
        _guard: RwLockWriteGuard<'static, ()>,
    },
    Shared {
        _guard: RwLockReadGuard<'static, ()>,
    },
}

impl Drop for Turn {
    fn drop(&mut self) {
        if matches!(self, Self::Alone { .. }) {
            ALONE.store(false, Ordering::SeqCst);
        }
    }
}

/// Whether the story that asks has the bed to itself.
pub(crate) fn is_alone() -> bool {
    ALONE.load(Ordering::SeqCst)
}

/// Each look is a process that signs in to the API server: where stories share the bed they take from each other what they
/// look with.
pub(crate) fn between_looks() -> Duration {
    Duration::from_millis(if is_alone() { 300 } else { 1000 })
}

/// The bed and a turn alone on it, or `None` after saying why this story cannot run.
pub(crate) fn take(story: &str) -> Option<(&'static Bed, Turn)> {
    let guard = TURN.write().unwrap_or_else(PoisonError::into_inner);
    ALONE.store(true, Ordering::SeqCst);
    let turn = Turn::Alone { _guard: guard };
    Some((bed(story)?, turn))
}

/// As [`take`], and this is a bed whose processes may be stopped and killed.
pub(crate) fn take_own(story: &str) -> Option<(&'static Bed, Turn)> {
    let (bed, turn) = take(story)?;
    own(bed, story)?;
    Some((bed, turn))
}

/// The bed, beside other stories: for one that breaks nothing but its own cluster, and measures no gap.
pub(crate) fn beside(story: &str) -> Option<(&'static Bed, Turn)> {
    let guard = TURN.read().unwrap_or_else(PoisonError::into_inner);
    Some((bed(story)?, Turn::Shared { _guard: guard }))
}

/// As [`beside`], on a bed of which the story's own processes may be stopped and killed.
pub(crate) fn share(story: &str) -> Option<(&'static Bed, Turn)> {
    let (bed, turn) = beside(story)?;
    own(bed, story)?;
    Some((bed, turn))
}

/// For a story that shows in one more way what others show as well: all of them take two processors two hours.
pub(crate) fn by_choice(story: &str) -> Option<&str> {
    let all = std::env::var("RECONCILE_TEST_STORIES").is_ok_and(|which| which == "all");
    if !all {
        left_out(story, "RECONCILE_TEST_STORIES=all tells it");
    }
    all.then_some(story)
}

fn own(bed: &Bed, story: &str) -> Option<()> {
    if bed.own.is_none() {
        skip(
            story,
            "it breaks things, and RECONCILE_TEST_KUBECONFIG names somebody's cluster",
        );
        return None;
    }
    Some(())
}

fn bed(story: &str) -> Option<&'static Bed> {
    match BED.get_or_init(open) {
        Ok(bed) => Some(bed),
        Err(why) => {
            skip(story, why);
            None
        }
    }
}

/// Says that a story is not told this time, by choice.
pub(crate) fn left_out(story: &str, why: &str) {
    // Straight to stderr, past the test harness' capture: a skip is always seen.
    writeln!(std::io::stderr(), "SKIP {story}: {why}").expect("stderr is open");
}

pub(crate) fn skip(story: &str, why: &str) {
    left_out(story, why);
    let required = std::env::var("RECONCILE_TEST_REQUIRE").is_ok_and(|v| v == "all");
    assert!(!required, "{story} may not be skipped: {why}");
}

fn open() -> Result<Bed, String> {
    if let Ok(kubeconfig) = std::env::var("RECONCILE_TEST_KUBECONFIG") {
        return Ok(Bed {
            enter: Vec::new(),
            kubeconfig,
            reach: "portForward",
            own: None,
        });
    }
    if let Ok(why) = std::env::var("RECONCILE_TEST_NO_BED") {
        return Err(why);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bed/bed");
    let up = run(Command::new(&script).arg("up"))?;
    if !up.status.success() {
        return Err(format!("`tests/bed/bed up`: {}", last_line(&up.stderr)));
    }
    let env = run(Command::new(&script).arg("env"))?;
    let text = String::from_utf8_lossy(&env.stdout).into_owned();
    let kubeconfig = text
        .lines()
        .find_map(|line| line.strip_prefix("export KUBECONFIG="))
        .ok_or("`tests/bed/bed env` named no KUBECONFIG")?;
    Ok(Bed {
        enter: vec![script.display().to_string(), "exec".into()],
        kubeconfig: kubeconfig.trim_matches('\'').to_owned(),
        reach: "direct",
        own: Some(script),
    })
}

fn run(command: &mut Command) -> Result<Output, String> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().last().unwrap_or("no reason given").to_owned()
}

impl Bed {
    /// A command that runs where the cluster is.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut words = self.enter.iter().map(String::as_str).chain([program]);
        let mut command = Command::new(words.next().expect("there is a program"));
        command
            .args(words)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null());
        command
    }

    /// Runs kubectl; panics with its words where it fails.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.try_kubectl(arguments);
        assert!(
            output.status.success(),
            "kubectl {}: {}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("kubectl prints UTF-8")
    }

    pub(crate) fn try_kubectl(&self, arguments: &[&str]) -> Output {
        let mut command = self.command("kubectl");
        command.args(["--request-timeout=60s"]).args(arguments);
        command.output().expect("kubectl runs")
    }

    /// Whether the logs of a namespace's pods outlive them: as in CI, where nobody looks at the pods themselves.
    pub(crate) fn keep_logs(&self, namespace: &str) -> bool {
        let kept = self.own.as_ref().map(|script| {
            let mut command = Command::new(script);
            command.args(["keep-logs", namespace]).status()
        });
        matches!(kept, Some(Ok(status)) if status.success())
    }

    pub(crate) fn apply_manifest(&self, manifest: &str) {
        let mut command = self.command("kubectl");
        command
            .args(["apply", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut child = command.spawn().expect("kubectl runs");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin
            .write_all(manifest.as_bytes())
            .expect("kubectl reads its input");
        drop(stdin);
        assert!(child.wait().expect("kubectl ends").success(), "{manifest}");
    }
}

/// Our program: as built for these tests, or the one that is named, for what is timed is what people run.
pub(crate) fn program() -> PathBuf {
    let named = std::env::var_os("RECONCILE_TEST_PROGRAM");
    named.map_or_else(|| env!("CARGO_BIN_EXE_reconcile").into(), PathBuf::from)
}
