//! Real etcd processes, ended with the value that owns them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use etcd_client::{AlarmAction, AlarmOptions, AlarmType};
use reconcile::fleet::Ordinal;
use reconcile::state::MemberId;
use reconcile::world::live::etcd::{Access, Dial, MemberChannel, Seats, Silence, Target};

pub(crate) mod tls {
    //! Certificates made with `openssl` as a person would.

    use std::path::PathBuf;
    use std::process::Command;

    use reconcile::world::live::Secret;
    use reconcile::world::live::etcd::{Access, Tls};

    /// A certificate authority with one server and one client certificate.
    pub(crate) struct Authority {
        dir: tempfile::TempDir,
    }

    const EXTENSIONS: &str = "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:orders-0,IP:127.0.0.1\n";

    impl Authority {
        /// `None`, said aloud: there is no `openssl`.
        pub(crate) fn new(name: &str) -> Option<Self> {
            if Command::new("openssl").arg("version").output().is_err() {
                super::skip("TLS", "there is no `openssl`");
                return None;
            }
            let dir = tempfile::tempdir().expect("a temporary directory");
            let authority = Self { dir };
            std::fs::write(authority.path("ext"), EXTENSIONS).expect("a temporary file");
            authority.run(&format!("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN={name} -addext basicConstraints=critical,CA:TRUE"));
            for who in ["server", "client"] {
                authority.run(&format!(
                    "req -newkey rsa:2048 -nodes -keyout {who}.key -out {who}.csr -subj /CN={who}"
                ));
                authority.run(&format!("x509 -req -in {who}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out {who}.crt -days 2 -extfile ext"));
            }
            Some(authority)
        }

        fn run(&self, arguments: &str) {
            let output = Command::new("openssl")
                .args(arguments.split(' '))
                .current_dir(self.dir.path())
                .output()
                .expect("openssl ran before");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }

        pub(crate) fn path(&self, file: &str) -> PathBuf {
            self.dir.path().join(file)
        }

        pub(crate) fn access(&self) -> Access {
            let read = |file: &str| std::fs::read(self.path(file)).expect("written by openssl");
            Access {
                tls: Some(Tls {
                    ca: read("ca.crt"),
                    identity: Some((read("client.crt"), Secret::new(read("client.key")))),
                }),
                credentials: None,
            }
        }
    }
}

/// Says that a test does not run, or fails where none may be left out.
pub(crate) fn skip(what: &str, why: &str) {
    let required = std::env::var("RECONCILE_TEST_REQUIRE").is_ok_and(|v| v == "all");
    assert!(!required, "{what} cannot run: {why}");
    // Not through the macro: what that prints is hidden while a test passes.
    writeln!(std::io::stderr(), "SKIP {what}: {why}").expect("stderr is open");
}

fn binary(version: &str) -> Option<PathBuf> {
    let name = format!("etcd-{version}");
    let Some(dir) = std::env::var_os("RECONCILE_ETCD_BIN_DIR") else {
        skip(&name, "RECONCILE_ETCD_BIN_DIR is not set");
        return None;
    };
    let path = Path::new(&dir).join(&name);
    if path.is_file() {
        return Some(path);
    }
    skip(&name, &format!("there is no {}", path.display()));
    None
}

/// The offline tool of that version, beside its server.
pub(crate) fn etcdutl(version: &str) -> Option<PathBuf> {
    let server = binary(version)?;
    let path = server.with_file_name(format!("etcdutl-{version}"));
    if path.is_file() {
        return Some(path);
    }
    skip("etcdutl", &format!("there is no {}", path.display()));
    None
}

