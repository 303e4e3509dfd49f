//! Least privilege: the API server of these tests lets nobody do what the rendered role of an identity does not allow,
//! decides as Kubernetes' RBAC does, and every test fails that was denied something.

use axum::http::{Method, header, request::Parts};
use reconcile::decide::{Act, RestartBy};
use reconcile::fleet::{ClusterSpec, Fleet, MigrationStrategy, Ordinal, Reach, Rollout};
use reconcile::manifest::rbac::{Mode, Permission, Rights, Scope, Subject, TABLE, yaml};
use reconcile::state::{Ledger, ObjectKey, ObjectKind, Uid};
use reconcile::world::World as _;
use reconcile::world::live::Identity;
use reconcile::world::live::lock::{self, Acquired};
use reconcile::world::{LockError, LockRequest, PerformError};
use serde_json::{Value, json};

use super::server::Server;
use super::{CORE, fixture, labelled, live, perform, with};

/// What an authorizer is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributes {
    verb: &'static str,
    group: String,
    /// With its subresource.
    resource: String,
    /// Empty: at the cluster scope.
    namespace: String,
    name: String,
}

impl Attributes {
    /// As the API server reads a request. Server-side apply of what is not there is a `create` too.
    pub(crate) fn of(parts: &Parts, is_there: bool) -> Vec<Self> {
        let path: Vec<&str> = parts
            .uri
            .path()
            .trim_start_matches('/')
            .split('/')
            .collect();
        let (group, mut rest) = match path.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            other => panic!("no resource: {other:?}"),
        };
        let mut namespace = "";
        if let ["namespaces", name, more @ ..] = rest {
            namespace = name;
            if !more.is_empty() {
                rest = more;
            }
        }
        let name = rest.get(1).copied().unwrap_or_default();
        let resource = match rest.get(2) {
            Some(subresource) => format!("{}/{subresource}", rest[0]),
            None => rest[0].to_owned(),
        };
        let verb = match parts.method {
            Method::GET if name.is_empty() => "list",
            Method::GET => "get",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            ref other => panic!("{other} {}", parts.uri),
        };
        let asked = Self {
            verb,
            group: group.to_owned(),
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let applies = kind.is_some_and(|kind| kind == "application/apply-patch+yaml");
        let create = (applies && !is_there).then(|| Self {
            verb: "create",
            ..asked.clone()
        });
        [Some(asked), create].into_iter().flatten().collect()
    }

    /// As the API server says it.
    pub(crate) fn denial(&self, user: &str) -> String {
        let (kind, _) = self
            .resource
            .split_once('/')
            .unwrap_or((&self.resource, ""));
        let dot = if self.group.is_empty() { "" } else { "." };
        let name = if self.name.is_empty() {
            String::new()
        } else {
            format!(" \"{}\"", self.name)
        };
        let place = if self.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{}\"", self.namespace)
        };
        format!(
            "{kind}{dot}{group}{name} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}",
            group = self.group,
            verb = self.verb,
            resource = self.resource,
        )
    }

    fn is_given_by(&self, line: &Permission) -> bool {
        let right = (line.verb.as_str(), line.group, line.resource);
        let place = match line.scope {
            Scope::KubeSystem => self.name == "kube-system",
            Scope::Cluster => self.namespace.is_empty(),
            Scope::Namespace | Scope::Secrets => {
                !self.namespace.is_empty() && self.name != "kube-system"
            }
        };
        right == (self.verb, self.group.as_str(), self.resource.as_str()) && place
    }
}

/// The objects that `render --rbac` prints, as RBAC reads them.
pub(crate) struct Roles {
    objects: Vec<Value>,
    pub(crate) user: String,
}

