//! Recall against queries a second as an SVG that any browser opens: one line a system, speed on a logarithmic axis.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::contender::Side;
use super::measure::{Curve, Point};
use super::report::Report;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 600.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 270.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 64.0;
/// Below this recall nobody would use an index.
const LEAST_RECALL: f64 = 0.80;

/// Okabe and Ito's colours, which people tell apart who see few.
const COLOURS: [&str; 7] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#999999", "#f0e442",
];
const OURS: [&str; 6] = [
    "#d55e00", "#8c2d04", "#fd8d3c", "#a63603", "#e6550d", "#fdae6b",
];

/// The picture of a run.
pub fn svg(report: &Report) -> String {
    let lines = lines(&report.curves);
    let axes = Axes::around(&lines);
    let mut out = String::new();
    head(&mut out, report);
    grid(&mut out, &axes);
    let (mut n_ours, mut n_others) = (0, 0);
    for (row, line) in lines.iter().enumerate() {
        let (palette, count): (&[&str], _) = if line.side.is_fovea() {
            (&OURS, &mut n_ours)
        } else {
            (&COLOURS, &mut n_others)
        };
        let colour = palette[*count % palette.len()];
        *count += 1;
        draw(&mut out, &axes, line, colour);
        legend(&mut out, row, line, colour);
    }
    out.push_str("</svg>\n");
    out
}

/// A system, and its points that no other of its points beats in both.
struct Line {
    system: String,
    side: Side,
    points: Vec<Point>,
}

fn lines(curves: &[Curve]) -> Vec<Line> {
    let mut systems: BTreeMap<(bool, &str), (Side, Vec<Point>)> = BTreeMap::new();
    for curve in curves {
        let place = systems
            .entry((!curve.side.is_fovea(), &curve.system))
            .or_insert((curve.side, Vec::new()));
        place.1.extend(&curve.points);
    }
    let line = |((_, system), (side, points)): ((bool, &str), (Side, Vec<Point>))| Line {
        system: system.to_owned(),
        side,
        points: front(points),
    };
    systems
        .into_iter()
        .map(line)
        .filter(|line| !line.points.is_empty())
        .collect()
}

/// Fastest first among those with at least the least recall; each later one has a higher recall.
fn front(mut points: Vec<Point>) -> Vec<Point> {
    points.retain(|point| point.recall >= LEAST_RECALL && point.qps > 0.0);
    points.sort_by(|a, b| b.qps.total_cmp(&a.qps));
    let mut best = 0.0;
    points.retain(|point| {
        let kept = point.recall > best;
        best = f64::max(best, point.recall);
        kept
    });
    points
}

/// From recall and speed to places on the page.
struct Axes {
    /// Powers of ten at the ends of the axis of speed.
    low: f64,
    high: f64,
}

impl Axes {
    fn around(lines: &[Line]) -> Axes {
        let speeds = || {
            lines
                .iter()
                .flat_map(|line| &line.points)
                .map(|point| point.qps.log10())
        };
        let low = speeds().fold(f64::INFINITY, f64::min);
        let high = speeds().fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Axes {
                low: 0.0,
                high: 1.0,
            };
        }
        Axes {
            low: (low - 0.1).floor(),
            high: (high + 0.1).ceil(),
        }
    }

    fn x(&self, recall: f64) -> f64 {
        LEFT + (recall - LEAST_RECALL) / (1.0 - LEAST_RECALL) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, qps: f64) -> f64 {
        let share = (qps.log10() - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }
}

fn head(out: &mut String, report: &Report) {
    let what = match report.dataset.name.starts_with("synthetic") {
        true => " (synthetic, for scale only)",
        false => "",
    };
    let title = format!(
        "{}{what}: {} queries over {} vectors of {} numbers",
        report.dataset.name,
        report.queries.name(),
        report.dataset.n,
        report.dataset.dim
    );
    let under = format!(
        "recall@{} against queries a second on one thread; {}; {}",
        report.k, report.machine, report.date
    );
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"17\">{}</text>\n<text x=\"{LEFT}\" y=\"48\" fill=\"#555\">{}</text>\n",
        escaped(&title),
        escaped(&under)
    );
}

fn grid(out: &mut String, axes: &Axes) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for hundredths in [80, 85, 90, 95, 99, 100] {
        let recall = f64::from(hundredths) / 100.0;
        let x = axes.x(recall);
        let shade = if [90, 95, 99].contains(&hundredths) {
            "#bbb"
        } else {
            "#e5e5e5"
        };
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"{shade}\"/>"
        );
        // 0.99 and 1.00 would lie over each other.
        let anchor = match hundredths {
            99 => "end",
            100 => "start",
            _ => "middle",
        };
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{recall:.2}</text>",
            bottom + 20.0
        );
    }
    for power in axes.low as i32..=axes.high as i32 {
        for step in [1.0, 2.0, 5.0] {
            let qps = step * 10f64.powi(power);
            if qps.log10() > axes.high + 1e-9 {
                continue;
            }
            let y = axes.y(qps);
            let shade = if step == 1.0 { "#bbb" } else { "#e5e5e5" };
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"{shade}\"/>"
            );
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{qps}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
    }
    let (middle, low) = ((LEFT + right) / 2.0, HEIGHT - 18.0);
    let _ = writeln!(
        out,
        "<text x=\"{middle:.1}\" y=\"{low}\" text-anchor=\"middle\">recall@10</text>"
    );
    let (x, y) = (20.0, (TOP + bottom) / 2.0);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 {x} {y:.1})\">queries a second</text>"
    );
}

fn draw(out: &mut String, axes: &Axes, line: &Line, colour: &str) {
    let places: Vec<(f64, f64)> = line
        .points
        .iter()
        .map(|point| (axes.x(point.recall), axes.y(point.qps)))
        .collect();
    let path: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let width = if line.side.is_fovea() { 3.5 } else { 2.0 };
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"/>",
        path.join(" ")
    );
    for (x, y) in places {
        let _ = writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" fill=\"{colour}\"/>",
            width + 1.0
        );
    }
}

fn legend(out: &mut String, row: usize, line: &Line, colour: &str) {
    let (x, y) = (WIDTH - RIGHT + 24.0, TOP + 14.0 + 24.0 * row as f64);
    let (end, width) = (x + 28.0, if line.side.is_fovea() { 3.5 } else { 2.0 });
    let weight = if line.side.is_fovea() {
        "bold"
    } else {
        "normal"
    };
    let _ = writeln!(
        out,
        "<line x1=\"{x}\" y1=\"{y}\" x2=\"{end}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
    );
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" font-weight=\"{weight}\">{}</text>",
        end + 8.0,
        y + 4.5,
        escaped(&line.system)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_points_that_nothing_beats_are_drawn() {
        let point = |recall, qps| Point {
            effort: 1,
            recall,
            qps,
        };
        let found = front(vec![
            point(0.9, 50.0),
            point(0.85, 100.0),
            point(0.88, 40.0),
            point(0.5, 900.0),
            point(0.99, 10.0),
        ]);
        let recalls: Vec<f64> = found.iter().map(|point| point.recall).collect();
        assert_eq!(recalls, [0.85, 0.9, 0.99]);
    }

    #[test]
    fn names_cannot_break_the_picture() {
        assert_eq!(escaped("a<b&c"), "a&lt;b&amp;c");
    }
}
