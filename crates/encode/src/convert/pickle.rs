//! The part of Python's pickle format that describes tensors. Nothing is ever executed.
//!
//! Opcodes are those of `pickletools` in CPython, protocol 2. Values live in one arena and refer to
//! each other by index: hostile nesting can neither exhaust the stack nor multiply memory, because every
//! opcode adds at most one value and lengths are checked against the bytes that remain.

use std::collections::HashMap;

/// Index of a value in a [`Pickle`].
pub type Id = usize;

/// A value as the pickle describes it; a call is kept as a description.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer wider than 64 bits, as its little-endian bytes.
    Long(Vec<u8>),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global {
        module: String,
        name: String,
    },
    /// `class(*args)`, with items set on it afterwards.
    Object {
        class: Id,
        args: Id,
        items: Vec<(Id, Id)>,
    },
    /// A reference that the surrounding file resolves.
    Persistent(Id),
}

/// One pickle, read to its end.
pub struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Reads one pickle from the front of `bytes`; also returns how many bytes it took.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), String> {
        let mut machine = Machine {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        let root = machine.run()?;
        let used = machine.at;
        Ok((
            Self {
                values: machine.values,
                root,
            },
            used,
        ))
    }

    /// The value that the pickle stands for.
    pub fn root(&self) -> &Value {
        self.get(self.root)
    }

    /// The value with this index.
    pub fn get(&self, id: Id) -> &Value {
        &self.values[id]
    }

    /// Members of a tuple or a list.
    pub fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(members) | Value::List(members) => Some(members),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Everything that it names in order to have it called, as module and name.
    pub fn globals(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().filter_map(|value| match value {
            Value::Global { module, name } => Some((module.as_str(), name.as_str())),
            _ => None,
        })
    }

    /// A number that counts something.
    pub fn count(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Id, String> {
        loop {
            let at = self.at;
            let opcode = self.take(1)?[0];
            if opcode == b'.' {
                return self.pop();
            }
            self.step(opcode)
                .map_err(|what| format!("{what} at byte {at}"))?;
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            0x80 => self.take(1).map(|_| ()),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'N' | 0x88 | 0x89 | b'G' | b'J' | b'K' | b'M' | 0x8a | b'X' => self.scalar(opcode),
            b')' | 0x85 | 0x86 | 0x87 | b't' | b']' | b'a' | b'e' => self.sequence(opcode),
            b'}' | b's' | b'u' => self.mapping(opcode),
            b'c' | b'R' | b'b' | b'Q' => self.object(opcode),
            b'q' | b'r' | b'h' | b'j' => self.memory(opcode),
            other => Err(format!(
                "opcode 0x{other:02x} is not one that describes tensors"
            )),
        }
    }

    fn scalar(&mut self, opcode: u8) -> Result<(), String> {
        let value = match opcode {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            // A number of what else a file keeps, as its loss; none of it describes a tensor.
            b'G' => self.take(8).map(|_| Value::None)?,
            b'J' => Value::Int(i64::from(self.u32()? as i32)),
            b'K' => Value::Int(i64::from(self.take(1)?[0])),
            b'M' => Value::Int(i64::from(u16::from_le_bytes([
                self.take(1)?[0],
                self.take(1)?[0],
            ]))),
            0x8a => {
                let length = usize::from(self.take(1)?[0]);
                long(self.take(length)?)
            }
            _ => {
                let length = self.u32()? as usize;
                let text =
                    std::str::from_utf8(self.take(length)?).map_err(|_| "a text is not UTF-8")?;
                Value::Text(text.to_owned())
            }
        };
        self.push(value);
        Ok(())
    }

    fn sequence(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let start = self
                    .stack
                    .len()
                    .checked_sub(count)
                    .ok_or("a tuple needs more than the stack holds")?;
                let members = self.stack.split_off(start);
                self.push(Value::Tuple(members));
            }
            b't' => {
                let members = self.pop_mark()?;
                self.push(Value::Tuple(members));
            }
            b']' => self.push(Value::List(Vec::new())),
            _ => {
                let members = if opcode == b'a' {
                    vec![self.pop()?]
                } else {
                    self.pop_mark()?
                };
                let top = *self.stack.last().ok_or("nothing to append to")?;
                let Value::List(list) = &mut self.values[top] else {
                    return Err("append to what is not a list".into());
                };
                list.extend(members);
            }
        }
        Ok(())
    }

    fn mapping(&mut self, opcode: u8) -> Result<(), String> {
        if opcode == b'}' {
            self.push(Value::Dict(Vec::new()));
            return Ok(());
        }
        let flat = if opcode == b's' {
            let value = self.pop()?;
            vec![self.pop()?, value]
        } else {
            self.pop_mark()?
        };
        if flat.len() % 2 != 0 {
            return Err("a key has no value".into());
        }
        let top = *self.stack.last().ok_or("nothing to set items of")?;
        let items = match &mut self.values[top] {
            Value::Dict(items) | Value::Object { items, .. } => items,
            _ => return Err("items set on what is not a mapping".into()),
        };
        items.extend(flat.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn object(&mut self, opcode: u8) -> Result<(), String> {
        let value = match opcode {
            b'c' => Value::Global {
                module: self.line()?,
                name: self.line()?,
            },
            b'R' => {
                let args = self.pop()?;
                Value::Object {
                    class: self.pop()?,
                    args,
                    items: Vec::new(),
                }
            }
            b'Q' => Value::Persistent(self.pop()?),
            // BUILD sets attributes, none of which says anything of a tensor's content.
            _ => return self.pop().map(|_| ()),
        };
        self.push(value);
        Ok(())
    }

    fn memory(&mut self, opcode: u8) -> Result<(), String> {
        let key = if matches!(opcode, b'r' | b'j') {
            self.u32()?
        } else {
            u32::from(self.take(1)?[0])
        };
        if matches!(opcode, b'q' | b'r') {
            let top = *self.stack.last().ok_or("nothing to remember")?;
            self.memo.insert(key, top);
        } else {
            let id = *self
                .memo
                .get(&key)
                .ok_or("recalls what was never remembered")?;
            self.stack.push(id);
        }
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id, String> {
        self.stack
            .pop()
            .ok_or_else(|| "the stack is empty".to_owned())
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("there is no mark")?;
        if mark > self.stack.len() {
            return Err("the mark lies above the stack".into());
        }
        Ok(self.stack.split_off(mark))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self
            .at
            .checked_add(count)
            .filter(|end| *end <= self.bytes.len());
        let end = end.ok_or("the pickle is cut short")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, String> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or("a name does not end")?;
        let line = std::str::from_utf8(&rest[..length]).map_err(|_| "a name is not UTF-8")?;
        self.at += length + 1;
        Ok(line.to_owned())
    }
}

/// Two's complement, little endian, of any length.
fn long(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Long(bytes.to_vec());
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(bytes: &[u8], expect: Result<Value, &str>) {
        let found = Pickle::read(bytes).map(|(pickle, _)| pickle.root().clone());
        match (found, expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect),
            (Err(found), Err(expect)) => assert!(found.contains(expect), "{found}"),
            (found, expect) => panic!("found {found:?}, expected {expect:?}"),
        }
    }

    #[test]
    fn small_pickles() {
        check(b"\x80\x02N.", Ok(Value::None));
        check(b"\x80\x02K\x07.", Ok(Value::Int(7)));
        check(b"J\xff\xff\xff\xff.", Ok(Value::Int(-1)));
        check(b"\x8a\x02\x00\x80.", Ok(Value::Int(-32768)));
        check(
            b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
            Ok(Value::Long(b"l\xfc\x9cF\xf9 j\xa8P\x19".to_vec())),
        );
        check(b"X\x02\x00\x00\x00ab.", Ok(Value::Text("ab".into())));
        check(b"K\x01K\x02\x86.", Ok(Value::Tuple(vec![0, 1])));
        check(b"](K\x01K\x02e.", Ok(Value::List(vec![1, 2])));
        check(b"}K\x01K\x02s.", Ok(Value::Dict(vec![(1, 2)])));
    }

    #[test]
    fn hostile_pickles() {
        check(b"", Err("cut short"));
        check(b".", Err("empty"));
        check(b"X\xff\xff\xff\xffab.", Err("cut short"));
        check(b"h\x01.", Err("never remembered"));
        check(b"(\x85.", Err("more than the stack"));
        check(b"N(0.", Err("0x30"));
        check(b"NNs.", Err("nothing to set"));
        check(b"cos\nsystem", Err("does not end"));
    }

    #[test]
    fn deep_nesting_takes_no_stack() {
        let mut bytes = vec![b')'];
        bytes.extend(std::iter::repeat_n(0x85, 3_000_000));
        bytes.push(b'.');
        let (pickle, used) = Pickle::read(&bytes).expect("nested tuples are a valid pickle");
        assert_eq!(used, bytes.len());
        assert!(matches!(pickle.root(), Value::Tuple(members) if members.len() == 1));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Pickle::read(&bytes);
        }

        #[test]
        fn any_opcodes_end_in_a_value_or_an_error(
            bytes in proptest::collection::vec(prop::sample::select(b"(N\x88K\x01)\x85\x86te]a}suRQqhb.".to_vec()), 0..200),
        ) {
            let _ = Pickle::read(&bytes);
        }
    }
}