impl Roles {
    pub(crate) fn of(specs: &[ClusterSpec], mode: Mode) -> Self {
        let clusters = specs.iter().cloned().map(|mut spec| {
            spec.id.context = "eu-1".into();
            spec
        });
        let fleet = Fleet {
            name: "prod".into(),
            contexts: [].into(),
            clusters: clusters.map(Box::new).collect(),
            rollout: Rollout::default(),
        };
        let rights = Rights::of(&fleet, "eu-1", mode);
        let text = yaml(&rights, &Subject::usual(&rights));
        Self {
            objects: serde_saphyr::from_multiple(&text).expect("YAML that we wrote"),
            user: format!("system:serviceaccount:etcd:reconcile-{mode}"),
        }
    }

    pub(crate) fn allow(&self, asked: &Attributes) -> bool {
        let here = |role: &&Value| match role["kind"].as_str() {
            Some("ClusterRole") => true,
            Some("Role") => role["metadata"]["namespace"] == *asked.namespace,
            _ => false,
        };
        let has = |list: &Value, item: &str| {
            let mut items = list.as_array().into_iter().flatten();
            items.any(|i| *i == *item)
        };
        let of = |role: &Value| role["rules"].as_array().cloned().unwrap_or_default();
        let mut rules = self.objects.iter().filter(here).flat_map(of);
        rules.any(|rule| {
            has(&rule["verbs"], asked.verb)
                && has(&rule["apiGroups"], &asked.group)
                && has(&rule["resources"], &asked.resource)
                && (rule["resourceNames"].is_null() || has(&rule["resourceNames"], &asked.name))
        })
    }
}

const USER: &str = "system:serviceaccount:etcd:reconcile-apply";

fn object(kind: ObjectKind, name: &str) -> ObjectKey {
    ObjectKey {
        kind,
        name: name.into(),
    }
}

fn body(version: &str, kind: &str, name: &str) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "etcd"}})
}

/// Of everything that is done to an object of Kubernetes, one.
fn acts() -> Vec<Act> {
    let (ordinal, uid) = (Ordinal(0), || Uid("u".into()));
    let (claim, volume, pod) = ("data-orders-0".to_owned(), "pv-0".to_owned(), uid());
    let mut acts: Vec<Act> = [
        (ObjectKind::ServiceAccount, "v1", "ServiceAccount"),
        (ObjectKind::PeerService, "v1", "Service"),
        (
            ObjectKind::PodDisruptionBudget,
            "policy/v1",
            "PodDisruptionBudget",
        ),
        (ObjectKind::ConfigMap, "v1", "ConfigMap"),
        (ObjectKind::StatefulSet, "apps/v1", "StatefulSet"),
    ]
    .map(|(kind, version, name)| Act::CreateObject {
        object: object(kind, "orders-new"),
        body: body(version, name, "orders-new").into(),
    })
    .into();
    acts.extend([
        Act::DeleteObject {
            object: object(ObjectKind::StatefulSet, "orders"),
            uid: uid(),
            orphan: true,
        },
        Act::Drain {
            ordinal,
            pod: pod.clone(),
        },
        Act::RestartMember {
            ordinal,
            pod: pod.clone(),
            by: RestartBy::Eviction,
        },
        Act::DeletePod {
            ordinal,
            pod,
            force: false,
        },
        Act::RetainVolume {
            ordinal,
            volume: volume.clone(),
            uid: uid(),
            etcd_cluster: None,
        },
        Act::ReleaseClaim {
            ordinal,
            claim: claim.clone(),
            uid: uid(),
        },
        Act::MakeClaim {
            ordinal,
            claim: format!("{claim}-new"),
            body: body("v1", "PersistentVolumeClaim", &format!("{claim}-new")).into(),
        },
        Act::LendVolume {
            ordinal,
            volume,
            uid: uid(),
            resource_version: "7".into(),
            claim: format!("{claim}-copy"),
            body: body("v1", "PersistentVolumeClaim", &format!("{claim}-copy")).into(),
        },
        Act::CopyData {
            ordinal,
            pod: "orders-0-copy".into(),
            body: body("v1", "Pod", "orders-0-copy").into(),
        },
    ]);
    acts
}

