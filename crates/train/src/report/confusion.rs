//! What a classifier takes for what.

use std::fmt::Write;

use fovea_measure::{Estimate, wilson};

use super::axis::grouped;
use super::escape::{escaped, isolated, shortened};

/// Counts of true against predicted classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    classes: Vec<String>,
    counts: Vec<Vec<u64>>,
}

/// Why counts are no confusion matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfusionError {
    /// A row or the whole has another length than there are classes.
    #[error(
        "a confusion matrix of {classes} classes needs as many rows of as many counts; row {row} has {found}"
    )]
    NotSquare {
        /// How many classes there are.
        classes: usize,
        /// The first row that is missing, too much or of the wrong length.
        row: usize,
        /// Its length; 0 where it is missing.
        found: usize,
    },
    /// True and predicted labels are not of the same rows.
    #[error("{truth} true labels, but {predicted} predicted ones: give one of each for every row")]
    Lengths {
        /// How many true labels there are.
        truth: usize,
        /// How many predicted ones.
        predicted: usize,
    },
    /// A label names no class.
    #[error("label {label} of row {row} names none of {classes} classes, which are counted from 0")]
    Label {
        /// The row, counted from 0.
        row: usize,
        /// The label.
        label: usize,
        /// How many classes there are.
        classes: usize,
    },
}

/// How well one class is recognised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassQuality {
    /// Of the rows called this, the share that are; with Wilson's interval. `None` where nothing was called this.
    pub precision: Option<Estimate>,
    /// Of the rows that are this, the share called so; with Wilson's interval. `None` where no row is this.
    pub recall: Option<Estimate>,
    /// Harmonic mean of the two; 0 where nothing is right.
    pub f1: f64,
    /// How many rows are this.
    pub support: u64,
}

impl Confusion {
    /// From counts: `counts[truth][predicted]`.
    pub fn new(classes: Vec<String>, counts: Vec<Vec<u64>>) -> Result<Self, ConfusionError> {
        let n = classes.len();
        for row in 0..n.max(counts.len()) {
            let found = counts.get(row).map_or(0, Vec::len);
            if row >= n || found != n {
                return Err(ConfusionError::NotSquare {
                    classes: n,
                    row,
                    found,
                });
            }
        }
        Ok(Self { classes, counts })
    }

