//! `fovea keys`: who may ask a server for what.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use fovea_vectordb::OpenMode;

use crate::exit::{Exit, Refusal};
use crate::flags::{KeysCommand, KeysFlags};
use crate::render;
use crate::server::keys::{self, Key};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: KeysFlags) -> anyhow::Result<Exit> {
    match flags.what {
        KeysCommand::Add {
            name,
            role,
            see_location,
        } => {
            // A server that was never started may have a key before it has a collection.
            let mode = match settings.is_collection_named {
                true => OpenMode::ReadWrite,
                false => OpenMode::Create,
            };
            let database = settings.open_database(mode)?;
            let named = settings.is_collection_named;
            let key = Key {
                name,
                role,
                collection: named.then(|| settings.collection.clone()),
                see_location,
                made_ns: now_ns(),
            };
            if is_taken(settings, &key.name)? {
                let message = format!("there is a key {:?} already; revoke it first", key.name);
                return Err(Refusal::input(message).into());
            }
            let secret = keys::add(&*database, &key)?;
            render::key(settings, &key, &secret)?;
            Ok(Exit::Done)
        }
        KeysCommand::List => {
            let mut all = Vec::new();
            for database in databases(settings, OpenMode::ReadOnly)? {
                all.extend(keys::list(&*database)?);
            }
            render::keys(settings, &all)?;
            Ok(match all.is_empty() {
                true => Exit::NothingFound,
                false => Exit::Done,
            })
        }
        KeysCommand::Revoke { name } => {
            let mut found = false;
            for database in databases(settings, OpenMode::ReadWrite)? {
                found |= keys::revoke(&*database, &name)?;
            }
            if !found {
                let message = format!("there is no key {name:?}; `fovea keys list` shows them");
                return Err(Refusal::input(message).into());
            }
            writeln!(std::io::stdout(), "{name} opens nothing any more")?;
            Ok(Exit::Done)
        }
    }
}

/// Every collection, or the one that was named: each keeps its own keys.
fn databases(
    settings: &Settings,
    mode: OpenMode,
) -> anyhow::Result<Vec<std::sync::Arc<dyn fovea_vectordb::Database>>> {
    if settings.is_collection_named {
        return Ok(vec![settings.open_database(mode)?]);
    }
    settings.every_collection(mode)
}

/// Names tell keys apart in the whole database.
fn is_taken(settings: &Settings, name: &str) -> anyhow::Result<bool> {
    for database in settings.every_collection(OpenMode::ReadOnly)? {
        if keys::list(&*database)?.iter().any(|key| key.name == name) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    })
}
