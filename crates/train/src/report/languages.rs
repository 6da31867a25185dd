//! Did it help, and whom? Each language before and after, with the difference of the two on the same queries.

use fovea_measure::{Bootstrap, Estimate, Paired, Rank, reciprocal, scored};

use super::axis::grouped;
use super::escape::{escaped, isolated};

/// One language, or any other part of the queries.
#[derive(Debug, Clone)]
pub struct Language {
    /// Its name.
    pub name: String,
    /// How many queries were asked in it.
    pub n_queries: usize,
    /// Recall@1, recall@10, MRR: the same measures, in the same order, for every language.
    pub measures: Vec<Measure>,
}

/// One measure of one language.
#[derive(Debug, Clone)]
pub struct Measure {
    /// What is measured: `recall@10`.
    pub name: String,
    /// Before training: by the alignment that the pack brings.
    pub before: Estimate,
    /// After training.
    pub after: Estimate,
    /// After against before, query by query; `a` is before, `b` after.
    pub paired: Paired,
}

impl Language {
    /// Recall@1, recall@10 and MRR from the rank of each query's first hit, before and after, in the same order of queries.
    /// `None` where there are no queries or the two have not the same number.
    pub fn of(name: &str, before: &[Rank], after: &[Rank], bootstrap: &Bootstrap) -> Option<Self> {
        let within =
            |k: u32| move |rank: Rank| f64::from(u8::from(reciprocal(rank) >= 1.0 / f64::from(k)));
        let measures = [
            Measure::of("recall@1", before, after, within(1), bootstrap)?,
            Measure::of("recall@10", before, after, within(10), bootstrap)?,
            Measure::of("MRR", before, after, reciprocal, bootstrap)?,
        ];
        Some(Self {
            name: name.to_owned(),
            n_queries: before.len(),
            measures: measures.into(),
        })
    }
}

impl Measure {
    fn of(
        name: &str,
        before: &[Rank],
        after: &[Rank],
        score: impl Fn(Rank) -> f64,
        bootstrap: &Bootstrap,
    ) -> Option<Self> {
        let (before, after) = (scored(before, &score), scored(after, &score));
        let paired = bootstrap.compare(&before, &after)?;
        let estimate = |value, scores: &[f64]| Estimate {
            value,
            interval: bootstrap.mean(scores),
        };
        Some(Self {
            name: name.to_owned(),
            before: estimate(paired.a, &before),
            after: estimate(paired.b, &after),
            paired,
        })
    }

