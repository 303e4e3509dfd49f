//! The lines that a diagnostic points into, as miette reads them: safe, and none longer than a reader bears.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::defuse::{boundary, defuse_line, defuse_source};
use super::{Label, SourceFile};

/// Bytes of a line that is shown whole.
const LONGEST_LINE: usize = 240;
/// Bytes that are shown of a longer one: before the place that is pointed at, and from there on.
const BEFORE: usize = 40;
const FROM: usize = 80;
/// Stands for what a line was cut by.
const CUT: &str = "...";

/// Several files as one source for miette, which knows only one: each begins where the one before has ended.
#[derive(Debug, Default)]
pub(super) struct Excerpts {
    files: Vec<Excerpt>,
    /// Where labels begin, with their line and column as written.
    places: Vec<(usize, usize, usize)>,
}

#[derive(Debug)]
struct Excerpt {
    /// As in the diagnostic.
    file: String,
    /// As shown.
    name: String,
    text: String,
    base: usize,
    /// What is left of the file's text where lines were cut: places in it and in ours, and a length.
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    from: usize,
    to: usize,
    length: usize,
}

impl Excerpts {
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Of the files that these labels are in, as far as their text is there.
    pub(super) fn new(labels: &[Label], files: &[SourceFile]) -> Self {
        let mut excerpts = Self::default();
        for label in labels {
            let known = excerpts.files.iter().any(|known| known.file == label.file);
            let file = files.iter().find(|file| file.name == label.file);
            let Some(file) = file.filter(|_| !known) else {
                continue;
            };
            let spans: Vec<&Range<usize>> = labels
                .iter()
                .filter(|label| label.file == file.name)
                .map(|label| &label.span)
                .filter(|span| file.text.get((*span).clone()).is_some())
                .collect();
            if !spans.is_empty() {
                // The gap keeps miette from joining the end of one file with the beginning of the next.
                let last = excerpts.files.last();
                let base = last.map_or(0, |last| last.base + last.text.len() + 1);
                excerpts.files.push(Excerpt::new(file, base, &spans));
            }
        }
        excerpts
    }

    /// Where the label is in all of the text, if it is in any.
    pub(super) fn place(&mut self, label: &Label) -> Option<Range<usize>> {
        let file = self.files.iter().find(|file| file.file == label.file)?;
        let span = file.span(&label.span)?;
        self.places.push((span.start, label.line, label.column));
        Some(span)
    }
}

impl Excerpt {
    fn new(file: &SourceFile, base: usize, spans: &[&Range<usize>]) -> Self {
        let safe = defuse_source(&file.text);
        let long = safe.split('\n').any(|line| line.len() > LONGEST_LINE);
        let (text, pieces) = if long {
            cut(&safe, spans)
        } else {
            let whole = Piece {
                from: 0,
                to: 0,
                length: safe.len(),
            };
            (safe.into_owned(), vec![whole])
        };
        Self {
            file: file.name.clone(),
            name: defuse_line(&file.name).into_owned(),
            text,
            base,
            pieces,
        }
    }

    /// Of a long span its beginning: the underline need not end where the value does.
    fn span(&self, span: &Range<usize>) -> Option<Range<usize>> {
        let held = self.pieces.iter().rfind(|piece| piece.from <= span.start)?;
        let start = held.to + (span.start - held.from).min(held.length);
        let room = (held.to + held.length).saturating_sub(start);
        let mut end = start + span.len().min(room);
        let within = self.text.get(start..end)?;
        if within.len() > FROM {
            end = start + boundary(within, FROM);
            let line = within[..end - start].find('\n');
            end = line.map_or(end, |line| start + line);
        }
        Some(self.base + start..self.base + end)
    }
}

/// The text with its long lines cut around these spans.
fn cut(text: &str, spans: &[&Range<usize>]) -> (String, Vec<Piece>) {
    let mut out = String::new();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let within = |span: &&&Range<usize>| (at..at + line.len()).contains(&span.start);
        let kept = if line.len() > LONGEST_LINE {
            window(line, spans.iter().find(within).map_or(0, |s| s.start - at))
        } else {
            0..line.len()
        };
        if kept.start > 0 {
            out.push_str(CUT);
        }
        let (from, to, length) = (at + kept.start, out.len(), kept.len());
        out.push_str(&line[kept.clone()]);
        match pieces.last_mut() {
            Some(last) if last.from + last.length == from && last.to + last.length == to => {
                last.length += length;
            }
            _ => pieces.push(Piece { from, to, length }),
        }
        if kept.end < line.len() {
            out.push_str(CUT);
            out.push('\n');
        }
        at += line.len();
    }
    // A span may lie behind the last line.
    let (from, to) = (at, out.len());
    let length = 0;
    pieces.push(Piece { from, to, length });
    (out, pieces)
}

