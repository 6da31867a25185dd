//! Do stated probabilities come true? A reliability diagram (DeGroot and Fienberg 1983; Niculescu-Mizil and Caruana 2005).

use std::fmt::Write;

use fovea_measure::{calibration_error, wilson};

use super::axis::{grouped, short};

/// How stated probabilities compare with what happened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reliability {
    /// Bins of equal width from 0 to 1, empty ones among them.
    pub bins: Vec<Bin>,
    /// Expected calibration error over the same bins; `None` of no rows.
    pub error: Option<f64>,
}

/// The rows whose stated probability lies in one stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bin {
    /// Their mean stated probability; 0 of none.
    pub stated: f64,
    /// How many of them came true.
    pub n_true: u64,
    /// How many there are.
    pub n: u64,
}

impl Reliability {
    /// From the stated probability of each row and whether it came true, in `bins` bins (10 is usual). Probabilities that are
    /// not numbers are left out; those outside 0 to 1 are taken as the nearer end.
    pub fn of(stated: &[f64], happened: &[bool], bins: usize) -> Self {
        let n_bins = bins.max(1);
        let rows: Vec<(f64, bool)> = stated
            .iter()
            .zip(happened)
            .filter(|(stated, _)| !stated.is_nan())
            .map(|(stated, happened)| (stated.clamp(0.0, 1.0), *happened))
            .collect();
        let mut bins = vec![Bin::default(); n_bins];
        for (stated, happened) in &rows {
            let bin = &mut bins[((stated * n_bins as f64) as usize).min(n_bins - 1)];
            bin.stated += stated;
            bin.n_true += u64::from(*happened);
            bin.n += 1;
        }
        for bin in bins.iter_mut().filter(|bin| bin.n > 0) {
            bin.stated /= bin.n as f64;
        }
        let (stated, happened): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        Self {
            error: calibration_error(&stated, &happened, n_bins),
            bins,
        }
    }
}

const SIZE: f64 = 320.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
/// Where the square ends and the counts begin below it.
const FLOOR: f64 = TOP + SIZE - LEFT - RIGHT;
const COUNTS: f64 = 54.0;
const HEIGHT: f64 = FLOOR + COUNTS + 54.0;

/// The diagram and what it says.
pub(super) fn diagram(reliability: &Reliability) -> String {
    let n: u64 = reliability.bins.iter().map(|bin| bin.n).sum();
    let error = match reliability.error {
        Some(error) => format!(
            "Expected calibration error <b>{error:.3}</b> over {} rows.",
            grouped(n as i64)
        ),
        None => "There are no rows to judge by.".to_owned(),
    };
    format!(
        "<div class=\"reliability\"><svg viewBox=\"0 0 {SIZE} {HEIGHT:.0}\" role=\"img\" aria-label=\"Reliability diagram\">{}{}{}</svg>\
         <p class=\"dim small\">{error} On the dashed line, what is called 80% sure is right 8 times in 10; below it the classifier \
         claims too much, above it too little. Whiskers are 95% intervals; bars below are how many rows.</p></div>\n",
        frame(),
        points(&reliability.bins),
        counts(&reliability.bins)
    )
}

fn x(share: f64) -> f64 {
    LEFT + share * (SIZE - LEFT - RIGHT)
}

fn y(share: f64) -> f64 {
    FLOOR - share * (FLOOR - TOP)
}

fn frame() -> String {
    let mut out = String::new();
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{share}</text>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{share}</text>",
            SIZE - RIGHT,
            LEFT - 6.0,
            y(share) + 4.0,
            x(share),
            FLOOR + COUNTS + 24.0,
            at = y(share),
        );
    }
    let _ = write!(
        out,
        "<line class=\"ideal\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>\
         <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">stated probability</text>\
         <text class=\"tick\" x=\"{}\" y=\"{}\">came true</text>",
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0),
        x(1.0),
        HEIGHT - 6.0,
        LEFT + 6.0,
        TOP + 14.0
    );
    out
}

fn points(bins: &[Bin]) -> String {
    let (mut whiskers, mut line, mut marks) = (String::new(), String::new(), String::new());
    for bin in bins.iter().filter(|bin| bin.n > 0) {
        let interval = wilson(bin.n_true, bin.n);
        let share = bin.n_true as f64 / bin.n as f64;
        let (across, up) = (x(bin.stated), y(share));
        let _ = write!(
            whiskers,
            "<line class=\"whisker\" x1=\"{across:.1}\" y1=\"{:.1}\" x2=\"{across:.1}\" y2=\"{:.1}\"/>",
            y(interval.low),
            y(interval.high)
        );
        let pen = if line.is_empty() { 'M' } else { 'L' };
        let _ = write!(line, "{pen}{across:.1} {up:.1}");
        let _ = write!(
            marks,
            "<circle class=\"mark s0\" cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"4.5\"><title>stated {:.2}, came true {share:.2} of {}</title></circle>",
            bin.stated, bin.n
        );
    }
    format!("{whiskers}<path class=\"line s0\" d=\"{line}\"/>{marks}")
}

fn counts(bins: &[Bin]) -> String {
    let most = bins.iter().map(|bin| bin.n).max().unwrap_or(0).max(1);
    let width = (SIZE - LEFT - RIGHT) / bins.len().max(1) as f64;
    let bottom = FLOOR + COUNTS + 8.0;
    let mut out = format!(
        "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{:.1}\" y2=\"{bottom}\"/>\
         <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        SIZE - RIGHT,
        LEFT - 6.0,
        bottom - COUNTS + 22.0,
        short(most as f64)
    );
    for (at, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.n > 0) {
        let height = (COUNTS - 14.0) * bin.n as f64 / most as f64;
        let _ = write!(
            out,
            "<rect class=\"rows\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{} rows</title></rect>",
            LEFT + at as f64 * width + 1.0,
            bottom - height,
            width - 2.0,
            bin.n
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fall_into_bins() {
        let found = Reliability::of(
            &[0.05, 0.95, 1.0, 7.0, f64::NAN],
            &[false, true, true, false, true],
            10,
        );
        assert_eq!(found.bins.len(), 10);
        assert_eq!(
            (found.bins[0].n, found.bins[9].n, found.bins[9].n_true),
            (1, 3, 2)
        );
        assert!((found.bins[9].stated - 2.95 / 3.0).abs() < 1e-12);
        assert!(found.error.is_some());
    }

    #[test]
    fn nothing_is_still_a_diagram() {
        let found = diagram(&Reliability::of(&[], &[], 0));
        assert!(found.contains("no rows") && !found.contains("NaN"));
        assert!(diagram(&Reliability::default()).contains("</svg>"));
    }
}