/// With all that asks for rights of its own.
fn demanding() -> ClusterSpec {
    let mut spec = fixture::spec();
    spec.storage.attributes_class_name = Some("gold".into());
    spec.storage.migration.strategy = MigrationStrategy::Offline;
    spec.access.reach = Reach::PortForward;
    spec.access.credentials_secret_name = Some("login".into());
    spec
}

/// A claim without our labels, another that is not bound, a pod that answers on a node, and a volume of a host whose
/// node has another name.
fn something_of_everything(server: &Server) {
    let set = json!({"spec": {"replicas": 3}});
    server.put(
        "/apis/apps/v1/namespaces/etcd/statefulsets/orders",
        with(labelled("orders"), &set),
    );
    let pod = json!({
        "spec": {"nodeName": "n0", "containers": []},
        "status": {"phase": "Running", "podIP": "10.0.0.1"}
    });
    server.put(
        &format!("{CORE}/pods/orders-0"),
        with(labelled("orders-0"), &pod),
    );
    let claim = |volume: Option<&str>, phase: &str| {
        json!({
            "spec": {"volumeName": volume, "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": phase}
        })
    };
    let unlabelled = json!({"metadata": {"labels": null}});
    for (name, volume, phase) in [
        ("data-orders-0", Some("pv-0"), "Bound"),
        ("data-orders-1", None, "Pending"),
        ("data-orders-2", Some("pv-gone"), "Bound"),
    ] {
        let mut object = with(labelled(name), &claim(volume, phase));
        if volume == Some("pv-gone") {
            object = with(object, &unlabelled);
        }
        server.put(&format!("{CORE}/persistentvolumeclaims/{name}"), object);
    }
    let host = json!([{"key": "kubernetes.io/hostname", "operator": "In", "values": ["host-0"]}]);
    let volume = json!({
        "metadata": {"name": "pv-0", "uid": "uid-pv-0"},
        "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": host}]}}}
    });
    server.put("/api/v1/persistentvolumes/pv-0", volume);
    let login = json!({"data": {"username": "cm9vdA==", "password": "cm9vdA=="}});
    server.put(
        &format!("{CORE}/secrets/login"),
        with(labelled("login"), &login),
    );
}

/// What these tests cannot show: the API server asks it by itself, beside the request.
fn is_unseen(line: &Permission) -> bool {
    (line.verb.as_str(), line.resource) == ("create", "pods/portforward")
}

#[tokio::test]
async fn every_line_of_the_table_is_needed() {
    let server = Server::new();
    let spec = demanding();
    server.knows(&spec);
    live(&server).observe(&spec).await;
    something_of_everything(&server);
    live(&server).observe(&spec).await;
    let read = server.allowed();
    for line in TABLE
        .iter()
        .filter(|line| line.mode == Mode::Check && !is_unseen(line))
    {
        let used = read.iter().any(|asked| asked.is_given_by(line));
        assert!(used, "who only looks never needs {line:#?}");
    }
    server.let_apply();
    let ledger = Ledger::default();
    for act in acts() {
        let (world, spec) = (live(&server), spec.clone());
        world.observe(&spec).await;
        let done = world.perform(&spec, &act, &ledger);
        // Most are about something else than what is there: it is the request that counts.
        let outcome = Box::pin(done).await;
        let refused =
            matches!(&outcome, Err(PerformError::Refused(why)) if why.contains("forbidden"));
        assert!(!refused, "{outcome:?}");
    }
    let me = Identity::of_this_process();
    let asked = lock::acquire(
        server.client(),
        &spec,
        &me,
        Some("c"),
        std::time::Duration::ZERO,
        &|_| {},
    );
    let Ok(Acquired::Held(held)) = asked.await else {
        panic!("it is free");
    };
    held.release().await;
    let asked = server.allowed();
    for line in TABLE.iter().filter(|line| !is_unseen(line)) {
        let used = asked.iter().any(|asked| asked.is_given_by(line));
        assert!(used, "nobody ever needs {line:#?}");
    }
    let lines = |asked: &&Attributes| TABLE.iter().any(|line| asked.is_given_by(line));
    assert_eq!(asked.iter().filter(lines).count(), asked.len());
}

