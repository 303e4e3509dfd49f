//! A directory: a file is written under a temporary name with mode 0600, synced and renamed, its directory synced.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Entry, StoreError};

/// Read and written at once.
const PIECE: usize = 1 << 20;
const PARTIAL: &str = ".partial";
/// Nobody writes to it any more.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Clone)]
pub(super) struct Directory {
    path: PathBuf,
}

impl Directory {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn exists(&self) -> bool {
        self.path.is_dir()
    }

    pub(super) async fn list(&self) -> Result<Vec<Entry>, StoreError> {
        let failed = |error: &io::Error| StoreError::io(&self.path, error);
        let mut entries = match fs::read_dir(&self.path).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&error)),
        };
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(|e| failed(&e))? {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let metadata = entry.metadata().await.map_err(|e| failed(&e))?;
            if metadata.is_file() && !name.ends_with(PARTIAL) {
                let size = metadata.len();
                found.push(Entry { name, size });
            }
        }
        Ok(found)
    }

    pub(super) async fn read(
        &self,
        name: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        let path = self.path.join(name);
        let file = File::open(&path)
            .await
            .map_err(|error| StoreError::io(&path, &error))?;
        Ok(stream::unfold(Some((file, path)), |state| async move {
            let (mut file, path) = state?;
            let mut piece = BytesMut::with_capacity(PIECE);
            match file.read_buf(&mut piece).await {
                Ok(0) => None,
                Ok(_) => Some((Ok(piece.freeze()), Some((file, path)))),
                Err(error) => Some((Err(StoreError::io(&path, &error)), None)),
            }
        })
        .boxed())
    }

    pub(super) async fn write(&self, name: &str) -> Result<FileWriting, StoreError> {
        make_private(&self.path)
            .await
            .map_err(|error| StoreError::io(&self.path, &error))?;
        self.sweep().await;
        let temporary = self
            .path
            .join(format!(".{name}.{}{PARTIAL}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options
            .open(&temporary)
            .await
            .map_err(|error| StoreError::io(&temporary, &error))?;
        Ok(FileWriting {
            file,
            temporary,
            wanted: self.path.join(name),
            kept: false,
        })
    }

    /// Takes away what killed runs began; a stream that goes on writes to its file.
    async fn sweep(&self) {
        let Ok(mut entries) = fs::read_dir(&self.path).await else {
            return;
        };
        while let Ok(Some(entry)) = entries.next_entry().await {
            let partial = entry.file_name().to_string_lossy().ends_with(PARTIAL);
            let written = entry.metadata().await.and_then(|of| of.modified());
            let old = written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED));
            if partial && old {
                let removed = fs::remove_file(entry.path()).await;
                tracing::info!(file = ?entry.path(), ?removed, "left by a run that was killed");
            }
        }
    }

    pub(super) async fn put(&self, name: &str, content: Vec<u8>) -> Result<(), StoreError> {
        let mut file = self.write(name).await?;
        file.push(&content).await?;
        file.commit().await
    }
}

/// What is in a snapshot is the cluster's data, Secrets of Kubernetes among it.
async fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).await
}

pub(super) struct FileWriting {
    file: File,
    temporary: PathBuf,
    wanted: PathBuf,
    kept: bool,
}

/// Whatever ended it: an error, a deadline, a signal. Only a killed process leaves it, for `sweep`.
impl Drop for FileWriting {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.temporary) {
            let file = self.temporary.display();
            tracing::warn!(%file, %error, "what was begun of a snapshot stays");
        }
    }
}

impl FileWriting {
    pub(super) async fn push(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        let written = self.file.write_all(piece).await;
        written.map_err(|error| StoreError::io(&self.wanted, &error))
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        let done = self.settle().await;
        done.map_err(|error| StoreError::io(&self.wanted, &error))
    }

    async fn settle(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        fs::rename(&self.temporary, &self.wanted).await?;
        self.kept = true;
        let folder = self.wanted.parent().unwrap_or_else(|| Path::new("/"));
        File::open(folder).await?.sync_all().await
    }
}
