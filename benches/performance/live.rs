//! A live check of a hundred clusters at a round trip of 4 ms, beside the bare LISTs and `kubectl diff`.

use std::fs;
use std::path::Path;
use std::process::Command;

use futures::future::join_all;
use http::Request;
use http::header::ACCEPT;
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use reconcile::fleet::ClusterSpec;
use reconcile::manifest::{self, fleet_selector};
use reconcile::state::Observation;

use super::fleet::File;
use super::measure::{self, Measured, Run};
use super::servers::{self, Servers};
use super::table::Row;
use super::{Failure, Result, cluster, objects, offline, tell};

const CLUSTERS: usize = 100;
const CONTEXT: &str = "bench";
const NAMESPACE: &str = "etcd";
const FLEET: &str = "live";

const FLEET_FILE: &str = "\
apiVersion: reconcile/v1alpha1
kind: Fleet
metadata: {name: live}
spec:
  contexts:
    bench:
      kubeconfig: {path: ../far.kubeconfig}
  defaults:
    context: bench
    version: 3.6.16
    members: 3
    backend: {statefulSet: {namespace: etcd}}
    storage: {className: gp3, size: 16Gi}
    etcd: {quota: 4Gi}
    access: {reach: direct}
";

pub(crate) fn rows(place: &Path) -> Result<Vec<Row>> {
    let Some(binaries) = servers::binaries() else {
        let why = "not measured: `tests/bed/bed build` makes the servers that it needs";
        return Ok(vec![Row::new("live check", why)]);
    };
    let place = fs::canonicalize(place)?.join("live");
    fs::create_dir_all(&place)?;
    crypto();
    let runtime = tokio::runtime::Runtime::new()?;
    tell("live: an API server and 100 clusters in it");
    let mut servers = runtime.block_on(Servers::start(&binaries, &place))?;
    let fleet = cluster::load(files())?;
    for file in files() {
        let path = place.join("fleet").join(&file.path);
        fs::create_dir_all(path.parent().ok_or("a file in a directory")?)?;
        fs::write(path, file.text)?;
    }
    offline::repository(&place.join("fleet"))?;
    let settled: Vec<(&ClusterSpec, Observation)> = fleet
        .clusters
        .iter()
        .map(|spec| (&**spec, cluster::settled(spec)))
        .collect();
    runtime.block_on(async {
        let client = client(&servers.near).await?;
        objects::apply(&client, objects::ground(NAMESPACE)).await?;
        for make in [objects::ours, objects::theirs] {
            let all = settled
                .iter()
                .flat_map(|(spec, observed)| make(spec, observed));
            objects::apply(&client, all.collect()).await?;
        }
        Ok::<_, Failure>(())
    })?;
    let manifests = place.join("manifests");
    fs::create_dir_all(&manifests)?;
    let ours = settled
        .iter()
        .flat_map(|(spec, observed)| objects::ours(spec, observed));
    for (number, object) in ours.enumerate() {
        fs::write(
            manifests.join(format!("{number}.yaml")),
            manifest::yaml(&object),
        )?;
    }

    let kube = Kubernetes::measure(&binaries, &place, &servers.far, &manifests)?;
    tell("live: members that answer");
    runtime.block_on(async {
        servers.members(&binaries, &place).await?;
        let client = client(&servers.near).await?;
        let pods = fleet.clusters.iter().flat_map(|spec| {
            spec.target()
                .map(|ordinal| objects::runs(spec, ordinal))
                .collect::<Vec<_>>()
        });
        objects::say(&client, pods.collect()).await
    })?;
    let members: u32 = fleet.clusters.iter().map(|spec| spec.members).sum();
    let whole = Measured::of(9, &[2, 3, 5], || check(&place))?;
    let mut rows = kube.rows();
    let more = whole.wall.saturating_sub(kube.ours.wall);
    rows.push(Row::new(
        format!("… and of their {members} members"),
        format!(
            "{}: {:.2} ms a member",
            whole.text(),
            more.as_secs_f64() * 1000.0 / f64::from(members)
        ),
    ));
    Ok(rows)
}

fn files() -> Vec<File> {
    let fleet = File {
        path: "fleet.yaml".into(),
        text: FLEET_FILE.into(),
    };
    let clusters = (0..CLUSTERS).map(|number| File {
        path: format!("clusters/orders-{number:03}.yaml"),
        text: format!(
            "apiVersion: reconcile/v1alpha1\nkind: EtcdCluster\n\
             metadata: {{name: orders-{number:03}}}\nspec: {{}}\n"
        ),
    });
    std::iter::once(fleet).chain(clusters).collect()
}

/// What the Kubernetes half takes: no pod runs, so that no member is asked.
struct Kubernetes {
    lists: Measured,
    ours: Measured,
    kubectl: Measured,
}

