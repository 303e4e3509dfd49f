//! How members find each other, and how clients find members.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{CLIENT_PORT, PEER_PORT, labels, metadata, non_empty};
use crate::fleet::ClusterSpec;
use crate::state::{ObjectKind, SERVING_LABEL};

/// Headless, and it names members that are not ready: a member must find the others before any of them is.
pub(super) fn peer(spec: &ClusterSpec) -> Service {
    Service {
        metadata: metadata(ObjectKind::PeerService, spec),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".into()),
            publish_not_ready_addresses: Some(true),
            selector: Some(labels::pod_selector(spec)),
            ports: Some(vec![port("peer", PEER_PORT), port("client", CLIENT_PORT)]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// Selects a label that a drain takes off the pod, so that clients leave a member before it stops.
pub(super) fn client(spec: &ClusterSpec) -> Service {
    let mut metadata = metadata(ObjectKind::ClientService, spec);
    // Ours last: what says whose an object is cannot be written over.
    let mut all = spec.service.labels.clone();
    all.extend(metadata.labels.take().unwrap_or_default());
    metadata.labels = Some(all);
    metadata.annotations = non_empty(spec.service.annotations.clone());
    let mut selector = labels::pod_selector(spec);
    selector.insert(SERVING_LABEL.to_owned(), "true".to_owned());
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(selector),
            ports: Some(vec![port("client", CLIENT_PORT)]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String(name.to_owned())),
        ..ServicePort::default()
    }
}
