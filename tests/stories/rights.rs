//! A right is missing: the API server's own refusals, and what our program makes of them.

use crate::bed;
use crate::identity::{APPLY, CHECK};
use crate::story::{PLAIN, Story};

/// Before a birth, in the middle of growing and while looking: each time the line is named that was taken away,
/// and with it back the next run goes on.
#[test]
fn rights_that_are_missing() {
    let name = "rights_that_are_missing";
    let Some((bed, _turn)) = bed::beside(name) else {
        return;
    };
    let story = Story::new(name, bed, PLAIN);
    story.want(1);
    let line = |group: &str, resource: &str, verb: &str| {
        format!(
            "{{apiGroups: [\"{group}\"], resources: [{resource}], verbs: [{verb}]}} to its Role in namespace {}",
            story.namespace
        )
    };
    let refused = |identity: &str, arguments: &[&str], line: &str| {
        let output = story.run_as(identity, arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        // As one line: it is laid out for a screen.
        let words: Vec<&str> = said.split_whitespace().collect();
        assert!(words.join(" ").contains(line), "no {line}: {said}");
        assert_ne!(output.status.code(), Some(0), "{said}");
    };
    let apply_refused = |identity: &str, line: &str| {
        let plan = story.plan();
        let hash = plan["intentHash"].as_str().expect("a hash");
        let apply = ["apply", ".", "--yes", "--expect-hash", hash];
        refused(identity, &apply, line);
    };
    story.say("who may only look");
    apply_refused(CHECK, &line("coordination.k8s.io", "leases", "get"));
    story.say("a birth");
    // By server-side apply: allowed to patch, and not to create.
    story.take_right(APPLY, "create", "services");
    apply_refused(APPLY, &line("", "services", "create"));
    story.grant_anew();
    story.settle();
    story.say("growing");
    story.want(3);
    story.take_right(APPLY, "patch", "statefulsets");
    apply_refused(APPLY, &line("apps", "statefulsets", "patch"));
    story.grant_anew();
    story.settle();
    assert_eq!(story.members().len(), 3);
    story.say("looking");
    story.take_right(CHECK, "list", "persistentvolumeclaims");
    let look = ["--check", "."];
    refused(CHECK, &look, &line("", "persistentvolumeclaims", "list"));
    story.grant_anew();
    story.assert_in_sync();
}
