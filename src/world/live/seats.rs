//! A cluster's members as addresses to ask, and the channels kept between observations of one run.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Mutex;

use super::Live;
use super::contexts::Opened;
use super::etcd::{Access, Dial, MemberChannel, PortForward, Seats, Silence, Target};
use super::secrets::{self, Secrets};
use super::snapshots::Listed;
use crate::fleet::{ClusterId, ClusterSpec, Ordinal, Reach};
use crate::state::{Etcd, Kube, Ledger, MemberConfig, Pod, PodPhase, Reading};

const CLIENT_PORT: u16 = 2379;
const METRICS_PORT: u16 = 2381;

struct Kept {
    /// Pod UID, address and Secrets: another of any is another channel.
    mark: String,
    channel: MemberChannel,
}

/// Channels, seats and what acts are bound to, of the last look at each cluster.
#[derive(Default)]
pub(super) struct Channels {
    open: Mutex<HashMap<(ClusterId, Ordinal), Kept>>,
    seats: Mutex<HashMap<ClusterId, Arc<Seats>>>,
    looks: Mutex<HashMap<ClusterId, Look>>,
    pub(super) listed: Mutex<HashMap<ClusterId, Listed>>,
}

/// What was last seen of a cluster that acts are bound to by content.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) ledger: Option<Ledger>,
    pub(super) member_files: BTreeMap<Ordinal, MemberConfig>,
}

impl Live {
    /// Every seat that has a pod: its channel, or why it cannot be asked.
    pub(super) async fn seats(
        &self,
        spec: &ClusterSpec,
        kube: &Kube,
        opened: &Opened,
        secrets: &Secrets,
        deadline: Duration,
    ) -> Seats {
        let access = secrets::access(spec, secrets);
        let opening = kube.pods.iter().map(|(ordinal, pod)| {
            let access = &access;
            async move {
                let seat = match (askable(pod), access) {
                    (Err(why), _) => Err(Silence::down(why)),
                    (Ok(_), Err(why)) => Err(Silence::down(why.clone())),
                    (Ok(ip), Ok((access, version))) => {
                        let target = target(spec, *ordinal, ip, opened);
                        let mark = format!("{} {ip} {version:x}", pod.uid);
                        self.channel(spec, target, access, mark, deadline).await
                    }
                };
                (*ordinal, seat)
            }
        });
        join_all(opening)
            .await
            .into_iter()
            .collect::<BTreeMap<_, _>>()
    }

    async fn channel(
        &self,
        spec: &ClusterSpec,
        target: Target,
        access: &Access,
        mark: String,
        deadline: Duration,
    ) -> Result<MemberChannel, Silence> {
        let key = (spec.id.clone(), target.ordinal);
        if let Some(kept) = self.channels.open.lock().await.get(&key)
            && kept.mark == mark
        {
            return Ok(kept.channel.clone());
        }
        let channel = MemberChannel::open(target, access, deadline)
            .await
            .map_err(|error| Silence::from(&error))?;
        let kept = Kept {
            mark,
            channel: channel.clone(),
        };
        self.channels.open.lock().await.insert(key, kept);
        Ok(channel)
    }

    /// For the next act and the next look; a channel that brought nothing is opened anew then.
    pub(super) async fn keep(&self, spec: &ClusterSpec, seats: Seats, etcd: &Etcd) {
        let mut open = self.channels.open.lock().await;
        for (ordinal, status) in &etcd.statuses {
            if matches!(status, Reading::Unknown(_)) {
                open.remove(&(spec.id.clone(), *ordinal));
            }
        }
        drop(open);
        self.channels
            .seats
            .lock()
            .await
            .insert(spec.id.clone(), Arc::new(seats));
    }

    pub(super) async fn looked(&self, spec: &ClusterSpec, kube: &Kube) {
        let look = Look {
            ledger: kube.ledger.clone(),
            member_files: kube.member_files.clone(),
        };
        let mut looks = self.channels.looks.lock().await;
        looks.insert(spec.id.clone(), look);
    }

    pub(super) async fn wrote_ledger(&self, spec: &ClusterSpec, ledger: &Ledger) {
        if let Some(look) = self.channels.looks.lock().await.get_mut(&spec.id) {
            look.ledger = Some(ledger.clone());
        }
    }

    pub(super) async fn last_look(&self, spec: &ClusterSpec) -> Option<Look> {
        self.channels.looks.lock().await.get(&spec.id).cloned()
    }

    /// The seats as last looked at.
    pub(super) async fn last_seats(&self, spec: &ClusterSpec) -> Option<Arc<Seats>> {
        self.channels.seats.lock().await.get(&spec.id).cloned()
    }
}

fn askable(pod: &Pod) -> Result<&str, String> {
    match (&pod.ip, pod.phase) {
        (Some(ip), PodPhase::Running) => Ok(ip),
        (_, phase) => Err(match &pod.waiting {
            Some(why) => format!("its pod is {phase:?}: {why}"),
            None => format!("its pod is {phase:?}"),
        }),
    }
}

fn target(spec: &ClusterSpec, ordinal: Ordinal, ip: &str, opened: &Opened) -> Target {
    let direct = match spec.access.reach {
        Reach::Direct => true,
        Reach::PortForward => false,
        Reach::Auto => opened.in_cluster,
    };
    let dial = |port| {
        if direct {
            Dial::Tcp {
                host: ip.to_owned(),
                port,
            }
        } else {
            Dial::Forward(PortForward {
                client: opened.client.clone(),
                namespace: spec.namespace.clone(),
                pod: spec.pod_name(ordinal),
                port,
            })
        }
    };
    Target {
        ordinal,
        url: spec.client_url(ordinal),
        dial: dial(CLIENT_PORT),
        metrics: dial(METRICS_PORT),
    }
}
