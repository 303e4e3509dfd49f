//! A member's etcd configuration file.
//!
//! One `key: value` a line; what a member does with an empty directory comes last and is the only part that changes
//! while the member lives. etcd ignores a key that it does not know, so each of these is held against real binaries
//! (`tests/render.rs`).

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::volumes::{DATA_DIR, Listener};
use super::{CLIENT_PORT, METRICS_PORT, PEER_PORT};
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{MemberConfig, MemberFile};

/// Keys that only we write: `etcd.extra` cannot hold them.
pub const OWN_KEYS: [&str; 21] = [
    "name",
    "data-dir",
    "listen-client-urls",
    "advertise-client-urls",
    "listen-peer-urls",
    "initial-advertise-peer-urls",
    "listen-metrics-urls",
    "quota-backend-bytes",
    "auto-compaction-mode",
    "auto-compaction-retention",
    "snapshot-count",
    "heartbeat-interval",
    "election-timeout",
    "strict-reconfig-check",
    "client-transport-security",
    "peer-transport-security",
    "logger",
    "log-outputs",
    "initial-cluster",
    "initial-cluster-state",
    "initial-cluster-token",
];

/// The member whose settings the others' are written like.
const FIRST: Ordinal = Ordinal(0);

/// The ConfigMap's key, and the file's name.
pub fn key(spec: &ClusterSpec, ordinal: Ordinal) -> String {
    format!("{}.yaml", spec.pod_name(ordinal))
}

/// The files in a ConfigMap's data.
pub fn held<'d>(
    spec: &ClusterSpec,
    data: impl Iterator<Item = (&'d str, &'d str)>,
) -> BTreeMap<Ordinal, MemberConfig> {
    let of_ours = |(key, text): (&str, &str)| {
        let ordinal = spec.ordinal_of_pod(key.strip_suffix(".yaml")?)?;
        Some((ordinal, text.to_owned().into()))
    };
    data.filter_map(of_ours).collect()
}

/// Gives birth to the cluster together with the others of the target. `token` makes this birth distinct from any other
/// under the same names.
pub fn bootstrap(spec: &ClusterSpec, ordinal: Ordinal, token: &str) -> String {
    let members: Vec<_> = spec
        .target()
        .map(|o| (spec.pod_name(o), spec.peer_url(o)))
        .collect();
    let life = MemberFile::Bootstrap {
        initial_cluster: initial_cluster(&members),
        token: token.to_owned(),
    };
    living(spec, ordinal, &life)
}

/// Joins the live members: `(name, peer URL)` as etcd lists them, itself among them. A member that has not started has
/// no name yet: it is named after its ordinal.
pub fn join(spec: &ClusterSpec, ordinal: Ordinal, members: &[(String, String)]) -> String {
    let named: Vec<_> = members
        .iter()
        .map(|(name, url)| {
            let name = match spec.ordinal_of_peer_url(url) {
                Some(of_ours) => spec.pod_name(of_ours),
                None => name.clone(),
            };
            (name, url.clone())
        })
        .collect();
    let life = MemberFile::Join {
        initial_cluster: initial_cluster(&named),
    };
    living(spec, ordinal, &life)
}

/// Exits on an empty directory: it knows nobody to ask.
pub fn poisoned(spec: &ClusterSpec, ordinal: Ordinal) -> String {
    let itself = [(spec.pod_name(ordinal), spec.peer_url(ordinal))];
    let life = MemberFile::Poisoned {
        initial_cluster: initial_cluster(&itself),
    };
    living(spec, ordinal, &life)
}

/// With this life, and the settings of today.
fn living(spec: &ClusterSpec, ordinal: Ordinal, life: &MemberFile) -> String {
    format!("{}\n{}", settings(spec, ordinal), life.ending())
}

/// A file that is there with the settings of today: as it is, where it has them. `None` where its life cannot be read.
pub fn brought_up(
    spec: &ClusterSpec,
    ordinal: Ordinal,
    file: &MemberConfig,
) -> Option<MemberConfig> {
    let life = file.life()?;
    let rest = file.strip_prefix(&*settings(spec, ordinal));
    let ending = rest.and_then(|rest| rest.strip_prefix('\n'));
    let up = ending.is_some_and(|ending| life.is_ending(ending));
    let brought_up = || living(spec, ordinal, life).into();
    Some(if up { file.clone() } else { brought_up() })
}

/// The settings as any one member has them: names differ by ordinal and by nothing else.
pub(super) fn shared_settings(spec: &ClusterSpec) -> Rc<str> {
    settings(spec, FIRST)
}

fn initial_cluster(members: &[(String, String)]) -> String {
    let pairs: Vec<_> = members
        .iter()
        .map(|(name, url)| format!("{name}={url}"))
        .collect();
    pairs.join(",")
}

