//! The TFRecord frame: length, checksum of the length, data, checksum of the data, all little-endian.
//!
//! As in `tensorflow/core/lib/io/record_writer.h`.

use crc::{CRC_32_ISCSI, Crc};

/// CRC-32C (Castagnoli), which the catalogue of the `crc` crate calls by its use in iSCSI.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// Added to the turned checksum, after `tensorflow/core/lib/hash/crc32c.h`.
const MASK: u32 = 0xa282_ead8;

/// `data` in its frame.
pub(super) fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(data.len() + 16);
    out.extend(length);
    out.extend(masked(&length).to_le_bytes());
    out.extend(data);
    out.extend(masked(data).to_le_bytes());
    out
}

/// A checksum over data that itself holds checksums is weak, so the format turns it and adds a constant.
fn masked(data: &[u8]) -> u32 {
    CRC.checksum(data).rotate_right(15).wrapping_add(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_agrees_with_published_vectors() {
        // RFC 3720, appendix B.4, and the check value of the catalogue.
        let counted: Vec<u8> = (0..32).collect();
        for (data, expect) in [
            (&b"123456789"[..], 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&counted, 0x46dd_794e),
            (&[], 0),
        ] {
            assert_eq!(CRC.checksum(data), expect, "{data:02x?}");
        }
    }

    #[test]
    fn a_frame_is_length_and_data_each_with_its_checksum() {
        let found = framed(b"123456789");
        assert_eq!(found.len(), 9 + 16);
        assert_eq!(found[..8], [9, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&found[12..21], b"123456789");
        // Written out: the low 15 bits of 0xe3069283 come to the front.
        let expect = 0x2507_c60d_u32.wrapping_add(0xa282_ead8);
        assert_eq!(found[21..], expect.to_le_bytes());
    }
}
