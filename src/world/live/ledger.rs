//! The ledger's writes: compare and swap, from the one that the act was decided on.

use serde_json::json;

use super::gather::{LEDGER_KEY, parse_ledger};
use super::names::{self, text};
use super::perform::Doing;
use super::resource::Resource;
use super::write::identity;
use crate::state::{Ledger, Uid};
use crate::world::PerformError;

impl Doing<'_> {
    /// The new ledger was made from the observed one: over any other it would take back what another run noted.
    pub(super) async fn write_ledger(&self, ledger: &Ledger) -> Result<(), PerformError> {
        let name = names::ledger(self.spec);
        let failed = |why: String| PerformError::NotDone(format!("ledger: {why}"));
        let live = self.read(Resource::ConfigMap, &name).await?;
        if let Some(live) = &live
            && !names::is_ours(live, self.spec)
        {
            return Err(PerformError::Refused(format!(
                "found a ConfigMap {name} without this cluster's labels, expected our ledger or nothing; look at it with `kubectl -n {} get configmap {name} -o yaml`",
                self.spec.namespace
            )));
        }
        let written = live.as_ref().map(parse_ledger).transpose();
        let written = written.map_err(|error| failed(error.to_string()))?;
        if written.as_ref() == Some(ledger) {
            return Ok(());
        }
        if written != self.look.ledger {
            return Err(PerformError::NotDone(
                "the ledger moved since it was observed".to_owned(),
            ));
        }
        let text_of = serde_json::to_string(ledger).map_err(|error| failed(error.to_string()))?;
        let mut body = identity(Resource::ConfigMap, &self.spec.namespace, &name);
        body["metadata"]["labels"] = names::labels(self.spec);
        body["data"] = json!({LEDGER_KEY: text_of});
        let writer = self.writer(Resource::ConfigMap, &name);
        let outcome = match &live {
            None => writer.create(body).await,
            Some(live) => {
                body["metadata"]["resourceVersion"] = text(live, "resourceVersion").into();
                let uid = Uid(text(live, "uid").to_owned());
                writer.update(body, &uid, true).await
            }
        };
        // The act itself has not begun: whatever became of the ledger, nothing else was changed.
        outcome.map_err(|error| match error {
            PerformError::Unknown(why) => failed(why),
            other => other,
        })
    }
}
