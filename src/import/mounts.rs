//! Where in the etcd container a file comes from.

use serde_json::Value;

/// A StatefulSet's pod template, and the container that etcd runs in.
#[derive(Clone, Copy)]
pub(super) struct Template<'a> {
    pub(super) template: &'a Value,
    pub(super) container: &'a Value,
}

/// What is mounted at a path.
pub(super) struct Mounted<'a> {
    pub(super) volume: &'a str,
    /// Below the mount, without a slash at its front.
    rest: String,
}

impl<'a> Template<'a> {
    /// `None`: no container.
    pub(super) fn of(stateful_set: &'a Value) -> Option<Self> {
        let template = stateful_set.pointer("/spec/template")?;
        let containers = template.pointer("/spec/containers")?.as_array()?;
        let named = |c: &&Value| c["name"] == "etcd";
        let runs = |c: &&Value| c["image"].as_str().is_some_and(|i| i.contains("etcd"));
        let container = containers.iter().find(named);
        let container = container.or_else(|| containers.iter().find(runs));
        Some(Self {
            template,
            container: container.or_else(|| containers.first())?,
        })
    }

    fn list(of: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
        of.pointer(pointer)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    /// The volume that this path is on.
    pub(super) fn mounted(self, path: &str) -> Option<Mounted<'a>> {
        let below = |mount: &'a Value| {
            let at = mount["mountPath"].as_str()?.trim_end_matches('/');
            let rest = path.strip_prefix(at)?;
            let inside = rest.is_empty() || rest.starts_with('/');
            inside.then_some((at.len(), mount, rest))
        };
        let mounts = Self::list(self.container, "/volumeMounts").filter_map(below);
        let (_, mount, rest) = mounts.max_by_key(|(length, ..)| *length)?;
        let inside = mount["subPath"].as_str().unwrap_or_default();
        let rest = format!("{inside}{rest}");
        Some(Mounted {
            volume: mount["name"].as_str()?,
            rest: rest.trim_start_matches('/').to_owned(),
        })
    }

    pub(super) fn volume(self, name: &str) -> Option<&'a Value> {
        Self::list(self.template, "/spec/volumes").find(|volume| volume["name"] == name)
    }

    /// The ConfigMap and its key that this file is.
    pub(super) fn config_map(self, path: &str) -> Option<(&'a str, String)> {
        let mounted = self.mounted(path)?;
        let source = &self.volume(mounted.volume)?["configMap"];
        let key = key_of(source, &mounted.rest)?;
        Some((source["name"].as_str()?, key))
    }

    /// The Secret and its key that this file is.
    pub(super) fn secret(self, path: &str) -> Option<(&'a str, String)> {
        let mounted = self.mounted(path)?;
        let volume = self.volume(mounted.volume)?;
        if let Some(name) = volume.pointer("/secret/secretName").and_then(Value::as_str) {
            return Some((name, key_of(&volume["secret"], &mounted.rest)?));
        }
        Self::list(volume, "/projected/sources").find_map(|source| {
            let secret = source.get("secret")?;
            secret.get("items")?;
            let key = key_of(secret, &mounted.rest)?;
            Some((secret["name"].as_str()?, key))
        })
    }
}

/// `items` say which keys become which files; without them each key is one.
fn key_of(source: &Value, file: &str) -> Option<String> {
    match source.get("items").and_then(Value::as_array) {
        None => (source.is_object() && !file.is_empty()).then(|| file.to_owned()),
        Some(items) => {
            let item = items.iter().find(|item| item["path"] == file)?;
            item["key"].as_str().map(str::to_owned)
        }
    }
}