#[tokio::test]
async fn who_may_only_look_is_stopped_at_the_first_act() {
    let server = Server::unguarded();
    server.put(&format!("{CORE}/pods/orders-0"), labelled("orders-0"));
    let world = live(&server);
    world.observe(&fixture::spec()).await;
    let drain = Act::Drain {
        ordinal: Ordinal(0),
        pod: Uid("uid-orders-0".into()),
    };
    let ledger = Ledger::default();
    let outcome = world.perform(&fixture::spec(), &drain, &ledger).await;
    let expected = "refused: forbidden: found no right to patch configmaps/orders-ledger in namespace etcd (as system:serviceaccount:etcd:reconcile-check), expected one; add {apiGroups: [\"\"], resources: [configmaps], verbs: [patch]} to its Role in namespace etcd; `reconcile render --rbac apply` prints all of them";
    assert_eq!(outcome.expect_err("it may not").to_string(), expected);
    let asked = LockRequest {
        commit: None,
        timeout: std::time::Duration::ZERO,
    };
    let lock = world.lock(&fixture::spec(), &asked, &|_| {}).await;
    let Err(LockError::Unreachable(why)) = lock else {
        panic!("it may not");
    };
    let expected = "Lease orders: forbidden: found no right to get leases/orders in namespace etcd (as system:serviceaccount:etcd:reconcile-check), expected one; add {apiGroups: [\"coordination.k8s.io\"], resources: [leases], verbs: [get]} to its Role in namespace etcd; `reconcile render --rbac apply` prints all of them";
    assert_eq!(why, expected);
}

/// One right after another is taken away, and each act says which one it misses.
#[tokio::test]
async fn an_act_that_is_forbidden_names_the_line() {
    let claim = format!("{CORE}/persistentvolumeclaims/data-orders-0");
    for (act, method, path, right) in [
        (
            Act::ReleaseClaim {
                ordinal: Ordinal(0),
                claim: "data-orders-0".into(),
                uid: Uid("u".into()),
            },
            "DELETE",
            claim.clone(),
            "resources: [persistentvolumeclaims], verbs: [delete]} to its Role in namespace etcd;",
        ),
        (
            Act::RestartMember {
                ordinal: Ordinal(0),
                pod: Uid("u".into()),
                by: RestartBy::Eviction,
            },
            "POST",
            format!("{CORE}/pods/orders-0/eviction"),
            "resources: [pods/eviction], verbs: [create]} to its Role in namespace etcd;",
        ),
        (
            Act::RetainVolume {
                ordinal: Ordinal(0),
                volume: "pv-7".into(),
                uid: Uid("u".into()),
                etcd_cluster: None,
            },
            "PATCH",
            "/api/v1/persistentvolumes/pv-7".into(),
            "resources: [persistentvolumes], verbs: [patch]} to its ClusterRole;",
        ),
    ] {
        let server = Server::new();
        let size = json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}});
        server.put(&claim, with(labelled("data-orders-0"), &size));
        server.fail(method, &path, 403, 99);
        let outcome = perform(&server, act).await;
        let Err(PerformError::Refused(why)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(why.contains(&format!("(as {USER})")), "{why}");
        assert!(why.contains(right), "{why}");
    }
}

#[tokio::test]
async fn a_stream_that_is_forbidden_names_the_line() {
    let server = Server::new();
    let mut spec = fixture::spec();
    spec.access.reach = Reach::PortForward;
    server.knows(&spec);
    something_of_everything(&server);
    server.fail("GET", &format!("{CORE}/pods/orders-0/portforward"), 403, 99);
    let observation = live(&server).observe(&spec).await;
    let why = observation.etcd.statuses[&Ordinal(0)].why_unknown();
    let why = why.expect("unknown");
    let rule = r#"needs {apiGroups: [""], resources: [pods/portforward], verbs: [get, create]} (`reconcile render --rbac check` prints it)"#;
    assert!(
        why.starts_with("port-forward-failed: ") && why.contains(rule),
        "{why}"
    );
}
