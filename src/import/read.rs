//! A StatefulSet → the spec of a cluster, every field that it says.

use serde_json::{Map, Value, json};

use super::mounts::Template;
use super::settings::{self, Told};
use super::{Finding, ImportError, Running, Wanted, configuration, selectors};
use crate::diag::Code;
use crate::fleet::{EtcdVersion, Quantity};

pub(super) struct Read {
    /// In the order in which people write it.
    pub(super) spec: Value,
    pub(super) findings: Vec<Finding>,
}

/// What no object holds, and the fleet's defaults therefore say.
const UNTOLD: &str = "policy, backup, storage.migration, access.reach, suspend";

pub(super) fn read(running: &Running, wanted: &Wanted) -> Result<Read, ImportError> {
    let of = Template::of(&running.stateful_set).ok_or_else(|| ImportError::Impossible {
        code: Code::ImportContainer,
        found: format!("a StatefulSet {} without a container", running.name()),
        expected: "one that runs etcd",
        help: "name another with --statefulset".to_owned(),
    })?;
    let mut findings = Vec::new();
    let configuration = configuration::read(running, of);
    let Told {
        etcd,
        tls,
        data,
        findings: told,
    } = settings::read(&configuration, of);
    findings.extend(configuration.findings);
    findings.extend(told);
    let image = of.container["image"].as_str().unwrap_or_default();
    let version = version(image, wanted)?;
    let members = members(running);
    let mut spec = Map::new();
    spec.insert("context".into(), json!(wanted.id.context));
    if let Some(profile) = &wanted.profile {
        spec.insert("profile".into(), json!(profile));
    }
    let mut set = json!({"namespace": running.namespace()});
    if running.name() != wanted.id.name {
        set["name"] = json!(running.name());
    }
    spec.insert("backend".into(), json!({"statefulSet": set}));
    spec.insert("members".into(), json!(members));
    spec.insert("version".into(), json!(version.to_string()));
    spec.insert("image".into(), json!(written_image(image, version)));
    let mut add = |name: &str, value: Value| {
        if !is_empty(&value) {
            spec.insert(name.to_owned(), value);
        }
    };
    add("clusterDomain", domain(of));
    add("storage", storage(running, of, &data, &mut findings)?);
    add("etcd", etcd);
    add("resources", resources(of));
    add("access", access(wanted, &tls, &mut findings));
    add("tls", tls);
    add("scheduling", scheduling(of, &mut findings));
    let (mut pod, service) = (pod(of), service(running));
    findings.extend(selectors::leave_out(running, &mut pod));
    findings.extend(selectors::led_to_both(running, &service));
    add("pod", Value::Object(pod));
    add("service", service);
    if members.is_multiple_of(2) {
        add("policy", json!({"allowEvenMembers": true}));
    }
    findings.push(Finding::new(
        UNTOLD,
        "nothing that runs says",
        "as the fleet's defaults have it",
    ));
    Ok(Read {
        spec: Value::Object(spec),
        findings,
    })
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn members(running: &Running) -> u64 {
    let replicas = running.stateful_set.pointer("/spec/replicas");
    // The API server's own default.
    replicas.and_then(Value::as_u64).unwrap_or(1)
}

/// The tag of a reference; a colon before a slash belongs to the registry's port.
fn tag(image: &str) -> Option<&str> {
    let (_, tag) = image.split('@').next()?.rsplit_once(':')?;
    (!tag.contains('/')).then_some(tag)
}

/// What the members say, else what the image is called.
fn version(image: &str, wanted: &Wanted) -> Result<EtcdVersion, ImportError> {
    let of_tag = || {
        let tag = tag(image)?.trim_start_matches('v');
        let end = tag.find(|c: char| !c.is_ascii_digit() && c != '.');
        tag[..end.unwrap_or(tag.len())].parse().ok()
    };
    let version = wanted.version.or_else(of_tag);
    version.ok_or_else(|| ImportError::Impossible {
        code: Code::ImportVersion,
        found: format!("the image {image:?} and no member that answers"),
        expected: "a tag with etcd's version, or a member that tells it",
        help: "see that the members can be reached, or give --etcd-version".to_owned(),
    })
}

/// With the version left to follow where the tag does. Another tag, as `latest`, no document can have: what the image is
/// then shows among what differs.
fn written_image(image: &str, version: EtcdVersion) -> String {
    let plain = format!(":v{version}");
    match (image.contains('@'), image.strip_suffix(&plain), tag(image)) {
        (false, Some(name), _) => name.to_owned(),
        (false, None, Some(tag)) => {
            let version = version.to_string();
            let name = &image[..image.len() - tag.len() - 1];
            if tag.contains(&version) {
                format!("{name}:{}", tag.replacen(&version, "{version}", 1))
            } else {
                name.to_owned()
            }
        }
        _ => image.to_owned(),
    }
}

/// Where reconcile rendered it; elsewhere the kubelet knows it and no object.
fn domain(of: Template) -> Value {
    let searches = of.template.pointer("/spec/dnsConfig/searches");
    let only = searches.and_then(Value::as_array).filter(|s| s.len() == 1);
    only.map_or(Value::Null, |searches| searches[0].clone())
}

fn storage(
    running: &Running,
    of: Template,
    data: &str,
    findings: &mut Vec<Finding>,
) -> Result<Value, ImportError> {
    let templates = running.stateful_set.pointer("/spec/volumeClaimTemplates");
    let templates = templates.and_then(Value::as_array);
    let volume = of.mounted(data).map(|mounted| mounted.volume);
    let claim = templates.into_iter().flatten().find(|template| {
        let name = template.pointer("/metadata/name").and_then(Value::as_str);
        name.is_some() && name == volume
    });
    let Some(claim) = claim else {
        return Err(ImportError::Impossible {
            code: Code::ImportClaim,
            found: format!(
                "that {} keeps its data ({data}) on no claim of its own",
                running.name()
            ),
            expected: "a volumeClaimTemplate that is mounted there",
            help: "a cluster whose data goes with its pods is made anew, and its clients moved"
                .to_owned(),
        });
    };
    let asked = |of: &Value| of.pointer("/spec/resources/requests/storage").cloned();
    let size = asked(claim).unwrap_or_default();
    let read = |size: &Value| size.as_str()?.parse::<Quantity>().ok();
    for other in &running.claims {
        if let Some(has) = asked(other).filter(|has| read(has) != read(&size)) {
            findings.push(Finding::new(
                "storage.size",
                format!("claim {} asks for {}", named(other), text(&has)),
                format!("the document has the claim template's {}; the plan shows what becomes of the claim", text(&size)),
            ));
        }
    }
    let mut storage = Map::new();
    for (field, pointer) in [
        ("className", "/spec/storageClassName"),
        ("attributesClassName", "/spec/volumeAttributesClassName"),
    ] {
        if let Some(value) = claim.pointer(pointer) {
            storage.insert(field.to_owned(), value.clone());
        }
    }
    storage.insert("size".into(), size);
    Ok(Value::Object(storage))
}

pub(super) fn named(object: &Value) -> &str {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name.unwrap_or_default()
}

/// A text as it is, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn resources(of: Template) -> Value {
    let mut found = Map::new();
    for part in ["requests", "limits"] {
        if let Some(value) = of.container["resources"].get(part) {
            found.insert(part.to_owned(), value.clone());
        }
    }
    Value::Object(found)
}

