//! Writes a sample of the report of a training run, with every part that there is. Its numbers are made up.
//!
//!     write_report FILE.html

use std::error::Error;

use fovea_measure::{Bootstrap, Rank};
use fovea_train::report::{
    Chart, Confusion, Example, Figure, Language, Line, Reliability, Report, Scale, Thumbnail,
};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os()
        .nth(1)
        .ok_or("usage: write_report FILE.html")?;
    Ok(std::fs::write(path, sample()?.html())?)
}

fn sample() -> Result<Report, Box<dyn Error>> {
    let mut random = Random(7);
    Ok(Report {
        title: "Alignment of the base pack to 8,214 pairs".to_owned(),
        subtitle: "A sample with invented numbers: two layers, 24 epochs, 3 min 12 s on 2 cores."
            .to_owned(),
        warnings: vec![
            "Thai has 40 validation queries: its intervals are too wide to choose by.".to_owned(),
            "212 captions stand under more than one image; any of them counts as right.".to_owned(),
        ],
        figures: figures(),
        languages: languages(&mut random),
        charts: charts(&mut random),
        examples: examples(),
        confusion: Some(confusion(&mut random)?),
        reliability: Some(reliability(&mut random)),
        settings: pairs(&[
            ("head", "1280 → 1024 → 512"),
            ("loss", "InfoNCE, temperature 0.05 learned"),
            ("optimiser", "AdamW, weight decay 0.05"),
            ("learning rate", "1e-3, cosine, 5% warm-up"),
            ("batch", "512"),
            ("epochs", "24, best 17"),
            ("label smoothing", "0.1"),
            ("seed", "20261122"),
        ]),
        data: pairs(&[
            ("pairs", "8,214"),
            ("images", "7,690"),
            ("validation images", "769"),
            ("languages", "6"),
            ("left out: no caption", "118"),
            ("left out: cannot be read", "3"),
        ]),
        data_hash: Some(
            "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85".to_owned(),
        ),
    })
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn figures() -> Vec<Figure> {
    [
        ("recall@10, all languages", "0.574", "0.511 before, +0.063"),
        ("recall@1, all languages", "0.318", "0.281 before, +0.037"),
        ("best epoch", "17", "of 24"),
        ("time", "3:12", "2 cores"),
    ]
    .map(|(label, value, note)| Figure {
        label: label.to_owned(),
        value: value.to_owned(),
        note: note.to_owned(),
    })
    .into()
}

/// xorshift, so that the sample is the same every time.
struct Random(u64);

impl Random {
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn languages(random: &mut Random) -> Vec<Language> {
    let kinds = [
        ("English", 769, 0.8),
        ("Deutsch", 702, 0.7),
        ("中文", 310, 0.65),
        ("العربية", 280, 0.75),
        ("日本語", 295, 1.25),
        ("ไทย", 40, 0.85),
    ];
    let language = |(name, n, factor): (&str, usize, f64)| {
        let before: Vec<f64> = (0..n)
            .map(|_| 1.0 + 60.0 * random.share().powi(3))
            .collect();
        let after: Vec<f64> = before
            .iter()
            .map(|rank| 1.0 + (rank - 1.0) * factor * (0.6 + 0.8 * random.share()))
            .collect();
        let ranks = |ranks: &[f64]| -> Vec<Rank> {
            ranks.iter().map(|rank| Some(rank.round() as u32)).collect()
        };
        Language::of(name, &ranks(&before), &ranks(&after), &Bootstrap::default())
    };
    kinds.into_iter().filter_map(language).collect()
}

fn charts(random: &mut Random) -> Vec<Chart> {
    let epochs = || (1..=24).map(f64::from);
    let steps = || (0..2_400).map(f64::from);
    let loss = |step: f64| 1.1 + 4.2 * (-step / 500.0).exp();
    let training = steps().map(|step| (step / 100.0, loss(step) * (0.93 + 0.14 * random.share())));
    let training: Vec<_> = training.collect();
    let validation = epochs()
        .map(|epoch| (epoch, loss(epoch * 100.0) + 0.25 + 0.012 * epoch))
        .collect();
    let rate = |step: f64| match step {
        _ if step < 120.0 => 1e-3 * (step + 1.0) / 120.0,
        _ => 5e-4 * (1.0 + ((step - 120.0) / 2_280.0 * std::f64::consts::PI).cos()) + 1e-7,
    };
    let norms = steps().map(|step| {
        let spike = if step == 900.0 { 9.0 } else { 1.0 };
        (
            step,
            spike * (0.3 + 3.0 * (-step / 300.0).exp()) * (0.7 + 0.6 * random.share()),
        )
    });
    let norms = norms.collect();
    let recall = |top: f64| {
        move |epoch: f64| {
            (
                epoch,
                top * (1.0 - 0.5 * (-epoch / 4.0).exp()) - 0.0002 * (epoch - 17.0).powi(2),
            )
        }
    };
    let line = |name: &str, points: Vec<(f64, f64)>| Line {
        name: name.to_owned(),
        points,
    };
    let chart = |title: &str, x_name: &str, lines: Vec<Line>| Chart {
        title: title.to_owned(),
        x_name: x_name.to_owned(),
        lines,
        ..Chart::default()
    };
    let recalls = vec![
        line("recall@10", epochs().map(recall(0.58)).collect()),
        line("recall@1", epochs().map(recall(0.32)).collect()),
    ];
    vec![
        Chart {
            best: Some(17.0),
            ..chart("Validation recall", "epoch", recalls)
        },
        Chart {
            best: Some(17.0),
            ..chart(
                "Loss",
                "epoch",
                vec![line("validation", validation), line("training", training)],
            )
        },
        chart(
            "Learning rate",
            "step",
            vec![line(
                "rate",
                steps().map(|step| (step, rate(step))).collect(),
            )],
        ),
        Chart {
            y_scale: Scale::Logarithmic,
            ..chart("Gradient norm", "step", vec![line("norm", norms)])
        },
    ]
}

fn examples() -> Vec<Example> {
    [
        (
            "a red fox asleep in the snow",
            "English",
            [3, 7, 1, 9, 5],
            2,
            [2, 1, 3, 7, 4],
            0,
        ),
        (
            "两只猫在窗台上晒太阳",
            "中文",
            [4, 8, 6, 0, 2],
            9,
            [5, 6, 8, 4, 0],
            1,
        ),
        (
            "قطة صغيرة تنام على كرسي <b>أزرق</b>",
            "العربية",
            [1, 2, 3, 4, 5],
            4,
            [5, 9, 8, 2, 1],
            0,
        ),
        (
            "Ein altes Segelboot liegt bei Ebbe im Schlick, dahinter ein Leuchtturm",
            "Deutsch",
            [0, 3, 6, 9, 2],
            0,
            [6, 5, 4, 3, 2],
            9,
        ),
    ]
    .map(
        |(query, language, before, right_before, after, right_after)| Example {
            query: query.to_owned(),
            language: language.to_owned(),
            before: thumbnails(&before, right_before),
            after: thumbnails(&after, right_after),
        },
    )
    .into()
}

/// A drawing for each number, so that the sample carries no picture of anybody's.
fn thumbnails(kinds: &[u32], right: usize) -> Vec<Thumbnail> {
    let thumbnail = |(place, kind): (usize, &u32)| {
        let (hue, size) = (kind * 36, 14 + kind * 2);
        let svg = format!(
            "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 80 80'%3E%3Crect width='80' height='80' \
             fill='hsl({hue} 45%25 82%25)'/%3E%3Cpath d='M0 64L28 {} 50 58 80 40V80H0z' fill='hsl({} 35%25 55%25)'/%3E\
             %3Ccircle cx='{}' cy='26' r='{}' fill='hsl({} 65%25 60%25)'/%3E%3C/svg%3E",
            30 + kind,
            hue + 40,
            20 + kind * 4,
            size / 2,
            hue + 180
        );
        Thumbnail {
            image: format!("data:image/svg+xml,{svg}"),
            name: format!("drawing {kind}"),
            is_right: place == right,
        }
    };
    kinds.iter().enumerate().map(thumbnail).collect()
}

fn confusion(random: &mut Random) -> Result<Confusion, Box<dyn Error>> {
    let classes = [
        "bird",
        "boat",
        "building",
        "cat",
        "dog",
        "flower",
        "fox",
        "landscape",
        "<i>people</i>",
        "vehicle (road)",
    ];
    let mut counts = vec![vec![0; classes.len()]; classes.len()];
    for (truth, row) in counts.iter_mut().enumerate() {
        for (predicted, count) in row.iter_mut().enumerate() {
            let near = truth.abs_diff(predicted);
            *count = match near {
                0 => 60 + (random.share() * 80.0) as u64,
                1 => (random.share() * 16.0) as u64,
                _ => (random.share() * 2.4) as u64 * u64::from(random.share() < 0.4),
            };
        }
    }
    Ok(Confusion::new(classes.map(str::to_owned).into(), counts)?)
}

fn reliability(random: &mut Random) -> Reliability {
    let stated: Vec<f64> = (0..1_240)
        .map(|_| 1.0 - 0.9 * random.share().powi(2))
        .collect();
    let happened: Vec<bool> = stated
        .iter()
        .map(|p| random.share() < p.powf(1.35))
        .collect();
    Reliability::of(&stated, &happened, 10)
}
