//! Thrift's compact protocol, in which Parquet keeps its headers: only what is needed to read the
//! fields wanted, pass over the others, and write a few. Source: thrift-compact-protocol.md of
//! github.com/apache/thrift. It knows no Parquet.

/// Where the bytes stop being what they should be.
#[derive(Debug, PartialEq)]
pub(super) struct Wrong {
    /// Byte within what was read.
    pub at: usize,
    pub expected: &'static str,
    pub found: String,
}

pub(super) type Result<T> = std::result::Result<T, Wrong>;

/// Structures within structures that Parquet has are far fewer; bytes of an attack may have any.
const MAX_DEPTH: usize = 16;

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// Reads from front to back.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    /// Hands the fields of a structure to `field`, with number and type. It reads the value and says so
    /// by true; others are passed over.
    pub fn structure(
        &mut self,
        mut field: impl FnMut(&mut Self, i64, u8) -> Result<bool>,
    ) -> Result<()> {
        let mut number = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            let kind = head & 15;
            number = match head >> 4 {
                0 => self.integer()?,
                step => number.saturating_add(step.into()),
            };
            if !field(self, number, kind)? {
                self.pass(kind, MAX_DEPTH)?;
            }
        }
    }

    /// Hands each element of a list of structures to `element`.
    pub fn structures(
        &mut self,
        kind: u8,
        mut element: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.expect(kind, LIST, "a list")?;
        let (n, kind) = self.list_head()?;
        self.expect(kind, STRUCT, "structures")?;
        // Each takes a byte at least, so that a count beyond the bytes ends with them.
        (0..n).try_for_each(|_| element(self))
    }

    /// The list of strings under this type.
    pub fn strings(&mut self, kind: u8) -> Result<Vec<String>> {
        self.expect(kind, LIST, "a list")?;
        let (n, kind) = self.list_head()?;
        self.expect(kind, BINARY, "strings")?;
        let mut strings = Vec::new();
        for _ in 0..n {
            strings.push(self.string(BINARY)?);
        }
        Ok(strings)
    }

    pub fn string(&mut self, kind: u8) -> Result<String> {
        self.expect(kind, BINARY, "a string")?;
        let start = self.at;
        let bytes = self.binary()?.to_vec();
        String::from_utf8(bytes).map_err(|_| self.wrong(start, "UTF-8", "other bytes"))
    }

    /// An integer of any width.
    pub fn number(&mut self, kind: u8) -> Result<i64> {
        if !(4..=I64).contains(&kind) {
            return Err(self.wrong(self.at, "an integer", format!("type {kind}")));
        }
        self.integer()
    }

    pub fn size(&mut self, kind: u8) -> Result<usize> {
        let start = self.at;
        let number = self.number(kind)?;
        usize::try_from(number).map_err(|_| self.wrong(start, "a size", number.to_string()))
    }

    /// A truth is its type.
    pub fn boolean(&mut self, kind: u8) -> Result<bool> {
        match kind {
            TRUE => Ok(true),
            FALSE => Ok(false),
            _ => Err(self.wrong(self.at, "true or false", format!("type {kind}"))),
        }
    }

    pub fn is_structure(&self, kind: u8) -> Result<()> {
        self.expect(kind, STRUCT, "a structure")
    }

    fn expect(&self, kind: u8, wanted: u8, expected: &'static str) -> Result<()> {
        if kind == wanted {
            return Ok(());
        }
        Err(self.wrong(self.at, expected, format!("type {kind}")))
    }

    fn pass(&mut self, kind: u8, depth: usize) -> Result<()> {
        match kind {
            _ if depth == 0 => {
                Err(self.wrong(self.at, "an end", "too many structures in each other"))
            }
            TRUE | FALSE => Ok(()),
            3 => self.byte().map(drop),
            4..=I64 => self.integer().map(drop),
            7 => self.take(8).map(drop),
            BINARY => self.binary().map(drop),
            LIST | 10 => {
                let (n, kind) = self.list_head()?;
                (0..n).try_for_each(|_| self.pass_element(kind, depth - 1))
            }
            11 => self.pass_map(depth - 1),
            STRUCT => loop {
                let head = self.byte()?;
                match head {
                    0 => return Ok(()),
                    1..16 => drop(self.integer()?),
                    _ => {}
                }
                self.pass(head & 15, depth - 1)?;
            },
            _ => Err(self.wrong(self.at, "a type", kind.to_string())),
        }
    }

    /// In lists a truth has a byte of its own.
    fn pass_element(&mut self, kind: u8, depth: usize) -> Result<()> {
        match kind {
            TRUE | FALSE => self.byte().map(drop),
            _ => self.pass(kind, depth),
        }
    }

    fn pass_map(&mut self, depth: usize) -> Result<()> {
        let n = self.varint()?;
        if n == 0 {
            return Ok(());
        }
        let kinds = self.byte()?;
        for _ in 0..n {
            self.pass_element(kinds >> 4, depth)?;
            self.pass_element(kinds & 15, depth)?;
        }
        Ok(())
    }

    fn list_head(&mut self) -> Result<(u64, u8)> {
        let head = self.byte()?;
        let n = match head >> 4 {
            15 => self.varint()?,
            n => n.into(),
        };
        Ok((n, head & 15))
    }

    fn binary(&mut self) -> Result<&'a [u8]> {
        let n = self.varint()?;
        self.take(n)
    }

    fn integer(&mut self) -> Result<i64> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    pub fn varint(&mut self) -> Result<u64> {
        let start = self.at;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        Err(self.wrong(start, "a number of 64 bits", "a longer one"))
    }

    fn byte(&mut self) -> Result<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub fn take(&mut self, n: u64) -> Result<&'a [u8]> {
        let left = &self.bytes[self.at..];
        match usize::try_from(n).ok().and_then(|n| left.get(..n)) {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => Err(self.wrong(self.at, "more bytes", format!("{} of {n}", left.len()))),
        }
    }

    pub fn wrong(&self, at: usize, expected: &'static str, found: impl Into<String>) -> Wrong {
        let found = found.into();
        Wrong {
            at,
            expected,
            found,
        }
    }
}

