//! The keys of filters, one line each: what they are called, what they take, and the filter that they make.

use fovea_vectordb::{Comparison, Field, Filter, Value};
use jiff::civil::Date;

use super::days::{self, Days};

/// What a clause is compiled with.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// One of the values that `|` parts.
    pub value: &'a str,
    pub today: Date,
}

type Compile = fn(&Asked<'_>) -> Result<Filter, String>;

/// A key that every collection has.
pub struct Key {
    pub name: &'static str,
    /// Values as they are written, for help and errors.
    pub example: &'static str,
    compile: Compile,
}

/// A flat table.
pub const KEYS: &[Key] = &[
    Key {
        name: "date",
        example: "2023, 2023-07, 2023-07-14, 2020..2022, 2020-05..",
        compile: date,
    },
    Key {
        name: "year",
        example: "2023, 2020..2022, 2020..",
        compile: year,
    },
    Key {
        name: "month",
        example: "7, july, 6..8",
        compile: month,
    },
    Key {
        name: "path",
        example: "holiday, 2023/*/raw/*",
        compile: |asked| Ok(contains(Field::Path, asked.value)),
    },
    Key {
        name: "folder",
        example: "Italy, 2023/Italy, *trip*",
        compile: folder,
    },
    Key {
        name: "name",
        example: "IMG_20*, sunset",
        compile: |asked| Ok(contains(Field::Name, asked.value)),
    },
    Key {
        name: "ext",
        example: "jpg, png, cr*",
        compile: |asked| Ok(is(Field::Ext, asked.value.trim_start_matches('.'))),
    },
    Key {
        name: "format",
        example: "jpeg, png, webp",
        compile: |asked| Ok(is(Field::Format, asked.value)),
    },
    Key {
        name: "camera",
        example: "Leica, *EOS*",
        compile: |asked| Ok(contains(Field::named("camera"), asked.value)),
    },
    Key {
        name: "lens",
        example: "50mm",
        compile: |asked| Ok(contains(Field::named("lens"), asked.value)),
    },
    Key {
        name: "iso",
        example: "100, 800.., 100..400",
        compile: |asked| number(Field::named("iso"), asked.value, 1.0),
    },
    Key {
        name: "w",
        example: "4000.., 1920",
        compile: |asked| number(Field::Width, asked.value, 1.0),
    },
    Key {
        name: "h",
        example: "3000.., 1080",
        compile: |asked| number(Field::Height, asked.value, 1.0),
    },
    Key {
        name: "size",
        example: "10mb.., ..500kb",
        compile: size,
    },
    Key {
        name: "orientation",
        example: "landscape, portrait, square",
        compile: orientation,
    },
    Key {
        name: "rating",
        example: "5, 3..",
        compile: |asked| number(Field::named("rating"), asked.value, 1.0),
    },
    Key {
        name: "tag",
        example: "dog, \"red car\", hol*",
        compile: |asked| Ok(is(Field::Tag, asked.value)),
    },
    Key {
        name: "lang",
        example: "en, zh",
        compile: lang,
    },
    Key {
        name: "near",
        example: "48.14,11.58,20 (latitude, longitude, kilometres)",
        compile: near,
    },
    Key {
        name: "color",
        example: "red, #2050d0",
        compile: color,
    },
    Key {
        name: "has",
        example: "gps, caption, date, tag, rating, camera",
        compile: has,
    },
    Key {
        name: "source",
        example: "/home/me/Pictures",
        compile: |asked| Ok(contains(Field::Source, asked.value)),
    },
    Key {
        name: "online",
        example: "yes, no",
        compile: online,
    },
];

/// The key of this name; letter case does not count, and other words for it are taken too.
pub fn key(name: &str) -> Option<&'static Key> {
    let lower = name.to_ascii_lowercase();
    let name = match lower.as_str() {
        "width" => "w",
        "height" => "h",
        "extension" | "filetype" => "ext",
        "filename" => "name",
        "tags" => "tag",
        "stars" => "rating",
        "colour" => "color",
        "taken" => "date",
        "language" => "lang",
        other => other,
    };
    KEYS.iter().find(|key| key.name == name)
}

impl Key {
    /// The filter of one value, or what is wrong with it.
    pub fn filter(&self, asked: &Asked<'_>) -> Result<Filter, String> {
        (self.compile)(asked).map_err(|reason| {
            let (name, value) = (self.name, asked.value);
            format!("{name}:{value}: {reason}; it takes {}", self.example)
        })
    }
}

