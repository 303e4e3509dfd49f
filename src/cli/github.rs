//! What a check found, as outputs of a GitHub Actions step: wrappers eat exit codes.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::terminal;
use crate::plan::Plan;
use crate::report::Exit;

/// The file that the runner reads a step's outputs from.
const OUTPUTS: &str = "GITHUB_OUTPUT";

/// Appends `outcome`, and `plan_hash` and `counts` where there is a plan. A check is not worth less without them.
pub(super) fn tell(code: u8, plan: Option<&Plan>) {
    let Some(path) = std::env::var_os(OUTPUTS).filter(|path| !path.is_empty()) else {
        return;
    };
    let text = outputs(code, plan);
    let mut options = OpenOptions::new();
    let opened = options.append(true).create(true).open(&path);
    if let Err(error) = opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        terminal::tell(&format!(
            "warning: cannot write {OUTPUTS} ({}): {error}",
            path.display()
        ));
    }
}

/// `name=value`, a line each: no value here has a line break.
fn outputs(code: u8, plan: Option<&Plan>) -> String {
    let word = Exit::from_code(code).map_or("failed", Exit::word);
    let mut text = format!("outcome={}\n", word.replace(' ', "-"));
    if let Some(plan) = plan {
        let counts = serde_json::json!(plan.counts());
        text.extend([
            "plan_hash=",
            &plan.intent_hash,
            "\ncounts=",
            &counts.to_string(),
            "\n",
        ]);
    }
    text
}