/// Below those that the kernel gives to outgoing connections: one of another test's would take it before etcd does.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed) + std::process::id() * 131;
        let port = u16::try_from(10_000 + next % 22_000).expect("below 32,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

struct Node {
    client_port: u16,
    /// Where it listens for peers.
    peer_port: u16,
    /// Where peers are told to find it.
    advertised_port: u16,
    metrics_port: u16,
    child: Option<Child>,
}

/// Members `orders-0`, `orders-1`, … on loopback.
pub(crate) struct Cluster {
    binary: PathBuf,
    data: tempfile::TempDir,
    nodes: BTreeMap<Ordinal, Node>,
    tls: Vec<String>,
}

impl Cluster {
    pub(crate) fn start(version: &str, size: u32) -> Option<Self> {
        Self::start_with(version, size, Vec::new())
    }

    /// Its last member's peers are told this port, at which somebody shall forward to the port that is returned too.
    pub(crate) fn start_behind(version: &str, size: u32, advertised: u16) -> Option<(Self, u16)> {
        let mut cluster = Self::reserved(version, size, Vec::new())?;
        let node = cluster.node(Ordinal(size - 1));
        node.advertised_port = advertised;
        let behind = node.peer_port;
        cluster.give_birth();
        Some((cluster, behind))
    }

    pub(crate) fn start_tls(version: &str, authority: &tls::Authority) -> Option<Self> {
        let file = |flag: &str, name: &str| format!("--{flag}={}", authority.path(name).display());
        let flags = vec![
            file("cert-file", "server.crt"),
            file("key-file", "server.key"),
            file("trusted-ca-file", "ca.crt"),
            "--client-cert-auth".to_owned(),
        ];
        Self::start_with(version, 1, flags)
    }

    fn start_with(version: &str, size: u32, tls: Vec<String>) -> Option<Self> {
        let mut cluster = Self::reserved(version, size, tls)?;
        cluster.give_birth();
        Some(cluster)
    }

    fn reserved(version: &str, size: u32, tls: Vec<String>) -> Option<Self> {
        let mut cluster = Self {
            binary: binary(version)?,
            data: tempfile::tempdir().expect("a temporary directory"),
            nodes: BTreeMap::new(),
            tls,
        };
        for _ in 0..size {
            cluster.reserve();
        }
        Some(cluster)
    }

    fn give_birth(&mut self) {
        let ordinals: Vec<Ordinal> = self.nodes.keys().copied().collect();
        for ordinal in ordinals {
            self.spawn(ordinal, "new");
        }
    }

    /// Three free ports for the next ordinal; nothing runs there yet.
    pub(crate) fn reserve(&mut self) -> Ordinal {
        let ordinal = Ordinal(u32::try_from(self.nodes.len()).expect("few"));
        let peer_port = free_port();
        let node = Node {
            client_port: free_port(),
            peer_port,
            advertised_port: peer_port,
            metrics_port: free_port(),
            child: None,
        };
        self.nodes.insert(ordinal, node);
        ordinal
    }

    pub(crate) fn join(&mut self, ordinal: Ordinal) {
        self.spawn(ordinal, "existing");
    }

    fn spawn(&mut self, ordinal: Ordinal, state: &str) {
        let list: Vec<String> = self
            .nodes
            .keys()
            .map(|o| format!("orders-{o}={}", self.peer_url(*o)))
            .collect();
        let client = self.client_url(ordinal, "127.0.0.1");
        let name = format!("orders-{ordinal}");
        let child = Command::new(&self.binary)
            .arg(format!("--name={name}"))
            .arg(format!(
                "--data-dir={}",
                self.data.path().join(&name).display()
            ))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!(
                "--listen-peer-urls=http://127.0.0.1:{}",
                self.nodes[&ordinal].peer_port
            ))
            .arg(format!(
                "--listen-metrics-urls=http://127.0.0.1:{}",
                self.nodes[&ordinal].metrics_port
            ))
            .arg(format!(
                "--initial-advertise-peer-urls={}",
                self.peer_url(ordinal)
            ))
            .arg(format!("--initial-cluster={}", list.join(",")))
            .arg(format!("--initial-cluster-state={state}"))
            .args(["--log-level=error", "--unsafe-no-fsync"])
            .args(&self.tls)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary was there a moment ago");
        self.node(ordinal).child = Some(child);
    }

    fn node(&mut self, ordinal: Ordinal) -> &mut Node {
        self.nodes.get_mut(&ordinal).expect("reserved")
    }

    pub(crate) fn size(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn peer_url(&self, ordinal: Ordinal) -> String {
        format!("http://127.0.0.1:{}", self.nodes[&ordinal].advertised_port)
    }

    pub(crate) fn client_url(&self, ordinal: Ordinal, host: &str) -> String {
        let scheme = if self.tls.is_empty() { "http" } else { "https" };
        format!("{scheme}://{host}:{}", self.nodes[&ordinal].client_port)
    }

    pub(crate) async fn seats(&self, access: &Access) -> Seats {
        let mut seats = Seats::new();
        for ordinal in self.nodes.keys() {
            seats.insert(*ordinal, self.seat(*ordinal, access).await);
        }
        seats
    }

    pub(crate) async fn seat(
        &self,
        ordinal: Ordinal,
        access: &Access,
    ) -> Result<MemberChannel, Silence> {
        self.seat_named(ordinal, &format!("orders-{ordinal}"), access)
            .await
    }

    /// The first member, expected under another name than its own.
    pub(crate) async fn seats_named(&self, host: &str, access: &Access) -> Seats {
        let first = Ordinal(0);
        [(first, self.seat_named(first, host, access).await)].into()
    }

    async fn seat_named(
        &self,
        ordinal: Ordinal,
        host: &str,
        access: &Access,
    ) -> Result<MemberChannel, Silence> {
        let target = self.target(ordinal, host, self.client_port(ordinal));
        MemberChannel::open(target, access, Duration::from_secs(2))
            .await
            .map_err(|error| Silence::from(&error))
    }

    fn target(&self, ordinal: Ordinal, host: &str, port: u16) -> Target {
        let dial = |port| Dial::Tcp {
            host: "127.0.0.1".into(),
            port,
        };
        Target {
            ordinal,
            url: self.client_url(ordinal, host),
            dial: dial(port),
            metrics: dial(self.nodes[&ordinal].metrics_port),
        }
    }

    pub(crate) fn client_port(&self, ordinal: Ordinal) -> u16 {
        self.nodes[&ordinal].client_port
    }

    /// By another port than its own.
    pub(crate) async fn seat_through(
        &self,
        ordinal: Ordinal,
        port: u16,
        access: &Access,
    ) -> Result<MemberChannel, Silence> {
        let target = self.target(ordinal, &format!("orders-{ordinal}"), port);
        MemberChannel::open(target, access, Duration::from_secs(2))
            .await
            .map_err(|error| Silence::from(&error))
    }

    /// So many keys with values of so many bytes.
    pub(crate) async fn put_many(&self, keys: u32, size: usize) {
        let url = self.client_url(Ordinal(0), "127.0.0.1");
        let mut client = etcd_client::Client::connect([url], None)
            .await
            .expect("it answers");
        for key in 0..keys {
            let value = vec![u8::try_from(key % 256).expect("below 256"); size];
            let key = format!("key-{key:06}");
            client.put(key, value, None).await.expect("a put");
        }
    }

    pub(crate) async fn add_user(&self, user: &str, password: &str) {
        let url = self.client_url(Ordinal(0), "127.0.0.1");
        let mut client = etcd_client::Client::connect([url], None)
            .await
            .expect("it answers");
        client.user_add(user, password, None).await.expect("a user");
    }

    pub(crate) async fn enable_auth(&self, user: &str, password: &str) {
        let url = self.client_url(Ordinal(0), "127.0.0.1");
        let mut client = etcd_client::Client::connect([url], None)
            .await
            .expect("it answers");
        client.role_add(user).await.expect("a role");
        client.user_add(user, password, None).await.expect("a user");
        client.user_grant_role(user, user).await.expect("a grant");
        client.auth_enable().await.expect("auth on");
    }

    pub(crate) async fn raise_corrupt(&self, member: MemberId) {
        let url = self.client_url(Ordinal(0), "127.0.0.1");
        let mut client = etcd_client::Client::connect([url], None)
            .await
            .expect("it answers");
        let mut options = AlarmOptions::new();
        options.with_member(member.0);
        client
            .alarm(AlarmAction::Activate, AlarmType::Corrupt, Some(options))
            .await
            .expect("an alarm");
    }

    pub(crate) fn freeze(&self, ordinal: Ordinal) {
        self.signal(ordinal, "-STOP");
    }

    pub(crate) fn thaw(&self, ordinal: Ordinal) {
        self.signal(ordinal, "-CONT");
    }

    fn signal(&self, ordinal: Ordinal, signal: &str) {
        let pid = self.nodes[&ordinal].child.as_ref().expect("running").id();
        let status = Command::new("kill")
            .args([signal, &pid.to_string()])
            .status()
            .expect("kill is everywhere");
        assert!(status.success(), "kill {signal} {pid}");
    }

    pub(crate) fn kill(&mut self, ordinal: Ordinal) {
        self.node(ordinal).end();
    }
}

impl Node {
    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.values_mut().for_each(Node::end);
    }
}
