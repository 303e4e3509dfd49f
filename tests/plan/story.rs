//! A story: how a cluster came to be as it is, one line per act or mishap.
//!
//! ```text
//! cluster us-2/audit          another cluster; without one it is eu-1/orders
//! bootstrap 3                 Git wants 3 members; apply to the end
//! want members 5              Git moved (members, class, attributes, size, strategy, version, image, quota, protected, suspend, tls, …)
//! apply                       to the end
//! apply steps 4               killed right after four acts
//! apply until promote         killed right before the next act of this verb
//! pass 10                     seconds
//! blame 77e01b2…              the commit that wrote every line of the cluster's document
//! …                           mishaps: see `mishap`
//! sighted eu-1 audit StatefulSet etcd/audit   found by the fleet's label; or: sighted eu-1 unreadable WHY
//! show status|color           one more golden
//! show formats                goldens of every width and colour, YAML, and comments of several sizes
//! width 80
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use reconcile::decide::{Next, Run, Situation, decide, ledger_before};
use reconcile::fleet::{
    Access, BackupSettings, ClusterId, ClusterSpec, EtcdSettings, EtcdVersion, Origin, PodSettings,
    Policy, Resources, Scheduling, ServiceSettings, Storage, TlsSecret, TlsSettings,
};
use reconcile::model;
use reconcile::plan::SourceFacts;
use reconcile::state::{Evidence, Observation, Reading, Sighting, Sightings};

#[path = "mishap.rs"]
mod mishap;
#[path = "seen.rs"]
mod seen;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub(crate) struct World {
    pub(crate) spec: ClusterSpec,
    pub(crate) observed: Observation,
}

pub(crate) struct Story {
    pub(crate) worlds: Vec<World>,
    pub(crate) source: SourceFacts,
    pub(crate) sightings: Sightings,
    pub(crate) width: usize,
    pub(crate) status: bool,
    pub(crate) color: bool,
    pub(crate) formats: bool,
}

/// More decisions than any story takes.
const MOST_DECISIONS: usize = 1000;

impl Story {
    pub(crate) fn read(text: &str) -> Result<Self> {
        let mut story = Self {
            worlds: Vec::new(),
            source: SourceFacts {
                commit: Some("3f9c2ab00112233445566778899aabbccddeeff0".into()),
                dirty: false,
                filters: Vec::new(),
                path: None,
            },
            sightings: Sightings::new(),
            width: 100,
            status: false,
            color: false,
            formats: false,
        };
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|l| !l.is_empty() && !l.starts_with('#')) {
            story
                .tell(line)
                .map_err(|e| format!("line {line:?}: {e}"))?;
        }
        Ok(story)
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["cluster", id] => self.worlds.push(World::new(id)?),
            ["width", columns] => self.width = columns.parse()?,
            ["sighted", context, cluster, kind, place] => {
                let (namespace, name) = place.split_once('/').ok_or("no namespace")?;
                let sighting = Sighting {
                    cluster: (*cluster).to_owned(),
                    kind: (*kind).to_owned(),
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                };
                let none = || Reading::Known(Vec::new());
                let seen = self.sightings.entry((*context).to_owned());
                let seen = seen.or_insert_with(none).known_mut();
                seen.ok_or("not readable")?.push(sighting);
            }
            ["sighted", context, "unreadable", why @ ..] => {
                let unknown = Reading::Unknown(why.join(" "));
                self.sightings.insert((*context).to_owned(), unknown);
            }
            ["show", "status"] => self.status = true,
            ["show", "color"] => self.color = true,
            ["show", "formats"] => self.formats = true,
            ["commit", "none"] => self.source.commit = None,
            ["dirty"] => self.source.dirty = true,
            ["filter", filter] => self.source.filters.push((*filter).to_owned()),
            _ => {
                if self.worlds.is_empty() {
                    self.worlds.push(World::new("eu-1/orders")?);
                }
                self.worlds.last_mut().ok_or("no cluster")?.tell(&words)?;
            }
        }
        Ok(())
    }
}

impl World {
    fn new(id: &str) -> Result<Self> {
        let id = ClusterId::try_from(id.to_owned())?;
        let at: Timestamp = "2026-11-21T10:00:00Z".parse()?;
        Ok(Self {
            observed: model::empty(id.clone(), at),
            spec: spec(id)?,
        })
    }

