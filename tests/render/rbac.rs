//! What is rendered of the two identities: goldens of the example fleet's roles, and what holds of any.

use std::collections::BTreeMap;
use std::path::Path;

use reconcile::fleet::{
    Context, ContextSource, Fleet, MigrationStrategy, Reach, SnapshotStore, load,
};
use reconcile::manifest::rbac::{Mode, Rights, Scope, Subject, TABLE, Verb, yaml};
use reconcile::report::permissions_markdown;
use serde_json::Value;

use super::{cases, fleet_of};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn held(text: String, golden: &Path) {
    let golden = snapbox::Data::read_from(golden, Some(snapbox::data::DataFormat::Text));
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(snapbox::Data::text(text).raw(), golden.raw());
}

fn objects(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML that we wrote")
}

#[test]
fn the_document_is_what_the_table_says() {
    held(permissions_markdown(), &root().join("docs/permissions.md"));
}

#[test]
fn the_example_fleet_needs_what_its_goldens_say() {
    let documents = reconcile::source::read(&root().join("examples/clusters"));
    let fleet = load(&documents.files).fleet.expect("a valid fleet");
    for context in fleet.contexts.keys() {
        for mode in Mode::ALL {
            let rights = Rights::of(&fleet, context, mode);
            let text = yaml(&rights, &Subject::usual(&rights));
            let file = format!("tests/golden/rbac/{context}.{mode}.yaml");
            held(text, &root().join(file));
        }
    }
}