/// The filter of a value under a key of the metadata that only this collection has.
pub fn metadata(key: &str, value: &str) -> Filter {
    let field = Field::Metadata(key.to_owned());
    match number(field.clone(), value, 1.0) {
        Ok(numbers) => Filter::Or(vec![numbers, is(field, value)]),
        Err(_) => contains(field, value),
    }
}

fn date(asked: &Asked<'_>) -> Result<Filter, String> {
    let days = Days::parse(asked.value).ok_or("that is no day, month or year")?;
    Ok(days.filter())
}

fn year(asked: &Asked<'_>) -> Result<Filter, String> {
    let has_only_years = asked
        .value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let days = has_only_years.then(|| Days::parse(asked.value)).flatten();
    Ok(days.ok_or("that is no year")?.filter())
}

fn month(asked: &Asked<'_>) -> Result<Filter, String> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let one = |text: &str| -> Result<i8, String> {
        let lower = text.trim_end_matches('月').to_lowercase();
        let by_name = NAMES
            .iter()
            .position(|name| lower.len() >= 3 && name.starts_with(&lower));
        let number = by_name
            .map(|at| at as i8 + 1)
            .or_else(|| lower.parse().ok());
        number
            .filter(|number| (1..=12).contains(number))
            .ok_or_else(|| format!("`{text}` is no month"))
    };
    let months = match asked.value.split_once("..") {
        None => vec![one(asked.value)?],
        Some((first, last)) => {
            let (first, last) = (one(first)?, one(last)?);
            // Past December it begins anew.
            let n = (last - first).rem_euclid(12) + 1;
            (0..n).map(|step| (first - 1 + step) % 12 + 1).collect()
        }
    };
    Ok(days::months_filter(&months, asked.today))
}

fn size(asked: &Asked<'_>) -> Result<Filter, String> {
    number(Field::Size, asked.value, 1.0)
}

/// A number, `a..b` with either end missing, `>a`, `>=a`, `<a` or `<=a`. Sizes may end in `kb`, `mb` or `gb`.
fn number(field: Field, value: &str, unit: f64) -> Result<Filter, String> {
    let is_size = field == Field::Size;
    let parse = |text: &str| -> Result<Value, String> { parse_number(text, is_size, unit) };
    let compare = |op, text: &str| {
        Ok(Filter::Compare {
            field: field.clone(),
            op,
            value: parse(text)?,
        })
    };
    if let Some((first, last)) = value.split_once("..") {
        let mut both = Vec::new();
        if !first.is_empty() {
            both.push(compare(Comparison::Ge, first)?);
        }
        if !last.is_empty() {
            both.push(compare(Comparison::Le, last)?);
        }
        return match both.len() {
            0 => Err("a range needs one end at least".to_owned()),
            _ => Ok(Filter::And(both)),
        };
    }
    let signs = [
        (">=", Comparison::Ge),
        ("<=", Comparison::Le),
        (">", Comparison::Gt),
        ("<", Comparison::Lt),
    ];
    for (sign, op) in signs {
        if let Some(rest) = value.strip_prefix(sign) {
            return compare(op, rest);
        }
    }
    compare(Comparison::Eq, value)
}

fn parse_number(text: &str, is_size: bool, unit: f64) -> Result<Value, String> {
    const UNITS: [(&str, f64); 6] = [
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("k", 1e3),
        ("m", 1e6),
        ("g", 1e9),
    ];
    let lower = text.trim().to_ascii_lowercase();
    let by_unit = UNITS.iter().filter(|_| is_size);
    let (digits, unit) = by_unit
        .filter_map(|(name, unit)| Some((lower.strip_suffix(name)?, *unit)))
        .next()
        .unwrap_or((&lower, unit));
    let wrong = || format!("`{text}` is no number");
    let looks_right = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    if !looks_right || !number.is_finite() {
        return Err(wrong());
    }
    let number = number * unit;
    Ok(if number.fract() == 0.0 && number.abs() < 1e15 {
        Value::Integer(number as i64)
    } else {
        Value::Real(number)
    })
}

/// Text in which the value stands; with a wildcard, text that is like the whole of it.
fn contains(field: Field, value: &str) -> Filter {
    let pattern = if has_wildcard(value) {
        value.to_owned()
    } else {
        format!("*{value}*")
    };
    like(field, pattern)
}

/// Text that is the value, or like its wildcards.
fn is(field: Field, value: &str) -> Filter {
    like(field, value.to_owned())
}

fn like(field: Field, pattern: String) -> Filter {
    Filter::Glob {
        field,
        pattern,
        ignore_case: true,
    }
}