    fn tell(&mut self, words: &[&str]) -> Result<()> {
        match words {
            ["bootstrap", members] => {
                self.spec.members = members.parse()?;
                model::provide_secrets(&mut self.observed, &self.spec);
                self.apply(|_| false, None)
            }
            ["want", field, value @ ..] => self.want(field, value),
            ["blame", commit] => {
                let mut origins = (**self.spec.origins).clone();
                let all = origins.values_mut();
                all.for_each(|origin| origin.commit = Some((*commit).to_owned()));
                self.spec.origins = Arc::new(origins.into());
                Ok(())
            }
            ["apply"] => self.apply(|_| false, None),
            ["apply", "steps", count] => {
                let count: usize = count.parse()?;
                self.apply(|_| false, Some(count))
            }
            ["apply", "until", verb] => self.apply(|next| next == *verb, None),
            ["pass", seconds] => {
                let span = SignedDuration::from_secs(seconds.parse()?);
                model::pass(&mut self.observed, &self.spec, span);
                Ok(())
            }
            mishap => self.mishap(mishap),
        }
    }

    /// The engine without its surroundings; killed right before a verb, or right after so many acts.
    fn apply(&mut self, killed_before: impl Fn(&str) -> bool, limit: Option<usize>) -> Result<()> {
        let mut evidence = Evidence::default();
        let mut done = 0;
        for _ in 0..MOST_DECISIONS {
            evidence.record(&self.observed);
            let decision = decide(&Situation {
                spec: &self.spec,
                observed: &self.observed,
                evidence: &evidence,
            });
            match decision.next {
                Next::Rest => return Ok(()),
                Next::Wait { condition, .. } => {
                    model::advance(&mut self.observed, &self.spec, condition);
                }
                Next::Act(step) => {
                    if killed_before(step.act.verb()) {
                        return Ok(());
                    }
                    let ledger = ledger_before(&self.observed, &step.act, &Run::default());
                    model::perform(&mut self.observed, &self.spec, &step.act, &ledger)?;
                    done += 1;
                    if Some(done) == limit {
                        return Ok(());
                    }
                }
            }
        }
        Err("the story does not end".into())
    }

    fn want(&mut self, field: &str, value: &[&str]) -> Result<()> {
        let spec = &mut self.spec;
        match (field, value) {
            ("members", [count]) => spec.members = count.parse()?,
            ("class", [name]) => spec.storage.class_name = Some((*name).to_owned()),
            ("attributes", [name]) => {
                spec.storage.attributes_class_name = Some((*name).to_owned());
            }
            ("size", [size]) => spec.storage.size = size.parse()?,
            ("version", [version]) => {
                spec.version = version.parse()?;
                spec.image = format!("registry.example/etcd:v{version}");
            }
            ("quota", [quota]) => spec.etcd.quota = Some(quota.parse()?),
            ("strategy", [name]) => {
                spec.storage.migration.strategy = serde_json::from_value((*name).into())?;
            }
            ("copy-image", [image]) => {
                spec.storage.migration.copy_image = Some((*image).to_owned());
                spec.policy.allow_downtime = true;
            }
            ("spread", [key]) => spec.scheduling.topology_spread.push((*key).to_owned()),
            ("protected", []) => spec.policy.protected = true,
            ("suspend", []) => spec.suspend = true,
            ("min-tolerance", [count]) => spec.policy.min_tolerance = count.parse()?,
            ("service-annotation", [key, value]) => {
                let annotations = &mut spec.service.annotations;
                annotations.insert((*key).to_owned(), (*value).to_owned());
            }
            ("tls", ["peer"]) => spec.tls.peer = Some(secret("peer")),
            ("tls", ["client"]) => spec.tls.client = Some(secret("client")),
            _ => return Err(format!("nobody can want {field} {value:?}").into()),
        }
        Ok(())
    }
}

fn secret(what: &str) -> TlsSecret {
    TlsSecret {
        secret_name: format!("orders-{what}-tls"),
        ca_secret_name: "orders-ca".into(),
    }
}

fn spec(id: ClusterId) -> Result<ClusterSpec> {
    let file = format!("clusters/{id}.yaml");
    let origin = |line| Origin {
        file: file.clone(),
        line,
        commit: None,
    };
    Ok(ClusterSpec {
        fleet: "prod".into(),
        namespace: "etcd".into(),
        name: id.name.clone(),
        cluster_domain: "cluster.local".into(),
        members: 3,
        version: EtcdVersion::new(3, 6, 16),
        image: "registry.example/etcd:v3.6.16".into(),
        storage: Storage::new(Some("gp3".into()), "1Gi".parse()?),
        etcd: EtcdSettings {
            quota: None,
            auto_compaction: None,
            snapshot_count: None,
            heartbeat_interval_ms: 100,
            election_timeout_ms: 1000,
            extra: BTreeMap::new(),
        },
        resources: Resources::default(),
        tls: TlsSettings::default(),
        access: Access::default(),
        scheduling: Scheduling::default(),
        pod: PodSettings::default(),
        service: ServiceSettings::default(),
        backup: BackupSettings::default(),
        policy: Policy::default(),
        suspend: false,
        origins: Arc::new(
            BTreeMap::from([
                ("/spec/members".to_owned(), origin(9)),
                ("/spec/storage/className".to_owned(), origin(12)),
            ])
            .into(),
        ),
        id,
    })
}
