//! The filters that are measured: of each kind three, so that the first use of one can be measured three times.

use fovea_vectordb::{Comparison, Field, Filter, Value};

use super::data::{CAMERAS, LEAST_SIZE, N_TRIPS, SIZES, TAGS};

/// Filters of one kind.
pub struct Case {
    pub what: &'static str,
    pub filters: Vec<Filter>,
}

fn case(what: &'static str, filter: impl Fn(usize) -> Filter) -> Case {
    Case {
        what,
        filters: (0..3).map(filter).collect(),
    }
}

fn like(field: &str, pattern: String) -> Filter {
    Filter::Glob {
        field: Field::named(field),
        pattern,
        ignore_case: true,
    }
}

/// As `year:` compiles: by the camera's time, else by the file's.
fn year(year: usize) -> Filter {
    let text = |year: usize| Value::Text(format!("{year}-01-01"));
    let seconds = |year: usize| (year as i64 - 1970) * 31_557_600;
    let taken = Filter::compare("taken", Comparison::Ge, text(year)).and(Filter::compare(
        "taken",
        Comparison::Lt,
        text(year + 1),
    ));
    let file = Filter::And(vec![
        Filter::Not(Box::new(Filter::Exists(Field::named("taken")))),
        Filter::compare("mtime", Comparison::Ge, seconds(year)),
        Filter::compare("mtime", Comparison::Lt, seconds(year + 1)),
    ]);
    Filter::Or(vec![taken, file])
}

fn tag(nth: usize) -> Filter {
    like("tag", TAGS[nth].to_owned())
}

fn camera(nth: usize) -> Filter {
    like("camera", format!("*{}*", CAMERAS[nth].to_lowercase()))
}

fn rating(nth: usize) -> Filter {
    Filter::compare("rating", Comparison::Ge, 3 + nth as i64)
}

fn trip(nth: usize) -> Filter {
    let trip = (nth as u64 * 617 + 3) % N_TRIPS;
    like("folder", format!("*/trip-{trip:04}"))
}

fn near(nth: usize) -> Filter {
    Filter::Near {
        latitude: 48.1 - 20.0 * nth as f64,
        longitude: 11.6,
        km: 500.0,
    }
}

/// A range of sizes that lets about this share through.
fn size(nth: usize, share: f64) -> Filter {
    let least = LEAST_SIZE as i64 + nth as i64 * SIZES as i64 / 4;
    let end = least + (share * SIZES as f64) as i64;
    Filter::compare("size", Comparison::Ge, least).and(Filter::compare("size", Comparison::Lt, end))
}

/// Each field that a case names, with a filter that loads it and is measured nowhere else.
pub fn fields() -> Vec<(&'static str, Filter)> {
    let exists = |field: &'static str| (field, Filter::Exists(Field::named(field)));
    let mut fields = vec![("items and rows", Filter::Ids(Vec::new()))];
    fields.extend(
        [
            "ext",
            "camera",
            "taken",
            "mtime",
            "rating",
            "tag",
            "folder",
            "name",
            "path",
            "latitude",
            "longitude",
            "width",
            "aspect",
            "size",
            "language",
        ]
        .map(exists),
    );
    fields.push(("has:caption", Filter::HasCaption));
    fields.push(("online", Filter::Online(false)));
    let color = Filter::Color {
        rgb: [0, 0, 0],
        share: 2.0,
    };
    fields.push(("color", color));
    fields
}

/// Every kind, rare and frequent.
pub fn all() -> Vec<Case> {
    let widths = [4000, 3000, 2000];
    vec![
        case("ext:png", |nth| {
            like("ext", ["png", "p?g", "pn*"][nth].to_owned())
        }),
        case("camera:", camera),
        case("year:", |nth| year(2011 + nth)),
        case("rating:3..", rating),
        case("tag:", tag),
        case("-tag:", |nth| Filter::Not(Box::new(tag(nth)))),
        case("folder:trip-0003", trip),
        case("name:img_00012*", |nth| {
            like("name", format!("img_000{}*", nth + 12))
        }),
        case("path:*trip-1*7.jpg", |nth| {
            like("path", format!("*trip-1*{}.jpg", nth + 7))
        }),
        case("near:48.1,11.6,500", near),
        case("w:4000..", |nth| {
            Filter::compare("width", Comparison::Ge, widths[nth])
        }),
        case("orientation:", |nth| {
            let op = [Comparison::Lt, Comparison::Gt, Comparison::Eq][nth];
            Filter::compare("aspect", op, 1.0)
        }),
        case("size:5mb..", |nth| {
            Filter::compare("size", Comparison::Ge, 5_000_000 + nth as i64)
        }),
        case("size: of 3%", |nth| size(nth, 0.03)),
        case("size: of 5%", |nth| size(nth, 0.05)),
        case("size: of 10%", |nth| size(nth, 0.1)),
        case("size: of 14%", |nth| size(nth, 0.14)),
        case("lang:", |nth| {
            like("language", ["zh*", "de", "en"][nth].to_owned())
        }),
        case("has:caption", |nth| {
            Filter::HasCaption.and(Filter::Or(vec![Filter::Nothing; nth + 1]).not())
        }),
        case("online:yes", |nth| {
            Filter::Online(true).and(Filter::Or(vec![Filter::Nothing; nth + 1]).not())
        }),
        case("camera: year: rating:", |nth| {
            camera(nth + 3).and(year(2014 + nth)).and(rating(nth))
        }),
        case("camera:|camera: -tag:", |nth| {
            Filter::Or(vec![camera(nth + 6), camera(nth + 7)]).and(tag(nth + 3).not())
        }),
        case("color:", |nth| Filter::Color {
            rgb: [[224, 32, 32], [32, 80, 208], [48, 160, 48]][nth],
            share: 0.15,
        }),
    ]
}

/// The opposite, for reading from left to right.
trait Opposite {
    fn not(self) -> Filter;
}

impl Opposite for Filter {
    fn not(self) -> Filter {
        Filter::Not(Box::new(self))
    }
}