/// What is kept of a long line for a place in it.
fn window(line: &str, place: usize) -> Range<usize> {
    let start = boundary(line, place.saturating_sub(BEFORE));
    let end = boundary(line, place + FROM);
    let end = if line.len() - end <= CUT.len() {
        line.len()
    } else {
        end
    };
    if start <= CUT.len() {
        0..end
    } else {
        start..end
    }
}

impl SourceCode for Excerpts {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let start = span.offset();
        let holds = |file: &&Excerpt| file.base <= start && start <= file.base + file.text.len();
        let file = self
            .files
            .iter()
            .find(holds)
            .ok_or(MietteError::OutOfBounds)?;
        let local = SourceSpan::from((start - file.base, span.len()));
        let contents = file.text.read_span(&local, before, after)?;
        let shown = contents.span();
        // Without context it is asked for its place alone, which is not the one in a line that was cut.
        let asked = (before, after) == (0, 0);
        let place = self.places.iter().find(|(at, ..)| asked && *at == start);
        let (line, column) = place.map_or((contents.line(), contents.column()), |place| {
            (place.1.saturating_sub(1), place.2.saturating_sub(1))
        });
        Ok(Box::new(MietteSpanContents::new_named(
            file.name.clone(),
            contents.data(),
            SourceSpan::from((shown.offset() + file.base, shown.len())),
            line,
            column,
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(span: Range<usize>) -> Label {
        Label {
            file: "x.yaml".into(),
            span,
            line: 2,
            column: 1,
            text: String::new(),
        }
    }

    /// What is shown, and what of it is underlined.
    fn shown<const N: usize>(text: &str, spans: [(usize, usize); N]) -> (String, Vec<String>) {
        let files = [SourceFile {
            name: "x.yaml".into(),
            text: text.into(),
        }];
        let labels: Vec<Label> = spans.map(|(from, to)| label(from..to)).into();
        let mut excerpts = Excerpts::new(&labels, &files);
        let places: Vec<_> = labels.iter().map(|label| excerpts.place(label)).collect();
        let text = excerpts.files[0].text.clone();
        let marked = places.into_iter().flatten();
        let marked = marked.map(|place| text[place].to_owned()).collect();
        (text, marked)
    }

    #[test]
    fn short_lines_are_shown_as_they_are() {
        let (text, marked) = shown("a: b\nc: d\n", [(8, 9), (3, 4)]);
        assert_eq!(text, "a: b\nc: d\n");
        assert_eq!(marked, ["d", "b"]);
    }

    #[test]
    fn long_lines_are_cut_around_what_is_pointed_at() {
        let long = format!("x: 1\n{}HERE{}\ny: 2\n", "ä".repeat(3000), "ö".repeat(5000));
        let (text, marked) = shown(&long, [(6005, 6009), (long.len() - 2, long.len() - 1)]);
        assert_eq!(
            text,
            format!(
                "x: 1\n...{}HERE{}...\ny: 2\n",
                "ä".repeat(20),
                "ö".repeat(38)
            )
        );
        assert_eq!(marked, ["HERE", "2"]);
        // The beginning, the end, and past the end.
        let line = "z".repeat(1 << 20);
        let (text, marked) = shown(&line, [(0, line.len())]);
        assert_eq!(text, format!("{}...\n", "z".repeat(80)));
        assert_eq!(marked, ["z".repeat(80)]);
        let (text, marked) = shown(&line, [(line.len() - 1, line.len())]);
        assert_eq!(text, format!("...{}", "z".repeat(41)));
        assert_eq!(marked, ["z"]);
        let (_, marked) = shown(&line, [(line.len(), line.len())]);
        assert_eq!(marked, [""]);
    }

    #[test]
    fn of_many_lines_the_first_is_underlined() {
        let text = format!("a: |\n{}", "  line\n".repeat(1000));
        let (_, marked) = shown(&text, [(3, text.len())]);
        assert_eq!(marked, ["|"]);
    }
}
