//! Acts on what a copy of a stopped member's data takes.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::api::Api;
use super::perform::Doing;
use super::resource::Resource;
use super::write::Deletion;
use crate::decide::Act;
use crate::state::Uid;
use crate::world::PerformError;

/// How long a claim is waited for that Kubernetes shall bind. On a busy machine its controller may have seen the claim before
/// the volume that was meant for it, and looks again after 15 s: within three of these, after which a step that is
/// asked for again goes round in a circle.
const BINDS: Duration = Duration::from_secs(6);
const LOOKS: Duration = Duration::from_millis(250);

impl Doing<'_> {
    pub(super) async fn copy_act(&self, act: &Act) -> Result<(), PerformError> {
        match act {
            Act::MakeClaim { claim, body, .. } => {
                let writer = self.writer(Resource::Claim, claim);
                writer.create(body.tree()).await
            }
            Act::LendVolume {
                volume,
                uid,
                resource_version,
                claim,
                body,
                ..
            } => {
                // The volume first: a claim that comes to it is bound at once, one that waits for it is looked at again
                // within 15 s (the PV controller's resync).
                self.bind(volume, (uid, resource_version), claim).await?;
                let writer = self.writer(Resource::Claim, claim);
                let made = writer.apply(body, true).await;
                made.map_err(|failure| writer.outcome(&failure))?;
                self.binds(claim).await;
                Ok(())
            }
            Act::CopyData { pod, body, .. } => {
                let writer = self.writer(Resource::Pod, pod);
                writer.create(body.tree()).await
            }
            Act::StopCopy { pod, uid, .. } => {
                let writer = self.writer(Resource::Pod, pod);
                writer.delete(uid, Deletion::Graceful).await
            }
            Act::ReturnVolume { claim, uid, .. } => {
                let writer = self.writer(Resource::Claim, claim);
                writer.delete(uid, Deletion::Graceful).await
            }
            other => Err(PerformError::Refused(format!(
                "{} copies nothing",
                other.verb()
            ))),
        }
    }

    /// Looks until the claim is bound, or for as long as it may take: what is seen next tells what to do.
    async fn binds(&self, claim: &str) {
        let deadline = Instant::now() + BINDS;
        let api = Api {
            client: self.client.clone(),
            deadline,
        };
        while Instant::now() < deadline {
            let seen = api.get(Resource::Claim, &self.spec.namespace, claim).await;
            let waits = matches!(&seen, Ok(Some(claim)) if claim["status"]["phase"] == "Pending");
            if !waits {
                return;
            }
            tokio::time::sleep(LOOKS).await;
        }
    }

    /// A volume with the name of a claim and no UID of one is bound to that claim by Kubernetes.
    async fn bind(
        &self,
        volume: &str,
        (uid, resource_version): (&Uid, &str),
        claim: &str,
    ) -> Result<(), PerformError> {
        let to = json!({
            "name": claim, "namespace": self.spec.namespace, "uid": null, "resourceVersion": null,
        });
        let patch = json!({
            "metadata": {"resourceVersion": resource_version},
            "spec": {"claimRef": to},
        });
        self.writer(Resource::Volume, volume)
            .merge(patch, uid)
            .await
    }
}
