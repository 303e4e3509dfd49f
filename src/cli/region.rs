//! Lines at the bottom of a terminal that are drawn over; everything else that is written goes above them.
//!
//! Only what to write is decided here. Between two writes the cursor always stands at the start of the line below the
//! last one, so that a run which is killed leaves a terminal to go on with.

use std::fmt::Write as _;

/// What is drawn at present.
#[derive(Debug, Default)]
pub(super) struct Region {
    lines: Vec<String>,
}

impl Region {
    pub(super) const fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// These lines in place of those of before, on a terminal of so many columns.
    pub(super) fn draw(&mut self, lines: Vec<String>, columns: usize) -> String {
        let mut out = self.erased(columns);
        self.lines = lines;
        self.lines.iter().for_each(|line| put(&mut out, line));
        out
    }

    /// Text of whole lines above the drawn ones.
    pub(super) fn above(&self, text: &str, columns: usize) -> String {
        let mut out = self.erased(columns);
        out.push_str(text);
        self.lines.iter().for_each(|line| put(&mut out, line));
        out
    }

    /// Back to where the first line began, with nothing below. A terminal that was made narrower has wrapped them.
    fn erased(&self, columns: usize) -> String {
        let rows = |line: &String| visible(line).max(1).div_ceil(columns.max(1));
        let up: usize = self.lines.iter().map(rows).sum();
        match up {
            0 => String::new(),
            up => format!("\r\x1b[{up}A\x1b[J"),
        }
    }
}

fn put(out: &mut String, line: &str) {
    let _ = writeln!(out, "{line}");
}

/// Characters of a line without its colours.
fn visible(line: &str) -> usize {
    let mut count = 0;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\x1b' {
            // `ESC [ … letter`: a colour is all that our own lines hold.
            let _ = rest.find(char::is_ascii_alphabetic);
        } else {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal of so many columns shows of this, row by row; the cursor's own row last.
    fn shown(bytes: &str, columns: usize) -> Vec<String> {
        let mut rows = vec![String::new()];
        let mut at = 0;
        let mut rest = bytes.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\r' => {}
                '\n' => {
                    at += 1;
                    if at == rows.len() {
                        rows.push(String::new());
                    }
                }
                '\x1b' => {
                    rest.next();
                    let mut number = String::new();
                    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                        number.push(digit);
                    }
                    match rest.next() {
                        Some('A') => at -= number.parse::<usize>().expect("a count"),
                        Some('J') => {
                            rows.truncate(at);
                            rows.push(String::new());
                        }
                        _ => {}
                    }
                }
                c => {
                    if rows[at].chars().count() == columns {
                        at += 1;
                        rows.push(String::new());
                    }
                    rows[at].push(c);
                }
            }
        }
        rows
    }

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_frame_takes_the_place_of_the_one_before() {
        let mut region = Region::new();
        let mut bytes = String::from("before\n");
        bytes += &region.draw(lines(&["a", "b"]), 80);
        bytes += &region.draw(lines(&["c"]), 80);
        bytes += &region.above("log\n", 80);
        bytes += &region.draw(lines(&["d", "e"]), 80);
        assert_eq!(shown(&bytes, 80), ["before", "log", "d", "e", ""]);
        bytes += &region.draw(Vec::new(), 80);
        assert_eq!(shown(&bytes, 80), ["before", "log", ""]);
        assert_eq!(region.above("x\n", 80), "x\n", "nothing is drawn");
    }

    #[test]
    fn a_terminal_made_narrower_has_wrapped_the_lines() {
        let mut region = Region::new();
        let mut bytes = region.draw(lines(&["\x1b[1mabcdefgh\x1b[0m", "ij"]), 80);
        bytes += &region.draw(lines(&["k"]), 4);
        assert_eq!(shown(&bytes, 4), ["k", ""]);
    }
}
