//! Broken on purpose: how `tests/mutants` asks whether any test notices that a row or a guard is gone.
//!
//! Nothing of it is in a normal build. Under `--cfg mutants` one environment variable, read once, names what is broken:
//!
//! | `RECONCILE_MUTANT` | breaks |
//! |---|---|
//! | `row:PROCEDURE/ROW` | the row never matches |
//! | `guard:ID` | the guard always holds |
//! | `ask:PROCEDURE/ROW:ID` | the row does not ask this guard |
//! | `hides:PROCEDURE/ROW` | the row hides nothing |

use super::RowId;
use super::guard::{Guard, Verdict};
use super::procedure::{Focus, Row};
use super::step::Act;

impl Row {
    /// Its observation holds.
    pub(super) fn matches(&self, procedure: &'static str, focus: &Focus) -> bool {
        !is_broken("row", procedure, self.name, "") && (self.when)(focus)
    }

    /// What is below it is not asked when it refuses or defers.
    pub(super) fn hides_below(&self, id: RowId) -> bool {
        self.hides && !is_broken("hides", id.procedure, id.row, "")
    }

    /// The guards it asks.
    pub(super) fn asks(&self, id: RowId) -> impl Iterator<Item = &'static Guard> {
        let asked = move |guard: &&Guard| !is_broken("ask", id.procedure, id.row, guard.id);
        self.guards.iter().copied().filter(asked)
    }
}

impl Guard {
    /// May the act be done?
    pub fn ask(&self, focus: &Focus, act: &Act) -> Verdict {
        if is_broken("guard", self.id, "", "") {
            return Verdict::Holds;
        }
        (self.check)(focus, act)
    }
}

#[cfg(not(mutants))]
const fn is_broken(_: &str, _: &str, _: &str, _: &str) -> bool {
    false
}

/// `kind:name`, `kind:name/row` or `kind:name/row:guard`.
#[cfg(mutants)]
fn is_broken(kind: &str, name: &str, row: &str, guard: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("RECONCILE_MUTANT").unwrap_or_default());
    chosen == name_of(kind, name, row, guard).as_str()
}

#[cfg(mutants)]
fn name_of(kind: &str, name: &str, row: &str, guard: &str) -> String {
    let row = if row.is_empty() {
        String::new()
    } else {
        format!("/{row}")
    };
    let guard = if guard.is_empty() {
        String::new()
    } else {
        format!(":{guard}")
    };
    format!("{kind}:{name}{row}{guard}")
}

#[cfg(all(test, mutants))]
mod tests {
    use super::super::{ORDER, guard};
    use super::name_of;

    /// All there are, one a line, for the script.
    #[test]
    #[expect(clippy::print_stdout, reason = "this is what it is for")]
    fn list() {
        for guard in guard::ALL {
            println!("mutant {}", name_of("guard", guard.id, "", ""));
        }
        for procedure in ORDER {
            for row in procedure.rows {
                println!("mutant {}", name_of("row", procedure.name, row.name, ""));
                if row.hides {
                    println!("mutant {}", name_of("hides", procedure.name, row.name, ""));
                }
                for guard in row.guards {
                    println!(
                        "mutant {}",
                        name_of("ask", procedure.name, row.name, guard.id)
                    );
                }
            }
        }
    }
}
