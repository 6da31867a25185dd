//! The confusion matrix as a heat map, and its commonest mistakes in words.

use std::fmt::Write;

use super::axis::{grouped, short};
use super::confusion::Confusion;
use super::escape::{escaped, isolated, shortened};

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
    let (full, cut) = (escaped(name), escaped(&shortened(name, layout.letters)));
    format!(
        "<text class=\"tick name\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{cut}<title>{full}</title></text>\
         <text class=\"tick name\" x=\"{x:.1}\" y=\"{y:.1}\" transform=\"rotate(-52 {x:.1} {y:.1})\">{cut}<title>{full}</title></text>",
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
                short(count as f64)
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

    #[test]
    fn of_many_classes_the_confused_are_drawn() {
        let n = 50;
        let names: Vec<String> = (0..n).map(|class| format!("class {class}")).collect();
        let mut counts = vec![vec![0; n]; n];
        (0..n).for_each(|class| counts[class][class] = 9);
        counts[49][48] = 3;
        let confusion = Confusion::new(names, counts).unwrap();
        let shown = shown(&confusion);
        assert_eq!(shown.len(), SHOWN);
        assert!(shown.ends_with(&[48, 49]));
        assert!(heat_map(&confusion).contains("10 more are not drawn"));
    }
}
