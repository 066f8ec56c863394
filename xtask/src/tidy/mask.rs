//! Rust text split into code and comments of the same shape, so that a plain search is not fooled by strings.

/// A Rust file twice: each with the other's characters, and all strings, turned into spaces. Line numbers stay.
pub(super) struct Masked {
    /// Code without comments and without what stands inside string and character literals.
    pub(super) code: String,
    /// Comments only, doc comments included.
    pub(super) comments: String,
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Masked {
    pub(super) fn new(text: &str) -> Self {
        let mut masker = Masker { chars: text.chars().collect(), at: 0, code: String::new(), comments: String::new() };
        while masker.at < masker.chars.len() {
            masker.step();
        }
        Self { code: masker.code, comments: masker.comments }
    }
}

struct Masker {
    chars: Vec<char>,
    at: usize,
    code: String,
    comments: String,
}

impl Masker {
    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (Some('/'), Some('/')) => self.line_comment(),
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('\''), _) => self.quote(),
            (Some('r'), Some('"' | '#')) if !self.inside_word() => self.raw_string(),
            _ => self.take(1, Kind::Code),
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// True if the character before belongs to an identifier other than the prefixes `b` and `c` of literals.
    fn inside_word(&self) -> bool {
        let is_word = |back: usize| {
            self.at.checked_sub(back).is_some_and(|at| self.chars[at].is_alphanumeric() || self.chars[at] == '_')
        };
        let prefixed = self.at > 0 && matches!(self.chars[self.at - 1], 'b' | 'c') && !is_word(2);
        is_word(1) && !prefixed
    }

    fn take(&mut self, count: usize, kind: Kind) {
        let end = (self.at + count).min(self.chars.len());
        for &one in &self.chars[self.at..end] {
            let blank = if one == '\n' { '\n' } else { ' ' };
            self.code.push(if matches!(kind, Kind::Code) { one } else { blank });
            self.comments.push(if matches!(kind, Kind::Comment) { one } else { blank });
        }
        self.at = end;
    }

    fn line_comment(&mut self) {
        let length = self.chars[self.at..].iter().take_while(|&&one| one != '\n').count();
        self.take(length, Kind::Comment);
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while let Some(one) = self.peek(0) {
            match (one, self.peek(1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    self.take(1, Kind::Comment);
                    continue;
                }
            }
            self.take(2, Kind::Comment);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.take(1, Kind::Code);
        loop {
            match self.peek(0) {
                Some('\\') => self.take(2, Kind::Literal),
                Some('"') => return self.take(1, Kind::Code),
                Some(_) => self.take(1, Kind::Literal),
                None => return,
            }
        }
    }

    /// A character literal, or a lifetime, which stays code.
    fn quote(&mut self) {
        match (self.peek(1), self.peek(2)) {
            (Some('\\'), _) => {
                let tail = self.chars[self.at..].iter().skip(3).take_while(|&&one| one != '\'').count();
                self.take(tail + 4, Kind::Literal);
            }
            (Some(_), Some('\'')) => self.take(3, Kind::Literal),
            _ => self.take(1, Kind::Code),
        }
    }

    /// `r"..."` and `r#"..."#`; a raw identifier such as `r#type` stays code.
    fn raw_string(&mut self) {
        let hashes = self.chars[self.at + 1..].iter().take_while(|&&one| one == '#').count();
        if self.peek(1 + hashes) != Some('"') {
            return self.take(1 + hashes, Kind::Code);
        }
        self.take(2 + hashes, Kind::Code);
        while let Some(one) = self.peek(0) {
            if one == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                return self.take(1 + hashes, Kind::Code);
            }
            self.take(1, Kind::Literal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_leave_the_code() {
        let masked = Masked::new("let a = \"fn { // no\"; // fn yes {\nlet b = r#\"}\"{\"#;");
        assert_eq!(masked.code, "let a = \"          \";            \nlet b = r#\"   \"#;");
        assert_eq!(masked.comments.trim_end(), format!("{}// fn yes {{", " ".repeat(22)));
    }

    #[test]
    fn quotes_are_characters_or_lifetimes() {
        let masked = Masked::new(r#"f::<'a>('{', '\'', '"', b'}', '\u{7d}')"#);
        assert_eq!(masked.code.replace(' ', ""), "f::<'a>(,,,b,)");
    }

    #[test]
    fn block_comments_nest_and_escapes_do_not_end_a_string() {
        let masked = Masked::new(r#"a /* b /* c */ d */ e "\"f" r#type brr"g""#);
        let words: Vec<&str> = masked.code.split_whitespace().collect();
        assert_eq!(words, ["a", "e", "\"", "\"", "r#type", "brr\"", "\""]);
    }

    #[test]
    fn lines_stay_where_they_are() {
        let text = "/* a\nb */ c \"d\ne\" f\n";
        let masked = Masked::new(text);
        assert_eq!(masked.code.lines().count(), text.lines().count());
        assert_eq!(masked.code.lines().nth(2), Some(" \" f"));
    }
}
