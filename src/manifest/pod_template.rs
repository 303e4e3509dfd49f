//! A member's pod.

use std::rc::Rc;

use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction,
    LocalObjectReference, ObjectFieldSelector, PodAffinityTerm, PodAntiAffinity, PodDNSConfig,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile,
    SecurityContext, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{
    CLIENT_PORT, METRICS_PORT, PEER_PORT, SETTINGS_ANNOTATION, labels, non_empty, settings_stamp,
    volumes,
};
use crate::fleet::{ClusterSpec, EtcdVersion, Quantity};
use crate::state::{Flat, ObjectKind, SERVING_LABEL};

/// User and group of a process that owns nothing; `65532` is the one of images without a shell.
const NON_ROOT: i64 = 65532;

/// With its settings stamp.
pub(super) fn stamped(spec: &ClusterSpec) -> Flat {
    let mut template = Flat::clone(&unstamped(spec));
    let place = ["metadata", "annotations", SETTINGS_ANNOTATION];
    template.put(&place, &Flat::of(&settings_stamp(spec)));
    template
}

/// What the stamp is taken of. It is most of a StatefulSet: it is put down once for both.
pub(super) fn unstamped(spec: &ClusterSpec) -> Rc<Flat> {
    super::memo::template(spec, |spec| {
        Flat::of(&PodTemplateSpec {
            metadata: Some(metadata(spec)),
            spec: Some(pod(spec)),
        })
    })
}

fn metadata(spec: &ClusterSpec) -> ObjectMeta {
    // Ours last: what says whose a pod is cannot be written over.
    let mut all_labels = spec.pod.labels.clone();
    all_labels.extend(labels::object_labels(spec));
    all_labels.insert(SERVING_LABEL.to_owned(), "true".to_owned());
    ObjectMeta {
        labels: Some(all_labels),
        annotations: non_empty(spec.pod.annotations.clone()),
        ..ObjectMeta::default()
    }
}

fn pod(spec: &ClusterSpec) -> PodSpec {
    PodSpec {
        termination_grace_period_seconds: Some(30),
        containers: vec![container(spec)],
        volumes: Some(volumes::volumes(spec)),
        ..surroundings(spec)
    }
}

/// Where a member's pod may be, and as whom it runs.
pub(super) fn surroundings(spec: &ClusterSpec) -> PodSpec {
    let scheduling = &spec.scheduling;
    PodSpec {
        service_account_name: Some(super::key(ObjectKind::ServiceAccount, spec).name),
        automount_service_account_token: Some(false),
        // A Service called `etcd` would become `ETCD_PORT`, which etcd takes for a setting of its own.
        enable_service_links: Some(false),
        security_context: Some(pod_security(spec)),
        dns_config: Some(dns(spec)),
        image_pull_secrets: non_empty(
            spec.pod
                .image_pull_secrets
                .iter()
                .map(|name| LocalObjectReference { name: name.clone() })
                .collect(),
        ),
        node_selector: non_empty(scheduling.node_selector.clone()),
        tolerations: non_empty(scheduling.tolerations.clone()),
        priority_class_name: scheduling.priority_class_name.clone(),
        affinity: Some(
            scheduling
                .affinity
                .clone()
                .unwrap_or_else(|| apart_by_node(spec)),
        ),
        topology_spread_constraints: non_empty(
            scheduling
                .topology_spread
                .iter()
                .map(|key| spread(spec, key))
                .collect(),
        ),
        ..PodSpec::default()
    }
}

/// What a container of ours may use, and how it tells why it ended.
pub(super) fn confined(spec: &ClusterSpec) -> Container {
    Container {
        resources: resources(spec),
        security_context: Some(container_security()),
        // Images have no shell and write no message file; the log's last lines come with the LIST of pods.
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        ..Container::default()
    }
}

fn container(spec: &ClusterSpec) -> Container {
    let paths = ProbePaths::of(spec.version);
    Container {
        name: "etcd".into(),
        image: Some(spec.image.clone()),
        image_pull_policy: Some("IfNotPresent".into()),
        command: Some(vec![
            "etcd".into(),
            "--config-file=/etc/etcd/$(POD_NAME).yaml".into(),
        ]),
        env: Some(vec![pod_name_variable()]),
        ports: Some(vec![
            port("client", CLIENT_PORT),
            port("peer", PEER_PORT),
            port("metrics", METRICS_PORT),
        ]),
        volume_mounts: Some(volumes::mounts(spec)),
        startup_probe: Some(startup(paths.live)),
        liveness_probe: Some(liveness(paths.live)),
        readiness_probe: Some(readiness(paths.ready)),
        ..confined(spec)
    }
}

