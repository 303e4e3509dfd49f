//! Members' files held against real etcd: it ignores a key that it does not know, so each must be seen to take effect.
//!
//! `RECONCILE_ETCD_BIN_DIR` holds `etcd-<version>`, at least one of every minor.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use reconcile::fleet::{ClusterSpec, Ordinal};
use reconcile::manifest::member_file;
use serde_json::{Value, json};

use crate::cases;

const MINORS: [&str; 3] = ["3.5", "3.6", "3.7"];
const DEADLINE: Duration = Duration::from_secs(20);

/// One binary of each minor; `None`, and said so, without all three.
fn binaries(test: &str) -> Option<Vec<PathBuf>> {
    let found = std::env::var_os("RECONCILE_ETCD_BIN_DIR").map(|directory| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let names: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        MINORS.map(|minor| binary_of(&names, minor))
    });
    let why = match found {
        Some([Some(a), Some(b), Some(c)]) => return Some(vec![a, b, c]),
        Some(_) => "RECONCILE_ETCD_BIN_DIR lacks an etcd-<version> of 3.5, 3.6 or 3.7",
        None => "RECONCILE_ETCD_BIN_DIR is not set",
    };
    assert_ne!(
        std::env::var("RECONCILE_TEST_REQUIRE").as_deref(),
        Ok("all"),
        "{test} cannot run: {why}"
    );
    // Not `eprintln!`, which the harness keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "SKIP {test}: {why}");
    None
}

fn binary_of(paths: &[PathBuf], minor: &str) -> Option<PathBuf> {
    let prefix = format!("etcd-{minor}.");
    let is_it = |path: &Path| {
        let name = path.file_name().and_then(|n| n.to_str());
        let patch = name.and_then(|n| n.strip_prefix(&prefix));
        patch.is_some_and(|p| p.parse::<u16>().is_ok())
    };
    paths.iter().find(|path| is_it(path)).cloned()
}

/// A rendered file's names and ports moved to loopback, its directories to temporary ones; no other byte differs.
struct Loopback {
    directory: tempfile::TempDir,
    moves: Vec<(String, String)>,
}

impl Loopback {
    fn of(spec: &ClusterSpec) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // Held until all are chosen, or one port would be chosen twice.
        let listeners =
            [2379, 2380, 2381].map(|p| (p, TcpListener::bind("127.0.0.1:0").expect("a free port")));
        let mut moves: Vec<_> = listeners
            .iter()
            .flat_map(|(port, listener)| {
                let here = listener.local_addr().expect("bound").to_string();
                let host = spec.member_host(Ordinal(0));
                [
                    (format!("0.0.0.0:{port}"), here.clone()),
                    (format!("{host}:{port}"), here),
                ]
            })
            .collect();
        let data = directory.path().join("data").display().to_string();
        moves.push(("/data/etcd".into(), data));
        Self { directory, moves }
    }

    fn start(&self, binary: &Path, file: &str) -> Etcd {
        let text = self
            .moves
            .iter()
            .fold(file.to_owned(), |text, (from, to)| text.replace(from, to));
        let path = self.directory.path().join("orders-0.yaml");
        fs::write(&path, text).expect("a writable directory");
        Etcd::start(binary, &path)
    }
}

/// A running etcd and the lines of its log; killed when dropped.
struct Etcd {
    child: Child,
    lines: mpsc::Receiver<String>,
    log: Vec<String>,
}

