//! Protocol buffers as fields in order, without a schema: every length is checked against the bytes that remain.

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub number: u32,
    pub value: Value<'a>,
    /// The field as it stands in the file, with its key.
    pub raw: &'a [u8],
}

/// What it holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// A number of 4 or 8 bytes.
    Fixed(&'a [u8]),
}

impl<'a> Field<'a> {
    /// The bytes of a string, of a message or of packed numbers.
    pub fn bytes(&self) -> &'a [u8] {
        match self.value {
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// A number of float32.
    pub fn float(&self) -> Option<f32> {
        match self.value {
            Value::Fixed(bytes) => Some(f32::from_le_bytes(bytes.try_into().ok()?)),
            _ => None,
        }
    }

    /// The text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// Whole numbers, whether they were packed or not.
    pub fn integers(&self) -> Result<Vec<i64>, String> {
        match self.value {
            Value::Varint(value) => Ok(vec![value as i64]),
            Value::Bytes(mut bytes) => {
                let mut all = Vec::new();
                while !bytes.is_empty() {
                    all.push(varint(&mut bytes)? as i64);
                }
                Ok(all)
            }
            Value::Fixed(_) => Ok(Vec::new()),
        }
    }
}

/// Every field of a message.
pub fn fields(message: &[u8]) -> Result<Vec<Field<'_>>, String> {
    let (mut rest, mut all) = (message, Vec::new());
    while !rest.is_empty() {
        let start = rest;
        let key = varint(&mut rest)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut rest)?),
            1 => take(&mut rest, 8).map(Value::Fixed)?,
            2 => {
                let length = varint(&mut rest)?;
                Value::Bytes(take(&mut rest, length)?)
            }
            5 => take(&mut rest, 4).map(Value::Fixed)?,
            kind => return Err(format!("it has a field of the unknown kind {kind}")),
        };
        all.push(Field {
            number: (key >> 3) as u32,
            value,
            raw: &start[..start.len() - rest.len()],
        });
    }
    Ok(all)
}

/// Appends a field of bytes.
pub fn put(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for (at, byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *rest = &rest[at + 1..];
            return Ok(value);
        }
    }
    Err("it is cut short, or no ONNX file".into())
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    if length > rest.len() as u64 {
        return Err(format!(
            "a part of it has {length} bytes, and {} are left: it is cut short, or no ONNX file",
            rest.len()
        ));
    }
    let (taken, left) = rest.split_at(length as usize);
    *rest = left;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_order_and_cut_ones_are_refused() {
        let mut message = vec![0x08, 0x96, 0x01];
        put(&mut message, 2, &[0x2a; 200]);
        let found = fields(&message).expect("it is whole");
        assert_eq!((found[0].number, found[1].number), (1, 2));
        assert_eq!(found[0].integers(), Ok(vec![150]));
        assert_eq!(found[1].bytes(), [0x2a; 200]);
        assert_eq!(found[1].integers().map(|all| all.len()), Ok(200));
        assert_eq!([found[0].raw, found[1].raw].concat(), message);
        let cuts = (1..message.len()).filter(|cut| fields(&message[..*cut]).is_ok());
        assert_eq!(cuts.collect::<Vec<_>>(), [3], "only between two fields");
        assert!(fields(&[0x0b]).is_err_and(|what| what.contains("unknown kind 3")));
        assert!(fields(&[0xff; 12]).is_err());
    }
}