/// All but the membership, sorted by key. Values are JSON, which YAML reads as it is.
fn settings(spec: &ClusterSpec, ordinal: Ordinal) -> Rc<str> {
    super::memo::settings(spec, ordinal, render_settings)
}

fn render_settings(spec: &ClusterSpec, ordinal: Ordinal) -> String {
    if ordinal != FIRST {
        return like_the_first(spec, ordinal);
    }
    let extra = &spec.etcd.extra;
    let passed_through = extra
        .iter()
        .filter(|(key, _)| !OWN_KEYS.contains(&key.as_str()));
    let own = names(spec, ordinal)
        .into_iter()
        .chain(listeners(spec))
        .chain(tuning(spec))
        .chain(certificates(spec));
    let mut keys: Vec<(&str, String)> = own.collect();
    keys.extend(passed_through.map(|(key, value)| (key.as_str(), scalar(value))));
    keys.sort_unstable_by_key(|(key, _)| *key);
    let mut lines = String::with_capacity(1024);
    for (key, value) in keys {
        let newline = if lines.is_empty() { "" } else { "\n" };
        lines.extend([newline, key, ": ", &value]);
    }
    lines
}

/// Its names in place of the first member's: all that their settings differ in.
fn like_the_first(spec: &ClusterSpec, ordinal: Ordinal) -> String {
    let first = settings(spec, FIRST);
    let (mut rest, mut own) = (&*first, String::with_capacity(first.len() + 64));
    for (key, value) in names(spec, ordinal) {
        let (before, line) = rest.split_at(line_of(rest, key));
        own.extend([before, key, ": ", &value]);
        rest = &line[line.find('\n').unwrap_or(line.len())..];
    }
    own.push_str(rest);
    own
}

/// Where the line of this key starts; at the end, where there is none.
fn line_of(settings: &str, key: &str) -> usize {
    let line = ["\n", key, ": "].concat();
    if settings.starts_with(&line[1..]) {
        return 0;
    }
    settings.find(&line).map_or(settings.len(), |at| at + 1)
}

