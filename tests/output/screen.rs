//! What a terminal shows of the bytes it was sent: only the escapes that our own output has.

/// Every row from the first ever written, the cursor's own last, on a terminal of so many columns that never forgets.
pub(crate) fn shown(bytes: &str, columns: usize) -> Vec<String> {
    let mut screen = Screen {
        rows: vec![String::new()],
        at: 0,
        columns,
    };
    let mut rest = bytes.chars();
    while let Some(c) = rest.next() {
        match c {
            // Nothing of ours is written over a part of a row.
            '\r' => {}
            '\n' => screen.down(),
            '\u{1b}' => {
                assert_eq!(rest.next(), Some('['), "only such escapes");
                let mut number = String::new();
                let letter = loop {
                    match rest.next().expect("an escape has an end") {
                        c if c.is_ascii_alphabetic() => break c,
                        c => number.push(c),
                    }
                };
                screen.escape(letter, &number);
            }
            c => screen.put(c),
        }
    }
    screen.rows
}

struct Screen {
    rows: Vec<String>,
    at: usize,
    columns: usize,
}

impl Screen {
    fn down(&mut self) {
        self.at += 1;
        if self.at == self.rows.len() {
            self.rows.push(String::new());
        }
    }

    fn escape(&mut self, letter: char, number: &str) {
        match letter {
            'A' => {
                let up: usize = number.parse().expect("a count");
                assert!(up <= self.at, "above the first row");
                self.at -= up;
            }
            'J' => {
                self.rows.truncate(self.at);
                self.rows.push(String::new());
            }
            'm' => {}
            other => panic!("an escape that we do not use: {other}"),
        }
    }

    fn put(&mut self, c: char) {
        if self.rows[self.at].chars().count() == self.columns {
            self.down();
        }
        self.rows[self.at].push(c);
    }
}
