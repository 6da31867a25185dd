//! Numbers to places on a chart, and to words short enough for its edge.

use super::chart::Scale;

/// One axis of a chart: the values at its ends, and where it lies on the page.
pub(super) struct Axis {
    low: f64,
    high: f64,
    scale: Scale,
    start: f64,
    end: f64,
}

impl Axis {
    /// Around all finite values (on a logarithmic axis, all above 0), widened to round numbers.
    pub(super) fn around(
        values: impl Iterator<Item = f64>,
        scale: Scale,
        start: f64,
        end: f64,
    ) -> Axis {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| scale.has(*value)) {
            low = low.min(value);
            high = high.max(value);
        }
        let (low, high) = match scale {
            _ if low > high => (scale.empty(), 1.0),
            Scale::Linear => widened(low, high),
            Scale::Logarithmic => decades(low, high),
        };
        Axis {
            low,
            high,
            scale,
            start,
            end,
        }
    }

    /// The same without widening: steps and epochs fill the width.
    pub(super) fn tight(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Axis {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        let (low, high) = match low < high {
            true => (low, high),
            false if low == high => (low - 0.5, high + 0.5),
            false => (0.0, 1.0),
        };
        let scale = Scale::Linear;
        Axis {
            low,
            high,
            scale,
            start,
            end,
        }
    }

    /// Where a value lies; `None` where it cannot lie on this axis.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        if !self.scale.has(value) {
            return None;
        }
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).log10() / (self.high / self.low).log10(),
        };
        Some(self.start + share * (self.end - self.start))
    }

    /// Round values to write at the axis, about `n` of them.
    pub(super) fn ticks(&self, n: usize) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = round_step((self.high - self.low) / n.max(1) as f64);
                let (first, last) = (
                    (self.low / step - 1e-9).ceil() as i64,
                    (self.high / step + 1e-9).floor() as i64,
                );
                (first..=last).take(50).map(|i| i as f64 * step).collect()
            }
            Scale::Logarithmic => {
                let (first, last) = (
                    self.low.log10().round() as i32,
                    self.high.log10().round() as i32,
                );
                let every = ((last - first) as usize / n.max(1)).max(1);
                (first..=last)
                    .step_by(every)
                    .map(|p| 10f64.powi(p))
                    .collect()
            }
        }
    }
}

/// To the round numbers outside; a single value gets room on both sides. What lies beyond a round number by less than can be seen
/// does not ask for another step.
fn widened(low: f64, high: f64) -> (f64, f64) {
    if low == high {
        let room = if low == 0.0 { 1.0 } else { low.abs() / 2.0 };
        return (low - room, high + room);
    }
    let step = round_step((high - low) / 4.0);
    (
        (low / step + 1e-3).floor() * step,
        (high / step - 1e-3).ceil() * step,
    )
}

/// To the powers of ten outside, at least one decade.
fn decades(low: f64, high: f64) -> (f64, f64) {
    let (first, last) = (low.log10().floor(), high.log10().ceil());
    (10f64.powf(first), 10f64.powf(last.max(first + 1.0)))
}

/// The nearest of 1, 2, 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    if step <= 0.0 || !step.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|digit| digit * power >= step * 0.999_999);
    digit.unwrap_or(10.0) * power
}

/// A number as short as it can be said at the edge of a chart: `0.05`, `12k`, `3e-5`.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        _ if size < 9.999e-5 => format!("{value:.0e}").replace('-', "−"),
        _ if size >= 999_999.5 => format!("{}M", trimmed(value / 1e6, 1)),
        _ if size >= 9_999.5 => format!("{}k", trimmed(value / 1e3, 0)),
        _ if size >= 100.0 => trimmed(value, 0),
        _ => trimmed(value, 4),
    }
}

/// At most so many digits after the point, without zeros at the end.
fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    text.replace('-', "−")
}

/// A value in words: four significant digits, for captions and titles.
pub(super) fn precise(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "not a number".to_owned(),
        0.0 => "0".to_owned(),
        _ if size < 1e-3 => format!("{value:.1e}").replace(".0e", "e").replace('-', "−"),
        _ if size >= 1_000.0 => grouped(value.round() as i64),
        _ if size >= 10.0 => trimmed(value, 2),
        _ => trimmed(value, 4),
    }
}

/// An integer with commas: `12,345`.
pub(super) fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0 { format!("−{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_shortly() {
        for (value, expect) in [
            (0.0, "0"),
            (0.05, "0.05"),
            (-0.5, "−0.5"),
            (3e-5, "3e−5"),
            (0.001, "0.001"),
            (250.0, "250"),
            (12_000.0, "12k"),
            (1_500_000.0, "1.5M"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(short(value), expect, "{value}");
        }
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(-999), "−999");
        assert_eq!(precise(0.123_456), "0.1235");
    }

    #[test]
    fn ends_are_round_and_ticks_lie_between() {
        let axis = Axis::around([0.31, 0.97].into_iter(), Scale::Linear, 0.0, 100.0);
        assert_eq!((axis.low, axis.high), (0.2, 1.0));
        assert!((axis.place(0.6).unwrap() - 50.0).abs() < 1e-9);
        assert_eq!(axis.ticks(4).len(), 5);
        assert_eq!(axis.place(f64::NAN), None);
        let axis = Axis::around([3e-5, 2e-3].into_iter(), Scale::Logarithmic, 0.0, 90.0);
        assert_eq!(axis.ticks(4).len(), 4);
        assert!((axis.place(1e-4).unwrap() - 30.0).abs() < 1e-9);
        assert_eq!(axis.place(0.0), None);
    }

    #[test]
    fn one_value_or_none_still_has_an_axis() {
        for values in [
            vec![],
            vec![0.0],
            vec![7.0],
            vec![f64::NAN],
            vec![-1e300, 1e300],
        ] {
            for scale in [Scale::Linear, Scale::Logarithmic] {
                let axis = Axis::around(values.iter().copied(), scale, 0.0, 1.0);
                assert!(axis.ticks(4).len() < 60, "{values:?}");
                let places = values.iter().filter_map(|value| axis.place(*value));
                assert!(places.clone().all(f64::is_finite), "{values:?}");
            }
        }
    }
}
