//! A small line chart: one of several side by side, each with its own question.

use std::fmt::Write;

use super::axis::{Axis, precise, short};
use super::escape::{escaped, isolated};

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal distances for equal differences.
    #[default]
    Linear,
    /// Equal distances for equal ratios; what is not above 0 is left out.
    Logarithmic,
}

impl Scale {
    pub(super) fn has(self, value: f64) -> bool {
        value.is_finite() && (self == Scale::Linear || value > 0.0)
    }

    pub(super) fn empty(self) -> f64 {
        if self == Scale::Linear { 0.0 } else { 0.1 }
    }
}

/// One chart.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// What is drawn: `Loss`, `Validation recall@10`.
    pub title: String,
    /// What stands along the chart: `step`, `epoch`.
    pub x_name: String,
    /// How the values are spread.
    pub y_scale: Scale,
    /// One or a few lines; the names are shown where there are two or more.
    pub lines: Vec<Line>,
    /// Where along the chart the best weights were, which is then marked on each line.
    pub best: Option<f64>,
}

/// One line of a chart.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// What it is: `training`, `validation`.
    pub name: String,
    /// Place along the chart, and value. Where a value is not finite the line is broken.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 188.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 36.0;
/// More points than that cannot be told apart at this width, and would only make the page heavy.
const POINTS: usize = 480;

/// The chart with its heading.
pub(super) fn figure(chart: &Chart) -> String {
    let xs = chart
        .lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|p| p.0);
    let ys = chart
        .lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|p| p.1);
    let x = Axis::tight(xs.chain(chart.best), LEFT, WIDTH - RIGHT);
    let y = Axis::around(ys, chart.y_scale, HEIGHT - BOTTOM, TOP);
    let mut drawn = grid(chart, &x, &y);
    for (at, line) in chart.lines.iter().enumerate() {
        drawn.push_str(&path(line, at, &x, &y));
    }
    drawn.push_str(&best_marks(chart, &x, &y));
    format!(
        "<figure class=\"chart\"><figcaption><h3>{}</h3>{}<p class=\"dim\">{}</p></figcaption>\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">{drawn}</svg></figure>\n",
        isolated(&chart.title),
        legend(chart),
        said(chart),
        escaped(&chart.title),
    )
}

fn legend(chart: &Chart) -> String {
    if chart.lines.len() < 2 {
        return String::new();
    }
    let entry = |(at, line): (usize, &Line)| {
        let name = isolated(&line.name);
        format!("<span><i class=\"key s{}\"></i>{name}</span>", at % 4)
    };
    let entries: String = chart.lines.iter().enumerate().map(entry).collect();
    format!("<p class=\"legend\">{entries}</p>")
}

/// The value of the first line where the weights were best, or else its last, in words.
fn said(chart: &Chart) -> String {
    let Some(line) = chart.lines.first() else {
        return "nothing was recorded".to_owned();
    };
    let is_best = |point: &&(f64, f64)| chart.best == Some(point.0);
    let last = line.points.iter().rfind(|point| point.1.is_finite());
    let name = escaped(&chart.x_name);
    let what = match chart.lines.len() {
        1 => String::new(),
        _ => format!("{} ", isolated(&line.name)),
    };
    match (line.points.iter().find(is_best), last) {
        (Some((x, y)), _) => format!("{what}{} at the best {name}, {}", precise(*y), short(*x)),
        (None, Some((x, y))) => format!("{what}{} at the last {name}, {}", precise(*y), short(*x)),
        (None, None) => "nothing was recorded".to_owned(),
    }
}

fn grid(chart: &Chart, x: &Axis, y: &Axis) -> String {
    let mut out = String::new();
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    // Writing to a string cannot fail, here and below.
    for value in y.ticks(4) {
        let Some(at) = y.place(value) else { continue };
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            short(value)
        );
    }
    for value in x.ticks(5) {
        let Some(at) = x.place(value) else { continue };
        let _ = write!(
            out,
            "<text class=\"tick\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 15.0,
            short(value)
        );
    }
    let _ = write!(
        out,
        "<text class=\"tick\" x=\"{right}\" y=\"{}\" text-anchor=\"end\">{}</text>",
        HEIGHT - 5.0,
        escaped(&chart.x_name)
    );
    out
}

/// One line; of more points than can be drawn, their range in a faint shade and the mean of each stretch over it.
fn path(line: &Line, at: usize, x: &Axis, y: &Axis) -> String {
    let series = at % 4;
    let drawn = |class: &str, points: &[(f64, f64)]| {
        let data = data(points, x, y);
        format!("<path class=\"{class} s{series}\" d=\"{data}\"/>")
    };
    if line.points.len() <= POINTS {
        return drawn("line", &line.points);
    }
    drawn("range", &extremes(&line.points)) + &drawn("line", &means(&line.points))
}

