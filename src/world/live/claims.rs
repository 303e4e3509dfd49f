//! Members' claims and the volumes behind them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus, PersistentVolumeSpec,
};
use serde_json::Value;

use super::api::{Api, ReadError};
use super::names;
use super::pods::parse;
use super::resource::Resource;
use crate::fleet::{ClusterSpec, Ordinal, Quantity, of_copy};
use crate::state::{
    Attributes, Claim, ClaimPhase, Copying, ETCD_CLUSTER_ANNOTATION, LentClaim, MemberId,
    Modification, ModificationState, Pod, Reading, ReleasedVolume, Uid, Volume,
};

const AT_ONCE: usize = 16;

/// The volumes of one Kubernetes cluster, as far as they were asked for.
#[derive(Clone, Default)]
pub(super) struct Volumes {
    by_name: BTreeMap<String, Result<Option<PersistentVolume>, ReadError>>,
    /// By namespace and name of the claims that they were made for, without the ordinal: all clusters ask for theirs.
    of_claims: BTreeMap<(String, String), Vec<String>>,
    /// `None`: nothing was asked for.
    listed: Option<Result<(), ReadError>>,
}

impl Volumes {
    /// All of them, by one LIST.
    pub(super) async fn list(api: &Api) -> Result<Self, ReadError> {
        let objects = api.list(Resource::Volume, "", "").await?;
        let parsed = |object| {
            (
                names::name(object).to_owned(),
                parse("volume", object).map(Some),
            )
        };
        let by_name: BTreeMap<_, _> = objects.iter().map(parsed).collect();
        Ok(Self {
            of_claims: of_claims(&by_name),
            by_name,
            listed: Some(Ok(())),
        })
    }

    /// These by name, where a LIST failed so.
    pub(super) async fn each(api: &Api, wanted: BTreeSet<String>, unlisted: ReadError) -> Self {
        Self {
            by_name: by_name(api, wanted).await,
            of_claims: BTreeMap::new(),
            listed: Some(Err(unlisted)),
        }
    }

    /// With those of these names that were not asked for before: of claims that no LIST shows, or that were bound since.
    pub(super) async fn and(&self, api: &Api, wanted: BTreeSet<String>) -> Cow<'_, Self> {
        let missing: BTreeSet<String> = wanted
            .into_iter()
            .filter(|name| !self.by_name.contains_key(name))
            .collect();
        if missing.is_empty() {
            return Cow::Borrowed(self); // as it is nearly always
        }
        let mut more = self.clone();
        more.by_name.extend(by_name(api, missing).await);
        more.of_claims = of_claims(&more.by_name);
        Cow::Owned(more)
    }

    fn named(&self, name: &str) -> Reading<Volume> {
        match self.by_name.get(name) {
            Some(Ok(Some(volume))) => Reading::Known(fact(name, volume)),
            Some(Ok(None)) => Reading::Unknown(format!("volume {name} does not exist")),
            Some(Err(error)) => Reading::Unknown(error.to_string()),
            None => Reading::Unknown(format!("volume {name} was not there when it was read")),
        }
    }

    /// Volumes that were bound to a claim of this cluster's names which is not there any more.
    fn released(
        &self,
        spec: &ClusterSpec,
        live: &BTreeSet<String>,
    ) -> Reading<Vec<ReleasedVolume>> {
        match &self.listed {
            Some(Ok(())) => {}
            Some(Err(error)) => return Reading::Unknown(error.to_string()),
            None => return Reading::Unknown("no volume was asked for".into()),
        }
        let base = claim_base(spec);
        let ours = self.of_claims.get(&(spec.namespace.clone(), base.clone()));
        let volumes = ours.into_iter().flatten().filter_map(|name| {
            let volume = self.by_name.get(name)?.as_ref().ok()?.as_ref()?;
            let claim = volume.spec.as_ref()?.claim_ref.as_ref()?;
            let claim_name = claim.name.as_deref()?;
            names::ordinal(of_copy(claim_name).unwrap_or(claim_name), &base)?;
            let bound = claim.uid.as_ref().is_some_and(|uid| live.contains(uid));
            (!bound).then(|| ReleasedVolume {
                name: name.clone(),
                uid: Uid(volume.metadata.uid.clone().unwrap_or_default()),
                resource_version: volume.metadata.resource_version.clone().unwrap_or_default(),
                etcd_cluster: etcd_cluster(volume),
                claim: claim_name.to_owned(),
                since: released_since(volume),
                contents: None,
            })
        });
        Reading::Known(volumes.collect())
    }
}

