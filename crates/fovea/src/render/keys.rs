//! Keys of the server: one that was just made, and those there are.

use std::io::Write;

use serde_json::{Value, json};

use super::{print_json, strong};
use crate::server::keys::Key;
use crate::settings::Settings;

/// A key that was just made, with what nobody can ask for again.
pub fn key(settings: &Settings, key: &Key, secret: &str) -> anyhow::Result<()> {
    if settings.json {
        let mut value = as_json(key);
        value["key"] = json!(secret);
        return print_json(&value);
    }
    anstream::eprintln!(
        "{}; it is shown this once:",
        strong(&format!("The key {} {}", key.name, describe(key)))
    );
    Ok(writeln!(std::io::stdout(), "{secret}")?)
}

/// All keys; with --json an array.
pub fn keys(settings: &Settings, all: &[Key]) -> anyhow::Result<()> {
    if settings.json {
        return print_json(&all.iter().map(as_json).collect());
    }
    if all.is_empty() {
        anstream::eprintln!(
            "There is no key: whoever reaches the server on this machine may do everything. `fovea keys add NAME` makes one."
        );
    }
    let mut out = anstream::stdout().lock();
    for key in all {
        writeln!(out, "{}  {}", key.name, describe(key))?;
    }
    Ok(())
}

fn describe(key: &Key) -> String {
    let collection = match &key.collection {
        Some(collection) => format!("collection {collection}"),
        None => "every collection".to_owned(),
    };
    let location = match key.see_location {
        true => ", and sees where pictures were taken",
        false => "",
    };
    format!("may {} {collection}{location}", key.role)
}

fn as_json(key: &Key) -> Value {
    json!({
        "name": key.name,
        "role": key.role.name(),
        "collection": key.collection,
        "see_location": key.see_location,
    })
}
