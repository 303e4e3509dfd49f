//! F3: a change of the members is answered by nobody and made when its run is long gone, another member leads, and Git has
//! gone back. A real etcd answers; between it and our program stands a proxy that keeps what it was asked.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use crate::bed;
use crate::hands::pod;
use crate::runs::apply_beside;
use crate::states::born;
use crate::story::Story;

/// A second longer than our program waits for an answer.
const NO_ANSWER: Duration = Duration::from_secs(11);
/// The first of the proxies' ports.
const PORT: u32 = 9331;
/// The group that proxies run as: what they send is not sent back to them.
const GROUP: u32 = 65_534;

#[test]
fn late_promotion_and_removal() {
    let name = "late_promotion_and_removal";
    let Some(programs) = std::env::var_os("RECONCILE_ETCD_BIN_DIR") else {
        bed::skip(name, "RECONCILE_ETCD_BIN_DIR names no programs of the bed");
        return;
    };
    let program = PathBuf::from(programs).join("holdup");
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    comes_late(&story, &program, "MemberPromote", (3, 5));
    story.become_size(5);
    comes_late(&story, &program, "MemberRemove", (5, 3));
    story.judge(5);
}

/// Git asks for another size and, once that was asked of etcd, for the first one again.
fn comes_late(story: &Story, program: &std::path::Path, method: &str, (from, to): (u32, u32)) {
    story.mark(method);
    let proxies = Proxies::before(story, program, method, from);
    story.want(to);
    let mut run = apply_beside(story);
    story.until("etcd to be asked", 300, || proxies.told().contains("kept"));
    std::thread::sleep(NO_ANSWER);
    run.kill().expect("it has not ended");
    run.wait().expect("our program ends");
    let leader = story.leader();
    let other = story.members().into_iter().find(|(o, _)| *o != leader);
    let (_, id) = other.expect("another member");
    story.etcdctl(leader, &["move-leader", &id]);
    story.want(from);
    story.until("etcd to have done it", 60, || {
        proxies.told().contains("late")
    });
    let told = proxies.told();
    story.say(&told);
    assert!(told.contains("status \"0\""), "{told}");
    drop(proxies);
    story.settle();
    story.assert_in_sync();
    assert_eq!(story.members().len(), from as usize);
}

/// One before each member, and what sends our program's connections to them.
struct Proxies<'a> {
    story: &'a Story,
    processes: Vec<Child>,
    told: PathBuf,
}

impl<'a> Proxies<'a> {
    fn before(story: &'a Story, program: &std::path::Path, method: &str, members: u32) -> Self {
        let told = story.directory.path().join(format!("{method}.stderr"));
        let mut proxies = Self {
            story,
            processes: Vec::new(),
            told,
        };
        let mut rules = Vec::new();
        for ordinal in 0..members {
            let ip = story.kubectl(&["get", "pod", &pod(ordinal), "-o=jsonpath={.status.podIP}"]);
            let port = PORT + ordinal;
            let told = fs::File::options()
                .create(true)
                .append(true)
                .open(&proxies.told)
                .expect("a writable directory");
            let mut command = story.bed.command("setpriv");
            command
                .args([&format!("--regid={GROUP}"), "--clear-groups"])
                .arg(program)
                .arg(format!("-listen=127.0.0.1:{port}"))
                .arg(format!("-to={ip}:2379"))
                .arg(format!("-method=/{method}"))
                .stderr(Stdio::from(told));
            proxies.processes.push(command.spawn().expect("it runs"));
            rules.push(format!(
                "ip daddr {ip} tcp dport 2379 meta skgid != {GROUP} redirect to :{port}"
            ));
        }
        let table = format!(
            "table ip holdup {{ chain out {{ type nat hook output priority -100; policy accept;\n{}\n}}\n}}\n",
            rules.join("\n")
        );
        let made = proxies.nft(&table);
        assert!(made.status.success(), "{made:?}");
        proxies
    }

    fn nft(&self, text: &str) -> Output {
        let mut command = self.story.bed.command("nft");
        command.arg(text).output().expect("nft runs")
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.told).unwrap_or_default()
    }
}

impl Drop for Proxies<'_> {
    fn drop(&mut self) {
        // Where it could not be made, that was said.
        let _ = self.nft("delete table ip holdup");
        for process in &mut self.processes {
            // One that has ended is as good.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
