//! Names of things in a fleet.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `<context>/<name>`: unique in the fleet, written in plans, events and the approval hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClusterId {
    pub context: String,
    pub name: String,
}

impl ClusterId {
    pub fn new(context: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            context: context.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.context, self.name)
    }
}

impl From<ClusterId> for String {
    fn from(id: ClusterId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ClusterId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once('/') {
            Some((context, name)) if !context.is_empty() && !name.is_empty() => {
                Ok(Self::new(context, name))
            }
            _ => Err(format!(
                "found cluster id {text:?}, expected `<context>/<name>`"
            )),
        }
    }
}

/// A member's place in its StatefulSet: pod `<name>-<ordinal>`, claim `data-<name>-<ordinal>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ordinal(pub u32);

impl Ordinal {
    /// As Kubernetes writes it, and no other way.
    pub fn read(digits: &str) -> Option<Self> {
        let plain = digits == "0" || digits.starts_with(|c| ('1'..='9').contains(&c));
        let ordinal = plain.then(|| digits.parse().ok());
        ordinal.flatten().map(Self)
    }
}

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
