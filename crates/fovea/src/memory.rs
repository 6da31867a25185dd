//! How this process takes memory from the system while it indexes, and how much it has. How much the work itself may hold is
//! bounded in the engine, not here.

use std::fs;

/// Turns huge pages off for the process. With them the system rounds the small gaps between buffers up to 2 MB, another
/// sum of gaps from moment to moment, and the peak rises with every image that is one more chance. A search keeps huge
/// pages, because reading vectors in a row is faster with them.
pub fn keep_level() {
    // Refused by an old or a guarded kernel: indexing then works the same and takes a few megabytes more.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Bytes of this process that are in memory, where the system says so.
pub fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
