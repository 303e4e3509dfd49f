//! Where documents come from: a directory, and the Git checkout it is part of.

mod blame;
mod directory;
mod git;
mod newest;

pub use blame::{Lines, blame};
pub use directory::{Documents, document, read, read_and};
pub use git::{GitError, GitState, is_ancestor};