    fn verdict(&self) -> Verdict {
        match (
            self.paired.is_significant(),
            self.paired.difference.value > 0.0,
        ) {
            (false, _) => Verdict::Open,
            (true, true) => Verdict::Better,
            (true, false) => Verdict::Worse,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Better,
    Worse,
    Open,
}

impl Verdict {
    /// Class and sign: what a colour says, a sign says too.
    fn look(self) -> (&'static str, &'static str) {
        match self {
            Verdict::Better => ("good", "▲"),
            Verdict::Worse => ("bad", "▼"),
            Verdict::Open => ("open", "≈"),
        }
    }
}

/// The table, with a sentence above it for each measure.
pub(super) fn table(languages: &[Language]) -> String {
    let Some(first) = languages.first() else {
        return String::new();
    };
    let heads: String = first.measures.iter().map(head).collect();
    let scales: Vec<f64> = (0..first.measures.len())
        .map(|column| scale(languages, column))
        .collect();
    let rows: String = languages.iter().map(|one| row(one, &scales)).collect();
    format!(
        "{}<table class=\"languages\"><thead><tr><th>language</th>{heads}</tr></thead><tbody>\n{rows}</tbody></table>\n\
         <p class=\"dim small\">Bars and brackets are 95% confidence intervals, by bootstrap over the queries. The difference is of \
         the same queries, drawn in pairs: ▲ better, ▼ worse, ≈ where its interval holds 0.</p>\n",
        lead(languages, &first.measures),
    )
}

fn head(measure: &Measure) -> String {
    format!("<th>{}</th>", isolated(&measure.name))
}

/// "recall@10 is better in 4 of 7 languages, worse in 1".
fn lead(languages: &[Language], measures: &[Measure]) -> String {
    let sentence = |(column, measure): (usize, &Measure)| {
        let count = |wanted: Verdict| {
            let verdicts = languages.iter().filter_map(|one| one.measures.get(column));
            verdicts.filter(|one| one.verdict() == wanted).count()
        };
        let (better, worse) = (count(Verdict::Better), count(Verdict::Worse));
        let n = languages.len();
        format!(
            "<li>{} is better in <b>{better}</b> of {n}, worse in <b>{worse}</b></li>",
            isolated(&measure.name)
        )
    };
    let sentences: String = measures.iter().enumerate().map(sentence).collect();
    format!("<ul class=\"lead\">{sentences}</ul>\n")
}

/// The end of a column's bars: all its rows share it, so that they can be compared down the page.
fn scale(languages: &[Language], column: usize) -> f64 {
    let measures = languages.iter().filter_map(|one| one.measures.get(column));
    let highest = measures.map(|one| one.before.interval.high.max(one.after.interval.high));
    let highest = highest.filter(|high| high.is_finite()).fold(0.1, f64::max);
    (highest * 10.0 - 1e-9).ceil() / 10.0
}

fn row(language: &Language, scales: &[f64]) -> String {
    let cells: String = language
        .measures
        .iter()
        .zip(scales)
        .map(|(measure, scale)| cell(measure, *scale))
        .collect();
    let queries = if language.n_queries == 1 {
        "query"
    } else {
        "queries"
    };
    format!(
        "<tr><th scope=\"row\">{}<span class=\"dim small\">{} {queries}</span></th>{cells}</tr>\n",
        isolated(&language.name),
        grouped(language.n_queries as i64)
    )
}

fn cell(measure: &Measure, scale: f64) -> String {
    let (class, sign) = measure.verdict().look();
    let Paired {
        difference,
        p_value,
        ..
    } = &measure.paired;
    format!(
        "<td data-name=\"{}\"><div class=\"pair\">{}{}</div><div class=\"change {class}\" title=\"p = {p_value:.4}\">\
         <b>{sign} {}</b> <span>[{}, {}]</span></div></td>",
        escaped(&measure.name),
        line("before", &measure.before, scale),
        line("after", &measure.after, scale),
        signed(difference.value),
        signed(difference.interval.low),
        signed(difference.interval.high),
    )
}

fn line(name: &str, estimate: &Estimate, scale: f64) -> String {
    let percent = |value: f64| (value / scale * 100.0).clamp(0.0, 100.0);
    let (low, high) = (
        percent(estimate.interval.low),
        percent(estimate.interval.high),
    );
    format!(
        "<span class=\"dim\">{name}</span><span class=\"ci {name}\"><i style=\"left:{low:.1}%;width:{:.1}%\"></i>\
         <b style=\"left:{:.1}%\"></b></span><span class=\"n\">{:.3}</span>\
         <span class=\"n dim\">[{:.2}, {:.2}]</span>",
        high - low,
        percent(estimate.value),
        estimate.value,
        estimate.interval.low,
        estimate.interval.high,
    )
}

/// Three digits and always a sign, a true minus among them.
fn signed(value: f64) -> String {
    format!("{value:+.3}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(before: &[Rank], after: &[Rank]) -> Option<Language> {
        Language::of("Deutsch", before, after, &Bootstrap::default())
    }

    #[test]
    fn measures_are_those_of_the_ranks() {
        let found = language(&[Some(2), None, Some(11)], &[Some(1), Some(10), None]).unwrap();
        let values: Vec<(f64, f64)> = found
            .measures
            .iter()
            .map(|one| (one.before.value, one.after.value))
            .collect();
        let third = 1.0 / 3.0;
        assert_eq!(values[0], (0.0, third));
        assert_eq!(values[1], (third, 2.0 / 3.0));
        assert!((values[2].1 - (1.0 + 0.1) / 3.0).abs() < 1e-12);
        assert!(language(&[], &[]).is_none() && language(&[None], &[]).is_none());
    }

    #[test]
    fn a_difference_is_only_called_one_where_its_interval_says_so() {
        let (never, always) = (vec![None; 50], vec![Some(1); 50]);
        for (before, after, expect) in [
            (&never, &always, "<b>▲ +1.000</b>"),
            (&always, &never, "<b>▼ −1.000</b>"),
            (&always, &always, "<b>≈ +0.000</b>"),
        ] {
            let found = table(&[language(before, after).unwrap()]);
            assert!(found.contains(expect), "{found}");
        }
        assert_eq!(table(&[]), "");
    }
}
