//! What happens to a cluster that nobody planned.

use jiff::{SignedDuration, Timestamp};
use reconcile::fleet::Ordinal;
use reconcile::state::{
    Actor, Backup, Claim, ClaimPhase, Contents, FieldManager, Kube, Limit, LiveObject, Lock,
    Member, MemberFile, MemberId, Modification, ModificationState, ObjectKind, Quota, Reading,
    ReleasedVolume, StorageClass, Uid,
};
use serde_json::{Value, json};

use super::{Result, World};

impl World {
    pub(super) fn mishap(&mut self, words: &[&str]) -> Result<()> {
        match words {
            ["store", "unreadable", why @ ..] => {
                self.observed.backup = Some(Backup {
                    store: self.spec.snapshots_place(),
                    snapshots: Reading::Unknown(why.join(" ")),
                });
                Ok(())
            }
            ["unreadable", why @ ..] => {
                self.observed.kube = Reading::Unknown(why.join(" "));
                Ok(())
            }
            ["no-quorum", why @ ..] => {
                self.observed.etcd.membership = Reading::Unknown(why.join(" "));
                self.observed.etcd.alarms = Reading::Unknown(why.join(" "));
                Ok(())
            }
            ["says-cluster", ordinal, id] => {
                let id: MemberId = id.parse()?;
                let statuses = &mut self.observed.etcd.statuses;
                let status = statuses.get_mut(&Ordinal(ordinal.parse()?));
                let status = status.and_then(Reading::known_mut);
                status.ok_or("it does not answer")?.cluster_id = id;
                Ok(())
            }
            ["leader", ordinal] => self.lead(ordinal.parse()?),
            ["silent", ordinal, why @ ..] => self.silence(ordinal.parse()?, &why.join(" ")),
            ["stuck", ordinal, why @ ..] => {
                let ordinal = ordinal.parse()?;
                self.pod(ordinal)?.waiting = Some(why.join(" "));
                self.silence(ordinal, "connection refused")
            }
            ["last-words", ordinal, words @ ..] => {
                self.pod(ordinal.parse()?)?.last_words = Some(words.join(" "));
                Ok(())
            }
            ["member", "gone", ordinal] => self.forget(ordinal.parse()?),
            ["member", "foreign", url] => self.stranger(url),
            ["members", "https"] => self.other_scheme(),
            ["cluster-id", id] => {
                let id: MemberId = id.parse()?;
                let list = self.observed.etcd.membership.known_mut();
                list.ok_or("no list")?.cluster_id = id;
                Ok(())
            }
            ["claim", "replaced", ordinal] => self.replace_claim(ordinal.parse()?),
            ["unborn"] => self.unbear(),
            ["unstarted", ordinal] => self.unstart(ordinal.parse()?),
            ["node", "gone", ordinal] => {
                let ordinal = ordinal.parse()?;
                let pod = self.pod(ordinal)?;
                (pod.deleting, pod.node) = (true, Some("node-7".into()));
                self.silence(ordinal, "connection refused")
            }
            ["pod", "deleting", ordinal] => {
                self.pod(ordinal.parse()?)?.deleting = true;
                Ok(())
            }
            ["attempts", ordinal, count] => self.fail_learners(ordinal.parse()?, count.parse()?),
            _ => self.kube_mishap(words),
        }
    }

