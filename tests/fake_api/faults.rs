//! Faults on the way to a cluster: each has a name and a text, costs at most the deadline, and only its own cluster.
//!
//! `tests/golden/faults` holds the texts; `SNAPSHOTS=overwrite` refreshes them.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use reconcile::decide::Act;
use reconcile::diag::SourceFile;
use reconcile::fleet::{ClusterSpec, Context, ContextSource, Fleet, Ordinal};
use reconcile::plan::{Plan, SourceFacts, Verdict, unroll};
use reconcile::report::{FailOn, TextStyle, exit_line, of, plan_text};
use reconcile::state::{Ledger, MemberId, Observation, Reading, Uid};
use reconcile::world::live::{Contexts, Live, Options};
use reconcile::world::{PerformError, World as _};
use serde_json::{Value, json};

use super::{CORE, fixture, labelled, with};
use crate::golden::hold;
use crate::server::Server;

const DEADLINE: Duration = Duration::from_secs(2);
/// What a loaded machine may take beside it.
const MARGIN: Duration = Duration::from_secs(4);

/// A fleet whose context `eu-1` is at fault, with `us-2` beside it, which is not.
struct Case {
    dir: tempfile::TempDir,
    faulty: Context,
    healthy: Server,
    deadline: Duration,
}

struct Seen {
    plan: Plan,
    took: Duration,
    observations: Vec<Observation>,
}

impl Case {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
            faulty: Context {
                source: ContextSource::Kubeconfig {
                    path: "kubeconfig".into(),
                    context: Some("eu".into()),
                },
                cluster_uid: None,
            },
            healthy: Server::new(),
            deadline: DEADLINE,
        }
    }

    /// The faulty context's kubeconfig.
    fn kubeconfig(self, server: &str, user: &Value) -> Self {
        let config = json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "current-context": "eu",
            "contexts": [{"name": "eu", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": user}]
        });
        self.file("kubeconfig", &config.to_string())
    }

    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.dir.path().join(name), text).expect("a temporary file");
        self
    }

    fn plugin(self, script: &str) -> Self {
        let this = self.file("plugin", &format!("#!/bin/sh\n{script}\n"));
        let path = this.dir.path().join("plugin");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("our own file");
        let command = path.display().to_string();
        this.kubeconfig("http://127.0.0.1:1", &exec(&command))
    }

    async fn look(&self) -> Seen {
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "us",
            "clusters": [{"name": "c", "cluster": {"server": self.healthy.serve().await}}],
            "contexts": [{"name": "us", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}]
        });
        let path = self.dir.path().join("healthy");
        std::fs::write(path, kubeconfig.to_string()).expect("a temporary file");
        let mut fleet = fleet();
        fleet.contexts.insert("eu-1".into(), self.faulty.clone());
        let beside = Context {
            source: ContextSource::Kubeconfig {
                path: "healthy".into(),
                context: None,
            },
            cluster_uid: None,
        };
        fleet.contexts.insert("us-2".into(), beside);
        let options = Options {
            read_timeout: self.deadline,
            etcd_timeout: Duration::from_secs(1),
            ..Options::default()
        };
        let live = Live::new(Contexts::new(&fleet, self.dir.path()), options);
        let specs = [spec("eu-1"), spec("us-2")];
        let begun = Instant::now();
        let mut observations = live.observe_all(&specs.each_ref()).await;
        let took = begun.elapsed();
        // Before the text is laid out: the same on every machine.
        let dir = self.dir.path().to_string_lossy();
        if let Reading::Unknown(why) = &mut observations[0].kube {
            *why = why.replace(&*dir, "/fleet");
        }
        let clusters = specs.iter().zip(&observations);
        let plan = Plan::new(
            "prod".into(),
            "2026-11-21T03:00:00Z".parse().expect("a time"),
            SourceFacts::default(),
            clusters.map(|(spec, o)| unroll(spec, o)).collect(),
        );
        Seen {
            plan,
            took,
            observations,
        }
    }

    /// Looks, holds the row against its golden, and sees that nothing else was touched by it.
    async fn golden(&self, name: &str) -> Seen {
        let seen = self.look().await;
        assert!(seen.took < self.deadline + MARGIN, "{:?}", seen.took);
        assert!(
            seen.observations[1].kube.known().is_some(),
            "{:?}",
            seen.observations[1].kube
        );
        let row = &seen.plan.clusters[0];
        assert_eq!(row.verdict, Verdict::Unreadable, "{row:#?}");
        assert_eq!(row.intents, [], "nothing is planned for what was not read");
        let fail_on = FailOn::default();
        assert!(fail_on.codes(&seen.plan, 0).contains(&5));
        let alone = Plan::new(
            seen.plan.fleet.clone(),
            seen.plan.now,
            seen.plan.source.clone(),
            vec![row.clone()],
        );
        let text = plan_text(&alone, &TextStyle::default()) + &exit_line(&alone, &fail_on, 0);
        assert_eq!(of(&fail_on.codes(&alone, 0)), 5);
        hold(name, text);
        seen
    }
}

