//! The JSON Schemas of what we print, as shipped.

/// Name for `reconcile schema NAME`, and the schema's text.
pub fn schemas() -> &'static [(&'static str, &'static str)] {
    &[
        ("events", include_str!("../../schemas/events.schema.json")),
        (
            "observation",
            include_str!("../../schemas/observation.schema.json"),
        ),
        ("outcome", include_str!("../../schemas/outcome.schema.json")),
        ("plan", include_str!("../../schemas/plan.schema.json")),
        (
            "snapshot",
            include_str!("../../schemas/snapshot.schema.json"),
        ),
        (
            "snapshots",
            include_str!("../../schemas/snapshots.schema.json"),
        ),
    ]
}

/// The schema of that name.
pub fn schema(name: &str) -> Option<&'static str> {
    let found = schemas().iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}
