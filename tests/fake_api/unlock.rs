//! `unlock`: who is shown, who is asked, and that no lock taken anew is ever broken.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use reconcile::world::live::Identity;
use reconcile::world::live::lock::LockError;
use reconcile::world::live::unlock::{Life, Release, Tenure};
use serde_json::{Value, json};

use super::lock::{LEASE, held_by};
use super::{fixture, live, with};
use crate::server::Server;

const ELSEWHERE: &str = "ada@elsewhere/7 boot:b ns:1 start:2";

/// Lasts a second, so that nobody is watched for longer.
fn short(holder: &str) -> Value {
    with(
        held_by(holder),
        &json!({"spec": {"leaseDurationSeconds": 1, "acquireTime": "2026-11-21T10:00:00.000000Z"}}),
    )
}

async fn tenure(server: &Server) -> Tenure {
    server.let_apply();
    let found = live(server).lock_of(&fixture::spec()).await;
    found.expect("the server answers").expect("it is held")
}

async fn watched(tenure: &Tenure) -> Life {
    let me = Identity::of_this_process();
    tenure.watch(&me).await.expect("the server answers")
}

fn renew(server: &Server, time: &str) {
    let renewed = json!({"spec": {"renewTime": time}});
    server.put(LEASE, with(server.get(LEASE), &renewed));
}

#[tokio::test]
async fn a_silent_holder_loses_the_lock_and_its_commit_stays() {
    let server = Server::new();
    server.put(LEASE, short(ELSEWHERE));
    let tenure = tenure(&server).await;
    assert_eq!(tenure.lock().holder, ELSEWHERE);
    assert_eq!(watched(&tenure).await, Life::Silent(Duration::from_secs(1)));
    assert_eq!(tenure.release(false).await, Ok(Release::Released));
    let lease = server.get(LEASE);
    assert_eq!(lease.pointer("/spec/holderIdentity"), None);
    assert_eq!(lease["metadata"]["annotations"]["reconcile/commit"], "c1");
    let sent = &server.requests("PUT", LEASE)[0].body["metadata"];
    assert_eq!(sent["uid"], "uid-orders");
    assert_eq!(sent["resourceVersion"], "7");
    assert!(
        live(&server)
            .lock_of(&fixture::spec())
            .await
            .expect("read")
            .is_none()
    );
}

#[tokio::test]
async fn a_holder_that_renews_keeps_it_unless_it_is_taken_by_force() {
    let server = Server::new();
    server.put(LEASE, short(ELSEWHERE));
    let tenure = tenure(&server).await;
    renew(&server, "2099-01-01T00:00:01.000000Z");
    assert_eq!(watched(&tenure).await, Life::Alive);
    assert_eq!(tenure.release(false).await, Ok(Release::Renewed));
    assert!(server.requests("PUT", LEASE).is_empty());
    assert_eq!(tenure.release(true).await, Ok(Release::Released));
}

#[tokio::test]
async fn a_lock_taken_anew_is_never_broken() {
    let again = json!({"spec": {"acquireTime": "2026-11-21T10:00:01.000000Z"}});
    let reborn = json!({"metadata": {"uid": "another"}});
    for after in [
        short("eve@elsewhere/8 boot:b ns:1 start:2"),
        with(short(ELSEWHERE), &again),
        with(short(ELSEWHERE), &reborn),
    ] {
        let server = Server::new();
        server.put(LEASE, short(ELSEWHERE));
        let tenure = tenure(&server).await;
        server.put(LEASE, after.clone());
        assert!(
            matches!(watched(&tenure).await, Life::Over(Some(_))),
            "{after}"
        );
        for force in [false, true] {
            let release = tenure.release(force).await;
            assert!(matches!(release, Ok(Release::Over(Some(_)))), "{release:?}");
        }
        assert_eq!(server.get(LEASE), after);
        assert!(server.requests("PUT", LEASE).is_empty());
    }
}

#[tokio::test]
async fn a_conflict_is_looked_at_again() {
    let server = Server::new();
    server.put(LEASE, short(ELSEWHERE));
    let tenure = tenure(&server).await;
    server.fail("PUT", LEASE, 409, 2);
    assert_eq!(tenure.release(false).await, Ok(Release::Released));
    server.put(LEASE, short(ELSEWHERE));
    server.fail("PUT", LEASE, 409, 100);
    let refused = tenure.release(false).await;
    assert!(
        matches!(refused, Err(LockError::Failed { .. })),
        "{refused:?}"
    );
}