fn fleet() -> Fleet {
    let text = "apiVersion: reconcile/v1alpha1\nkind: Fleet\nmetadata: {name: prod}\nspec:\n  contexts:\n    eu-1: {kubeContext: eu}\n";
    let file = SourceFile {
        name: "fleet.yaml".into(),
        text: text.into(),
    };
    let loaded = reconcile::fleet::load(&[file]);
    loaded.fleet.expect("a fleet")
}

fn spec(context: &str) -> ClusterSpec {
    let mut spec = fixture::spec();
    spec.id.context = context.into();
    spec
}

fn exec(command: &str) -> Value {
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "Never"
    }})
}

/// A port of loopback that nobody listens on.
fn closed() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    format!("http://{}", listener.local_addr().expect("bound"))
}

#[tokio::test]
async fn unknown_context() {
    let case = Case::new().kubeconfig("http://127.0.0.1:1", &json!({}));
    let faulty = Context {
        source: ContextSource::Kubeconfig {
            path: "kubeconfig".into(),
            context: Some("eu-old".into()),
        },
        cluster_uid: None,
    };
    Case { faulty, ..case }.golden("context-unknown").await;
}

#[tokio::test]
async fn kubeconfig_missing() {
    Case::new().golden("kubeconfig-missing").await;
}

#[tokio::test]
async fn kubeconfig_broken_and_its_token_is_not_quoted() {
    let text = "apiVersion: v1\nusers:\n- name: u\n  user: {token: hunter2-hunter2, [}\n";
    let seen = Case::new()
        .file("kubeconfig", text)
        .golden("kubeconfig-broken")
        .await;
    assert!(!format!("{:?}", seen.observations).contains("hunter2"));
}

#[tokio::test]
async fn kubeconfig_names_a_certificate_that_is_not_there() {
    let user = json!({"client-certificate": "/nowhere/tls.crt", "client-key": "/nowhere/tls.key"});
    Case::new()
        .kubeconfig("https://127.0.0.1:1", &user)
        .golden("kubeconfig-certificate-missing")
        .await;
}

#[tokio::test]
async fn token_file_missing() {
    let user = json!({"tokenFile": "/nowhere/token"});
    Case::new()
        .kubeconfig("http://127.0.0.1:1", &user)
        .golden("credentials-failed")
        .await;
}

#[tokio::test]
async fn exec_plugin_fails_and_what_it_printed_is_not_quoted() {
    let seen = Case::new()
        .plugin(
            "echo '{\"token\": \"hunter2-hunter2\"'; echo 'session expired, log in' >&2; exit 3",
        )
        .golden("exec-plugin-failed")
        .await;
    assert!(!format!("{:?}", seen.observations).contains("hunter2"));
}

#[tokio::test]
async fn exec_plugin_prints_nonsense_that_is_not_quoted() {
    let seen = Case::new()
        .plugin("echo 'hunter2-hunter2: [}'")
        .golden("exec-plugin-nonsense")
        .await;
    assert!(!format!("{:?}", seen.observations).contains("hunter2"));
}

#[tokio::test]
async fn exec_plugin_absent() {
    Case::new()
        .kubeconfig("http://127.0.0.1:1", &exec("/nowhere/plugin"))
        .golden("exec-plugin-absent")
        .await;
}

#[tokio::test]
async fn exec_plugin_hangs() {
    Case::new()
        .plugin("exec sleep 20")
        .golden("exec-plugin-hangs")
        .await;
}

#[tokio::test]
async fn credentials_rejected() {
    let server = Server::new();
    server.fail("GET", "", 401, usize::MAX);
    let seen = Case::new()
        .kubeconfig(&server.serve().await, &json!({"token": "an-old-token"}))
        .golden("credentials-rejected")
        .await;
    assert!(seen.took < DEADLINE, "asking again does not help");
}

#[tokio::test]
async fn forbidden() {
    let server = Server::new();
    server.fail("GET", &format!("{CORE}/persistentvolumeclaims"), 403, 99);
    Case::new()
        .kubeconfig(&server.serve().await, &json!({}))
        .golden("forbidden")
        .await;
}

#[tokio::test]
async fn server_away() {
    Case::new()
        .kubeconfig(&closed(), &json!({}))
        .golden("api-away")
        .await;
}

