//! The proof of a snapshot: etcd's own `etcdutl` makes a data directory of it, and finds the same in both.

use std::fmt;
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{SnapshotError, Store, StoreError};
use crate::state::SnapshotFacts;

/// etcd's offline tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etcdutl {
    path: PathBuf,
}

/// What etcdutl found to be the same in the file and in the data directory that it made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    pub revision: i64,
    /// `None`: etcdutl is older than 3.6, which counts its own bookkeeping with the keys and hashes no keys alone.
    pub keys: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    revision: i64,
    total_key: u64,
}

/// Of all keys at a revision, whatever their members' bookkeeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashKv {
    hash: u32,
    hash_revision: i64,
}

/// How it says that it does not know one of its later commands.
const UNKNOWN_COMMAND: &str = "unknown command";

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content {
    revision: i64,
    hash: Option<HashKv>,
    keys: Option<u64>,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision {}", self.revision)?;
        if let (Some(keys), Some(hash)) = (self.keys, self.hash) {
            write!(f, ", {keys} keys, hash {:08x}", hash.hash)?;
        }
        Ok(())
    }
}

impl Etcdutl {
    /// `RECONCILE_ETCDUTL`, which stands for none when it is empty, else the first `etcdutl` on `PATH`.
    pub fn find() -> Option<Self> {
        if let Some(given) = std::env::var_os("RECONCILE_ETCDUTL") {
            let path = Some(PathBuf::from(given)).filter(|path| path != Path::new(""));
            return path.map(Self::at);
        }
        let folders = std::env::var_os("PATH")?;
        let mut found = std::env::split_paths(&folders).map(|folder| folder.join("etcdutl"));
        let path = found.find(|path| path.is_file())?;
        Some(Self { path })
    }

    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    async fn run(&self, arguments: &[&str], file: &Path) -> Result<Vec<u8>, SnapshotError> {
        let failed = |why: String| SnapshotError::Restore(why);
        let tool = self.path.display();
        let output = Command::new(&self.path)
            .args(arguments)
            .arg(file)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| failed(format!("{tool} does not start: {error}")))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let error = said.lines().find(|line| line.contains("rror"));
        let said = error.or(said.lines().last()).unwrap_or_default().trim();
        Err(failed(format!("{said} ({})", output.status)))
    }

    async fn content(&self, file: &Path) -> Result<Content, SnapshotError> {
        let status = ["snapshot", "status", "--write-out=json"];
        let status: Status = read(&self.run(&status, file).await?)?;
        let hash = match self.run(&["hashkv", "--write-out=json"], file).await {
            Ok(text) => Some(read(&text)?),
            Err(SnapshotError::Restore(why)) if why.contains(UNKNOWN_COMMAND) => None,
            Err(error) => return Err(error),
        };
        Ok(Content {
            revision: status.revision,
            hash,
            keys: hash.map(|_: HashKv| status.total_key),
        })
    }

    /// Makes a data directory of the snapshot in `scratch`, and holds what is in it against the file.
    async fn restore(&self, file: &Path, scratch: &Path) -> Result<Restored, SnapshotError> {
        let data = scratch.join("restored");
        let flag = format!("--data-dir={}", data.display());
        self.run(&["snapshot", "restore", &flag], file).await?;
        // Afterwards alone: `hashkv` opens the file for writing, and its SHA-256 is another then.
        let before = self.content(file).await?;
        let after = self.content(&data.join("member/snap/db")).await?;
        if before != after {
            return Err(SnapshotError::Restore(format!(
                "the file has {before}, what was made of it {after}"
            )));
        }
        Ok(Restored {
            revision: before.revision,
            keys: before.keys,
        })
    }
}

fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, SnapshotError> {
    serde_json::from_slice(text)
        .map_err(|error| SnapshotError::Restore(format!("its answer cannot be read: {error}")))
}

impl Store {
    /// Restores a snapshot in a directory of its own below `scratch`, which is gone afterwards.
    pub async fn restore(
        &self,
        facts: &SnapshotFacts,
        tool: &Etcdutl,
        scratch: &Path,
    ) -> Result<Restored, SnapshotError> {
        let failed = |error: &std::io::Error| SnapshotError::Store(StoreError::io(scratch, error));
        let mut builder = tokio::fs::DirBuilder::new();
        let here = scratch.join(format!("reconcile-restore-{}", std::process::id()));
        builder
            .mode(0o700)
            .create(&here)
            .await
            .map_err(|e| failed(&e))?;
        let restored = match self.copy(facts, &here.join("snapshot.db")).await {
            Ok(()) => tool.restore(&here.join("snapshot.db"), &here).await,
            Err(error) => Err(error),
        };
        if let Err(error) = tokio::fs::remove_dir_all(&here).await {
            tracing::warn!(%error, "the scratch directory stays");
        }
        restored
    }

    async fn copy(&self, facts: &SnapshotFacts, to: &Path) -> Result<(), SnapshotError> {
        let failed = |error: &std::io::Error| SnapshotError::Store(StoreError::io(to, error));
        let name = facts.place.rsplit('/').next().unwrap_or_default();
        let mut pieces = self.read(name).await?;
        let mut file = tokio::fs::File::create(to).await.map_err(|e| failed(&e))?;
        while let Some(piece) = pieces.next().await {
            file.write_all(&piece?).await.map_err(|e| failed(&e))?;
        }
        file.flush().await.map_err(|e| failed(&e))
    }
}
