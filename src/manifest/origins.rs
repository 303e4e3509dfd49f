//! Which field of the documents each rendered field follows.
//!
//! Found by rendering: a field follows what was said if it is another, or gone, where that is said otherwise. So there is
//! no second list of what is made from what, to be wrong one day.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::{CONTENT_ANNOTATION, Object, SETTINGS_ANNOTATION, steady};
use crate::fleet::pointer::{escaped, unescaped};
use crate::fleet::{
    AutoCompaction, ClusterId, ClusterSpec, CompactionMode, EtcdSettings, EtcdVersion, Origin,
    PodSettings, Resources, Scheduling, ServiceSettings, Storage, TlsSecret, TlsSettings,
    field_lines,
};

/// A value of an object: its pointer, and in a text of several lines the key of one.
type Leaf = (String, Option<String>);

/// A rendered object with what each of its values follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced<'s> {
    pub object: Object,
    said: BTreeMap<Leaf, Vec<&'s str>>,
    spec: &'s ClusterSpec,
}

/// The objects of [`steady`], traced.
pub fn traced(spec: &ClusterSpec) -> Vec<Traced<'_>> {
    let mut all: Vec<Traced> = steady(spec)
        .into_iter()
        .map(|object| Traced {
            object,
            said: BTreeMap::new(),
            spec,
        })
        .collect();
    for (field, other) in variants(spec) {
        for (traced, other) in all.iter_mut().zip(steady(&other)) {
            let mut moved = Vec::new();
            compare("", &traced.object.body, Some(&other.body), &mut moved);
            for leaf in moved {
                traced.said.entry(leaf).or_default().push(field);
            }
        }
    }
    for fields in all.iter_mut().flat_map(|traced| traced.said.values_mut()) {
        most_specific(fields);
    }
    all
}

/// Of a field and one inside of it, the inner one says it.
fn most_specific(fields: &mut Vec<&str>) {
    let all = fields.clone();
    let inside = |field: &str, of: &str| {
        field
            .strip_prefix(of)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    fields.retain(|field| !all.iter().any(|other| inside(other, field)));
}

impl Traced<'_> {
    /// Where the document of this cluster is.
    pub fn document(&self) -> Option<&Origin> {
        self.spec.origins.get("/metadata/name")
    }

    /// The object as YAML, with a comment on each line that follows a line of the documents: the same object to
    /// whoever reads it. Of a text with several lines the comments stand above it.
    pub fn yaml(&self) -> String {
        let text = self.object.yaml();
        let at = field_lines(&text);
        let (mut above, mut behind) = (BTreeMap::<usize, Vec<String>>::new(), BTreeMap::new());
        for ((pointer, key), fields) in &self.said {
            let Some(line) = at.get(pointer) else {
                continue;
            };
            let remark = self.remark(fields);
            let value = self.object.body.pointer(pointer).and_then(Value::as_str);
            if value.is_some_and(|text| text.contains('\n')) {
                let of = key.as_ref().map_or(String::new(), |key| format!("{key}: "));
                above
                    .entry(*line)
                    .or_default()
                    .push(format!("{of}{remark}"));
            } else {
                behind.insert(*line, remark);
            }
        }
        let mut out = String::with_capacity(text.len() * 2);
        for (number, line) in text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
        {
            let indent = line.len() - line.trim_start().len();
            for remark in above.get(&number).into_iter().flatten() {
                // Writing to a string cannot fail, here and below.
                let _ = writeln!(out, "{:indent$}# {remark}", "");
            }
            let _ = match behind.get(&number) {
                Some(remark) => writeln!(out, "{line} # {remark}"),
                None => writeln!(out, "{line}"),
            };
        }
        out
    }

    /// `clusters/orders.yaml:9 spec.members`.
    fn remark(&self, fields: &[&str]) -> String {
        let of = |field: &&str| {
            let origin = self.spec.origins.get(*field)?;
            let dotted = field.trim_start_matches('/').replace('/', ".");
            let dotted = unescaped(&dotted);
            Some(format!("{}:{} {dotted}", origin.file, origin.line))
        };
        let all: Vec<String> = fields.iter().filter_map(of).collect();
        // A file's or a key's name may hold what would end a comment or drive a terminal.
        crate::diag::defuse(&all.join(", ")).replace('\n', "\\n")
    }
}

/// What of `here` is not so in `there`, value by value.
fn compare(pointer: &str, here: &Value, there: Option<&Value>, moved: &mut Vec<Leaf>) {
    match (here, there) {
        (Value::Object(map), _) => {
            for (name, value) in map {
                if [CONTENT_ANNOTATION, SETTINGS_ANNOTATION].contains(&name.as_str()) {
                    continue; // follows everything
                }
                let part = escaped(name);
                let other = there.and_then(|there| there.get(name));
                compare(&format!("{pointer}/{part}"), value, other, moved);
            }
        }
        (Value::Array(items), _) => {
            let others = there.and_then(Value::as_array);
            for (index, item) in items.iter().enumerate() {
                let other = others.and_then(|others| counterpart(item, index, others));
                compare(&format!("{pointer}/{index}"), item, other, moved);
            }
        }
        (Value::String(text), Some(Value::String(other))) if text.contains('\n') => {
            compare_lines(pointer, text, other, moved);
        }
        (here, Some(there)) if here == there => {}
        _ => moved.push((pointer.to_owned(), None)),
    }
}