/// How reconcile gets in is written nowhere: what members show each other is what they are sure to take.
fn access(wanted: &Wanted, tls: &Value, findings: &mut Vec<Finding>) -> Value {
    let mut access = Map::new();
    let members_own = tls.pointer("/client/secretName").cloned();
    match (&wanted.client_certificate, members_own) {
        (Some(secret), _) => drop(access.insert("clientCertSecretName".into(), json!(secret))),
        (None, Some(secret)) => {
            findings.push(Finding::new(
                "access.clientCertSecretName",
                "nothing that runs says",
                format!("the document has the members' own, {}; give --client-cert-secret where its certificate is not one for clients", text(&secret)),
            ));
            access.insert("clientCertSecretName".into(), secret);
        }
        (None, None) => {}
    }
    if let Some(secret) = &wanted.credentials {
        access.insert("credentialsSecretName".into(), json!(secret));
    }
    Value::Object(access)
}

fn scheduling(of: Template, findings: &mut Vec<Finding>) -> Value {
    let spec = &of.template["spec"];
    let mut found = Map::new();
    for field in [
        "nodeSelector",
        "tolerations",
        "affinity",
        "priorityClassName",
    ] {
        if let Some(value) = spec.get(field).filter(|value| !is_empty(value)) {
            found.insert(field.to_owned(), value.clone());
        }
    }
    let constraints = spec
        .get("topologySpreadConstraints")
        .and_then(Value::as_array);
    let (even, other): (Vec<&Value>, Vec<&Value>) = constraints
        .into_iter()
        .flatten()
        .partition(|c| c["maxSkew"] == 1 && c["whenUnsatisfiable"] == "DoNotSchedule");
    if !even.is_empty() {
        let keys = even.iter().map(|c| c["topologyKey"].clone());
        found.insert("topologySpread".into(), keys.collect());
    }
    for constraint in other {
        findings.push(Finding::new(
            "scheduling.topologySpread",
            constraint.to_string(),
            "not in the document: a spread of reconcile has maxSkew 1 and DoNotSchedule",
        ));
    }
    Value::Object(found)
}

