//! etcd's settings as a process has them: of its configuration file, or else of its flags and environment.

use std::collections::BTreeMap;

use serde_json::Value;

use super::mounts::Template;
use super::{Finding, Running};

/// By the names that they have in the configuration file; of the members' files, those of member 0.
pub(super) struct Configuration {
    pub(super) settings: BTreeMap<String, Value>,
    pub(super) findings: Vec<Finding>,
    /// etcd reads flags and variables of the environment only where it has no file.
    pub(super) of_file: bool,
}

/// A listener's files are mappings in the configuration file and flags with these names elsewhere.
const LISTENERS: [(&str, &str); 2] = [
    ("", "client-transport-security"),
    ("peer-", "peer-transport-security"),
];
const FILES: [&str; 4] = [
    "cert-file",
    "key-file",
    "trusted-ca-file",
    "client-cert-auth",
];

pub(super) fn read(running: &Running, of: Template) -> Configuration {
    let mut findings = Vec::new();
    let words = words(of.container, &mut findings);
    let mut settings = environment(of.container, &mut findings);
    settings.extend(flags(&words));
    let path = settings.get("config-file").and_then(Value::as_str);
    let Some(path) = path.map(|path| of_member_0(path, running.name())) else {
        gather_listeners(&mut settings);
        return Configuration {
            settings,
            findings,
            of_file: false,
        };
    };
    let settings = file(running, of, &path);
    if settings.is_none() {
        findings.push(Finding::new(
            "etcd",
            format!("its configuration file {path} is in no ConfigMap that can be read"),
            "not in the document: etcd's settings are taken for its defaults, and adopting would change those that are others",
        ));
    }
    Configuration {
        settings: settings.unwrap_or_default(),
        findings,
        of_file: true,
    }
}

/// Variables that hold the pod's name, whatever they are called, are those that end in it.
fn of_member_0(path: &str, set: &str) -> String {
    match (path.find("$("), path.find(')')) {
        (Some(from), Some(to)) if from < to && path[from..to].ends_with("NAME") => {
            format!("{}{set}-0{}", &path[..from], &path[to + 1..])
        }
        _ => path.to_owned(),
    }
}

fn file(running: &Running, of: Template, path: &str) -> Option<BTreeMap<String, Value>> {
    let (name, key) = of.config_map(path)?;
    let named = |map: &&Value| map.pointer("/metadata/name").is_some_and(|n| n == name);
    let map = running.config_maps.iter().find(named)?;
    let text = map["data"].get(&key)?.as_str()?;
    serde_saphyr::from_str(text).ok()
}

/// Command and arguments; of a script that a shell runs, its words.
fn words(container: &Value, findings: &mut Vec<Finding>) -> Vec<String> {
    let list = |field: &str| {
        let list = container.get(field).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(|word| word.as_str().map(str::to_owned))
    };
    let all: Vec<String> = list("command").chain(list("args")).collect();
    let is_shell = |word: &String| {
        let program = word.rsplit('/').next().unwrap_or_default();
        ["sh", "bash", "ash", "dash"].contains(&program)
    };
    if !all.first().is_some_and(is_shell) {
        return all;
    }
    findings.push(Finding::new(
        "etcd",
        "a shell starts it, with a script",
        "the flags are those that the script's text names; what else it does is not in the document",
    ));
    let trim = |word: &str| word.trim_matches(['"', '\'', '\\', ';']).to_owned();
    let scripts = all.iter().flat_map(|script| script.split_whitespace());
    scripts.map(trim).filter(|word| !word.is_empty()).collect()
}

fn flags(words: &[String]) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            continue;
        };
        let is_flag = flag.starts_with(|c: char| c.is_ascii_lowercase());
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value.trim_matches(['"', '\'']).to_owned()),
            None => match words.next_if(|next| !next.starts_with('-')) {
                Some(next) => (flag, next.clone()),
                None => (flag, "true".to_owned()),
            },
        };
        if is_flag {
            found.insert(name.to_owned(), Value::from(value));
        }
    }
    found
}

/// `ETCD_SNAPSHOT_COUNT` is `--snapshot-count`. Values of other variables may be secrets: not one is shown.
fn environment(container: &Value, findings: &mut Vec<Finding>) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let variables = container.get("env").and_then(Value::as_array);
    for variable in variables.into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        let Some(setting) = name.strip_prefix("ETCD_") else {
            continue;
        };
        let setting = setting.to_ascii_lowercase().replace('_', "-");
        match variable.get("value").and_then(Value::as_str) {
            Some(value) => drop(found.insert(setting, Value::from(value))),
            None => findings.push(Finding::new(
                format!("etcd: {setting}"),
                format!("taken from elsewhere by the variable {name}"),
                "not in the document: its value is not in the StatefulSet",
            )),
        }
    }
    if container.get("envFrom").is_some() {
        findings.push(Finding::new(
            "etcd",
            "variables come from whole ConfigMaps or Secrets (envFrom)",
            "not in the document: settings of etcd among them are not seen",
        ));
    }
    found
}

/// Flags of a listener, in the shape that the file has.
fn gather_listeners(settings: &mut BTreeMap<String, Value>) {
    for (prefix, mapping) in LISTENERS {
        let mut files = serde_json::Map::new();
        for file in FILES {
            if let Some(value) = settings.remove(&format!("{prefix}{file}")) {
                files.insert(file.to_owned(), value);
            }
        }
        if !files.is_empty() {
            settings.insert(mapping.to_owned(), Value::Object(files));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let words = [
            "etcd",
            "--name=a",
            "--debug",
            "--snapshot-count",
            "5",
            "-x=y",
        ];
        let found = flags(&words.map(str::to_owned));
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(found.len(), 4);
        assert_eq!(text("name"), "a");
        assert_eq!(text("debug"), "true");
        assert_eq!(text("snapshot-count"), "5");
        assert_eq!(text("x"), "y");
    }

    #[test]
    fn a_scripts_flags_are_seen_and_said_to_be_a_scripts() {
        let container = json!({"command": ["/bin/sh", "-ec", "exec etcd --name=a \\\n  --quota-backend-bytes=\"8\""]});
        let mut findings = Vec::new();
        let found = flags(&words(&container, &mut findings));
        assert_eq!(found["quota-backend-bytes"], "8");
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn the_files_name_of_member_0() {
        assert_eq!(
            of_member_0("/etc/$(POD_NAME).yaml", "orders"),
            "/etc/orders-0.yaml"
        );
        assert_eq!(of_member_0("/etc/etcd.yaml", "orders"), "/etc/etcd.yaml");
    }
}