/// The element that is the same one in another list: of its name, where it has one.
fn counterpart<'v>(item: &Value, index: usize, others: &'v [Value]) -> Option<&'v Value> {
    let named = ["name", "topologyKey", "key"].into_iter().find_map(|key| {
        let name = item.get(key)?.as_str()?;
        Some((key, name))
    });
    match named {
        Some((key, name)) => others.iter().find(|other| other[key] == name),
        None => others.get(index),
    }
}

/// Of a member's file, line by line: each is a key and its value.
fn compare_lines(pointer: &str, text: &str, other: &str, moved: &mut Vec<Leaf>) {
    let key = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
    let others: BTreeMap<String, &str> = other.lines().map(|line| (key(line), line)).collect();
    let lines = text.lines().filter(|line| !line.is_empty());
    let differing = lines.filter(|line| others.get(&key(line)) != Some(line));
    moved.extend(differing.map(|line| (pointer.to_owned(), Some(key(line)))));
}

/// The spec with one thing said otherwise, for every field that somebody said.
struct Variants<'s> {
    spec: &'s ClusterSpec,
    all: Vec<(&'s str, ClusterSpec)>,
}

impl<'s> Variants<'s> {
    fn with(&mut self, field: &str, change: impl FnOnce(&mut ClusterSpec)) {
        if let Some((field, _)) = self.spec.origins.get_key_value(field) {
            let mut other = self.spec.clone();
            change(&mut other);
            self.all.push((field, other));
        }
    }

    /// One for each key of a mapping.
    fn without_each<V: 's>(
        &mut self,
        mapping: &str,
        entries: &'s BTreeMap<String, V>,
        of: impl Fn(&mut ClusterSpec) -> &mut BTreeMap<String, V>,
    ) {
        for key in entries.keys() {
            let part = escaped(key);
            self.with(&format!("{mapping}/{part}"), |other| {
                of(other).remove(key);
            });
        }
    }
}

/// Without `..`: a new field of the spec does not compile until it is said here what it renders.
fn variants(spec: &ClusterSpec) -> Vec<(&str, ClusterSpec)> {
    let mut all = Variants {
        spec,
        all: Vec::new(),
    };
    let ClusterSpec {
        fleet: _, // said once for all clusters, in fleet.yaml: nothing to tell about one of them
        id,
        namespace: _,
        name: _,
        cluster_domain: _,
        members: _,
        version: _,
        image: _,
        storage,
        etcd,
        resources,
        tls,
        scheduling,
        pod,
        service,
        // What a run may do and how it reaches the members is in no object.
        access: _,
        backup: _,
        policy: _,
        suspend: _,
        origins,
    } = spec;
    let own_name = origins.contains_key("/spec/backend/statefulSet/name");
    all.with("/metadata/name", |other| {
        other.id = ClusterId::new(&id.context, format!("{}x", id.name));
        if !own_name {
            other.name += "x";
        }
    });
    all.with("/spec/backend/statefulSet/name", |other| other.name += "x");
    all.with("/spec/context", |other| {
        other.id = ClusterId::new(format!("{}x", id.context), &id.name);
    });
    all.with("/spec/backend/statefulSet/namespace", |other| {
        other.namespace += "x";
    });
    all.with("/spec/clusterDomain", |other| other.cluster_domain += "x");
    all.with("/spec/members", |other| {
        other.members = if spec.members > 1 { 1 } else { 3 };
    });
    all.with("/spec/version", another_version);
    all.with("/spec/image", |other| other.image += "x");
    of_storage(&mut all, storage);
    of_etcd(&mut all, etcd);
    of_resources(&mut all, resources);
    of_tls(&mut all, tls);
    of_scheduling(&mut all, scheduling);
    of_pod(&mut all, pod);
    of_service(&mut all, service);
    all.all
}

/// One on the other side of what changes with etcd's version, and the image with it.
fn another_version(other: &mut ClusterSpec) {
    let probed_anew = other.version >= EtcdVersion::new(3, 5, 11);
    let minor = if probed_anew { 5 } else { 6 };
    let version = EtcdVersion::new(3, minor, 0);
    other.image = other
        .image
        .replace(&other.version.to_string(), &version.to_string());
    other.version = version;
}

fn of_storage(all: &mut Variants, storage: &Storage) {
    let Storage {
        class_name: _,
        attributes_class_name: _,
        size: _,
        migration: _, // how a run goes about it is in no object
    } = storage;
    all.with("/spec/storage/className", |other| {
        other.storage.class_name = None;
    });
    all.with("/spec/storage/attributesClassName", |other| {
        other.storage.attributes_class_name = None;
    });
    all.with("/spec/storage/size", |other| {
        let sizes = ["1Ti", "2Ti"]
            .into_iter()
            .filter_map(|size| size.parse().ok());
        let mut different = sizes.filter(|size| *size != other.storage.size);
        if let Some(size) = different.next() {
            other.storage.size = size;
        }
    });
}

