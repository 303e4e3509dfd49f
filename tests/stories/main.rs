//! Level 2: whole stories on a real API server, real controllers and real etcd, under the bed's writers.
//!
//! They run on the project's test bed (`tests/bed`), or on any cluster that `RECONCILE_TEST_KUBECONFIG` names; a story
//! does not know which. Where neither can be had each says `SKIP` with its name and the reason, and fails instead when
//! `RECONCILE_TEST_REQUIRE=all`.

mod alone;
mod bed;
mod certificates;
mod conformance;
#[path = "../docs/console.rs"]
mod console;
mod ending;
mod faults;
mod hands;
mod identity;
mod import;
mod judge;
mod killed;
mod late;
mod rights;
mod room;
mod runs;
mod sizes;
mod states;
mod storage;
mod story;
mod tutorial;
mod wish;