fn pod_name_variable() -> EnvVar {
    EnvVar {
        name: "POD_NAME".into(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: "metadata.name".into(),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn resources(spec: &ClusterSpec) -> Option<ResourceRequirements> {
    let quantities = |of: &std::collections::BTreeMap<String, Quantity>| {
        non_empty(
            of.iter()
                .map(|(name, q)| (name.clone(), KubeQuantity(q.as_str().to_owned())))
                .collect(),
        )
    };
    let requests = quantities(&spec.resources.requests);
    let limits = quantities(&spec.resources.limits);
    (requests.is_some() || limits.is_some()).then(|| ResourceRequirements {
        requests,
        limits,
        ..ResourceRequirements::default()
    })
}

fn pod_security(spec: &ClusterSpec) -> PodSecurityContext {
    let group = spec.pod.fs_group.unwrap_or(NON_ROOT);
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(NON_ROOT),
        run_as_group: Some(group),
        fs_group: Some(group),
        // Walking a large volume at every start would hold the member back for minutes.
        fs_group_change_policy: Some("OnRootMismatch".into()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".into(),
            ..SeccompProfile::default()
        }),
        ..PodSecurityContext::default()
    }
}

fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".into()]),
            ..Capabilities::default()
        }),
        ..SecurityContext::default()
    }
}

/// Peer names end in `.svc`: it is the search list that completes them. The kubelet's own list does so where its domain
/// is the spec's; this makes it so where it is not (and is left out as a double where it is).
fn dns(spec: &ClusterSpec) -> PodDNSConfig {
    PodDNSConfig {
        searches: Some(vec![spec.cluster_domain.clone()]),
        ..PodDNSConfig::default()
    }
}

/// Preferred, not required: five members on three nodes are better than three members.
fn apart_by_node(spec: &ClusterSpec) -> Affinity {
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![
                WeightedPodAffinityTerm {
                    weight: 100,
                    pod_affinity_term: PodAffinityTerm {
                        label_selector: Some(labels::match_labels(spec)),
                        topology_key: "kubernetes.io/hostname".into(),
                        ..PodAffinityTerm::default()
                    },
                },
            ]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

/// `DoNotSchedule`: what was asked for is that the loss of one zone leaves quorum, and a member that quietly went to a
/// full zone breaks it for as long as its volume lives. A skew of one fits any number of members on any number of
/// domains. A domain whose nodes are all tainted away is not counted, so that its loss does not block a replacement.
fn spread(spec: &ClusterSpec, key: &str) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.to_owned(),
        when_unsatisfiable: "DoNotSchedule".into(),
        node_taints_policy: Some("Honor".into()),
        label_selector: Some(labels::match_labels(spec)),
        ..TopologySpreadConstraint::default()
    }
}

struct ProbePaths {
    live: &'static str,
    ready: &'static str,
}

impl ProbePaths {
    /// `/livez` and `/readyz` came with 3.5.11. The older `/health` asks for a leader, which a liveness probe must not.
    const fn of(version: EtcdVersion) -> Self {
        let old =
            version.major == 3 && (version.minor < 5 || (version.minor == 5 && version.patch < 11));
        if old {
            Self {
                live: "/health?serializable=true&exclude=NOSPACE",
                ready: "/health",
            }
        } else {
            Self {
                live: "/livez",
                ready: "/readyz",
            }
        }
    }
}

fn probe(path: &str) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("metrics".into()),
            scheme: Some("HTTP".into()),
            ..HTTPGetAction::default()
        }),
        ..Probe::default()
    }
}

/// Half an hour to open a large database; every second, since readiness waits for it.
fn startup(path: &str) -> Probe {
    Probe {
        period_seconds: Some(1),
        timeout_seconds: Some(5),
        failure_threshold: Some(1800),
        ..probe(path)
    }
}

/// Five minutes: a defragmentation or a slow disk is not a dead process, and a kill costs quorum what it meant to mend.
fn liveness(path: &str) -> Probe {
    Probe {
        period_seconds: Some(10),
        timeout_seconds: Some(10),
        failure_threshold: Some(30),
        ..probe(path)
    }
}

/// Every second, since steps wait for it; five failures, since an election fails it on all members at once. Two
/// successes: a learner says 200 for a moment after it took its snapshot and before it knows that it is none of the
/// voters, and five failures later clients would still be sent to a port that serves none of them (seen on the bed with
/// 3.6.16 and 590 MB: 4 s, in which new connections waited for nothing).
fn readiness(path: &str) -> Probe {
    Probe {
        period_seconds: Some(1),
        timeout_seconds: Some(3),
        success_threshold: Some(2),
        failure_threshold: Some(5),
        ..probe(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_follow_the_version() {
        assert_eq!(ProbePaths::of(EtcdVersion::new(3, 5, 10)).ready, "/health");
        assert_eq!(ProbePaths::of(EtcdVersion::new(3, 5, 11)).ready, "/readyz");
        assert_eq!(ProbePaths::of(EtcdVersion::new(3, 6, 0)).live, "/livez");
    }
}
