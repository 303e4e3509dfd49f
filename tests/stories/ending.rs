//! Nothing in a story lasts for ever: a story that fails must end, or all of CI waits for it.

use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than any run of our program takes, with the deadlines of its waits.
const LONGEST_RUN: Duration = Duration::from_secs(600);

/// Runs `others` beside `work` until that ends, or panics: a scope waits for its threads even then.
pub(crate) fn meanwhile<T>(others: impl FnOnce(&AtomicBool) + Send, work: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stopped = Stopped(&stop);
        scope.spawn(|| others(&stop));
        work()
    })
}

struct Stopped<'a>(&'a AtomicBool);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// All that it printed; panics where it does not end by itself.
pub(crate) fn output_of(command: &mut Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.expect("the program runs");
    let pid = child.id();
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    if let Ok(output) = ended.recv_timeout(LONGEST_RUN) {
        return output.expect("what it prints can be read");
    }
    send("-KILL", pid);
    panic!("{command:?} did not end within {LONGEST_RUN:?}");
}

/// The exit code; panics where it does not end by itself.
pub(crate) fn ended_within(run: &mut Child, seconds: u64) -> i32 {
    for _ in 0..seconds * 10 {
        if let Some(status) = run.try_wait().expect("our program is ours to ask") {
            return status.code().unwrap_or(-1);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = run.kill();
    panic!("it did not end within {seconds} s");
}

/// A signal to a program of ours. The bed's entry replaces itself by it, so the child's PID is the program's.
pub(crate) fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}