/// Writes structures whose fields come in the order of their numbers.
#[derive(Default)]
pub(super) struct Writer {
    pub bytes: Vec<u8>,
    number: i16,
}

impl Writer {
    pub fn i32(&mut self, number: i16, value: i32) {
        self.field(number, I32);
        self.varint(zigzag(value.into()));
    }

    pub fn i64(&mut self, number: i16, value: i64) {
        self.field(number, I64);
        self.varint(zigzag(value));
    }

    pub fn string(&mut self, number: i16, value: &str) {
        self.field(number, BINARY);
        self.plain_string(value);
    }

    pub fn structure(&mut self, number: i16, fill: impl FnOnce(&mut Self)) {
        self.field(number, STRUCT);
        self.plain_structure(fill);
    }

    /// A list of structures, each filled with its element.
    pub fn structures<T>(&mut self, number: i16, elements: &[T], fill: impl Fn(&mut Self, &T)) {
        self.list(number, STRUCT, elements.len());
        for element in elements {
            self.plain_structure(|writer| fill(writer, element));
        }
    }

    pub fn strings(&mut self, number: i16, elements: &[&str]) {
        self.list(number, BINARY, elements.len());
        elements
            .iter()
            .for_each(|element| self.plain_string(element));
    }

    pub fn i32s(&mut self, number: i16, elements: &[i32]) {
        self.list(number, I32, elements.len());
        elements
            .iter()
            .for_each(|element| self.varint(zigzag((*element).into())));
    }

    /// A structure that is no field of another.
    pub fn plain_structure(&mut self, fill: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.number);
        fill(self);
        self.bytes.push(0);
        self.number = outer;
    }

    pub fn varint(&mut self, mut value: u64) {
        while value >= 128 {
            self.bytes.push(value as u8 | 128);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn plain_string(&mut self, value: &str) {
        self.varint(value.len() as u64);
        self.bytes.extend(value.as_bytes());
    }

    fn list(&mut self, number: i16, kind: u8, n: usize) {
        self.field(number, LIST);
        if n < 15 {
            self.bytes.push((n as u8) << 4 | kind);
        } else {
            self.bytes.push(15 << 4 | kind);
            self.varint(n as u64);
        }
    }

    fn field(&mut self, number: i16, kind: u8) {
        // Numbers of Parquet's structures are small and grow, so the step always fits.
        let step = (number - self.number) as u8;
        self.bytes.push(step << 4 | kind);
        self.number = number;
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}
