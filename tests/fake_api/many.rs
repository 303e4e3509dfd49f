//! Clusters by the dozen, which are taken apart on all cores.

use reconcile::fleet::{ClusterId, ClusterSpec, Ordinal};
use reconcile::world::World as _;
use serde_json::json;

use super::server::Server;
use super::{CORE, fixture, known, labelled, live, why, with};

/// More than are asked at the same time.
const MANY: usize = 70;

fn cluster(context: &str, number: usize) -> ClusterSpec {
    let name = format!("orders-{number}");
    ClusterSpec {
        id: ClusterId::new(context, &name),
        name,
        ..fixture::spec()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clusters_are_seen_as_each_of_them_alone() {
    let server = Server::new();
    let mut specs: Vec<ClusterSpec> = (0..MANY).map(|n| cluster("eu-1", n)).collect();
    for spec in &specs {
        server.knows(spec);
        let name = format!("{}-members", spec.name);
        let ours = json!({
            "data": {format!("{}-0.yaml", spec.name): format!("of {}", spec.name)},
            "metadata": {"labels": {"reconcile/cluster": spec.name}}
        });
        let path = format!("{CORE}/configmaps/{name}");
        server.put(&path, with(labelled(&name), &ours));
    }
    specs.push(cluster("nowhere", MANY));
    let live = live(&server);
    let all: Vec<&ClusterSpec> = specs.iter().collect();
    let together = live.observe_each(&all).await;
    assert_eq!(together.len(), specs.len());
    for (spec, seen) in specs.iter().zip(&together) {
        let alone = live.observe(spec).await;
        assert_eq!((&seen.cluster, &seen.kube), (&alone.cluster, &alone.kube));
    }
    let last = &together[MANY - 1];
    let file = format!("of orders-{}", MANY - 1);
    assert_eq!(known(last).member_files[&Ordinal(0)], file.into());
    assert!(
        why(&together[MANY]).contains("nowhere"),
        "{:?}",
        together[MANY].kube
    );
}
