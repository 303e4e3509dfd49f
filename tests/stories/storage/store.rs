//! Snapshots in S3: a real server, which is not always there.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{assert_as_git_says, kept};
use crate::bed;
use crate::states::born;
use crate::story::Story;

/// In the bed's namespace, where our program runs; no other story listens there.
const ADDRESS: &str = "127.0.0.1:9321";
const ACCESS_KEY: &str = "AKIAEXAMPLEFORTESTS";
const SECRET_KEY: &str = "a-secret-key-for-stories-alone";

/// Nobody listens where Git says the store is: named in the plan, and refused before anything is begun. The store is there:
/// the snapshot is in it, and the members move.
#[test]
fn storage_snapshot_store_away() {
    let name = "storage_snapshot_store_away";
    let Some(program) = std::env::var_os("RECONCILE_S3_SERVER") else {
        bed::skip(name, "RECONCILE_S3_SERVER names no s3s-fs");
        return;
    };
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = story.members();
    let literal = |key: &str, value: &str| format!("--from-literal={key}={value}");
    story.kubectl(&[
        "create",
        "secret",
        "generic",
        "s3",
        &literal("accessKeyID", ACCESS_KEY),
        &literal("secretAccessKey", SECRET_KEY),
    ]);
    story.mark("store away");
    story.git(|wish| {
        wish.class = "testbed-hdd";
        wish.more.push(format!(
            "backup: {{store: {{s3: {{bucket: etcd-backups, region: us-east-1, endpoint: \"http://{ADDRESS}\", secretName: s3}}}}}}"
        ));
    });
    assert_eq!(story.refusals(), ["snapshots-unreadable"]);
    let plan = story.plan();
    let found = plan["clusters"][0]["blocked"][0]["found"].to_string();
    story.say(&found);
    assert!(found.contains(ADDRESS), "{plan:#}");
    let refused = story.run(&["apply", ".", "--yes"]);
    assert_ne!(refused.status.code(), Some(0), "{refused:?}");
    assert_eq!(story.members(), before, "nobody was added or removed");
    assert_eq!(kept(&story), 0, "no volume was given up");
    story.mark("store there");
    let bucket = story.directory.path().join("s3/etcd-backups");
    std::fs::create_dir_all(&bucket).expect("a writable directory");
    let _server = Server::start(&story, Path::new(&program));
    story.settle();
    assert_as_git_says(&story);
    let kept = walk(&bucket);
    assert!(kept.iter().any(|path| path.contains("orders")), "{kept:?}");
    story.assert_never_printed(&[SECRET_KEY.to_owned()]);
    story.judge(3);
}

/// All files below.
fn walk(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a readable directory");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let below = |path: std::path::PathBuf| {
        if path.is_dir() {
            walk(&path)
        } else {
            vec![path.display().to_string()]
        }
    };
    paths.flat_map(below).collect()
}

struct Server(Child);

impl Server {
    fn start(story: &Story, program: &Path) -> Self {
        let address: SocketAddr = ADDRESS.parse().expect("an address");
        let mut command = story.bed.command(&program.display().to_string());
        command
            .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
            .args(["--host", &address.ip().to_string()])
            .args(["--port", &address.port().to_string()])
            .arg(story.directory.path().join("s3"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = Self(command.spawn().expect("the server runs"));
        story.until("the S3 server listens", 20, || {
            let mut probe = story.bed.command("bash");
            probe.args([
                "-c",
                &format!(": </dev/tcp/{}/{}", address.ip(), address.port()),
            ]);
            answers(&mut probe)
        });
        server
    }
}

fn answers(probe: &mut Command) -> bool {
    let probe = probe.stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and a story that fails has said why already.
        if self.0.kill().and_then(|()| self.0.wait()).is_err() {
            let _unheard = writeln!(std::io::stderr(), "the S3 server could not be ended");
        }
    }
}
