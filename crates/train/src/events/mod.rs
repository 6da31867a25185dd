//! Event files as TensorBoard reads them, so that a run can be watched beside others with the tool people have.
//!
//! A file is a row of records, each an `Event` message: first the version of the format, then one scalar each. Times come from
//! the caller: nothing here reads a clock, and the same calls give the same bytes.

mod message;
mod record;

use std::io::{self, Write};

/// What TensorBoard asks of the first event of a file.
const VERSION: &str = "brain.Event:2";

/// The name of an event file begun at `wall_time_s`, seconds since 1970. TensorBoard takes a file for one of its own by the word
/// `tfevents`, and reads the files of a folder in the order of their names: hence ten digits. Where its own names carry the host,
/// these do not: a run is often shared, and where it ran is nobody's business.
pub fn file_name(wall_time_s: u64) -> String {
    format!("events.out.tfevents.{wall_time_s:010}.fovea")
}

/// Writes scalars as they come.
///
/// Each call writes whole records and buffers nothing itself: wrap a file in a `BufWriter` and [`flush`](Writer::flush) once an
/// epoch, which is when TensorBoard will see it.
///
/// ```
/// let mut file = Vec::new();
/// let mut writer = fovea_train::events::Writer::new(&mut file, 1.7e9)?;
/// writer.scalar("loss/train", 100, 0.25, 1.7e9 + 3.5)?;
/// writer.flush()?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins a file with the event that names the format's version. `wall_time` is in seconds since 1970.
    pub fn new(out: W, wall_time: f64) -> io::Result<Self> {
        let mut writer = Self { out };
        writer.write(&message::version(VERSION, wall_time))?;
        Ok(writer)
    }

    /// One point of the curve `tag`. A slash in the tag groups curves on the page: `loss/train`, `loss/validation`.
    ///
    /// Kept in 32 bits, as the format has it; what is not finite is written as it is, and TensorBoard marks it. A step above
    /// `i64::MAX` is written as that.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64, wall_time: f64) -> io::Result<()> {
        self.write(&message::scalar(tag, step, value as f32, wall_time))
    }

    /// Hands everything to what lies below.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// What was written to, flushed.
    pub fn into_inner(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.out)
    }

    fn write(&mut self, event: &[u8]) -> io::Result<()> {
        self.out.write_all(&record::framed(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_are_taken_for_event_files() {
        assert_eq!(
            file_name(1_700_000_000),
            "events.out.tfevents.1700000000.fovea"
        );
        assert!(file_name(999) < file_name(1_000));
    }

    /// Bytes that a program of its own wrote after the same documents; `scripts/check_events` asks TensorBoard itself.
    #[test]
    fn golden_bytes() {
        let mut writer = Writer::new(Vec::new(), 1.5).unwrap();
        writer.scalar("loss", 300, 0.5, 2.5).unwrap();
        let found = writer.into_inner().unwrap();
        let hex: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, GOLDEN);
    }

    const GOLDEN: &str = concat!(
        "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c1b00000000000000",
        "1a0d9e1309000000000000044010ac022a0d0a0b0a046c6f7373150000003ff04bc4a2",
    );

    #[test]
    fn what_lies_below_fails_and_says_so() {
        #[derive(Debug)]
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = Writer::new(Full, 0.0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
