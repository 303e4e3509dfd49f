//! Where documents come from: a directory, and the Git checkout it is part of.

mod directory;

pub use directory::{Documents, read};
