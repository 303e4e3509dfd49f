//! Hashes that say, in one annotation, what an object was rendered from.

use sha2::{Digest, Sha256};

use super::{member_file, pod_template};
use crate::fleet::ClusterSpec;

/// On every object: the hash of what the spec makes of it. A field that we no longer render is noticed by it.
pub const CONTENT_ANNOTATION: &str = "reconcile/content";
/// On the pod template and so on every pod: what it was started with.
pub const SETTINGS_ANNOTATION: &str = "reconcile/settings";

/// Over everything that takes a restart to come into effect: the pod template and the settings of a member's file.
/// Membership is not in it, or growing would restart everyone.
pub fn settings_stamp(spec: &ClusterSpec) -> String {
    super::memo::stamp(spec, stamp).to_string()
}

fn stamp(spec: &ClusterSpec) -> String {
    let mut text = pod_template::unstamped(spec).canonical();
    text.push('\n');
    text.push_str(&member_file::shared_settings(spec));
    short_hash(&text)
}

/// The first 16 hexadecimal digits of SHA-256.
pub(super) fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text)[..8])
}

/// SHA-256 of texts, one after the other, in hexadecimal digits.
pub fn sha256_hex<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut hash = Sha256::new();
    texts.into_iter().for_each(|text| hash.update(text));
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        digits.push(char::from(DIGITS[usize::from(byte >> 4)]));
        digits.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::fleet::ClusterSpec;

    #[test]
    fn growing_restarts_nobody() {
        let stamp = settings_stamp(&example::spec(1));
        assert_eq!(settings_stamp(&example::spec(3)), stamp);
        assert_eq!(settings_stamp(&example::spec(5)), stamp);
    }

    #[test]
    fn what_needs_no_restart_is_not_in_the_stamp() {
        let stamp = settings_stamp(&example::spec(3));
        let changes: [fn(&mut ClusterSpec); 6] = [
            |s| s.storage.size = "2Gi".parse().unwrap(),
            |s| s.storage.class_name = Some("fast".into()),
            |s| s.storage.attributes_class_name = Some("gold".into()),
            |s| drop(s.service.labels.insert("a".into(), "b".into())),
            |s| s.policy.protected = true,
            |s| s.access.credentials_secret_name = Some("root".into()),
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let mut spec = example::spec(3);
            change(&mut spec);
            assert_eq!(settings_stamp(&spec), stamp, "change {i}");
        }
    }

    #[test]
    fn what_needs_a_restart_is_in_the_stamp() {
        let stamp = settings_stamp(&example::spec(3));
        let changes: [fn(&mut ClusterSpec); 8] = [
            |s| s.image = "registry.example/etcd:v3.6.17".into(),
            |s| s.etcd.quota = Some("4Gi".parse().unwrap()),
            |s| s.etcd.snapshot_count = Some(5000),
            |s| s.etcd.heartbeat_interval_ms = 200,
            |s| drop(s.etcd.extra.insert("log-level".into(), "debug".into())),
            |s| s.resources.requests = [("cpu".into(), "1".parse().unwrap())].into(),
            |s| drop(s.pod.annotations.insert("a".into(), "b".into())),
            |s| s.cluster_domain = "example.local".into(),
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let mut spec = example::spec(3);
            change(&mut spec);
            assert_ne!(settings_stamp(&spec), stamp, "change {i}");
        }
    }
}