/// A fleet whose only context is this server; `more` of the cluster's spec.
pub(crate) async fn fleet(server: &Server, more: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let address = server.serve().await;
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "eu",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "contexts": [{"name": "eu", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}]
    });
    let head = "apiVersion: reconcile/v1alpha1\nkind:";
    for (name, text) in [
        ("kubeconfig", kubeconfig.to_string()),
        (
            "fleet.yaml",
            format!(
                "{head} Fleet\nmetadata: {{name: prod}}\nspec: {{contexts: {{eu-1: {{kubeconfig: {{path: kubeconfig}}}}}}}}\n"
            ),
        ),
        (
            "clusters/orders.yaml",
            format!(
                "{head} EtcdCluster\nmetadata: {{name: orders}}\nspec:\n  context: eu-1\n  backend: {{statefulSet: {{namespace: etcd}}}}\n  \
                 members: 3\n  version: 3.6.16\n  storage: {{size: 16Gi}}\n{more}"
            ),
        ),
    ] {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("in the directory")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    directory
}

async fn unlock(fleet: &Path, more: &[&str]) -> Output {
    run(fleet, &[&["unlock", "eu-1/orders", "."][..], more].concat()).await
}

pub(crate) async fn run(fleet: &Path, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_reconcile"));
    command
        .args(arguments)
        .current_dir(fleet)
        .env_remove("KUBECONFIG")
        .stdin(Stdio::null());
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.expect("no panic").expect("the program runs")
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[tokio::test]
async fn the_command_shows_the_holder_and_says_what_came_of_it() {
    let server = Server::new();
    server.let_apply();
    let fleet = fleet(&server, "").await;
    server.put(LEASE, short(ELSEWHERE));
    let (code, stdout, stderr) = told(&unlock(fleet.path(), &[]).await);
    assert_eq!((code, stdout.as_str()), (Some(64), ""), "{stderr}");
    assert!(stderr.contains("give --yes"), "{stderr}");
    assert!(server.requests("PUT", LEASE).is_empty());

    let (code, stdout, stderr) = told(&unlock(fleet.path(), &["--yes"]).await);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stdout, "eu-1/orders: its lock is released\n");
    for part in [
        "held by: ada@elsewhere",
        "process: 7",
        "commit:  c1",
        "not renewed for 1 s",
    ] {
        assert!(stderr.contains(part), "{part} is not in {stderr}");
    }
    let (code, stdout, _) = told(&unlock(fleet.path(), &["--yes"]).await);
    assert_eq!(code, Some(0));
    assert_eq!(stdout, "eu-1/orders: nobody holds its lock\n");
}

#[tokio::test]
async fn the_command_leaves_a_living_holder_and_a_foreign_lease_alone() {
    let server = Server::new();
    server.let_apply();
    let fleet = fleet(&server, "").await;
    server.put(
        LEASE,
        with(
            short(ELSEWHERE),
            &json!({"spec": {"leaseDurationSeconds": 30}}),
        ),
    );
    let alive = server.clone();
    let heart = tokio::spawn(async move {
        for second in 0.. {
            tokio::time::sleep(Duration::from_millis(200)).await;
            renew(&alive, &format!("2099-01-01T00:00:00.{second:06}Z"));
        }
    });
    let (code, stdout, stderr) = told(&unlock(fleet.path(), &["--yes"]).await);
    assert_eq!((code, stdout.as_str()), (Some(8), ""), "{stderr}");
    assert!(stderr.contains("its holder is alive"), "{stderr}");
    assert!(server.requests("PUT", LEASE).is_empty());
    let (code, _, stderr) = told(&unlock(fleet.path(), &["--yes", "--force"]).await);
    assert_eq!(code, Some(0), "{stderr}");
    heart.abort();

    let foreign = with(
        short(ELSEWHERE),
        &json!({"metadata": {"labels": {"reconcile/cluster": "users"}}}),
    );
    server.put(LEASE, foreign.clone());
    let (code, _, stderr) = told(&unlock(fleet.path(), &["--yes", "--force"]).await);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("without this cluster's labels"), "{stderr}");
    assert_eq!(server.get(LEASE), foreign);
}
