//! `render --rbac`: whose roles, for which clusters, and where they go.

use super::{Place, text};

#[test]
fn roles_are_for_the_clusters_and_the_subject_that_are_named() {
    let mut place = Place::new();
    place.run("render fleet --rbac check --context kcp --user ci", 0);
    place.run(
        "render fleet --rbac apply --cluster us-2/discovery-staging --service-account ci/etcd",
        0,
    );
    let written = place.run("render fleet --rbac apply --group sre --out roles", 0);
    assert_eq!(text(&written.stdout), "", "files or stdout, not both");
    for context in ["eu-1", "kcp", "us-2"] {
        let file = place.path(&format!("roles/{context}/rbac.apply.yaml"));
        let written = std::fs::read_to_string(file).expect("written");
        let printed = place.stdout(&format!(
            "render fleet --rbac apply --context {context} --group sre"
        ));
        assert_eq!(written, printed);
    }
    place.is_golden("roles");
}
