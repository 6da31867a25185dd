//! The few fields of `Event` and `Summary` that scalars need, as Protocol Buffers lay them out.
//!
//! Field numbers are those of `tensorflow/core/util/event.proto` and `tensorflow/core/framework/summary.proto`. Eight fields of
//! two messages whose numbers cannot change any more do not earn a code generator.

/// How a field's bytes are to be read.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// `Event { wall_time = 1, file_version = 3 }`.
pub(super) fn version(version: &str, wall_time: f64) -> Vec<u8> {
    let mut event = Vec::new();
    double(&mut event, 1, wall_time);
    bytes(&mut event, 3, version.as_bytes());
    event
}

/// `Event { wall_time = 1, step = 2, summary = 5 }`, where `Summary { value = 1 }` and `Value { tag = 1, simple_value = 2 }`.
pub(super) fn scalar(tag: &str, step: u64, value: f32, wall_time: f64) -> Vec<u8> {
    let (mut one, mut summary, mut event) = (Vec::new(), Vec::new(), Vec::new());
    bytes(&mut one, 1, tag.as_bytes());
    float(&mut one, 2, value);
    bytes(&mut summary, 1, &one);
    double(&mut event, 1, wall_time);
    // A field that is 0 is left out, as the format's own writers do.
    if step > 0 {
        key(&mut event, 2, VARINT);
        varint(&mut event, step.min(i64::MAX as u64));
    }
    bytes(&mut event, 5, &summary);
    event
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, FIXED_64);
    out.extend(value.to_le_bytes());
}

fn float(out: &mut Vec<u8>, field: u64, value: f32) {
    key(out, field, FIXED_32);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, BYTES);
    varint(out, value.len() as u64);
    out.extend(value);
}

fn key(out: &mut Vec<u8>, field: u64, kind: u64) {
    varint(out, field << 3 | kind);
}

/// Seven bits a byte, least first; the eighth says that more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_agree_with_the_documentation() {
        // 1 and 150 are the examples of the encoding's own page.
        for (value, expect) in [
            (0, &[0][..]),
            (1, &[1]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (150, &[0x96, 1]),
            (300, &[0xac, 2]),
        ] {
            let mut out = Vec::new();
            varint(&mut out, value);
            assert_eq!(out, expect, "{value}");
        }
        let mut out = Vec::new();
        varint(&mut out, u64::MAX);
        assert_eq!(out.len(), 10);
    }

    #[test]
    fn a_scalar_is_a_summary_in_an_event() {
        let found = scalar("a", 150, 1.0, 2.0);
        let expect = [
            &[0x09][..],
            &2.0_f64.to_le_bytes(),
            &[0x10, 0x96, 1],
            &[0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15],
            &1.0_f32.to_le_bytes(),
        ]
        .concat();
        assert_eq!(found, expect);
    }
}
