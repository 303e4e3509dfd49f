//! How text may look: width, colour, glyphs; and what keeps a value from driving the terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::diag::defuse_line;

/// What the reader's terminal can show. Colour is never the only carrier of a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    /// Columns to wrap prose at.
    pub width: usize,
    pub color: Color,
    /// Glyphs, and values too, in ASCII only.
    pub ascii: bool,
    /// Every step on its own, with its reason, guards and undo.
    pub verbose: bool,
    /// Without the closing line.
    pub quiet: bool,
}

impl Default for TextStyle {
    fn default() -> Self {
        Self {
            width: 100,
            color: Color::None,
            ascii: false,
            verbose: false,
            quiet: false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    None,
    Ansi,
    /// `[bad]…[/]`: for tests, so that colour can be read in a review.
    Symbolic,
}

/// What a colour is for; the palette is decided in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Good,
    Bad,
    Warn,
    Hint,
    Dim,
    Strong,
}

impl Paint {
    const fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("good"),
            Self::Bad => Some("bad"),
            Self::Warn => Some("warn"),
            Self::Hint => Some("hint"),
            Self::Dim => Some("dim"),
            Self::Strong => Some("strong"),
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Warn => AnsiColor::Yellow.on_default(),
            Self::Hint => AnsiColor::Cyan.on_default(),
            Self::Dim => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        }
    }
}

impl TextStyle {
    /// Text that came from outside, safe and in the glyphs asked for.
    pub(super) fn clean(&self, text: &str) -> String {
        let safe = defuse(text);
        if self.ascii { ascii(&safe) } else { safe }
    }

    /// Columns that text takes once it is clean.
    pub(super) fn columns(&self, text: &str) -> usize {
        self.clean(text).chars().count()
    }

    /// Columns that a row of these cells takes.
    pub(super) fn row_width(&self, indent: usize, cells: &[Cell]) -> usize {
        let last = cells.iter().rposition(|(_, text, _)| !text.is_empty());
        let cells = cells.iter().enumerate();
        let shown = cells.take_while(|(at, _)| Some(*at) <= last);
        let widths = shown.map(|(at, (_, text, width))| match self.columns(text) {
            own if Some(at) == last => own,
            own => own.max(*width) + 2,
        });
        indent + widths.sum::<usize>()
    }

    pub(super) fn paint(&self, paint: Paint, text: &str) -> String {
        match (self.color, paint.name()) {
            (_, None) | (Color::None, _) => text.to_owned(),
            (Color::Symbolic, Some(name)) => format!("[{name}]{text}[/]"),
            (Color::Ansi, Some(_)) => {
                let style = paint.style();
                format!("{style}{text}{style:#}")
            }
        }
    }
}

/// Control and bidirectional characters as escapes: a value read from a cluster must not move the cursor, nor pretend.
pub fn defuse(text: &str) -> String {
    defuse_line(text).into_owned()
}

fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '→' => out.push_str("->"),
            '·' => out.push('|'),
            '…' => out.push_str("..."),
            '–' | '—' => out.push('-'),
            '≥' => out.push_str(">="),
            c if c.is_ascii() => out.push(c),
            c => out.extend(c.escape_default()),
        }
    }
    out
}

/// A text, what it is painted as, and the columns it takes at least.
pub(super) type Cell<'t> = (Paint, &'t str, usize);

/// A page being written, line by line.
pub(super) struct Sheet<'s> {
    style: &'s TextStyle,
    out: String,
}

impl<'s> Sheet<'s> {
    pub(super) fn new(style: &'s TextStyle) -> Self {
        Self {
            style,
            out: String::new(),
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// What others hold, behind what is here.
    pub(super) fn extend(&mut self, sheets: Vec<Self>) {
        self.out.extend(sheets.into_iter().map(Self::finish));
    }

    /// Cells two spaces apart, each at least as wide as it says.
    pub(super) fn row(&mut self, indent: usize, cells: &[Cell]) {
        let last = cells.iter().rposition(|(_, text, _)| !text.is_empty());
        let _ = write!(self.out, "{:indent$}", "");
        for (at, (paint, text, width)) in cells.iter().enumerate() {
            let text = self.style.clean(text);
            if Some(at) >= last {
                self.out.push_str(&self.style.paint(*paint, &text));
                break;
            }
            let pad = (width.saturating_sub(text.chars().count())) + 2;
            let _ = write!(self.out, "{}{:pad$}", self.style.paint(*paint, &text), "");
        }
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }

    /// A label, then prose wrapped under itself.
    pub(super) fn prose(&mut self, indent: usize, label: &str, paint: Paint, text: &str) {
        let label = self.style.clean(label);
        let hang = indent + label.chars().count();
        let room = self.style.width.saturating_sub(hang).max(20);
        let lines = wrap(&self.style.clean(text), room);
        for (at, line) in lines.iter().enumerate() {
            let lead = if at == 0 {
                format!("{:indent$}{label}", "")
            } else {
                format!("{:hang$}", "")
            };
            let _ = writeln!(self.out, "{lead}{}", self.style.paint(paint, line));
        }
    }
}

/// Words that fit `width` columns; a longer word stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let length = word.chars().count();
        let line = lines.last_mut().expect("begun with one line");
        if used > 0 && used + 1 + length > width {
            lines.push(word.to_owned());
            used = length;
            continue;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_drive_the_terminal() {
        assert_eq!(
            defuse("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e"),
            "a\\u{1b}[2Jb\\nc\\u{9b}d\\u{202e}e"
        );
    }

    #[test]
    fn ascii_is_ascii() {
        let style = TextStyle {
            ascii: true,
            ..TextStyle::default()
        };
        assert_eq!(style.clean("3 → 5 · ü"), "3 -> 5 | \\u{fc}");
    }

    #[test]
    fn colour_is_markup_around_the_padding() {
        let style = TextStyle {
            color: Color::Symbolic,
            ..TextStyle::default()
        };
        let mut sheet = Sheet::new(&style);
        sheet.row(
            1,
            &[
                (Paint::Bad, "!", 3),
                (Paint::Plain, "x", 4),
                (Paint::Plain, "", 0),
            ],
        );
        assert_eq!(sheet.finish(), " [bad]![/]    x\n");
    }

    #[test]
    fn prose_hangs_under_itself() {
        let style = TextStyle {
            width: 30,
            ..TextStyle::default()
        };
        let mut sheet = Sheet::new(&style);
        sheet.prose(
            2,
            "unblock: ",
            Paint::Plain,
            "mend what keeps it from starting",
        );
        assert_eq!(
            sheet.finish(),
            "  unblock: mend what keeps it\n           from starting\n"
        );
    }
}