/// Sorted by key.
fn names(spec: &ClusterSpec, ordinal: Ordinal) -> [(&'static str, String); 3] {
    [
        ("advertise-client-urls", text(spec.client_url(ordinal))),
        ("initial-advertise-peer-urls", text(spec.peer_url(ordinal))),
        ("name", text(spec.pod_name(ordinal))),
    ]
}

fn listeners(spec: &ClusterSpec) -> [(&'static str, String); 4] {
    let scheme = |tls: bool| if tls { "https" } else { "http" };
    let client = scheme(spec.tls.client.is_some());
    let peer = scheme(spec.tls.peer.is_some());
    [
        ("data-dir", text(DATA_DIR.to_owned())),
        (
            "listen-client-urls",
            text(format!("{client}://0.0.0.0:{CLIENT_PORT}")),
        ),
        (
            "listen-peer-urls",
            text(format!("{peer}://0.0.0.0:{PEER_PORT}")),
        ),
        // Plain: the kubelet has no client certificate.
        (
            "listen-metrics-urls",
            text(format!("http://0.0.0.0:{METRICS_PORT}")),
        ),
    ]
}

fn tuning(spec: &ClusterSpec) -> Vec<(&'static str, String)> {
    let etcd = &spec.etcd;
    let mut keys = vec![
        ("heartbeat-interval", etcd.heartbeat_interval_ms.to_string()),
        ("election-timeout", etcd.election_timeout_ms.to_string()),
        ("strict-reconfig-check", "true".to_owned()),
        ("logger", "zap".to_owned()),
        ("log-outputs", r#"["stderr"]"#.to_owned()),
    ];
    if let Some(quota) = &etcd.quota {
        keys.push(("quota-backend-bytes", quota.value().to_string()));
    }
    if let Some(compaction) = &etcd.auto_compaction {
        keys.push((
            "auto-compaction-mode",
            text(compaction.mode.as_str().to_owned()),
        ));
        keys.push((
            "auto-compaction-retention",
            text(compaction.retention.clone()),
        ));
    }
    if let Some(count) = etcd.snapshot_count {
        keys.push(("snapshot-count", count.to_string()));
    }
    keys
}

fn certificates(spec: &ClusterSpec) -> impl Iterator<Item = (&'static str, String)> {
    [
        ("client-transport-security", Listener::Client),
        ("peer-transport-security", Listener::Peer),
    ]
    .into_iter()
    .filter(|(_, listener)| listener.secret(spec).is_some())
    .map(|(key, listener)| {
        let dir = listener.tls_dir();
        let value = json!({
            "cert-file": format!("{dir}/tls.crt"),
            "key-file": format!("{dir}/tls.key"),
            "trusted-ca-file": format!("{dir}/ca.crt"),
            "client-cert-auth": true,
        });
        (key, value.to_string())
    })
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(string) => text(string.clone()),
        other => other.to_string(),
    }
}

/// Plain where YAML reads the same text back, else quoted: `30m` plain, `"10"` and `"true"` not.
fn text(text: String) -> String {
    if is_plain(&text) {
        text
    } else {
        Value::String(text).to_string()
    }
}

fn is_plain(text: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/' | ':' | '_');
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    let word = words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let letter_or_slash = |c: char| c.is_ascii_alphabetic() || c == '/';
    !word && !text.ends_with(':') && text.chars().all(safe) && text.starts_with(letter_or_slash)
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    fn read(text: &str) -> Value {
        serde_saphyr::from_str(text).expect("a YAML document")
    }

    #[test]
    fn each_life_reads_back() {
        let spec = example::spec(3);
        let listed = [
            (String::new(), spec.peer_url(Ordinal(3))),
            ("old-name".into(), spec.peer_url(Ordinal(0))),
            ("foreign".into(), "http://elsewhere:2380".into()),
        ];
        assert_eq!(
            MemberFile::parse(&join(&spec, Ordinal(3), &listed)),
            Ok(MemberFile::Join {
                initial_cluster: "orders-3=http://orders-3.orders-peer.etcd.svc:2380,\
                                  orders-0=http://orders-0.orders-peer.etcd.svc:2380,\
                                  foreign=http://elsewhere:2380"
                    .into()
            })
        );
        assert_eq!(
            MemberFile::parse(&poisoned(&spec, Ordinal(1))),
            Ok(MemberFile::Poisoned {
                initial_cluster: "orders-1=http://orders-1.orders-peer.etcd.svc:2380".into()
            })
        );
        let Ok(MemberFile::Bootstrap {
            initial_cluster,
            token,
        }) = MemberFile::parse(&bootstrap(&spec, Ordinal(2), "birth"))
        else {
            panic!("a bootstrap file reads back as one");
        };
        assert_eq!(token, "birth");
        assert_eq!(initial_cluster.split(',').count(), 3);
    }

    #[test]
    fn poisoning_a_rendered_file_is_rendering_it_poisoned() {
        let spec = example::spec(3);
        let file = bootstrap(&spec, Ordinal(1), "birth");
        let poison = MemberFile::parse(&poisoned(&spec, Ordinal(1))).expect("ours");
        assert_eq!(poison.rewrite(&file), poisoned(&spec, Ordinal(1)));
    }

    #[test]
    fn every_key_we_write_is_ours_alone() {
        let mut spec = example::spec(3);
        spec.etcd.quota = Some("8Gi".parse().expect("a quantity"));
        spec.etcd.snapshot_count = Some(1);
        spec.etcd.auto_compaction = Some(crate::fleet::AutoCompaction {
            mode: crate::fleet::CompactionMode::Revision,
            retention: "1000".into(),
        });
        let tls = crate::fleet::TlsSecret {
            secret_name: "s".into(),
            ca_secret_name: "ca".into(),
        };
        spec.tls.client = Some(tls.clone());
        spec.tls.peer = Some(tls);
        // Neither may be smuggled in beside ours.
        spec.etcd
            .extra
            .insert("initial-cluster-state".into(), json!("new"));
        spec.etcd.extra.insert("name".into(), json!("other"));
        let text = bootstrap(&spec, Ordinal(0), "t");
        let value = read(&text);
        let mut found: Vec<_> = value.as_object().expect("a map").keys().collect();
        let mut ours = OWN_KEYS.to_vec();
        found.sort();
        ours.sort_unstable();
        assert_eq!(found, ours);
        assert_eq!(value["name"], "orders-0");
        assert_eq!(value["quota-backend-bytes"], 8_589_934_592_u64);
        assert_eq!(
            value["auto-compaction-retention"], "1000",
            "a string in etcd"
        );
        assert_eq!(value["client-transport-security"]["client-cert-auth"], true);
        assert_eq!(text.lines().count(), OWN_KEYS.len(), "one key a line");
    }

    #[test]
    fn extra_values_keep_their_types() {
        let mut spec = example::spec(1);
        let extra = [
            ("max-request-bytes", json!(3_145_728)),
            ("enable-pprof", json!(true)),
            ("cors", json!("*")),
            ("log-level", json!("warn")),
            ("auth-token", json!("true")),
            ("cipher-suites", json!(["A", "B"])),
            ("quoted", json!("a: b # \"c\"\nd")),
        ];
        spec.etcd.extra = extra.clone().map(|(k, v)| (k.to_owned(), v)).into();
        let text = poisoned(&spec, Ordinal(0));
        let value = read(&text);
        for (key, expected) in extra {
            assert_eq!(value[key], expected, "{text}");
        }
    }
}