fn has_wildcard(value: &str) -> bool {
    value.contains(['*', '?'])
}

/// A folder of this name wherever it lies, and all that is in it.
fn folder(asked: &Asked<'_>) -> Result<Filter, String> {
    let name = asked.value.trim_matches('/');
    if name.is_empty() {
        return Err("a folder has a name".to_owned());
    }
    if has_wildcard(name) {
        return Ok(like(Field::Folder, name.to_owned()));
    }
    let places = ["{}", "{}/*", "*/{}", "*/{}/*"];
    let any = places.map(|place| like(Field::Folder, place.replace("{}", name)));
    Ok(Filter::Or(any.to_vec()))
}

fn lang(asked: &Asked<'_>) -> Result<Filter, String> {
    // `zh` takes `zh-TW` in.
    let exact = is(Field::Language, asked.value);
    Ok(Filter::Or(vec![
        exact,
        is(Field::Language, &format!("{}-*", asked.value)),
    ]))
}

fn orientation(asked: &Asked<'_>) -> Result<Filter, String> {
    let aspect = |op| Filter::compare("aspect", op, Value::Real(1.0));
    match asked.value.to_lowercase().as_str() {
        "landscape" | "wide" => Ok(aspect(Comparison::Gt)),
        "portrait" | "tall" => Ok(aspect(Comparison::Lt)),
        "square" => Ok(aspect(Comparison::Eq)),
        _ => Err("that is no orientation".to_owned()),
    }
}

fn near(asked: &Asked<'_>) -> Result<Filter, String> {
    let numbers: Option<Vec<f64>> = asked
        .value
        .split(',')
        .map(|one| one.trim().parse().ok())
        .collect();
    match numbers.as_deref() {
        Some(&[latitude, longitude, km])
            if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 && km > 0.0 && km.is_finite() =>
        {
            Ok(Filter::Near {
                latitude,
                longitude,
                km,
            })
        }
        _ => Err("that is no place and distance".to_owned()),
    }
}

/// Share of an image that a colour has to have.
const COLOR_SHARE: f32 = 0.15;

fn color(asked: &Asked<'_>) -> Result<Filter, String> {
    const NAMES: &[(&[&str], [u8; 3])] = &[
        (&["red", "红", "红色"], [224, 32, 32]),
        (&["orange", "橙", "橙色"], [240, 128, 32]),
        (&["yellow", "黄", "黄色"], [240, 224, 32]),
        (&["green", "绿", "绿色"], [48, 160, 48]),
        (&["cyan", "turquoise", "青", "青色"], [32, 192, 192]),
        (&["blue", "蓝", "蓝色"], [32, 80, 208]),
        (&["purple", "violet", "紫", "紫色"], [128, 48, 176]),
        (&["pink", "粉", "粉色", "粉红"], [240, 160, 192]),
        (&["brown", "棕", "棕色", "褐色"], [128, 80, 48]),
        (&["white", "白", "白色"], [255, 255, 255]),
        (&["grey", "gray", "灰", "灰色"], [128, 128, 128]),
        (&["black", "黑", "黑色"], [0, 0, 0]),
    ];
    let lower = asked.value.to_lowercase();
    let by_name = NAMES
        .iter()
        .find(|(names, _)| names.contains(&lower.as_str()));
    let hex = || {
        let digits = lower.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        Some([(number >> 16) as u8, (number >> 8) as u8, number as u8])
    };
    let rgb = by_name.map(|(_, rgb)| *rgb).or_else(hex);
    Ok(Filter::Color {
        rgb: rgb.ok_or("that is no colour with a name, nor six digits after `#`")?,
        share: COLOR_SHARE,
    })
}

fn has(asked: &Asked<'_>) -> Result<Filter, String> {
    Ok(match asked.value.to_lowercase().as_str() {
        "caption" | "captions" => Filter::HasCaption,
        "gps" | "place" | "location" => Filter::Exists(Field::named("latitude")),
        "date" => Filter::Exists(Field::named("taken")),
        "tag" | "tags" => Filter::Exists(Field::Tag),
        "" => return Err("say what an item has".to_owned()),
        _ => Filter::Exists(Field::Metadata(asked.value.to_owned())),
    })
}

fn online(asked: &Asked<'_>) -> Result<Filter, String> {
    match asked.value.to_lowercase().as_str() {
        "yes" | "true" => Ok(Filter::Online(true)),
        "no" | "false" => Ok(Filter::Online(false)),
        _ => Err("that is neither yes nor no".to_owned()),
    }
}