    fn kube_mishap(&mut self, words: &[&str]) -> Result<()> {
        let at = self.observed.at;
        let claim_name = |spec: &reconcile::fleet::ClusterSpec| spec.claim_name(Ordinal(0));
        let claim_name = claim_name(&self.spec);
        let kube = self.kube()?;
        match words {
            ["namespace", "absent"] => kube.namespace_exists = false,
            ["claimed", kind, id] => {
                kube.claimed_by.insert(object_kind(kind)?, (*id).to_owned());
            }
            ["foreign", kind] => {
                kube.objects.insert(object_kind(kind)?, foreign());
            }
            ["deleting", kind] => object(kube, kind)?.deleting = true,
            ["delete", kind] => {
                let kind = object_kind(kind)?;
                kube.objects.remove(&kind);
                match kind {
                    ObjectKind::StatefulSet => kube.stateful_set = None,
                    ObjectKind::ConfigMap => kube.member_files.clear(),
                    _ => {}
                }
            }
            ["edit", kind, pointer, value] => {
                let live = object(kube, kind)?;
                set_field(&mut live.content, pointer, serde_json::from_str(value)?)?;
            }
            ["drained", ordinal] => self.pod(ordinal.parse()?)?.serving_label = false,
            ["stamp", ordinal, stamp] => {
                self.pod(ordinal.parse()?)?.stamp = Some((*stamp).to_owned());
            }
            ["pod", "gone", ordinal] => {
                kube.pods.remove(&Ordinal(ordinal.parse()?));
                self.observed
                    .etcd
                    .statuses
                    .remove(&Ordinal(ordinal.parse()?));
            }
            ["scaled", replicas] => {
                let replicas: u32 = replicas.parse()?;
                let set = kube.stateful_set.as_mut().ok_or("no StatefulSet")?;
                set.replicas = replicas;
                let live = object(kube, "StatefulSet")?;
                set_field(&mut live.content, "/spec/replicas", json!(replicas))?;
            }
            ["pods", "gone"] => kube.pods.clear(),
            ["claim", "gone", ordinal] => {
                kube.claims.remove(&Ordinal(ordinal.parse()?));
            }
            ["claim", "deleting", ordinal] => {
                let claim = kube.claims.get_mut(&Ordinal(ordinal.parse()?));
                claim.ok_or("no claim")?.deleting = true;
            }
            ["claims", "gone"] => kube.claims.clear(),
            ["volume", "unreadable", ordinal] => {
                let claim = kube.claims.get_mut(&Ordinal(ordinal.parse()?));
                claim.ok_or("no claim")?.volume = Some(Reading::Unknown("forbidden".into()));
            }
            ["volume", "unbound", ordinal] => {
                let claim = kube.claims.get_mut(&Ordinal(ordinal.parse()?));
                let claim = claim.ok_or("no claim")?;
                claim.volume = None;
                claim.phase = ClaimPhase::Pending;
            }
            ["volumes", "released"] => {
                kube.released_volumes = Reading::Known(vec![ReleasedVolume {
                    name: "pv-0".into(),
                    uid: Uid("pv-0".into()),
                    since: None,
                    resource_version: String::new(),
                    etcd_cluster: None,
                    contents: None,
                    claim: claim_name,
                }]);
            }
            ["volumes", "gone"] => kube.released_volumes = Reading::Known(Vec::new()),
            ["volumes", "unreadable"] => {
                kube.released_volumes = Reading::Unknown("forbidden".into());
            }
            ["locked", holder] => {
                kube.lock = Some(Lock {
                    holder: (*holder).to_owned(),
                    acquired: Some(at),
                    renewed: at,
                    duration: 30,
                    commit: None,
                });
            }
            ["ledger", "lost"] => kube.ledger = None,
            ["attributes", what @ ..] => return self.attributes(what),
            _ => return self.other_hands(words),
        }
        Ok(())
    }

    /// The `VolumeAttributesClass` that Git names, and what drivers make of it.
    fn attributes(&mut self, words: &[&str]) -> Result<()> {
        let name = self.spec.storage.attributes_class_name.clone();
        let kube = self.kube()?;
        let classes = &mut kube.attributes_classes;
        let named = name.ok_or("Git names none");
        match words {
            ["unreadable", why @ ..] => *classes = Reading::Unknown(why.join(" ")),
            ["missing"] => *classes = Reading::Known([(named?, None)].into()),
            ["driver", driver] => {
                let driver = Some((*driver).to_owned());
                *classes = Reading::Known([(named?, driver)].into());
            }
            ["begun", ordinal] => kube_claim(kube, ordinal)?.attributes.asked = Some(named?),
            ["infeasible", ordinal, why @ ..] => {
                let claim = kube_claim(kube, ordinal)?;
                claim.resize = Some(format!("ModifyVolumeError: {}", why.join(" ")));
                claim.attributes.asked = Some(named.clone()?);
                claim.attributes.modification = Some(Modification {
                    target: named?,
                    state: ModificationState::Infeasible,
                });
            }
            _ => return Err(format!("no such thing happens: attributes {words:?}").into()),
        }
        Ok(())
    }

