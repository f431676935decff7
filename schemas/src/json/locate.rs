//! Where a value stands in a JSON text that has been read: JSON Pointer to byte, byte
//! to line and column. Runs only when something is wrong; the text is known to be
//! JSON, and anything unexpected ends the search at the place reached.

/// Line and column, in characters from 1, of a byte of `text`.
pub(super) fn position(text: &str, byte: usize) -> (u32, u32) {
    let before = text.get(..byte).unwrap_or(text);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
    let line = before.bytes().filter(|b| *b == b'\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    (count(line), count(column))
}

/// The byte at which the value at `pointer` begins, or the innermost one around it.
pub(super) fn value(text: &str, pointer: &str) -> usize {
    find(text, pointer).1
}

/// The byte at which the name of the member at `pointer` begins; of its value in an array.
pub(super) fn name(text: &str, pointer: &str) -> usize {
    find(text, pointer).0
}

/// The opening quote of the string that ends right before byte `end`.
pub(super) fn string_before(text: &str, end: usize) -> usize {
    let bytes = text.as_bytes();
    let is_quote = |at: &usize| bytes.get(*at) == Some(&b'"');
    let plain = |at: &usize| {
        let escapes = bytes.get(..*at).unwrap_or_default().iter().rev();
        escapes.take_while(|b| **b == b'\\').count().is_multiple_of(2)
    };
    let close = (0..=end.min(bytes.len())).rev().find(is_quote).unwrap_or(end);
    (0..close).rev().find(|at| is_quote(at) && plain(at)).unwrap_or(close)
}

fn find(text: &str, pointer: &str) -> (usize, usize) {
    let mut cursor = Cursor { text, at: 0 };
    cursor.space();
    let mut place = (cursor.at, cursor.at);
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let found = match cursor.peek() {
            Some(b'{') => cursor.member(&token),
            Some(b'[') => cursor.item(&token),
            _ => None,
        };
        match found {
            Some(name) => place = (name, cursor.at),
            None => return place,
        }
    }
    place
}

/// A place in the text. Methods move it over one thing each.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// From an object's brace to the value of the member; gives where its name begins.
    /// Of several of the same name it is the last, which is the one that counts.
    fn member(&mut self, wanted: &str) -> Option<usize> {
        let mut found = None;
        self.at += 1;
        loop {
            self.space();
            let name = self.at;
            if self.peek() != Some(b'"') {
                break;
            }
            self.string();
            let raw = self.text.get(name..self.at).unwrap_or_default();
            self.space();
            self.at += 1;
            self.space();
            if serde_json::from_str::<String>(raw).is_ok_and(|name| name == wanted) {
                found = Some((name, self.at));
            }
            self.skip();
            self.space();
            if self.peek() != Some(b',') {
                break;
            }
            self.at += 1;
        }
        let (name, value) = found?;
        self.at = value;
        Some(name)
    }

    /// From an array's bracket to one of its values; gives where it begins.
    fn item(&mut self, wanted: &str) -> Option<usize> {
        let wanted: usize = wanted.parse().ok()?;
        self.at += 1;
        for _ in 0..wanted {
            self.space();
            self.skip();
            self.space();
            if self.peek() != Some(b',') {
                return None;
            }
            self.at += 1;
        }
        self.space();
        (self.peek() != Some(b']')).then_some(self.at)
    }

    /// Over one string.
    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    /// Over one value, whatever it is.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b'}' | b']' if depth == 0 => return,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
                return;
            }
        }
    }
}
