//! `.safetensors`: the length of a JSON header as eight bytes, the header, and the numbers one tensor after the other.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::storage::{Kind, Storage, Tensor, View};

/// No header is longer, as the format says.
const HEADER_MAX: usize = 100_000_000;

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// Reads every float tensor. Integer tensors, such as counters, are left out.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let (length, rest) = bytes
        .split_first_chunk::<8>()
        .ok_or("it is shorter than the length of its header")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > rest.len().min(HEADER_MAX) {
        return Err(format!(
            "its header would have {length} bytes, and {} are left",
            rest.len()
        ));
    }
    let (header, data) = rest.split_at(length);
    let header: BTreeMap<String, Value> =
        serde_json::from_slice(header).map_err(|error| format!("its header: {error}"))?;
    let mut entries = Vec::new();
    for (name, value) in header {
        if name != "__metadata__" {
            let entry = Entry::deserialize(value).map_err(|error| format!("`{name}`: {error}"))?;
            entries.push((name, entry));
        }
    }
    check_places(&mut entries, data.len())?;
    entries
        .iter()
        .filter_map(|(name, entry)| match tensor(entry, data) {
            Ok(tensor) => tensor.map(|tensor| Ok((name.clone(), tensor))),
            Err(what) => Some(Err(format!("`{name}` {what}"))),
        })
        .collect()
}

/// Tensors fill the file without a gap and without lying over each other.
fn check_places(entries: &mut [(String, Entry)], length: usize) -> Result<(), String> {
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut at = 0;
    for (name, entry) in entries.iter() {
        let [start, end] = entry.data_offsets;
        if start > end || end > length {
            return Err(format!(
                "`{name}` lies at {start} to {end}, and the file has {length} bytes of numbers"
            ));
        }
        if start != at {
            return Err(format!(
                "`{name}` begins at {start}, and what lies before it ends at {at}"
            ));
        }
        at = end;
    }
    match at == length {
        true => Ok(()),
        false => Err(format!(
            "{} bytes at its end belong to no tensor",
            length - at
        )),
    }
}

/// What an entry describes, where it is of floats.
fn tensor(entry: &Entry, data: &[u8]) -> Result<Option<Tensor>, String> {
    let (kind, width) = match entry.dtype.as_str() {
        "F32" => (Some(Kind::Float), 4),
        "F16" => (Some(Kind::Half), 2),
        "BF16" => (Some(Kind::Brain), 2),
        "I64" | "U64" => (None, 8),
        "I32" | "U32" => (None, 4),
        "I16" | "U16" => (None, 2),
        "I8" | "U8" | "BOOL" => (None, 1),
        other => {
            return Err(format!(
                "has numbers of the kind {other}, which are not read"
            ));
        }
    };
    let count = entry
        .shape
        .iter()
        .try_fold(1usize, |product, side| product.checked_mul(*side));
    let [start, end] = entry.data_offsets;
    let bytes = data.get(start..end).unwrap_or_default();
    let needed = count.and_then(|count| count.checked_mul(width));
    if needed != Some(bytes.len()) {
        let shape = &entry.shape;
        return Err(format!(
            "has the shape {shape:?} and {} bytes, which do not fit",
            bytes.len()
        ));
    }
    let Some(kind) = kind else { return Ok(None) };
    let mut strides = vec![1usize; entry.shape.len()];
    for at in (1..strides.len()).rev() {
        strides[at - 1] = strides[at].saturating_mul(entry.shape[at]);
    }
    let view = View {
        storage: String::new(),
        offset: 0,
        shape: entry.shape.clone(),
        strides,
    };
    let read = Storage { kind, bytes }.gather(&view);
    read.map(Some).ok_or_else(|| "has too many sides".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend((0..data).map(|at| at as u8));
        bytes
    }

    const WHOLE: &str = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},
        "n":{"dtype":"I64","shape":[],"data_offsets":[8,16]},"h":{"dtype":"F16","shape":[2],"data_offsets":[16,20]}}"#;

    #[test]
    fn floats_are_read_and_counters_left_out() {
        let found = read(&file(WHOLE, 20)).expect("it follows the format");
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "h"]);
        assert_eq!(
            (&found["a"].shape[..], found["a"].data.len()),
            (&[1, 2][..], 2)
        );
        assert_eq!(found["a"].data[0], f32::from_le_bytes([0, 1, 2, 3]));
    }

    #[track_caller]
    fn check(header: &str, data: usize, expect: &str) {
        let said = read(&file(header, data)).expect_err("it is refused");
        assert!(said.contains(expect), "{said}");
    }

    #[test]
    fn hostile_headers() {
        let one = |shape: &str, offsets: &str| {
            format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        check(&one("[1000000,1000000,1000000]", "[0,8]"), 8, "do not fit");
        check(&one("[9223372036854775807,4]", "[0,8]"), 8, "do not fit");
        check(
            &one("[2]", "[0,4000000000000]"),
            8,
            "and the file has 8 bytes",
        );
        check(&one("[2]", "[8,0]"), 8, "and the file has");
        check(&one("[2]", "[0,8]"), 12, "4 bytes at its end");
        check(&one("[-2]", "[0,8]"), 8, "`a`");
        check(&one("[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, "too many sides");
        check("[]", 0, "its header");
        let over = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
        check(over, 12, "begins at 4, and what lies before it ends at 8");
        let said = read(&[255; 40]).expect_err("its header is longer than the file");
        assert!(said.contains("and 32 are left"), "{said}");
    }

    #[test]
    fn every_cut_is_an_error() {
        let whole = file(WHOLE, 20);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "cut at {length}");
        }
    }

    proptest! {
        #[test]
        fn changed_bytes_never_panic(at in 0usize..300, byte in any::<u8>()) {
            let mut file = file(WHOLE, 20);
            let at = at % file.len();
            file[at] = byte;
            let _ = read(&file);
        }
    }
}
