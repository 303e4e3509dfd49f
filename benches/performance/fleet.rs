//! A fleet of any size: the same one each time, of shapes that people have.

use std::fmt::Write as _;

/// A document and its place in the fleet's directory.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

const CONTEXTS: [&str; 4] = ["eu-1", "eu-2", "us-1", "us-2"];
const SERVICES: [&str; 8] = [
    "orders",
    "sessions",
    "discovery",
    "billing",
    "audit",
    "search",
    "tenant",
    "kube-events",
];

/// `fleet.yaml`: what most clusters have in common is said once.
pub(crate) const FLEET: &str = "\
apiVersion: reconcile/v1alpha1
kind: Fleet
metadata:
  name: bench
spec:
  contexts:
    eu-1: {kubeContext: eu-1}
    eu-2: {kubeContext: eu-2}
    us-1: {kubeContext: us-1}
    us-2: {kubeContext: us-2}

  defaults:
    version: 3.6.15
    members: 3
    backend:
      statefulSet:
        namespace: etcd
    storage:
      className: gp3
      size: 16Gi
    etcd:
      quota: 4Gi
      autoCompaction:
        mode: periodic
        retention: 30m
    resources:
      requests: {cpu: 300m, memory: 1Gi}
      limits: {memory: 6Gi}
    scheduling:
      topologySpread:
        - topology.kubernetes.io/zone

  profiles:
    small:
      members: 1
      storage:
        size: 2Gi
      etcd:
        quota: 512Mi
      resources:
        requests: {cpu: 50m, memory: 128Mi}
        limits: {memory: 1Gi}
    large:
      members: 5
      storage:
        size: 64Gi
      etcd:
        quota: 8Gi
        snapshotCount: 20000
      resources:
        requests: {cpu: '2', memory: 8Gi}
        limits: {memory: 24Gi}
    control-plane:
      storage:
        className: gp3-enc
      etcd:
        autoCompaction:
          retention: 1h
        extra:
          max-request-bytes: 3145728
";

/// The document of one cluster: as it was when all was in sync, or as it is now.
pub(crate) fn cluster(index: usize, now: bool) -> File {
    let context = CONTEXTS[index % CONTEXTS.len()];
    let name = format!("{}-{index:05}", SERVICES[index % SERVICES.len()]);
    let profile = match index % 10 {
        0..=5 => None,
        6 | 7 => Some("small"),
        8 => Some("large"),
        _ => Some("control-plane"),
    };
    let mut text = format!(
        "# Owned by team {team}; ask there before you change it.\n\
         apiVersion: reconcile/v1alpha1\n\
         kind: EtcdCluster\n\
         metadata:\n  name: {name}\n\
         spec:\n  context: {context}\n",
        team = index % 37,
    );
    if let Some(profile) = profile {
        let _ = writeln!(text, "  profile: {profile}");
    }
    if index.is_multiple_of(3) {
        let _ = write!(
            text,
            "  tls:\n    client: {{secretName: {name}-client-tls, caSecretName: etcd-ca}}\n    \
             peer: {{secretName: {name}-peer-tls, caSecretName: etcd-ca}}\n  \
             access:\n    clientCertSecretName: reconcile-client-tls\n"
        );
    }
    let _ = write!(
        text,
        "  pod:\n    labels:\n      team: team-{team}\n      cost-centre: c{cost}\n",
        team = index % 37,
        cost = index % 11,
    );
    if now && is_changed(index) {
        text += change(index, profile);
    }
    File {
        path: format!("clusters/{context}/{name}.yaml"),
        text,
    }
}

/// One of ten, of every shape in turn.
pub(crate) const fn is_changed(index: usize) -> bool {
    index % 10 == index / 10 % 10
}

/// What the last commit changed in a cluster: the changes that people make, in turn.
fn change(index: usize, profile: Option<&str>) -> &'static str {
    match ((index / 100 + index / 10) % 5, profile) {
        // A restart of the only member would be refused, as an outage.
        (0..=2, Some("small")) | (2, Some("large")) => "  members: 3\n",
        (0, _) => "  version: 3.6.16\n",
        (1, _) => "  etcd:\n    snapshotCount: 50000\n",
        (2, _) => "  members: 5\n",
        (3, _) => "  storage:\n    className: gp3-fast\n",
        _ => "  storage:\n    size: 96Gi\n",
    }
}
