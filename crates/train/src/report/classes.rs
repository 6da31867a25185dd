//! Precision, recall and support of each class.

use fovea_measure::Estimate;

use super::axis::grouped;
use super::confusion::{ClassQuality, Confusion};
use super::escape::isolated;

/// The table. Where there are many classes it scrolls in a box of its own.
pub(super) fn table(confusion: &Confusion) -> String {
    let qualities = confusion.qualities();
    let row = |(name, quality): (&String, &ClassQuality)| {
        format!(
            "<tr><th scope=\"row\">{}</th>{}{}<td class=\"n\">{:.2}</td><td class=\"n\">{}</td></tr>\n",
            isolated(name),
            share(quality.precision),
            share(quality.recall),
            quality.f1,
            grouped(quality.support as i64)
        )
    };
    let rows: String = confusion
        .classes()
        .iter()
        .zip(&qualities)
        .map(row)
        .collect();
    format!(
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Quality by class\"><table class=\"classes\"><thead><tr>\
         <th>class</th><th>precision</th><th>recall</th><th class=\"n\">F1</th><th class=\"n\">support</th></tr></thead>\
         <tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// A number over a bar, its interval when pointed at.
fn share(share: Option<Estimate>) -> String {
    let Some(Estimate { value, interval }) = share else {
        return "<td class=\"dim\" title=\"there is nothing to count\">–</td>".to_owned();
    };
    format!(
        "<td title=\"95% interval {:.2} to {:.2}\"><span class=\"meter\"><i style=\"width:{:.1}%\"></i></span><span class=\"n\">{value:.2}</span></td>",
        interval.low,
        interval.high,
        value * 100.0
    )
}