/// `(verb, group/resource)` of every rule, with the names it is for.
fn rules(objects: &[Value]) -> Vec<(String, String, Vec<Value>)> {
    let rules = objects.iter().filter_map(|o| o["rules"].as_array());
    rules
        .flatten()
        .flat_map(|rule| {
            let resource = format!(
                "{}/{}",
                rule["apiGroups"][0].as_str().expect("a group"),
                rule["resources"][0].as_str().expect("a resource")
            );
            let names = rule["resourceNames"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let verbs = rule["verbs"].as_array().expect("verbs").clone();
            verbs.into_iter().map(move |verb| {
                let verb = verb.as_str().expect("a verb").to_owned();
                (verb, resource.clone(), names.clone())
            })
        })
        .collect()
}

fn rendered(fleet: &Fleet, mode: Mode) -> Vec<Value> {
    let rights = Rights::of(fleet, "eu-1", mode);
    objects(&yaml(&rights, &Subject::usual(&rights)))
}

/// With all that asks for rights of its own.
fn demanding() -> Fleet {
    let mut spec = cases::minimal();
    spec.storage.attributes_class_name = Some("gold".into());
    spec.storage.migration.strategy = MigrationStrategy::Offline;
    spec.access.credentials_secret_name = Some("on".into());
    spec.backup.store = Some(SnapshotStore::Gcs {
        bucket: "b".into(),
        prefix: None,
        secret_name: Some("store".into()),
    });
    spec.access.reach = Reach::PortForward;
    fleet_of(vec![spec])
}

#[test]
fn the_table_names_each_right_once_and_says_what_for() {
    let mut seen = BTreeMap::new();
    for line in TABLE {
        let right = (line.group, line.resource, line.scope, line.verb);
        assert_eq!(seen.insert(right, line), None, "twice: {line:?}");
        assert!(line.why.len() > 5, "{line:?}");
    }
}

/// But for the stream to a member, which newer API servers call a `create`.
#[test]
fn who_checks_can_only_read() {
    for (verb, resource, _) in rules(&rendered(&demanding(), Mode::Check)) {
        let reads = ["get", "list"].contains(&verb.as_str());
        assert!(
            reads || resource == "/pods/portforward",
            "{verb} {resource}"
        );
    }
    let reads = |verb: Verb| matches!(verb, Verb::Get | Verb::List);
    let only = TABLE
        .iter()
        .filter(|l| l.mode == Mode::Check && !reads(l.verb));
    assert_eq!(only.count(), 1);
}

#[test]
fn no_rule_has_a_wildcard_and_secrets_go_by_name() {
    for mode in Mode::ALL {
        let objects = rendered(&demanding(), mode);
        let text = serde_json::to_string(&objects).expect("JSON");
        assert!(!text.contains('*'), "{text}");
        let secrets: Vec<_> = rules(&objects)
            .into_iter()
            .filter(|(_, resource, _)| resource == "/secrets")
            .collect();
        let names = vec![Value::from("on"), Value::from("store")];
        assert_eq!(secrets, [("get".to_owned(), "/secrets".to_owned(), names)]);
    }
}

#[test]
fn no_right_is_given_for_what_a_fleet_does_not_use() {
    let mut plain = cases::minimal();
    plain.access.reach = Reach::Direct;
    let few = rules(&rendered(&fleet_of(vec![plain]), Mode::Apply));
    let all = rules(&rendered(&demanding(), Mode::Apply));
    let more: Vec<String> = all
        .iter()
        .filter(|rule| !few.contains(rule))
        .map(|(verb, resource, _)| format!("{verb} {resource}"))
        .collect();
    assert_eq!(
        more,
        [
            "list storage.k8s.io/volumeattributesclasses",
            "create /pods",
            "get /pods/portforward",
            "create /pods/portforward",
            "create /persistentvolumeclaims",
            "get /secrets",
        ]
    );
    let conditional = TABLE.iter().filter(|line| {
        line.when != reconcile::manifest::rbac::When::Always || line.scope == Scope::Secrets
    });
    assert_eq!(conditional.count(), more.len());
}

#[test]
fn a_member_beside_us_needs_no_stream() {
    let mut fleet = fleet_of(vec![cases::minimal()]);
    let streams = |fleet: &Fleet| {
        let rules = rules(&rendered(fleet, Mode::Check));
        rules
            .iter()
            .any(|(_, resource, _)| resource == "/pods/portforward")
    };
    assert!(streams(&fleet), "`auto`, from outside");
    let context = Context {
        source: ContextSource::InCluster,
        cluster_uid: None,
    };
    fleet.contexts.insert("eu-1".into(), context);
    assert!(!streams(&fleet), "`auto`, from inside");
}

#[test]
fn each_role_is_bound_to_the_subject_that_is_asked_for() {
    let mut other = cases::minimal();
    other.id.name = "billing".into();
    other.namespace = "billing".into();
    let fleet = fleet_of(vec![cases::minimal(), other]);
    let rights = Rights::of(&fleet, "eu-1", Mode::Check);
    let subjects = [
        (Subject::User("ada \"x\" #1".into()), "ada \"x\" #1"),
        (Subject::Group("yes".into()), "yes"),
        (Subject::usual(&rights), "reconcile-check"),
    ];
    for (subject, name) in subjects {
        let objects = objects(&yaml(&rights, &subject));
        let accounts = objects.iter().filter(|o| o["kind"] == "ServiceAccount");
        let wanted = usize::from(matches!(subject, Subject::ServiceAccount { .. }));
        assert_eq!(accounts.count(), wanted);
        let bindings: Vec<&Value> = objects
            .iter()
            .filter(|o| o.get("roleRef").is_some())
            .collect();
        assert_eq!(
            bindings.len(),
            3,
            "the cluster's, and one for each namespace"
        );
        for binding in bindings {
            assert_eq!(binding["subjects"][0]["name"], name);
            let role = objects.iter().find(|o| {
                o["kind"] == binding["roleRef"]["kind"]
                    && o["metadata"] == binding["metadata"]
                    && o["metadata"]["name"] == binding["roleRef"]["name"]
            });
            assert!(role.is_some(), "{binding:#}");
        }
    }
}

#[test]
fn a_context_without_clusters_is_looked_at_all_the_same() {
    let rights = Rights::of(&fleet_of(Vec::new()), "eu-1", Mode::Check);
    let objects = objects(&yaml(&rights, &Subject::usual(&rights)));
    let kinds: Vec<&Value> = objects.iter().map(|o| &o["kind"]).collect();
    assert_eq!(
        kinds,
        ["ServiceAccount", "ClusterRole", "ClusterRoleBinding"]
    );
}
