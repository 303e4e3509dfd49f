//! Every state of a small world, and every turn it can take from there.

#[test]
fn x() {}