/// In the order of their names.
fn of_claims(
    volumes: &BTreeMap<String, Result<Option<PersistentVolume>, ReadError>>,
) -> BTreeMap<(String, String), Vec<String>> {
    let claimed = volumes.iter().filter_map(|(name, volume)| {
        let volume = volume.as_ref().ok()?.as_ref()?;
        let claim = volume.spec.as_ref()?.claim_ref.as_ref()?;
        let claimed = claim.name.as_deref()?;
        let (base, _) = of_copy(claimed).unwrap_or(claimed).rsplit_once('-')?;
        Some(((claim.namespace.clone()?, base.to_owned()), name.clone()))
    });
    let mut found: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (claim, volume) in claimed {
        found.entry(claim).or_default().push(volume);
    }
    found
}

async fn by_name(
    api: &Api,
    wanted: BTreeSet<String>,
) -> BTreeMap<String, Result<Option<PersistentVolume>, ReadError>> {
    let reads = wanted.into_iter().map(|name| async move {
        let volume = match api.get(Resource::Volume, "", &name).await {
            Ok(Some(object)) => parse("volume", &object).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        (name, volume)
    });
    futures::stream::iter(reads)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Since when it is Released; `None` while it is anything else, and when nobody says.
fn released_since(volume: &PersistentVolume) -> Option<Timestamp> {
    let status = volume.status.as_ref()?;
    let released = status.phase.as_deref() == Some("Released");
    // One that is on its way out already is nobody's to delete again.
    let spec = volume.spec.as_ref()?;
    let policy = spec.persistent_volume_reclaim_policy.as_ref()?;
    let kept = policy == "Retain" && volume.metadata.deletion_timestamp.is_none();
    let since = status.last_phase_transition_time.as_ref()?;
    (released && kept).then_some(since.0)
}

/// As `RetainVolume` wrote it.
fn etcd_cluster(volume: &PersistentVolume) -> Option<MemberId> {
    let annotations = volume.metadata.annotations.as_ref()?;
    let text = annotations.get(ETCD_CLUSTER_ANNOTATION)?;
    text.parse().ok()
}

fn fact(name: &str, volume: &PersistentVolume) -> Volume {
    Volume {
        name: name.to_owned(),
        uid: Uid(volume.metadata.uid.clone().unwrap_or_default()),
        node: volume.spec.as_ref().and_then(only_hostname),
        driver: volume
            .spec
            .as_ref()
            .and_then(|spec| Some(spec.csi.as_ref()?.driver.clone())),
        etcd_cluster: etcd_cluster(volume),
        reclaim_policy: volume
            .spec
            .as_ref()
            .and_then(|spec| spec.persistent_volume_reclaim_policy.clone())
            // The API server's own default.
            .unwrap_or_else(|| "Retain".to_owned()),
    }
}

const HOSTNAME: &str = "kubernetes.io/hostname";

/// The one host a local volume is bound to, as its affinity has it: the value of a label, not yet a node's name.
fn only_hostname(spec: &PersistentVolumeSpec) -> Option<String> {
    let required = spec.node_affinity.as_ref()?.required.as_ref()?;
    // Terms are alternatives: with two of them it can move.
    let [term] = required.node_selector_terms.as_slice() else {
        return None;
    };
    term.match_expressions.iter().flatten().find_map(|e| {
        match e.values.as_deref().unwrap_or_default() {
            [host] if e.key == HOSTNAME && e.operator == "In" => Some(host.clone()),
            _ => None,
        }
    })
}

fn claim_base(spec: &ClusterSpec) -> String {
    format!("data-{}", spec.name)
}

/// Names of the volumes that the claims of this cluster are bound to.
pub(super) fn bound_volumes<'a>(
    spec: &ClusterSpec,
    claims: impl IntoIterator<Item = &'a Value>,
) -> BTreeSet<String> {
    claims
        .into_iter()
        .filter(|claim| names::ordinal(names::name(claim), &claim_base(spec)).is_some())
        .filter_map(|claim| claim.pointer("/spec/volumeName")?.as_str())
        .map(str::to_owned)
        .collect()
}

pub(super) fn claims<'a>(
    spec: &ClusterSpec,
    objects: impl IntoIterator<Item = &'a Value>,
    volumes: &Volumes,
) -> Result<BTreeMap<Ordinal, Claim>, ReadError> {
    let mut claims = BTreeMap::new();
    for object in objects {
        let name = names::name(object);
        if let Some(ordinal) = names::ordinal(name, &claim_base(spec)) {
            let parsed = parse("claim", object)?;
            claims.insert(ordinal, claim(name, parsed, volumes)?);
        }
    }
    Ok(claims)
}