    /// From the true and the predicted class of each row.
    pub fn of(
        classes: Vec<String>,
        truth: &[usize],
        predicted: &[usize],
    ) -> Result<Self, ConfusionError> {
        if truth.len() != predicted.len() {
            return Err(ConfusionError::Lengths {
                truth: truth.len(),
                predicted: predicted.len(),
            });
        }
        let n = classes.len();
        let mut counts = vec![vec![0; n]; n];
        for (row, (truth, predicted)) in truth.iter().zip(predicted).enumerate() {
            let label = *truth.max(predicted);
            if label >= n {
                return Err(ConfusionError::Label {
                    row,
                    label,
                    classes: n,
                });
            }
            counts[*truth][*predicted] += 1;
        }
        Ok(Self { classes, counts })
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Share of rows whose class was found, with Wilson's interval.
    pub fn accuracy(&self) -> Estimate {
        let right = (0..self.classes.len())
            .map(|class| self.counts[class][class])
            .sum();
        let all = self.counts.iter().flatten().sum();
        share(right, all).unwrap_or(Estimate {
            value: 0.0,
            interval: wilson(0, 0),
        })
    }

    /// Precision, recall and support of each class.
    pub fn qualities(&self) -> Vec<ClassQuality> {
        (0..self.classes.len())
            .map(|class| self.quality(class))
            .collect()
    }

    fn quality(&self, class: usize) -> ClassQuality {
        let right = self.counts[class][class];
        let support: u64 = self.counts[class].iter().sum();
        let called: u64 = self.counts.iter().map(|row| row[class]).sum();
        let f1 = match support + called {
            0 => 0.0,
            both => 2.0 * right as f64 / both as f64,
        };
        ClassQuality {
            precision: share(right, called),
            recall: share(right, support),
            f1,
            support,
        }
    }

    /// Pairs of classes that are confused, most often first: truth, predicted, how many.
    pub fn mistakes(&self) -> Vec<(usize, usize, u64)> {
        let mut found = Vec::new();
        for (truth, row) in self.counts.iter().enumerate() {
            let wrong = row
                .iter()
                .enumerate()
                .filter(|(at, n)| *at != truth && **n > 0);
            found.extend(wrong.map(|(predicted, n)| (truth, predicted, *n)));
        }
        found.sort_by_key(|(truth, predicted, n)| (std::cmp::Reverse(*n), *truth, *predicted));
        found
    }
}

fn share(part: u64, whole: u64) -> Option<Estimate> {
    (whole > 0).then(|| Estimate {
        value: part as f64 / whole as f64,
        interval: wilson(part, whole),
    })
}

/// More classes than that cannot be told apart on a page; those with the most mistakes are shown.
const SHOWN: usize = 40;
const MISTAKES: usize = 8;

/// The matrix as a heat map, and the commonest mistakes in words.
pub(super) fn heat_map(confusion: &Confusion) -> String {
    let shown = shown(confusion);
    let left_out = match confusion.classes.len() - shown.len() {
        0 => String::new(),
        n => format!(
            "<p class=\"dim small\">The {SHOWN} classes with the most mistakes; {n} more are not drawn.</p>"
        ),
    };
    format!(
        "<div class=\"split\"><div><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Confusion matrix\">{}</div>\
         <p class=\"dim small\">A row is what an image is, a column what it was taken for; the shade is the share of the row.</p>{left_out}</div>{}</div>\n",
        drawn(confusion, &shown),
        mistakes(confusion)
    )
}

/// Classes to draw, in their own order.
fn shown(confusion: &Confusion) -> Vec<usize> {
    let mut errors = vec![0; confusion.classes.len()];
    for (truth, predicted, n) in confusion.mistakes() {
        errors[truth] += n;
        errors[predicted] += n;
    }
    let mut classes: Vec<usize> = (0..errors.len()).collect();
    classes.sort_by_key(|class| std::cmp::Reverse(errors[*class]));
    classes.truncate(SHOWN);
    classes.sort_unstable();
    classes
}

/// Sizes of the drawing, by how many classes there are.
struct Layout {
    cell: f64,
    left: f64,
    top: f64,
    letters: usize,
}

impl Layout {
    fn of(confusion: &Confusion, shown: &[usize]) -> Layout {
        let cell = match shown.len() {
            ..=7 => 40.0,
            8..=14 => 32.0,
            15..=24 => 22.0,
            _ => 17.0,
        };
        let names = shown
            .iter()
            .map(|class| confusion.classes[*class].chars().count());
        let letters = names.max().unwrap_or(0).clamp(4, 14);
        let left = letters as f64 * 7.2 + 10.0;
        Layout {
            cell,
            left,
            top: left * 0.8 + 6.0,
            letters,
        }
    }
}

fn drawn(confusion: &Confusion, shown: &[usize]) -> String {
    let layout = Layout::of(confusion, shown);
    let side = layout.cell * shown.len() as f64;
    // Room on the right for the last of the slanted names.
    let (width, height) = (
        layout.left + side + layout.left * 0.62,
        layout.top + side + 2.0,
    );
    let mut out = format!(
        "<svg class=\"heat\" style=\"min-width:{:.0}px\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"Confusion matrix of {} classes\">",
        // On a telephone it shrinks as far as it can still be read, and scrolls beyond that.
        width * 0.75,
        shown.len()
    );
    for (at, class) in shown.iter().enumerate() {
        out.push_str(&names(&confusion.classes[*class], at, &layout));
        for (column, predicted) in shown.iter().enumerate() {
            out.push_str(&cell(
                confusion,
                (*class, *predicted),
                (at, column),
                &layout,
            ));
        }
    }
    out.push_str("</svg>");
    out
}

fn names(name: &str, at: usize, layout: &Layout) -> String {
    let middle = (at as f64 + 0.5) * layout.cell;
    let (x, y) = (layout.left + middle, layout.top - 6.0);
    let (full, short) = (escaped(name), escaped(&shortened(name, layout.letters)));
    format!(
        "<text class=\"tick name\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{short}<title>{full}</title></text>\
         <text class=\"tick name\" x=\"{x:.1}\" y=\"{y:.1}\" transform=\"rotate(-52 {x:.1} {y:.1})\">{short}<title>{full}</title></text>",
        layout.left - 8.0,
        layout.top + middle + 4.0,
    )
}

fn cell(
    confusion: &Confusion,
    classes: (usize, usize),
    place: (usize, usize),
    layout: &Layout,
) -> String {
    let row = &confusion.counts[classes.0];
    let (count, support) = (row[classes.1], row.iter().sum::<u64>());
    let share = count as f64 / support.max(1) as f64;
    let (x, y) = (
        layout.left + place.1 as f64 * layout.cell,
        layout.top + place.0 as f64 * layout.cell,
    );
    let side = layout.cell - 1.5;
    let kind = if classes.0 == classes.1 {
        "hit"
    } else {
        "miss"
    };
    let mut out = format!(
        "<g><rect class=\"cell\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side}\" height=\"{side}\" rx=\"3\"/>"
    );
    if count > 0 {
        // The root lets few mistakes be seen beside many hits.
        let shade = share.sqrt().clamp(0.12, 1.0);
        let _ = write!(
            out,
            "<rect class=\"{kind}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side}\" height=\"{side}\" rx=\"3\" fill-opacity=\"{shade:.2}\"/>"
        );
        if layout.cell >= 30.0 {
            let strong = if shade > 0.62 { " strong" } else { "" };
            let _ = write!(
                out,
                "<text class=\"count{strong}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x + side / 2.0,
                y + side / 2.0 + 4.0,
                super::axis::short(count as f64)
            );
        }
        let name = |class: usize| escaped(&confusion.classes[class]);
        let _ = write!(
            out,
            "<title>{} taken for {}: {count} of {support}</title>",
            name(classes.0),
            name(classes.1)
        );
    }
    out.push_str("</g>");
    out
}

fn mistakes(confusion: &Confusion) -> String {
    let found = confusion.mistakes();
    if found.is_empty() {
        return "<p>No row was taken for another class.</p>".to_owned();
    }
    let line = |(truth, predicted, n): &(usize, usize, u64)| {
        let support: u64 = confusion.counts[*truth].iter().sum();
        format!(
            "<li><span>{} <span class=\"dim\">taken for</span> {}</span><span class=\"n\">{} <span class=\"dim\">of {}</span></span></li>",
            isolated(&confusion.classes[*truth]),
            isolated(&confusion.classes[*predicted]),
            grouped(*n as i64),
            grouped(support as i64)
        )
    };
    let lines: String = found.iter().take(MISTAKES).map(line).collect();
    format!("<div><h3>Most frequent mistakes</h3><ol class=\"mistakes\">{lines}</ol></div>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn quality_worked_by_hand() {
        let found = Confusion::of(names(3), &[0, 0, 0, 1, 1], &[0, 0, 1, 1, 0]).unwrap();
        assert_eq!(found.accuracy().value, 0.6);
        let qualities = found.qualities();
        let two_thirds = 2.0 / 3.0;
        assert_eq!(qualities[0].precision.unwrap().value, two_thirds);
        assert_eq!(qualities[0].recall.unwrap().value, two_thirds);
        assert_eq!(qualities[0].f1, two_thirds);
        assert_eq!((qualities[1].f1, qualities[1].support), (0.5, 2));
        assert_eq!((qualities[2].precision, qualities[2].recall), (None, None));
        assert_eq!(found.mistakes(), [(0, 1, 1), (1, 0, 1)]);
    }

    #[test]
    fn what_is_no_confusion_matrix_is_refused() {
        for (counts, row, found) in [
            (vec![vec![1, 2]], 1, 0),
            (vec![vec![1, 2], vec![1]], 1, 1),
            (vec![vec![1, 2], vec![1, 2], vec![]], 2, 0),
        ] {
            let error = Confusion::new(names(2), counts).unwrap_err();
            assert_eq!(
                error,
                ConfusionError::NotSquare {
                    classes: 2,
                    row,
                    found
                }
            );
        }
        assert!(Confusion::of(names(2), &[0], &[]).is_err());
        let error = Confusion::of(names(2), &[0, 2], &[0, 1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "label 2 of row 1 names none of 2 classes, which are counted from 0"
        );
    }

    #[test]
    fn of_many_classes_the_confused_are_drawn() {
        let n = 50;
        let mut counts = vec![vec![0; n]; n];
        (0..n).for_each(|class| counts[class][class] = 9);
        counts[49][48] = 3;
        let confusion = Confusion::new(names(n), counts).unwrap();
        let shown = shown(&confusion);
        assert_eq!(shown.len(), SHOWN);
        assert!(shown.ends_with(&[48, 49]));
        assert!(heat_map(&confusion).contains("10 more are not drawn"));
    }
}
