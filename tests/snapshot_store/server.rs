//! A real S3 server on loopback, ended with the value that owns it.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reconcile::fleet::{ClusterSpec, SnapshotStore};
use reconcile::world::live::Secret;
use reconcile::world::store::{Keys, Store};

pub(crate) const ACCESS_KEY: &str = "AKIAEXAMPLEFORTESTS";
pub(crate) const SECRET_KEY: &str = "a-secret-key-for-tests-alone";

pub(crate) struct S3Server {
    child: Child,
    port: u16,
    /// Kept for as long as it serves it.
    root: Option<tempfile::TempDir>,
}

/// Says that a test does not run, or fails where none may be left out.
fn skip(what: &str, why: &str) {
    let required = std::env::var("RECONCILE_TEST_REQUIRE").is_ok_and(|v| v == "all");
    assert!(!required, "{what} cannot run: {why}");
    // Not through the macro: what that prints is hidden while a test passes.
    writeln!(std::io::stderr(), "SKIP {what}: {why}").expect("stderr is open");
}

impl S3Server {
    /// With one bucket, `etcd-backups`. `None`, said aloud: there is no server.
    pub(crate) fn start() -> Option<Self> {
        let root = tempfile::tempdir().expect("a temporary directory");
        let mut server = Self::start_in(root.path())?;
        server.root = Some(root);
        Some(server)
    }

    /// With its data there.
    pub(crate) fn start_in(root: &Path) -> Option<Self> {
        let Some(binary) = std::env::var_os("RECONCILE_S3_SERVER") else {
            skip("S3", "RECONCILE_S3_SERVER names no s3s-fs");
            return None;
        };
        std::fs::create_dir(root.join("etcd-backups")).expect("a bucket");
        let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let child = start(Path::new(&binary), port, root);
        let mut server = Self {
            child,
            port,
            root: None,
        };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().expect("its state");
            assert!(
                ended.is_none() && Instant::now() < end,
                "no server: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    pub(crate) fn spec(&self, bucket: &str) -> ClusterSpec {
        s3_spec(bucket, &format!("http://127.0.0.1:{}", self.port))
    }

    pub(crate) fn store(&self, bucket: &str) -> Store {
        let keys = keys(&[("accessKeyID", ACCESS_KEY), ("secretAccessKey", SECRET_KEY)]);
        Store::open(&self.spec(bucket), Some(&keys), None).expect("opened")
    }
}

fn start(binary: &Path, port: u16, root: &Path) -> Child {
    Command::new(binary)
        .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        .arg(root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary that RECONCILE_S3_SERVER names")
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn s3_spec(bucket: &str, endpoint: &str) -> ClusterSpec {
    let mut spec = crate::fixture::spec();
    spec.backup.store = Some(SnapshotStore::S3 {
        bucket: bucket.into(),
        prefix: Some("prod".into()),
        region: "us-east-1".into(),
        endpoint: Some(endpoint.into()),
        secret_name: Some("s3".into()),
    });
    spec
}

pub(crate) fn keys(pairs: &[(&str, &str)]) -> Keys {
    let pairs = pairs.iter().map(|(key, value)| {
        let value = Secret::new(value.as_bytes().to_vec());
        ((*key).to_owned(), value)
    });
    pairs.collect()
}
