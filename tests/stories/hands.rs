//! What others do to a story's cluster with kubectl, behind the program's back.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bed::{Bed, between_looks};
use crate::story::Story;

impl Story {
    /// kubectl in the story's namespace; panics with its words where it fails.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.bed
            .kubectl(&[&["-n", &self.namespace], arguments].concat())
    }

    pub(crate) fn delete_pod(&self, ordinal: u32) {
        self.kubectl(&["delete", "pod", &pod(ordinal), "--wait=false"]);
    }

    pub(crate) fn delete_claim(&self, ordinal: u32) {
        self.kubectl(&["delete", "pvc", &claim(ordinal), "--wait=false"]);
    }

    /// The claim and its pod: the controller makes both anew, and the volume is empty.
    pub(crate) fn lose_volume(&self, ordinal: u32) {
        let before = self.pod_uid(ordinal);
        self.delete_claim(ordinal);
        let force = ["--grace-period=0", "--force"];
        self.kubectl(&[&["delete", "pod", &pod(ordinal)][..], &force].concat());
        self.until("the pod to be made anew", 60, || {
            let now = self.pod_uid(ordinal);
            !now.is_empty() && now != before
        });
    }

    /// From now on the API server lets nobody make this pod.
    pub(crate) fn deny_pod(&self, ordinal: u32) {
        let (namespace, pod) = (&self.namespace, pod(ordinal));
        self.bed.apply_manifest(&format!(
            r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: "{namespace}-deny"}}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: "{namespace}"}}}}
    resourceRules: [{{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}}]
  validations: [{{expression: "object.metadata.name != '{pod}'"}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: "{namespace}-deny"}}
spec: {{policyName: "{namespace}-deny", validationActions: [Deny]}}
"#
        ));
        let run = ["run", &pod, "--image=none", "--dry-run=server"];
        let words = [&["-n", namespace][..], &run].concat();
        self.until("the policy to be in force", 30, || {
            let output = self.bed.try_kubectl(&words);
            String::from_utf8_lossy(&output.stderr).contains("-deny")
        });
    }

    /// The StatefulSet goes, its pods stay and run on.
    pub(crate) fn orphan_set(&self) {
        self.kubectl(&["delete", "statefulset", "orders", "--cascade=orphan"]);
    }

    pub(crate) fn scale(&self, replicas: u32) {
        let replicas = format!("--replicas={replicas}");
        self.kubectl(&["scale", "statefulset", "orders", &replicas]);
    }

    /// A change as this field manager makes it.
    pub(crate) fn edit(&self, object: &str, patch: &str, manager: &str) {
        let manager = format!("--field-manager={manager}");
        self.kubectl(&["patch", object, "--type=merge", "-p", patch, &manager]);
    }

    /// Asks for an eviction as `kubectl drain` does; `false`: the budget says no.
    pub(crate) fn evict(&self, ordinal: u32) -> bool {
        evict(self.bed, &self.namespace, ordinal)
    }

    /// etcdctl in the pod of this member, as somebody with a shell would; again while the server says that the cluster
    /// is unhealthy, as it does for some seconds after a member came.
    pub(crate) fn etcdctl(&self, ordinal: u32, arguments: &[&str]) {
        let name = pod(ordinal);
        let words = ["-n", &self.namespace, "exec", &name, "--", "etcdctl"];
        let words = [&words[..], arguments].concat();
        self.until("etcdctl to be heard", 30, || {
            self.bed.try_kubectl(&words).status.success()
        });
    }

    /// Empty: there is none.
    pub(crate) fn pod_uid(&self, ordinal: u32) -> String {
        self.uid("pod", &pod(ordinal))
    }

    /// Empty: there is none.
    pub(crate) fn claim_uid(&self, ordinal: u32) -> String {
        self.uid("pvc", &claim(ordinal))
    }

    fn uid(&self, kind: &str, name: &str) -> String {
        let output = "-o=jsonpath={.metadata.uid}";
        self.kubectl(&["get", kind, name, "--ignore-not-found", output])
    }

    pub(crate) fn node_of(&self, ordinal: u32) -> String {
        self.kubectl(&["get", "pod", &pod(ordinal), "-o=jsonpath={.spec.nodeName}"])
    }

    /// Claims of seats 0 up to this many.
    pub(crate) fn claim_uids(&self, members: u32) -> Vec<String> {
        (0..members).map(|o| self.claim_uid(o)).collect()
    }

    /// Looks until it is so.
    pub(crate) fn until(&self, what: &str, seconds: u64, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !is_so() {
            assert!(
                Instant::now() < deadline,
                "{}: waited {seconds} s for {what}; the runs beside it said:\n{}",
                self.name,
                self.told()
            );
            std::thread::sleep(between_looks());
        }
    }

    /// Seats by member ID, from the list.
    pub(crate) fn members(&self) -> Vec<(u32, String)> {
        members_of(&self.observe())
    }

    /// The seat of the leader.
    pub(crate) fn leader(&self) -> u32 {
        let seen = self.observe();
        let statuses = seen["etcd"]["statuses"].as_object().expect("statuses");
        let leads = |status: &Value| {
            let status = &status["known"];
            status["leader"].is_string() && status["leader"] == status["memberId"]
        };
        let found = statuses.iter().find(|(_, status)| leads(status));
        let (ordinal, _) = found.unwrap_or_else(|| panic!("no leader: {:#}", seen["etcd"]));
        ordinal.parse().expect("an ordinal")
    }

    /// Any voter that does not lead.
    pub(crate) fn follower(&self) -> u32 {
        let leader = self.leader();
        let found = self.members().into_iter().find(|(o, _)| *o != leader);
        found.expect("a second member").0
    }
}

/// Seats by member ID, in an observation whose list is known.
pub(crate) fn members_of(observation: &Value) -> Vec<(u32, String)> {
    let members = &observation["etcd"]["membership"]["known"]["members"];
    let seat = |member: &Value| {
        let url = member["peerUrls"][0].as_str()?;
        let ordinal = url.split("orders-").nth(1)?.split('.').next()?;
        let id = member["id"].as_str()?.to_owned();
        Some((ordinal.parse().ok()?, id))
    };
    let mut found: Vec<_> = members
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(seat)
        .collect();
    found.sort();
    found
}

/// Whether the eviction was granted.
pub(crate) fn evict(bed: &Bed, namespace: &str, ordinal: u32) -> bool {
    let name = pod(ordinal);
    let body = serde_json::json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
    let mut command = bed.command("kubectl");
    command
        .args(["create", "--raw", &path, "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("kubectl runs");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    write!(stdin, "{body}").expect("kubectl reads its input");
    drop(stdin);
    child.wait().expect("kubectl ends").success()
}

pub(crate) fn pod(ordinal: u32) -> String {
    format!("orders-{ordinal}")
}

pub(crate) fn claim(ordinal: u32) -> String {
    format!("data-orders-{ordinal}")
}