    /// Other actors, and where else the cluster is.
    fn other_hands(&mut self, words: &[&str]) -> Result<()> {
        let at = self.observed.at;
        let kube = self.kube()?;
        match words {
            ["edit", kind, pointer, value, "by", manager] => {
                let live = object(kube, kind)?;
                set_field(&mut live.content, pointer, serde_json::from_str(value)?)?;
                live.managers.push(held(manager, pointer, at));
            }
            ["held", kind, pointer, "by", manager] => {
                let live = object(kube, kind)?;
                live.managers.push(held(manager, pointer, at));
            }
            ["actor", kind, name @ ..] => kube.actors.push(Actor {
                name: name.join(" "),
                on: object_kind(kind)?,
                since: Some(at - SignedDuration::from_hours(17)),
            }),
            ["elsewhere", "unreadable", why @ ..] => {
                kube.elsewhere = Reading::Unknown(why.join(" "));
            }
            ["quota", name, resource, hard, used] => {
                let limit = Limit {
                    hard: hard.parse()?,
                    used: used.parse()?,
                };
                kube.quotas = Reading::Known(vec![Quota {
                    name: (*name).to_owned(),
                    limits: [((*resource).to_owned(), limit)].into(),
                }]);
            }
            ["quotas", "unreadable", why @ ..] => {
                kube.quotas = Reading::Unknown(why.join(" "));
            }
            ["class", name, "binds-at-once"] => {
                let class = StorageClass {
                    provisioner: "model".into(),
                    expands: true,
                    binds_at_once: true,
                };
                let classes = kube.storage_classes.known_mut();
                let classes = classes.ok_or("classes are not readable")?;
                classes.insert((*name).to_owned(), Some(class));
            }
            ["elsewhere", what @ ..] => {
                kube.elsewhere = Reading::Known(vec![what.join(" ")]);
            }
            ["scaled", replicas, "by", manager] => {
                self.kube_mishap(&["scaled", replicas])?;
                let live = object(self.kube()?, "StatefulSet")?;
                live.managers.push(held(manager, "/spec/replicas", at));
            }
            _ => return self.seen(words),
        }
        Ok(())
    }

    pub(super) fn kube(&mut self) -> Result<&mut Kube> {
        Ok(self
            .observed
            .kube
            .known_mut()
            .ok_or("Kubernetes is not readable")?)
    }

    fn pod(&mut self, ordinal: u32) -> Result<&mut reconcile::state::Pod> {
        let pods = &mut self.kube()?.pods;
        Ok(pods.get_mut(&Ordinal(ordinal)).ok_or("no such pod")?)
    }

    /// So many learners in a row did not become voters here.
    fn fail_learners(&mut self, ordinal: u32, count: u32) -> Result<()> {
        let at = self.observed.at;
        let kube = self.kube()?;
        let stamp = kube.stateful_set.as_ref().and_then(|s| s.stamp.clone());
        let ledger = kube.ledger.as_mut().ok_or("no ledger")?;
        let seat = ledger.seats.entry(Ordinal(ordinal)).or_default();
        (seat.attempts, seat.added_at, seat.stamp) = (count, Some(at), stamp);
        seat.leaving = true;
        Ok(())
    }

    /// Someone deleted the claim and its pod; both were made again, and the volume is empty.
    fn replace_claim(&mut self, ordinal: u32) -> Result<()> {
        let claim = self.kube()?.claims.get_mut(&Ordinal(ordinal));
        let claim = claim.ok_or("no claim")?;
        claim.uid = Uid("made-again".into());
        claim.contents = Some(Contents::Empty);
        let pod = self.pod(ordinal)?;
        pod.waiting = Some("CrashLoopBackOff: back-off restarting failed container".into());
        pod.last_words = Some("cannot fetch cluster info from peer urls".into());
        self.silence(ordinal, "connection refused")
    }

    /// Its process has never run: the file is as the bootstrap wrote it.
    fn unstart(&mut self, ordinal: u32) -> Result<()> {
        let url = self.spec.peer_url(Ordinal(ordinal));
        let all = (0..self.spec.members).map(Ordinal);
        let pairs = all.map(|o| format!("{}={}", self.spec.pod_name(o), self.spec.peer_url(o)));
        let birth = MemberFile::Bootstrap {
            initial_cluster: pairs.collect::<Vec<_>>().join(","),
            token: "model-1".into(),
        };
        let list = self.observed.etcd.membership.known_mut().ok_or("no list")?;
        let member = list.members.iter_mut().find(|m| m.peer_urls.contains(&url));
        member.ok_or("not listed")?.client_urls.clear();
        let key = format!("{}.yaml", self.spec.pod_name(Ordinal(ordinal)));
        let kube = self.kube()?;
        let claim = kube.claims.get_mut(&Ordinal(ordinal)).ok_or("no claim")?;
        claim.contents = Some(Contents::Empty);
        let file = kube
            .member_files
            .get_mut(&Ordinal(ordinal))
            .ok_or("no file")?;
        *file = birth.rewrite(file).into();
        let text = json!(file.clone());
        object(kube, "ConfigMap")?.content["data"][key.as_str()] = text;
        self.pod(ordinal)?.waiting = Some("Unschedulable: 0/3 nodes are available".into());
        self.silence(ordinal, "no address")
    }