fn data(points: &[(f64, f64)], x: &Axis, y: &Axis) -> String {
    let mut data = String::new();
    let mut pen_is_down = false;
    for (across, up) in points {
        let (Some(across), Some(up)) = (x.place(*across), y.place(*up)) else {
            pen_is_down = false;
            continue;
        };
        let pen = if pen_is_down { 'L' } else { 'M' };
        let _ = write!(data, "{pen}{across:.1} {up:.1}");
        pen_is_down = true;
    }
    // A lone point would leave no trace: a line of no length with round ends is a dot.
    if data.matches(['M', 'L']).count() == 1 {
        data.push_str("h0");
    }
    data
}

fn best_marks(chart: &Chart, x: &Axis, y: &Axis) -> String {
    let Some((best, across)) = chart.best.and_then(|best| Some((best, x.place(best)?))) else {
        return String::new();
    };
    let mut out = format!(
        "<line class=\"best\" x1=\"{across:.1}\" y1=\"{TOP}\" x2=\"{across:.1}\" y2=\"{}\"/>",
        HEIGHT - BOTTOM
    );
    for (at, line) in chart.lines.iter().enumerate() {
        let value = line.points.iter().find(|point| point.0 == best);
        let Some((value, up)) = value.and_then(|point| Some((point.1, y.place(point.1)?))) else {
            continue;
        };
        let _ = write!(
            out,
            "<circle class=\"mark s{}\" cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"4.5\"><title>{}</title></circle>",
            at % 4,
            precise(value)
        );
    }
    out
}

/// The least and the greatest of each stretch, so that a spike in the loss stays one.
fn extremes(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stretch = points.len().div_ceil(POINTS / 2);
    let ends = |part: &[(f64, f64)]| {
        let finite = || (0..part.len()).filter(|at| part[*at].1.is_finite());
        let by_value = |a: &usize, b: &usize| part[*a].1.total_cmp(&part[*b].1);
        let (low, high) = (finite().min_by(by_value), finite().max_by(by_value));
        let mut kept: Vec<usize> = low.into_iter().chain(high).collect();
        kept.sort_unstable();
        kept.dedup();
        kept.into_iter().map(|at| part[at]).collect::<Vec<_>>()
    };
    points.chunks(stretch).flat_map(ends).collect()
}

/// The mean of each stretch, at its middle.
fn means(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stretch = points.len().div_ceil(POINTS / 4);
    let mean = |part: &[(f64, f64)]| {
        let finite: Vec<f64> = part.iter().map(|p| p.1).filter(|y| y.is_finite()).collect();
        (
            part[part.len() / 2].0,
            finite.iter().sum::<f64>() / finite.len() as f64,
        )
    };
    points.chunks(stretch).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "Loss".to_owned(),
            x_name: "step".to_owned(),
            lines: vec![Line {
                name: "training".to_owned(),
                points,
            }],
            ..Chart::default()
        }
    }

    #[test]
    fn a_value_that_is_no_number_breaks_the_line() {
        let found = figure(&chart(vec![
            (0.0, 1.0),
            (1.0, 2.0),
            (2.0, f64::NAN),
            (3.0, 1.0),
        ]));
        let data = found
            .split(" d=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        assert_eq!(data.matches('M').count(), 2, "{data}");
        assert!(!found.contains("NaN") && !found.contains("inf"));
    }

    #[test]
    fn a_chart_of_nothing_or_of_one_point_is_still_one() {
        assert!(figure(&chart(vec![])).contains("nothing was recorded"));
        assert!(figure(&Chart::default()).contains("</svg>"));
        assert!(figure(&chart(vec![(3.0, 0.5)])).contains("h0\""));
    }

    #[test]
    fn the_best_is_marked_and_said() {
        let mut chart = chart(vec![(1.0, 0.25), (2.0, 0.5), (3.0, 0.375)]);
        chart.best = Some(2.0);
        let found = figure(&chart);
        assert!(found.contains("0.5 at the best step, 2"));
        assert_eq!(found.matches("<circle").count(), 1);
    }

    #[test]
    fn many_points_keep_their_spikes() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), 1.0)).collect();
        points[77_777].1 = 9.0;
        points[5] = (5.0, f64::NAN);
        let found = extremes(&points);
        assert!(found.len() <= POINTS && found.contains(&(77_777.0, 9.0)));
        assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let means = means(&points);
        assert!(
            means.len() <= POINTS / 4 && means.iter().all(|mean| (1.0..1.02).contains(&mean.1))
        );
    }
}
