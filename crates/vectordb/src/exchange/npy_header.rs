//! The header of `.npy`: a Python dictionary with exactly three keys, as `repr` writes it.
//! No Python is understood beyond strings, booleans and tuples of whole numbers.

/// What a header says.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub descr: String,
    pub fortran_order: bool,
    pub shape: Vec<u64>,
}

/// Where the text stops being a header.
#[derive(Debug, PartialEq)]
pub(super) struct Wrong {
    /// Byte within the text.
    pub at: usize,
    pub expected: &'static str,
    pub found: String,
}

/// More dimensions than NumPy itself allows are an attack, not an array.
const MAX_DIMENSIONS: usize = 64;

pub(super) fn parse(text: &[u8]) -> Result<Header, Wrong> {
    let mut parser = Parser { text, at: 0 };
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    parser.token(b'{', "{")?;
    while !parser.accepts(b'}') {
        let start = parser.at;
        match parser.string()?.as_str() {
            "descr" if descr.is_none() => descr = Some(parser.value(Parser::descr)?),
            "fortran_order" if fortran_order.is_none() => {
                fortran_order = Some(parser.value(Parser::boolean)?);
            }
            "shape" if shape.is_none() => shape = Some(parser.value(Parser::tuple)?),
            _ => return Err(parser.wrong(start, "one each of descr, fortran_order and shape")),
        }
        if !parser.accepts(b',') {
            parser.token(b'}', ", or }")?;
            break;
        }
    }
    if parser.peek().is_some() {
        return Err(parser.wrong(parser.at, "nothing but spaces after }"));
    }
    match (descr, fortran_order, shape) {
        (Some(descr), Some(fortran_order), Some(shape)) => Ok(Header {
            descr,
            fortran_order,
            shape,
        }),
        _ => Err(parser.wrong(0, "descr, fortran_order and shape")),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    /// The next byte that is not a space.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn accepts(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn token(&mut self, byte: u8, expected: &'static str) -> Result<(), Wrong> {
        if self.accepts(byte) {
            return Ok(());
        }
        Err(self.wrong(self.at, expected))
    }

    fn value<T>(&mut self, parse: fn(&mut Self) -> Result<T, Wrong>) -> Result<T, Wrong> {
        self.token(b':', ": after a key")?;
        parse(self)
    }

    /// A string, or a list: the dtype of a structured array, given as it stands to be named in the refusal.
    fn descr(&mut self) -> Result<String, Wrong> {
        if self.peek() != Some(b'[') {
            return self.string();
        }
        let start = self.at;
        let mut depth = 0;
        for (i, byte) in self.text[start..].iter().enumerate() {
            match byte {
                b'[' => depth += 1,
                b']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.at = start + i + 1;
                return Ok(shown(&self.text[start..self.at]));
            }
        }
        Err(self.wrong(start, "a list that ends"))
    }

    fn string(&mut self) -> Result<String, Wrong> {
        let quote = self.peek();
        let start = self.at;
        if !matches!(quote, Some(b'\'' | b'"')) {
            return Err(self.wrong(start, "a string"));
        }
        let rest = &self.text[start + 1..];
        let Some(length) = rest.iter().position(|byte| Some(*byte) == quote) else {
            return Err(self.wrong(start, "a string that ends"));
        };
        self.at = start + 1 + length + 1;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn boolean(&mut self) -> Result<bool, Wrong> {
        self.peek();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.wrong(self.at, "True or False"))
    }

    fn tuple(&mut self) -> Result<Vec<u64>, Wrong> {
        self.token(b'(', "( of the shape")?;
        let mut lengths = Vec::new();
        while !self.accepts(b')') {
            if lengths.len() == MAX_DIMENSIONS {
                return Err(self.wrong(self.at, "a shape of few dimensions"));
            }
            lengths.push(self.integer()?);
            if !self.accepts(b',') {
                self.token(b')', ", or )")?;
                break;
            }
        }
        Ok(lengths)
    }

    /// A length. Python 2 wrote an `L` behind long ones.
    fn integer(&mut self) -> Result<u64, Wrong> {
        self.peek();
        let digits = self.text[self.at..].iter();
        let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
        let text = str::from_utf8(&self.text[self.at..self.at + digits]).unwrap_or_default();
        let Ok(length) = text.parse() else {
            return Err(self.wrong(self.at, "a length"));
        };
        self.at += digits;
        self.accepts(b'L');
        Ok(length)
    }

    fn wrong(&self, at: usize, expected: &'static str) -> Wrong {
        let rest = &self.text[at.min(self.text.len())..];
        Wrong {
            at,
            expected,
            found: match shown(&rest[..rest.len().min(24)]) {
                text if text.is_empty() => "the end of the header".to_owned(),
                text => text,
            },
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<(&str, bool, &[u64])>) {
        let expect = expect.map(|(descr, fortran_order, shape)| Header {
            descr: descr.to_owned(),
            fortran_order,
            shape: shape.to_vec(),
        });
        assert_eq!(parse(text.as_bytes()).ok(), expect, "{text}");
    }

    #[test]
    fn headers_as_they_are_found() {
        let numpy = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }     \n";
        check(numpy, Some(("<f4", false, &[3, 4])));
        let python2 = "{'shape': (3L,), \"fortran_order\": True, 'descr': '>f8'}\n";
        check(python2, Some((">f8", true, &[3])));
        let scalar = "{'descr': '<f4', 'fortran_order': False, 'shape': (), }";
        check(scalar, Some(("<f4", false, &[])));
        let structured =
            "{'descr': [('x', '<f4', (2,)), ('y', '<i4')], 'fortran_order': False, 'shape': (3,)}";
        let list = "[(\\'x\\', \\'<f4\\', (2,)), (\\'y\\', \\'<i4\\')]";
        check(structured, Some((list, false, &[3])));
    }

    #[test]
    fn what_is_no_header() {
        check("", None);
        check("{", None);
        check("{}", None);
        check("{'descr': '<f4', 'fortran_order': False}", None);
        check(
            "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
            None,
        );
        check(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
            None,
        );
        check(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}",
            None,
        );
        check(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            None,
        );
        check("{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}", None);
        check(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} # more",
            None,
        );
        check(
            &format!(
                "{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}",
                "1,".repeat(65)
            ),
            None,
        );
    }
}
