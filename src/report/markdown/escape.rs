//! What keeps a value from being Markdown, HTML or a mention.

use super::super::style::defuse;

/// Between a sign that names somebody or something and the name: neither GitHub nor GitLab then notifies or links.
const BREAK: &str = "&#8203;";

/// A value in running text or in a cell of a table.
pub(super) fn text(value: &str) -> String {
    escaped(value, |c| {
        matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$')
    })
}

/// A value inside of a line of HTML, where no Markdown is read.
pub(super) fn html(value: &str) -> String {
    escaped(value, |_| false)
}

fn escaped(value: &str, is_markup: fn(char) -> bool) -> String {
    let safe = defuse(value);
    let mut out = String::with_capacity(safe.len() + 8);
    let mut rest = safe.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if is_markup(c) => out.extend(['\\', c]),
            c => out.push(c),
        }
        let names = matches!(c, '@' | '#' | '!');
        if names && rest.peek().is_some_and(|next| next.is_alphanumeric()) {
            out.push_str(BREAK);
        }
    }
    out
}

/// A short value as code. Outside of tables, where a pipe would end the cell all the same.
pub(super) fn code(value: &str) -> String {
    let safe = defuse(value);
    let ticks = "`".repeat(longest_run(&safe) + 1);
    let pad = if safe.starts_with('`') || safe.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{pad}{safe}{pad}{ticks}")
}

/// Lines that are shown as they are, in a fence longer than any in them. Each of them is to be clean already.
pub(super) fn fence(language: &str, lines: &str) -> String {
    let ticks = "`".repeat(longest_run(lines).max(2) + 1);
    let end = if lines.is_empty() || lines.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{ticks}{language}\n{lines}{end}{ticks}\n")
}

/// Backticks in a row, at most.
pub(super) fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_text_and_nothing_else() {
        assert_eq!(text("a|b_c*d"), "a\\|b\\_c\\*d");
        assert_eq!(text("<img src=x>&amp;"), "&lt;img src=x&gt;&amp;amp;");
        assert_eq!(text("\u{1b}[31mx\n"), "\\\\u{1b}\\[31mx\\\\n");
        assert_eq!(html("a|b <c>"), "a|b &lt;c&gt;");
    }

    #[test]
    fn nobody_is_pinged() {
        assert_eq!(text("@all, a@b.c @"), "@&#8203;all, a@&#8203;b.c @");
        assert_eq!(
            text("fixes #123, !7; # x"),
            "fixes #&#8203;123, !&#8203;7; # x"
        );
        assert_eq!(html("@team"), "@&#8203;team");
    }

    #[test]
    fn code_and_fences_are_longer_than_what_is_in_them() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("``"), "``` `` ```");
        assert_eq!(fence("diff", "+ a"), "```diff\n+ a\n```\n");
        assert_eq!(fence("", "````\n"), "`````\n````\n`````\n");
        assert_eq!(fence("", ""), "```\n```\n");
    }
}