    /// Its pods are there, and no process of it has come up yet.
    fn unbear(&mut self) -> Result<()> {
        let etcd = &mut self.observed.etcd;
        etcd.membership = Reading::Unknown("connection refused".into());
        etcd.alarms = Reading::Unknown("connection refused".into());
        let kube = self.kube()?;
        for claim in kube.claims.values_mut() {
            claim.contents = Some(Contents::Empty);
        }
        let ordinals: Vec<u32> = kube.pods.keys().map(|o| o.0).collect();
        let mut all = ordinals.into_iter();
        all.try_for_each(|ordinal| self.silence(ordinal, "connection refused"))
    }

    fn silence(&mut self, ordinal: u32, why: &str) -> Result<()> {
        let statuses = &mut self.observed.etcd.statuses;
        statuses.insert(Ordinal(ordinal), Reading::Unknown(why.to_owned()));
        let kube = self.kube()?;
        kube.serving.remove(&Ordinal(ordinal));
        if let Some(pod) = kube.pods.get_mut(&Ordinal(ordinal)) {
            pod.ready = false;
        }
        Ok(())
    }

    fn lead(&mut self, ordinal: u32) -> Result<()> {
        let statuses = &mut self.observed.etcd.statuses;
        let leader = statuses
            .get(&Ordinal(ordinal))
            .and_then(|s| s.known())
            .ok_or("it does not answer")?
            .member_id;
        for status in statuses.values_mut().filter_map(Reading::known_mut) {
            status.leader = Some(leader);
            status.term += 1;
        }
        Ok(())
    }

    fn forget(&mut self, ordinal: u32) -> Result<()> {
        let url = self.spec.peer_url(Ordinal(ordinal));
        let list = self.observed.etcd.membership.known_mut().ok_or("no list")?;
        list.members.retain(|m| !m.peer_urls.contains(&url));
        self.observed.etcd.statuses.remove(&Ordinal(ordinal));
        Ok(())
    }

    fn stranger(&mut self, url: &str) -> Result<()> {
        let list = self.observed.etcd.membership.known_mut().ok_or("no list")?;
        list.members.push(Member {
            id: MemberId(0xf00),
            name: "stranger".into(),
            peer_urls: vec![url.to_owned()],
            client_urls: vec![url.replace("2380", "2379")],
            learner: false,
        });
        list.members.sort_by_key(|m| m.id);
        Ok(())
    }

    fn other_scheme(&mut self) -> Result<()> {
        let list = self.observed.etcd.membership.known_mut().ok_or("no list")?;
        for url in list.members.iter_mut().flat_map(|m| &mut m.peer_urls) {
            *url = url.replace("http://", "https://");
        }
        Ok(())
    }
}

fn kube_claim<'k>(kube: &'k mut Kube, ordinal: &str) -> Result<&'k mut Claim> {
    let claim = kube.claims.get_mut(&Ordinal(ordinal.parse()?));
    Ok(claim.ok_or("no claim")?)
}

fn object_kind(name: &str) -> Result<ObjectKind> {
    Ok(serde_json::from_value(json!(name))?)
}

fn object<'k>(kube: &'k mut Kube, kind: &str) -> Result<&'k mut LiveObject> {
    let kind = object_kind(kind)?;
    Ok(kube.objects.get_mut(&kind).ok_or("no such object")?)
}

/// Written a good while ago.
fn held(manager: &str, pointer: &str, now: Timestamp) -> FieldManager {
    FieldManager {
        name: manager.to_owned(),
        time: Some(now - SignedDuration::from_hours(17)),
        fields: [pointer.to_owned()].into(),
    }
}

fn foreign() -> LiveObject {
    LiveObject {
        uid: Uid("foreign".into()),
        ours: false,
        deleting: false,
        content: json!({}).into(),
        managers: Vec::new(),
    }
}

/// Sets a field, its parents as they are; `null` takes it away.
fn set_field(content: &mut Value, pointer: &str, value: Value) -> Result<()> {
    let (parent, field) = pointer.rsplit_once('/').ok_or("a pointer begins with /")?;
    let parent = content.pointer_mut(parent).ok_or("no such field")?;
    let field = field.replace("~1", "/").replace("~0", "~");
    match parent {
        Value::Object(map) if value.is_null() => {
            map.remove(&field);
        }
        Value::Object(map) => {
            map.insert(field, value);
        }
        Value::Array(items) => {
            *items
                .get_mut(field.parse::<usize>()?)
                .ok_or("no such element")? = value;
        }
        _ => return Err("the parent is no map".into()),
    }
    Ok(())
}
