//! The life of a member's configuration file, read off its text.

use std::ops::Deref;
use std::sync::Arc;

use memchr::memmem;
use serde::{Deserialize, Serialize};

/// A member's configuration file: its text, and the life that was read off it once. Copies of an observation share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct MemberConfig(Arc<Read>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Read {
    text: String,
    life: Option<MemberFile>,
}

impl MemberConfig {
    /// `None` of a file that cannot be read.
    pub fn life(&self) -> Option<&MemberFile> {
        self.0.life.as_ref()
    }

    pub fn is_poisoned(&self) -> bool {
        self.life().is_some_and(MemberFile::is_poisoned)
    }
}

impl From<String> for MemberConfig {
    fn from(text: String) -> Self {
        let life = MemberFile::parse(&text).ok();
        Self(Arc::new(Read { text, life }))
    }
}

impl From<MemberConfig> for String {
    fn from(config: MemberConfig) -> Self {
        config.0.text.clone()
    }
}

impl Deref for MemberConfig {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0.text
    }
}

/// What a process that boots on an **empty** directory would do with this file. With a write-ahead log present etcd
/// ignores these keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberFile {
    /// `new` with the full static list: gives birth to the cluster. Only at first bootstrap.
    Bootstrap {
        /// `name=url` pairs as written.
        initial_cluster: String,
        token: String,
    },
    /// `existing` with the live member list: joins.
    Join { initial_cluster: String },
    /// `existing` with only itself listed: exits. Put in place as soon as the member has started, so that a wiped
    /// volume never boots under the old member ID (etcd-operations.md 2.8 #2).
    Poisoned { initial_cluster: String },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("member file: {0}")]
pub struct MemberFileError(pub String);

const STATE: &str = "initial-cluster-state";
const LIST: &str = "initial-cluster";
const TOKEN: &str = "initial-cluster-token";

impl MemberFile {
    /// Reads the three membership keys of a file that `manifest::member_file` wrote: one `key: value` a line, values
    /// plain or double-quoted.
    pub fn parse(text: &str) -> Result<Self, MemberFileError> {
        let keys = Keys::of(text);
        let initial_cluster = required(keys.list, LIST)?.to_owned();
        match required(keys.state, STATE)? {
            "new" => Ok(Self::Bootstrap {
                initial_cluster,
                token: required(keys.token, TOKEN)?.to_owned(),
            }),
            "existing" if initial_cluster.contains(',') => Ok(Self::Join { initial_cluster }),
            "existing" => Ok(Self::Poisoned { initial_cluster }),
            other => Err(MemberFileError(format!(
                "found {STATE} {other:?}, expected `new` or `existing`"
            ))),
        }
    }

    pub const fn is_poisoned(&self) -> bool {
        matches!(self, Self::Poisoned { .. })
    }

    pub fn initial_cluster(&self) -> &str {
        match self {
            Self::Bootstrap {
                initial_cluster, ..
            }
            | Self::Join { initial_cluster }
            | Self::Poisoned { initial_cluster } => initial_cluster,
        }
    }

    /// The keys as they are written at the end of a file.
    pub fn ending(&self) -> String {
        self.pieces().concat()
    }

    /// Whether a text is that.
    pub fn is_ending(&self, text: &str) -> bool {
        let mut pieces = self.pieces().into_iter();
        pieces.try_fold(text, str::strip_prefix) == Some("")
    }

    fn pieces(&self) -> [&str; 10] {
        let list = self.initial_cluster();
        match self {
            Self::Bootstrap { token, .. } => [
                LIST, ": ", list, "\n", STATE, ": new\n", TOKEN, ": ", token, "\n",
            ],
            Self::Join { .. } | Self::Poisoned { .. } => [
                LIST,
                ": ",
                list,
                "\n",
                STATE,
                ": existing\n",
                "",
                "",
                "",
                "",
            ],
        }
    }

    /// `text` with its membership keys replaced by these, everything else to the letter: what poisons a file must not
    /// smuggle new settings in.
    pub fn rewrite(&self, text: &str) -> String {
        // All three begin alike, and nearly no other line does.
        let kept = text.lines().filter(|line| {
            let key = line.starts_with(LIST).then(|| line.split_once(':'));
            !key.flatten()
                .is_some_and(|(key, _)| [STATE, LIST, TOKEN].contains(&key))
        });
        let mut rewritten: String = kept.flat_map(|line| [line, "\n"]).collect();
        rewritten.push_str(&self.ending());
        rewritten
    }
}

/// The first line of each key.
#[derive(Default)]
struct Keys<'t> {
    list: Option<&'t str>,
    state: Option<&'t str>,
    token: Option<&'t str>,
}

impl<'t> Keys<'t> {
    fn of(text: &'t str) -> Self {
        let mut keys = Self::default();
        for line in lines_of_life(text) {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let place = match key {
                LIST => &mut keys.list,
                STATE => &mut keys.state,
                TOKEN => &mut keys.token,
                _ => continue,
            };
            place.get_or_insert(value.trim().trim_matches('"'));
        }
        keys
    }
}

/// All three keys begin alike, and nearly no other line does.
fn lines_of_life(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let found = memmem::find_iter(bytes, LIST);
    let starts = found.filter(|at| *at == 0 || bytes[at - 1] == b'\n');
    starts.filter_map(|at| text[at..].lines().next())
}

fn required<'t>(value: Option<&'t str>, key: &str) -> Result<&'t str, MemberFileError> {
    value.ok_or_else(|| MemberFileError(format!("found no `{key}`, expected one line of it")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap() -> MemberFile {
        MemberFile::Bootstrap {
            initial_cluster: "a-0=http://a-0:2380,a-1=http://a-1:2380".into(),
            token: "t".into(),
        }
    }

    #[test]
    fn every_life_reads_back() {
        let settings = "name: a-0\nquota-backend-bytes: 8\n";
        let lives = [
            bootstrap(),
            MemberFile::Join {
                initial_cluster: "a-0=http://a-0:2380,a-1=http://a-1:2380".into(),
            },
            MemberFile::Poisoned {
                initial_cluster: "a-0=http://a-0:2380".into(),
            },
        ];
        for life in lives.clone() {
            let text = life.rewrite(settings);
            assert_eq!(MemberFile::parse(&text), Ok(life.clone()));
            let ending = text.strip_prefix(settings).expect("its settings");
            assert!(life.is_ending(ending) && !bootstrap().is_ending(&ending[1..]));
            assert!(!life.is_ending(&format!("{ending}x")), "something after it");
            let told = lives.iter().filter(|life| life.is_ending(ending));
            assert_eq!(told.count(), 1, "no other life ends so");
        }
    }

    #[test]
    fn poisoning_keeps_every_setting_to_the_letter() {
        let text = bootstrap().rewrite("name: a-0\nquota-backend-bytes: 8\n");
        let poison = MemberFile::Poisoned {
            initial_cluster: "a-0=http://a-0:2380".into(),
        };
        assert_eq!(
            poison.rewrite(&text),
            "name: a-0\nquota-backend-bytes: 8\ninitial-cluster: a-0=http://a-0:2380\ninitial-cluster-state: existing\n"
        );
    }

    #[test]
    fn a_file_without_the_keys_is_an_error() {
        assert!(MemberFile::parse("name: a-0\n").is_err());
    }
}