#[tokio::test]
async fn server_silent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("loopback");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    Case::new()
        .kubeconfig(&url, &json!({}))
        .golden("api-silent")
        .await;
}

#[tokio::test]
async fn server_too_busy_for_longer_than_we_have() {
    let server = Server::new();
    server.throttle(60, usize::MAX);
    let seen = Case::new()
        .kubeconfig(&server.serve().await, &json!({}))
        .golden("api-throttled")
        .await;
    assert!(seen.took < DEADLINE, "it said when to come back: too late");
    assert!(server.requests("GET", "").len() < 20, "asked once each");
}

#[tokio::test]
async fn server_busy_for_a_moment_is_left_alone_for_it() {
    let server = Server::new();
    server.throttle(1, 3);
    let begun = Instant::now();
    let observation = super::observed(&server, &fixture::spec()).await;
    super::known(&observation);
    assert!(begun.elapsed() >= Duration::from_secs(1), "Retry-After: 1");
}

/// kube has a retry of its own, which is for clients made from a kubeconfig.
#[tokio::test]
async fn a_busy_server_is_sent_a_mutation_once() {
    let server = Server::new();
    let claim = format!("{CORE}/persistentvolumeclaims/data-orders-0");
    let size = json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}});
    server.put(&claim, with(labelled("data-orders-0"), &size));
    let case = Case::new().kubeconfig(&server.serve().await, &json!({}));
    let mut fleet = fleet();
    fleet.contexts.insert("eu-1".into(), case.faulty.clone());
    let contexts = Contexts::new(&fleet, case.dir.path());
    let (live, spec) = (Live::new(contexts, Options::default()), spec("eu-1"));
    live.observe(&spec).await;
    server.let_apply();
    server.fail("DELETE", &claim, 429, usize::MAX);
    let act = Act::ReleaseClaim {
        ordinal: Ordinal(0),
        claim: "data-orders-0".into(),
        uid: Uid("u1".into()),
    };
    let outcome = live.perform(&spec, &act, &Ledger::default()).await;
    assert!(
        matches!(&outcome, Err(PerformError::NotDone(why)) if why.starts_with("api-throttled: ")),
        "{outcome:?}"
    );
    assert_eq!(server.requests("DELETE", &claim).len(), 1);
}

#[tokio::test]
async fn another_kubernetes_cluster() {
    let server = Server::new();
    let mut case = Case::new().kubeconfig(&server.serve().await, &json!({}));
    case.faulty.cluster_uid = Some("9b1deb4d".into());
    case.golden("wrong-kubernetes-cluster").await;
}

#[tokio::test]
async fn ledger_of_a_newer_version() {
    let server = Server::new();
    let ledger = json!({"data": {"ledger.json": "{\"inventedLater\": 1}"}});
    server.put(
        &format!("{CORE}/configmaps/orders-ledger"),
        with(labelled("orders-ledger"), &ledger),
    );
    Case::new()
        .kubeconfig(&server.serve().await, &json!({}))
        .golden("object-unreadable")
        .await;
}

#[tokio::test]
async fn a_list_that_expires_is_begun_anew() {
    let server = Server::new();
    server.page_by(2);
    server.expire(2);
    for ordinal in 0..5 {
        let name = format!("orders-{ordinal}");
        server.put(&format!("{CORE}/pods/{name}"), labelled(&name));
    }
    let observation = super::observed(&server, &fixture::spec()).await;
    assert_eq!(super::known(&observation).pods.len(), 5);
    let begun = server.requests("GET", &format!("{CORE}/pods"));
    let begun = begun.iter().filter(|r| !r.query.contains("continue="));
    assert_eq!(begun.count(), 3, "twice it was lost on the way");
}