impl Etcd {
    fn start(binary: &Path, file: &Path) -> Self {
        let mut child = Command::new(binary)
            .arg(format!("--config-file={}", file.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("etcd starts");
        let stderr = child.stderr.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            log: Vec::new(),
        }
    }

    /// The log entry with this message; panics with the log when the process ends or is late.
    fn says(&mut self, message: &str) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("never said {message:?}:\n{}", self.log.join("\n"));
            };
            let entry: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
            self.log.push(line);
            if entry["msg"] == message {
                return entry;
            }
        }
    }

    /// Waits for the end of the process; whether it said that all is well, and its whole log.
    fn ends(mut self) -> (bool, String) {
        let end = Instant::now() + DEADLINE;
        // The channel closes with the process's stderr.
        while let Ok(line) = self
            .lines
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.log.push(line);
        }
        assert!(Instant::now() < end, "still runs:\n{}", self.log.join("\n"));
        let status = self.child.wait().expect("our own child");
        (status.success(), self.log.join("\n"))
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_setting_takes_effect_on_real_etcd() {
    for binary in binaries("every_setting_takes_effect_on_real_etcd").unwrap_or_default() {
        let mut spec = cases::settings();
        spec.members = 1;
        let place = Loopback::of(&spec);
        let mut etcd = place.start(&binary, &member_file::bootstrap(&spec, Ordinal(0), "birth"));
        let said = etcd.says("starting an etcd server");
        let expected = json!({
            "name": "orders-0",
            "heartbeat-interval": "150ms",
            "election-timeout": "1.5s",
            "snapshot-count": 5000,
            "quota-backend-bytes": 4_294_967_296_u64,
            "auto-compaction-mode": "periodic",
            "auto-compaction-retention": "30m0s",
            "max-request-bytes": 3_145_728,
            "initial-cluster-state": "new",
            "initial-cluster-token": "birth",
        });
        for (key, value) in expected.as_object().expect("a map") {
            assert_eq!(&said[key], value, "{}: {key}", binary.display());
        }
        for (from, to) in &place.moves {
            let here = said.to_string().contains(to);
            assert!(here, "{}: {from} as {to}", binary.display());
        }
        etcd.says("ready to serve client requests");
    }
}

/// What I2 rests on: a poisoned file stops an empty directory, and nothing else.
#[test]
fn a_poisoned_file_stops_an_empty_directory_only() {
    for binary in binaries("a_poisoned_file_stops_an_empty_directory_only").unwrap_or_default() {
        let spec = cases::minimal();
        let poisoned = member_file::poisoned(&spec, Ordinal(0));

        let empty = Loopback::of(&spec);
        let (well, log) = empty.start(&binary, &poisoned).ends();
        assert!(!well, "{} ended well:\n{log}", binary.display());
        assert!(
            log.contains("cannot fetch cluster info from peer urls"),
            "{log}"
        );

        let lived_in = Loopback::of(&spec);
        let born = member_file::bootstrap(&spec, Ordinal(0), "birth");
        lived_in
            .start(&binary, &born)
            .says("ready to serve client requests");
        lived_in
            .start(&binary, &poisoned)
            .says("ready to serve client requests");
    }
}

/// Without the files etcd ends, and names what it looked for on which listener.
#[test]
fn certificates_are_asked_for_where_they_are_mounted() {
    let test = "certificates_are_asked_for_where_they_are_mounted";
    for binary in binaries(test).unwrap_or_default() {
        for peer in [true, false] {
            let mut spec = cases::minimal();
            let (listener, said) = if peer {
                spec.tls.peer = Some(cases::secret("orders-peer-tls"));
                ("peer", "starting with peer TLS")
            } else {
                spec.tls.client = Some(cases::secret("orders-client-tls"));
                ("client", "starting with client TLS")
            };
            let place = Loopback::of(&spec);
            let file = member_file::bootstrap(&spec, Ordinal(0), "birth");
            let mut etcd = place.start(&binary, &file);
            let entry = etcd.says(said);
            let info = entry["tls-info"].as_str().expect("a text");
            for part in [
                format!("cert = /etc/etcd-tls/{listener}/tls.crt"),
                format!("key = /etc/etcd-tls/{listener}/tls.key"),
                format!("trusted-ca = /etc/etcd-tls/{listener}/ca.crt"),
                "client-cert-auth = true".to_owned(),
            ] {
                assert!(info.contains(&part), "{}: {info}", binary.display());
            }
            let (well, log) = etcd.ends();
            assert!(!well && log.contains("no such file"), "{log}");
        }
    }
}