pub(super) fn released(
    spec: &ClusterSpec,
    (live, copies): (&BTreeMap<Ordinal, Claim>, &BTreeMap<Ordinal, Copying>),
    volumes: &Volumes,
) -> Reading<Vec<ReleasedVolume>> {
    let lent = copies.values().filter_map(|c| c.claim.as_ref());
    let uids = live.values().map(|c| &c.uid).chain(lent.map(|c| &c.uid));
    volumes.released(spec, &uids.map(|uid| uid.0.clone()).collect())
}

/// What there is of copies: claims that old volumes are lent to, and pods that copy.
pub(super) fn copies<'a>(
    spec: &ClusterSpec,
    objects: impl IntoIterator<Item = &'a Value>,
    pods: BTreeMap<Ordinal, Pod>,
) -> Result<BTreeMap<Ordinal, Copying>, ReadError> {
    let mut copies: BTreeMap<Ordinal, Copying> = BTreeMap::new();
    for object in objects {
        let own = of_copy(names::name(object));
        let Some(ordinal) = own.and_then(|own| names::ordinal(own, &claim_base(spec))) else {
            continue;
        };
        let claim: PersistentVolumeClaim = parse("claim", object)?;
        let phase = claim.status.and_then(|status| status.phase);
        copies.entry(ordinal).or_default().claim = Some(LentClaim {
            uid: Uid(claim.metadata.uid.unwrap_or_default()),
            volume: claim.spec.and_then(|s| s.volume_name).unwrap_or_default(),
            bound: phase.as_deref() == Some("Bound"),
            deleting: claim.metadata.deletion_timestamp.is_some(),
            contents: None,
        });
    }
    for (ordinal, pod) in pods {
        copies.entry(ordinal).or_default().pod = Some(pod);
    }
    Ok(copies)
}

fn claim(name: &str, claim: PersistentVolumeClaim, volumes: &Volumes) -> Result<Claim, ReadError> {
    let failed = |message: String| ReadError::Failed {
        what: format!("claim {name}"),
        message,
    };
    let spec = claim.spec.unwrap_or_default();
    let request = spec
        .resources
        .and_then(|resources| resources.requests?.remove("storage"))
        .ok_or_else(|| failed("found no storage request, expected one".to_owned()))?;
    let status = claim.status.unwrap_or_default();
    let resize = resize(&status);
    let attributes = attributes(spec.volume_attributes_class_name.as_ref(), &status);
    let capacity = status.capacity.and_then(|mut all| all.remove("storage"));
    let quantity = |text: String| Quantity::try_from(text).map_err(|e| failed(e.to_string()));
    let phase = status.phase;
    Ok(Claim {
        contents: None,
        uid: Uid(claim.metadata.uid.unwrap_or_default()),
        phase: match phase.as_deref() {
            Some("Bound") => ClaimPhase::Bound,
            Some("Lost") => ClaimPhase::Lost,
            _ => ClaimPhase::Pending,
        },
        deleting: claim.metadata.deletion_timestamp.is_some(),
        class_name: spec.storage_class_name,
        request: quantity(request.0)?,
        capacity: capacity.map(|found| quantity(found.0)).transpose()?,
        resize,
        attributes,
        volume: spec
            .volume_name
            .filter(|volume| !volume.is_empty())
            .map(|volume| volumes.named(&volume)),
    })
}

fn attributes(asked: Option<&String>, status: &PersistentVolumeClaimStatus) -> Attributes {
    // Kubernetes takes an empty name for none.
    let named = |name: Option<&String>| name.filter(|name| !name.is_empty()).cloned();
    let modification = status.modify_volume_status.as_ref().map(|modify| {
        let target = modify.target_volume_attributes_class_name.clone();
        Modification {
            target: target.unwrap_or_default(),
            state: match modify.status.as_str() {
                "Infeasible" => ModificationState::Infeasible,
                "InProgress" => ModificationState::InProgress,
                _ => ModificationState::Pending,
            },
        }
    });
    Attributes {
        asked: named(asked),
        current: named(status.current_volume_attributes_class_name.as_ref()),
        modification,
    }
}

/// How far a resize or a modification is: `FileSystemResizePending`, `Resizing`, or why it fails.
fn resize(status: &PersistentVolumeClaimStatus) -> Option<String> {
    let conditions = status.conditions.iter().flatten();
    let said = conditions.filter(|c| c.status == "True").map(|c| {
        match c.message.as_deref().unwrap_or_default() {
            "" => c.type_.clone(),
            message => format!("{}: {message}", c.type_),
        }
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| said.join("; "))
}