impl Kubernetes {
    fn measure(binaries: &Path, place: &Path, far: &Path, manifests: &Path) -> Result<Self> {
        let (mut lists, mut ours, mut kubectl) = (Vec::new(), Vec::new(), Vec::new());
        let kubeconfig = far.to_str().ok_or("a path of UTF-8")?;
        // In turn, so that what else the machine does falls on all of them.
        for round in 0..9 {
            tell(&format!("live: round {} of 9", round + 1));
            lists.push(Run::of(
                &[0],
                measure::myself(&["lists", kubeconfig, FLEET])?,
            )?);
            ours.push(Run::of(&[2, 3, 5], check(place))?);
            if round % 3 == 0 {
                let mut command = Command::new(binaries.join("kubectl"));
                command.arg("--kubeconfig").arg(far);
                command.args([
                    "diff",
                    "--server-side",
                    "--force-conflicts",
                    "--concurrency=32",
                ]);
                command
                    .args(["--field-manager", manifest::FIELD_MANAGER])
                    .arg("-f")
                    .arg(manifests);
                kubectl.push(Run::of(&[0, 1], command)?);
            }
        }
        Ok(Self {
            lists: lists.into(),
            ours: ours.into(),
            kubectl: kubectl.into(),
        })
    }

    fn rows(&self) -> Vec<Row> {
        let [lists, ours, kubectl] =
            [&self.lists, &self.ours, &self.kubectl].map(|m| m.wall.as_secs_f64());
        vec![
            Row::new(
                format!("live, 4 ms: the bare LISTs of {CLUSTERS} clusters"),
                self.lists.text(),
            ),
            Row::new(
                "live, 4 ms: `--check`, the Kubernetes half",
                format!("{}: {:.2} × the LISTs", self.ours.text(), ours / lists),
            )
            .held("≤ 2 × the LISTs", ours <= 2.0 * lists),
            Row::new(
                "live, 4 ms: `kubectl diff --server-side` of 800 files, 32 at once",
                format!("{}: {:.1} × ours", self.kubectl.text(), kubectl / ours),
            )
            .held("≥ 20 × ours", kubectl >= 20.0 * ours),
        ]
    }
}

fn check(place: &Path) -> Command {
    measure::program(place, &["--check", "fleet"])
}

fn crypto() {
    // One provider for all TLS in the process; a second installation is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn client(kubeconfig: &Path) -> Result<kube::Client> {
    let read = Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// The LISTs that a check makes and nothing else, all at once: as many connections, the same filters, nothing parsed.
pub(crate) fn lists(kubeconfig: &str, fleet: &str) -> Result<()> {
    crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = client(Path::new(kubeconfig)).await?;
        let labels = fleet_selector(fleet, CONTEXT)
            .replace('=', "%3D")
            .replace(',', "%2C");
        let ours = format!("&labelSelector={labels}");
        let here = format!("namespaces/{NAMESPACE}/");
        let (here, ours) = (here.as_str(), ours.as_str());
        let paths = [
            ("api/v1", here, "serviceaccounts", ours),
            ("api/v1", here, "services", ours),
            ("api/v1", here, "configmaps", ours),
            ("apis/policy/v1", here, "poddisruptionbudgets", ours),
            ("apis/apps/v1", here, "statefulsets", ours),
            ("api/v1", here, "pods", ours),
            ("api/v1", here, "persistentvolumeclaims", ours),
            ("apis/discovery.k8s.io/v1", here, "endpointslices", ours),
            ("apis/coordination.k8s.io/v1", here, "leases", ours),
            ("apis/autoscaling/v2", here, "horizontalpodautoscalers", ""),
            ("api/v1", here, "resourcequotas", ""),
            ("api/v1", "", "persistentvolumes", ""),
            ("apis/storage.k8s.io/v1", "", "storageclasses", ""),
        ];
        let metadata = [
            ("apis/apps/v1", "", "statefulsets", ours),
            ("api/v1", "", "configmaps", ours),
        ];
        let path =
            |(group, at, plural, selector)| format!("/{group}/{at}{plural}?limit=500{selector}");
        let whole = paths.into_iter().map(|list| (path(list), WHOLE));
        let metadata = metadata.into_iter().map(|list| (path(list), METADATA));
        // Each a task, as the check's are: handshakes are made on all cores.
        let reads = whole.chain(metadata).map(|(path, accept)| {
            let client = client.clone();
            tokio::spawn(async move { list(&client, &path, accept).await })
        });
        for read in join_all(reads).await {
            read??;
        }
        Ok(())
    })
}

/// How much of each object: two of the lists are asked for no more than what an object is called.
const WHOLE: &str = "application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

async fn list(client: &kube::Client, path: &str, accept: &str) -> Result<()> {
    let request = Request::get(path)
        .header(ACCEPT, accept)
        .body(Body::empty())?;
    let answer = client.send(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        return Err(format!("{path}: {status}").into());
    }
    let continued = b"\"continue\":";
    if body[..body.len().min(400)]
        .windows(continued.len())
        .any(|part| part == continued)
    {
        return Err(format!(
            "{path}: more than a page, so that this would be less than a check reads"
        )
        .into());
    }
    Ok(())
}
