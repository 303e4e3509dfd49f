//! Acts on what a copy of a stopped member's data takes.

use serde_json::json;

use super::perform::Doing;
use super::resource::Resource;
use super::write::Deletion;
use crate::decide::Act;
use crate::state::Uid;
use crate::world::PerformError;

impl Doing<'_> {
    pub(super) async fn copy_act(&self, act: &Act) -> Result<(), PerformError> {
        match act {
            Act::MakeClaim { claim, body, .. } => {
                let writer = self.writer(Resource::Claim, claim);
                writer.create(body.clone()).await
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
                made.map_err(|failure| writer.outcome(&failure))
            }
            Act::CopyData { pod, body, .. } => {
                let writer = self.writer(Resource::Pod, pod);
                writer.create(body.clone()).await
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