/// Labels and annotations that reconcile or `kubectl` write are nobody's wish.
fn is_own(name: &str) -> bool {
    let own = ["name", "instance", "component", "managed-by"];
    name.starts_with("reconcile/")
        || name == "kubectl.kubernetes.io/last-applied-configuration"
        || name
            .strip_prefix("app.kubernetes.io/")
            .is_some_and(|name| own.contains(&name))
}

fn marks(metadata: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    for part in ["labels", "annotations"] {
        let all = metadata.get(part).and_then(Value::as_object);
        let kept: Map<String, Value> = all
            .into_iter()
            .flatten()
            .filter(|(name, _)| !is_own(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !kept.is_empty() {
            found.insert(part.to_owned(), Value::Object(kept));
        }
    }
    found
}

fn pod(of: Template) -> Map<String, Value> {
    let mut found = marks(&of.template["metadata"]);
    let spec = &of.template["spec"];
    let secrets = spec.get("imagePullSecrets").and_then(Value::as_array);
    if let Some(secrets) = secrets.filter(|secrets| !secrets.is_empty()) {
        let names = secrets.iter().map(|secret| secret["name"].clone());
        found.insert("imagePullSecrets".into(), names.collect());
    }
    if let Some(group) = spec.pointer("/securityContext/fsGroup") {
        found.insert("fsGroup".into(), group.clone());
    }
    found
}

/// The one for clients: it has an address of its own.
pub(super) fn client_service(running: &Running) -> Option<&Value> {
    let usual = format!("{}-client", running.name());
    let headed = |service: &&Value| {
        let address = service.pointer("/spec/clusterIP");
        address.is_none_or(|address| address != "None")
    };
    let mut services = running.services.iter().filter(headed);
    let usual = services.clone().find(|service| named(service) == usual);
    usual.or_else(|| services.next())
}

fn service(running: &Running) -> Value {
    client_service(running).map_or(Value::Null, |service| {
        Value::Object(marks(&service["metadata"]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_the_version_or_is_left_out() {
        let written = |image| written_image(image, EtcdVersion::new(3, 6, 16));
        for (image, expected) in [
            ("r:5000/etcd:v3.6.16", "r:5000/etcd"),
            ("r:5000/etcd", "r:5000/etcd"),
            ("r/etcd:3.6.16-r1", "r/etcd:{version}-r1"),
            ("r:5000/etcd:latest", "r:5000/etcd"),
            ("etcd:v3.6", "etcd"),
            ("r/etcd@sha256:0f", "r/etcd@sha256:0f"),
        ] {
            assert_eq!(written(image), expected);
        }
    }
}