fn of_etcd<'s>(all: &mut Variants<'s>, etcd: &'s EtcdSettings) {
    let EtcdSettings {
        quota: _,
        auto_compaction: _,
        snapshot_count: _,
        heartbeat_interval_ms: _,
        election_timeout_ms: _,
        extra,
    } = etcd;
    let compaction = |change: fn(&mut AutoCompaction)| {
        move |other: &mut ClusterSpec| {
            if let Some(compaction) = &mut other.etcd.auto_compaction {
                change(compaction);
            }
        }
    };
    all.with("/spec/etcd/quota", |other| other.etcd.quota = None);
    all.with(
        "/spec/etcd/autoCompaction/mode",
        compaction(|compaction| {
            compaction.mode = match compaction.mode {
                CompactionMode::Periodic => CompactionMode::Revision,
                CompactionMode::Revision => CompactionMode::Periodic,
            };
        }),
    );
    all.with(
        "/spec/etcd/autoCompaction/retention",
        compaction(|compaction| compaction.retention += "0"),
    );
    all.with("/spec/etcd/snapshotCount", |other| {
        other.etcd.snapshot_count = None;
    });
    all.with("/spec/etcd/heartbeatInterval", |other| {
        other.etcd.heartbeat_interval_ms += 1;
    });
    all.with("/spec/etcd/electionTimeout", |other| {
        other.etcd.election_timeout_ms += 1;
    });
    all.without_each("/spec/etcd/extra", extra, |other| &mut other.etcd.extra);
}

fn of_resources<'s>(all: &mut Variants<'s>, resources: &'s Resources) {
    let Resources { requests, limits } = resources;
    all.without_each("/spec/resources/requests", requests, |other| {
        &mut other.resources.requests
    });
    all.without_each("/spec/resources/limits", limits, |other| {
        &mut other.resources.limits
    });
}

fn of_tls(all: &mut Variants, tls: &TlsSettings) {
    type Listener = fn(&mut TlsSettings) -> &mut Option<TlsSecret>;
    let TlsSettings { client: _, peer: _ } = tls;
    let listeners: [(&str, Listener); 2] = [
        ("/spec/tls/client", |tls| &mut tls.client),
        ("/spec/tls/peer", |tls| &mut tls.peer),
    ];
    for (field, of) in listeners {
        all.with(field, |other| *of(&mut other.tls) = None);
        let secret = |change: fn(&mut TlsSecret)| {
            move |other: &mut ClusterSpec| {
                if let Some(secret) = of(&mut other.tls) {
                    change(secret);
                }
            }
        };
        all.with(
            &format!("{field}/secretName"),
            secret(|secret| secret.secret_name += "x"),
        );
        all.with(
            &format!("{field}/caSecretName"),
            secret(|secret| secret.ca_secret_name += "x"),
        );
    }
}

fn of_scheduling<'s>(all: &mut Variants<'s>, scheduling: &'s Scheduling) {
    let Scheduling {
        node_selector,
        tolerations: _,
        affinity: _,
        priority_class_name: _,
        topology_spread: _,
    } = scheduling;
    all.without_each("/spec/scheduling/nodeSelector", node_selector, |other| {
        &mut other.scheduling.node_selector
    });
    all.with("/spec/scheduling/tolerations", |other| {
        other.scheduling.tolerations.clear();
    });
    all.with("/spec/scheduling/affinity", |other| {
        other.scheduling.affinity = None;
    });
    all.with("/spec/scheduling/priorityClassName", |other| {
        other.scheduling.priority_class_name = None;
    });
    all.with("/spec/scheduling/topologySpread", |other| {
        other.scheduling.topology_spread.clear();
    });
}

fn of_pod<'s>(all: &mut Variants<'s>, pod: &'s PodSettings) {
    let PodSettings {
        labels,
        annotations,
        image_pull_secrets: _,
        fs_group: _,
    } = pod;
    all.without_each("/spec/pod/labels", labels, |other| &mut other.pod.labels);
    all.without_each("/spec/pod/annotations", annotations, |other| {
        &mut other.pod.annotations
    });
    all.with("/spec/pod/imagePullSecrets", |other| {
        other.pod.image_pull_secrets.clear();
    });
    all.with("/spec/pod/fsGroup", |other| {
        other.pod.fs_group = other.pod.fs_group.map(|group| group + 1);
    });
}

fn of_service<'s>(all: &mut Variants<'s>, service: &'s ServiceSettings) {
    let ServiceSettings {
        labels,
        annotations,
    } = service;
    all.without_each("/spec/service/labels", labels, |other| {
        &mut other.service.labels
    });
    all.without_each("/spec/service/annotations", annotations, |other| {
        &mut other.service.annotations
    });
}