/// All at once: the one that is well is read as if it were alone, and nobody waits longer than the deadline.
#[tokio::test]
async fn a_fault_costs_its_own_cluster_and_no_other() {
    let (busy, well) = (Server::new(), Server::new());
    busy.throttle(0, usize::MAX);
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let silent = silent.expect("loopback");
    let mut case = Case::new();
    let mut fleet = fleet();
    fleet.contexts.clear();
    let servers = [
        ("away", closed()),
        ("busy", busy.serve().await),
        ("missing", String::new()),
        ("plugin", "http://127.0.0.1:1".to_owned()),
        (
            "silent",
            format!("http://{}", silent.local_addr().expect("bound")),
        ),
        ("well", well.serve().await),
    ];
    for (name, server) in &servers {
        case = match *name {
            "missing" => case,
            "plugin" => case.plugin("exec sleep 20"),
            _ => case.kubeconfig(server, &json!({})),
        };
        let path = case.dir.path().join("kubeconfig");
        if path.exists() {
            std::fs::rename(path, case.dir.path().join(name)).expect("our own files");
        }
        let mut context = case.faulty.clone();
        context.source = ContextSource::Kubeconfig {
            path: (*name).into(),
            context: None,
        };
        fleet.contexts.insert((*name).to_owned(), context);
    }
    let options = Options {
        read_timeout: DEADLINE,
        ..Options::default()
    };
    let live = Live::new(Contexts::new(&fleet, case.dir.path()), options);
    let specs = servers.each_ref().map(|(name, _)| spec(name));
    let begun = Instant::now();
    let observations = live.observe_all(&specs.each_ref()).await;
    let took = begun.elapsed();
    assert!(took < DEADLINE + MARGIN, "{took:?}");
    let found: Vec<&str> = observations
        .iter()
        .map(|o| {
            o.kube
                .why_unknown()
                .map_or("read", |why| why.split(':').next().unwrap_or(why))
        })
        .collect();
    let names = [
        "api-away",
        "api-throttled",
        "kubeconfig-missing",
        "exec-plugin-failed",
        "api-away",
        "read",
    ];
    assert_eq!(found, names);
}

/// Something listens where a member should, and it does not speak TLS.
#[tokio::test]
async fn members_that_keep_us_out_are_a_row_too() {
    let listener = tokio::net::TcpListener::bind("127.77.0.1:2379").await;
    let listener = listener.expect("an address of loopback");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let text = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, text).await;
        }
    });
    let seen = members_at("127.77.0.1", true).await;
    let barred = seen.etcd.barred.clone().expect("kept out");
    assert!(barred.starts_with("etcd-not-tls: "), "{barred}");
    let plan = unroll(&spec_with_tls(), &seen);
    assert_eq!(plan.verdict, Verdict::Unreadable, "{plan:#?}");
    assert_eq!(plan.intents, []);
}

#[tokio::test]
async fn members_that_are_down_are_no_reason_to_bear_a_cluster() {
    let seen = members_at("127.77.0.2", true).await;
    let why = seen.etcd.membership.why_unknown().unwrap_or_default();
    assert!(
        why.starts_with("no voter answers: etcd-port-closed: ")
            && why.ends_with("(member 0, 1, 2)"),
        "{why}"
    );
    assert_eq!(seen.etcd.barred, None, "down is not kept out");
    let plan = unroll(&spec_with_tls(), &seen);
    let rows = plan.intents.iter().map(|p| p.intent.row.procedure);
    assert!(
        !rows.collect::<Vec<_>>().contains(&"bootstrap"),
        "{plan:#?}"
    );

    // Whoever took the ledger away left the set and its claims.
    let plan = unroll(&spec_with_tls(), &members_at("127.77.0.2", false).await);
    let codes: Vec<&str> = plan.refused().map(|note| note.facts.code).collect();
    assert_eq!(codes, ["files-lost"], "{plan:#?}");
}

fn spec_with_tls() -> ClusterSpec {
    let mut spec = fixture::spec();
    spec.tls.client = Some(reconcile::fleet::TlsSecret {
        secret_name: "server".into(),
        ca_secret_name: "server".into(),
    });
    spec
}

/// Three pods of a cluster that has lived, at one address.
async fn members_at(ip: &str, noted: bool) -> Observation {
    let server = Server::new();
    let set = json!({"spec": {"replicas": 3}});
    server.put(
        "/apis/apps/v1/namespaces/etcd/statefulsets/orders",
        with(labelled("orders"), &set),
    );
    for ordinal in 0..3 {
        let name = format!("orders-{ordinal}");
        let pod = json!({"status": {"phase": "Running", "podIP": ip}});
        server.put(&format!("{CORE}/pods/{name}"), with(labelled(&name), &pod));
        let name = format!("data-{name}");
        let claim = json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Bound"}});
        server.put(
            &format!("{CORE}/persistentvolumeclaims/{name}"),
            with(labelled(&name), &claim),
        );
    }
    if noted {
        let ledger = Ledger {
            cluster_id: Some(MemberId(7)),
            ..Ledger::default()
        };
        let ledger = serde_json::to_string(&ledger).expect("plain data");
        server.put(
            &format!("{CORE}/configmaps/orders-ledger"),
            with(
                labelled("orders-ledger"),
                &json!({"data": {"ledger.json": ledger}}),
            ),
        );
    }
    // No certificate is needed to find that nobody speaks TLS.
    let data = json!({"data": {"ca.crt": "", "tls.crt": "", "tls.key": ""}});
    server.put(
        &format!("{CORE}/secrets/server"),
        with(labelled("server"), &data),
    );
    super::observed(&server, &spec_with_tls()).await
}
