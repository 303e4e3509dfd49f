//! The live world.

pub mod etcd;
mod secret;
