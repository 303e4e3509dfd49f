//! A real API server without nodes, its etcd, an etcd that stands for all members, and a wire of 4 ms to both.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::Result;
use super::measure;

/// One way; there and back is twice that.
const LATENCY_MS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(60);
/// Where pods say that they are: one address, as one etcd stands for all of them.
pub(crate) const POD_IP: &str = "127.0.71.1";

/// Where the test bed keeps what it built; `None`, said aloud, where there is nothing.
pub(crate) fn binaries() -> Option<PathBuf> {
    let said = std::env::var_os("BED_BIN").map(PathBuf::from).or_else(|| {
        let bed = Command::new("tests/bed/bed").arg("env").output().ok()?;
        let text = String::from_utf8(bed.stdout).ok()?;
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix("export BED_BIN="))?;
        Some(PathBuf::from(line))
    });
    said.filter(|place| {
        let needed = ["kube-apiserver", "kubectl", "toxiproxy-server"];
        needed.iter().all(|binary| place.join(binary).exists())
    })
}

/// Ended with the value that owns them.
pub(crate) struct Servers {
    children: Vec<Child>,
    /// The API server as it is, and behind the wire.
    pub(crate) near: PathBuf,
    pub(crate) far: PathBuf,
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that has ended already is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Servers {
    pub(crate) async fn start(binaries: &Path, place: &Path) -> Result<Self> {
        let keys = Keys::make(&place.join("keys"))?;
        let (store, api, far) = (free_port()?, free_port()?, free_port()?);
        let mut servers = Self {
            children: Vec::new(),
            near: place.join("near.kubeconfig"),
            far: place.join("far.kubeconfig"),
        };
        fs::write(&servers.near, keys.kubeconfig(api)?)?;
        fs::write(&servers.far, keys.kubeconfig(far)?)?;
        servers.etcd(binaries, &place.join("etcd"), &format!("127.0.0.1:{store}"))?;
        servers.api_server(binaries, &keys, store, api)?;
        servers
            .wire(binaries, place, &[Proxy::new("api", "127.0.0.1", far, api)])
            .await?;
        let begun = Instant::now();
        let ready = || {
            let mut command = Command::new(binaries.join("kubectl"));
            command
                .arg("--kubeconfig")
                .arg(&servers.near)
                .args(["get", "--raw", "/readyz"]);
            measure::run(command)
        };
        while let Err(error) = ready() {
            if begun.elapsed() > PATIENCE {
                return Err(format!("the API server is not ready: {error}").into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(servers)
    }

    /// The one that answers for every member, from now on.
    pub(crate) async fn members(&mut self, binaries: &Path, place: &Path) -> Result<()> {
        let port = free_port()?;
        self.etcd(
            binaries,
            &place.join("member"),
            &format!("127.0.0.1:{port}"),
        )?;
        let proxy = Proxy::new("member", POD_IP, 2379, port);
        self.wire(binaries, place, &[proxy]).await?;
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err("etcd does not listen".into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // A leader is elected in a second, by itself.
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(())
    }

    fn start_one(&mut self, name: &str, place: &Path, mut command: Command) -> Result<()> {
        fs::create_dir_all(place)?;
        let log = fs::File::create(place.join(format!("{name}.log")))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        self.children.push(child);
        Ok(())
    }

    fn etcd(&mut self, binaries: &Path, place: &Path, clients: &str) -> Result<()> {
        let newest = fs::read_dir(binaries)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                name.starts_with("etcd-3.6")
                    && Path::new(name).extension().is_none_or(|e| e != "tar")
            })
            .max()
            .ok_or("no etcd 3.6 among the bed's binaries")?;
        let peers = format!("http://127.0.0.1:{}", free_port()?);
        let clients = format!("http://{clients}");
        let mut command = Command::new(binaries.join(newest));
        command.arg("--data-dir").arg(place.join("data"));
        command.args(["--unsafe-no-fsync", "--log-level", "warn", "--name", "one"]);
        command.args([
            "--listen-client-urls",
            &clients,
            "--advertise-client-urls",
            &clients,
        ]);
        command.args([
            "--listen-peer-urls",
            &peers,
            "--initial-advertise-peer-urls",
            &peers,
        ]);
        command.arg("--initial-cluster").arg(format!("one={peers}"));
        self.start_one("etcd", place, command)
    }

    fn api_server(&mut self, binaries: &Path, keys: &Keys, store: u16, port: u16) -> Result<()> {
        let key = |name: &str| keys.0.join(name);
        let mut command = Command::new(binaries.join("kube-apiserver"));
        command
            .arg("--etcd-servers")
            .arg(format!("http://127.0.0.1:{store}"));
        command.arg("--secure-port").arg(port.to_string());
        command.args([
            "--bind-address",
            "127.0.0.1",
            "--advertise-address",
            "198.18.0.1",
        ]);
        command.arg("--tls-cert-file").arg(key("apiserver.crt"));
        command
            .arg("--tls-private-key-file")
            .arg(key("apiserver.key"));
        command.arg("--client-ca-file").arg(key("ca.crt"));
        command.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
        command
            .arg("--service-account-key-file")
            .arg(key("admin.crt"));
        command
            .arg("--service-account-signing-key-file")
            .arg(key("admin.key"));
        command.args(["--service-cluster-ip-range", "198.18.128.0/17"]);
        command.args(["--authorization-mode", "RBAC"]);
        command.args(["--disable-admission-plugins", "ServiceAccount"]); // nobody makes tokens here
        self.start_one("kube-apiserver", &keys.0, command)
    }

    /// Proxies that keep everything for a while, one process for all of them.
    async fn wire(&mut self, binaries: &Path, place: &Path, proxies: &[Proxy]) -> Result<()> {
        let port = free_port()?;
        let mut command = Command::new(binaries.join("toxiproxy-server"));
        command.args(["-host", "127.0.0.1", "-port", &port.to_string()]);
        self.start_one("toxiproxy", place, command)?;
        let at = format!("http://127.0.0.1:{port}/proxies");
        let begun = Instant::now();
        let client = reqwest::Client::builder().build()?;
        while client.get(&at).send().await.is_err() {
            if begun.elapsed() > PATIENCE {
                return Err("toxiproxy does not answer".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let create = async |at: String, body: serde_json::Value| -> Result<()> {
            let answer = client.post(at).body(body.to_string()).send().await?;
            answer.error_for_status()?;
            Ok(())
        };
        for proxy in proxies {
            let Proxy { name, listen, to } = proxy;
            let body = json!({"name": name, "listen": listen, "upstream": to, "enabled": true});
            create(at.clone(), body).await?;
            for stream in ["upstream", "downstream"] {
                let attributes = json!({"latency": LATENCY_MS});
                let body = json!({"type": "latency", "stream": stream, "attributes": attributes});
                create(format!("{at}/{name}/toxics"), body).await?;
            }
        }
        Ok(())
    }
}

struct Proxy {
    name: &'static str,
    listen: String,
    to: String,
}

impl Proxy {
    fn new(name: &'static str, host: &str, port: u16, to: u16) -> Self {
        Self {
            name,
            listen: format!("{host}:{port}"),
            to: format!("127.0.0.1:{to}"),
        }
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// One authority, the API server and an administrator; made with `openssl`, as a person would.
struct Keys(PathBuf);

const EXTENSIONS: &str =
    "extendedKeyUsage=clientAuth,serverAuth\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n";

impl Keys {
    fn make(place: &Path) -> Result<Self> {
        fs::create_dir_all(place)?;
        fs::write(place.join("extensions"), EXTENSIONS)?;
        let keys = Self(place.to_owned());
        keys.openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=bench",
        )?;
        for (name, subject) in [
            ("apiserver", "/CN=kube-apiserver"),
            ("admin", "/O=system:masters/CN=admin"),
        ] {
            keys.openssl(&format!(
                "req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj {subject}"
            ))?;
            keys.openssl(&format!("x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out {name}.crt -days 2 -extfile extensions"))?;
        }
        Ok(keys)
    }

    fn openssl(&self, arguments: &str) -> Result<()> {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(&self.0);
        measure::run(command)
    }

    fn kubeconfig(&self, port: u16) -> Result<String> {
        let path = |name: &str| -> Result<String> {
            let path = fs::canonicalize(self.0.join(name))?;
            Ok(path.to_str().ok_or("a path of UTF-8")?.to_owned())
        };
        let cluster = json!({
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": path("ca.crt")?,
        });
        let user =
            json!({"client-certificate": path("admin.crt")?, "client-key": path("admin.key")?});
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": cluster}],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "admin"}}],
        })
        .to_string())
    }
}
