//! What an item has, in the words of a filter that wants something else.

use fovea_vectordb::{Item, Value, path_from_bytes};

use crate::metadata::{day_of_file, day_taken};

/// Colours of an item that are named.
const COLORS: usize = 3;

/// A clause such as `it was taken on 2021-05-03`, for one of the keys of filters.
pub(super) fn has(item: &Item, key: &str) -> String {
    let path = path_from_bytes(&item.path);
    let content = &item.content;
    match key {
        "date" | "year" | "month" => date(item),
        "path" => format!("its path is {}", path.display()),
        "folder" => match path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            Some(folder) => format!("it lies in {}", folder.display()),
            None => format!("it lies in {} itself", item.root.display()),
        },
        "name" => format!("it is called {}", name(&path)),
        "ext" => match path.extension() {
            Some(ending) => format!("its name ends in .{}", ending.display()),
            None => "its name has no ending".to_owned(),
        },
        "format" => format!("it is {}", content.format),
        "w" | "h" | "orientation" => {
            format!("it has {} x {} pixels", content.width, content.height)
        }
        "size" => format!("it has {} bytes", item.size),
        "lang" => languages(item),
        "near" => match (number(item, "latitude"), number(item, "longitude")) {
            (Some(latitude), Some(longitude)) => {
                format!("it was taken at {latitude:.4},{longitude:.4}")
            }
            _ => "it says no place".to_owned(),
        },
        "color" => colors(item),
        "has" => everything(item),
        "source" => format!("it is of {}", item.root.display()),
        "online" if item.online => "its folder can be reached".to_owned(),
        "online" => "its folder cannot be reached".to_owned(),
        other => values(item, other),
    }
}

fn date(item: &Item) -> String {
    if let Some(day) = day_taken(item) {
        return format!("it was taken on {day}");
    }
    let day = day_of_file(item).unwrap_or_else(|| "a time that no calendar has".to_owned());
    format!("it does not say when it was taken, and its file is of {day}")
}

fn name(path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.display().to_string()
}

fn languages(item: &Item) -> String {
    let mut found: Vec<&str> = item
        .captions
        .iter()
        .filter_map(|caption| caption.lang.as_deref())
        .collect();
    found.sort_unstable();
    found.dedup();
    match (item.captions.is_empty(), found.is_empty()) {
        (true, _) => "it has no caption".to_owned(),
        (false, true) => "its captions do not say their language".to_owned(),
        (false, false) => format!("its captions are in {}", found.join(", ")),
    }
}

fn colors(item: &Item) -> String {
    let mut all = item.content.colors.clone();
    all.sort_by(|a, b| b.share.total_cmp(&a.share));
    let shown: Vec<String> = all
        .iter()
        .take(COLORS)
        .map(|color| {
            let [r, g, b] = color.rgb;
            format!("#{r:02x}{g:02x}{b:02x} ({:.0}%)", 100.0 * color.share)
        })
        .collect();
    match shown.is_empty() {
        true => "its colours are not known".to_owned(),
        false => format!("its main colours are {}", shown.join(", ")),
    }
}

fn everything(item: &Item) -> String {
    let mut all: Vec<&str> = item.metadata.keys().map(String::as_str).collect();
    if !item.captions.is_empty() {
        all.push("caption");
    }
    match all.is_empty() {
        true => "it has neither metadata nor a caption".to_owned(),
        false => format!("it has {}", all.join(", ")),
    }
}

fn number(item: &Item, key: &str) -> Option<f64> {
    match item.metadata.get(key)?.first()? {
        Value::Real(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        Value::Text(_) => None,
    }
}

fn values(item: &Item, key: &str) -> String {
    let found = item
        .metadata
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(key));
    let Some((name, values)) = found.filter(|(_, values)| !values.is_empty()) else {
        return format!("it has no {key}");
    };
    let shown: Vec<String> = values
        .iter()
        .map(|value| match value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
        })
        .collect();
    format!("its {name} is {}", shown.join(", "))
}
