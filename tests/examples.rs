//! The example fleet is what a reader copies: it loads without a remark.

use std::path::Path;

use reconcile::diag::{Style, render_all};
use reconcile::{fleet, source};

#[test]
fn the_example_fleet_is_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/clusters");
    let documents = source::read(&root);
    assert_eq!(documents.diagnostics, []);
    let loaded = fleet::load(&documents.files);
    let text = render_all(&loaded.diagnostics, &documents.files, Style::Plain, 100);
    assert!(loaded.diagnostics.is_empty(), "{text}");
    let fleet = loaded.fleet.expect("no errors, so there is a fleet");
    assert_eq!((fleet.contexts.len(), fleet.clusters.len()), (3, 8));

    let main = &fleet.clusters[2];
    assert_eq!(main.id.to_string(), "eu-1/kube-main");
    let said_in = |pointer: &str| {
        let origin = &main.origins[pointer];
        let file = documents.files.iter().find(|file| file.name == origin.file);
        let line = file.and_then(|file| file.text.lines().nth(origin.line - 1));
        let file = origin.file.rsplit('/').next().unwrap_or_default();
        format!("{file}: {}", line.unwrap_or_default().trim())
    };
    let expected = [
        ("/spec/storage/className", "fleet.yaml: className: gp3-enc"),
        ("/spec/storage/size", "kube-main.yaml: size: 24Gi"),
        ("/spec/version", "fleet.yaml: version: 3.6.16"),
        (
            "/spec/tls/client/secretName",
            "kube-main.yaml: client: {secretName: kube-main-server-tls, caSecretName: kube-main-ca}",
        ),
    ];
    for (pointer, line) in expected {
        assert_eq!(said_in(pointer), line);
    }
}
