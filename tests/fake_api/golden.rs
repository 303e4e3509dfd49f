//! Texts of faults as files; `SNAPSHOTS=overwrite` refreshes them.

use std::path::Path;

use snapbox::Data;
use snapbox::data::DataFormat;

pub(crate) fn hold(name: &str, text: String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/faults");
    let golden = Data::read_from(&root.join(format!("{name}.txt")), Some(DataFormat::Text)).raw();
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(Data::text(text).raw(), golden);
}
