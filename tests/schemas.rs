//! `schemas/` and `docs/documents.md` are what the types say. `SNAPSHOTS=overwrite` rewrites it.

use std::path::Path;

use reconcile::fleet::DocumentKind;
use reconcile::report::documents_markdown;
use snapbox::{Data, assert_data_eq};

#[test]
fn schemas_are_fresh() {
    for kind in DocumentKind::ALL {
        let name = format!("schemas/{}.schema.json", kind.schema_name());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let checked_in = Data::read_from(&path, Some(snapbox::data::DataFormat::Text));
        assert_data_eq!(kind.generated_schema(), checked_in.raw());
    }
}

#[test]
fn the_reference_of_the_documents_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/documents.md");
    let checked_in = Data::read_from(&path, Some(snapbox::data::DataFormat::Text));
    assert_data_eq!(documents_markdown(), checked_in.raw());
}

/// Every field says what it is: the schema is what editors show.
#[test]
fn every_field_has_a_description() {
    for kind in DocumentKind::ALL {
        let schema = kind.schema();
        let mut bare = Vec::new();
        let definitions = schema["$defs"].as_object().into_iter().flatten();
        let definitions = definitions.map(|(name, schema)| (name.as_str(), schema));
        for (name, object) in definitions.chain([("", &schema)]) {
            let properties = object["properties"].as_object().into_iter().flatten();
            let described = |field: &serde_json::Value| field["description"].is_string();
            let without = properties.filter(|(_, field)| !described(field));
            bare.extend(without.map(|(field, _)| format!("{name}.{field}")));
        }
        assert!(bare.is_empty(), "no doc comment on {bare:?}");
    }
}
