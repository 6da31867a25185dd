//! Numbers as people read them.

use std::time::Duration;

/// `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 image`, `2 images`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// `3.4 MB`, in powers of ten as disks are sold.
pub fn bytes(number: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{number} bytes"),
        _ => format!("{value:.1} {}", units[unit]),
    }
}

/// `430 ms`, `12.3 s`, `3 min 20 s`.
pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..=59 => format!("{:.1} s", time.as_secs_f64()),
        60..=3599 => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
        _ => format!(
            "{} h {} min",
            time.as_secs() / 3600,
            time.as_secs() / 60 % 60
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (number, expect) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(count(number), expect);
        }
        for (number, expect) in [
            (1, "1 bytes"),
            (999, "999 bytes"),
            (1500, "1.5 kB"),
            (161_000_000, "161.0 MB"),
        ] {
            assert_eq!(bytes(number), expect);
        }
        for (ms, expect) in [
            (430, "430 ms"),
            (12_340, "12.3 s"),
            (200_000, "3 min 20 s"),
            (7_260_000, "2 h 1 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), expect);
        }
        assert_eq!(counted(1, "image"), "1 image");
        assert_eq!(counted(2, "image"), "2 images");
    }
}
