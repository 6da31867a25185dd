//! Keys of the server: who may ask, for what. Kept as hashes among the settings of a collection.
//!
//! A key is 256 random bits, so that nobody finds it by trying, and a fast hash of it is as safe as a slow one: salts and
//! many rounds protect what people choose, and nobody chose this. What is kept is BLAKE3 of it. It is looked up by the first
//! half of that hash, which tells nothing, and the rest is compared in constant time.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fovea_vectordb::Database;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::exit::Refusal;

/// Begins a key, so that it is known for one wherever it turns up.
const PREFIX: &str = "fovea_";
/// Begins the name of the setting that keeps one.
const SETTING: &str = "key.";
const RANDOM_BYTES: usize = 32;
/// Hex digits of a hash that a key is looked up by; the others are compared.
const LOOKED_UP: usize = 32;
const LONGEST_NAME: usize = 64;

/// What a key may do; each role may do what the ones before it may.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    ToSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Search and look
    Read,
    /// And add, change and remove
    Write,
    /// And index folders of this machine
    Admin,
}

impl Role {
    #[cfg(test)]
    pub const ALL: [Role; 3] = [Role::Read, Role::Write, Role::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Write => "write",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key as it is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Key {
    pub name: String,
    pub role: Role,
    /// The one that it opens; none where it opens all of them.
    pub collection: Option<String>,
    /// Whether it may be told where pictures were taken.
    pub see_location: bool,
    /// When it was made, in nanoseconds since 1970.
    pub made_ns: i64,
}

/// Makes a key, keeps its hash with the collection of this database, and answers what is shown once and never again.
pub fn add(database: &dyn Database, key: &Key) -> anyhow::Result<String> {
    check_name(&key.name)?;
    if list(database)?.iter().any(|kept| kept.name == key.name) {
        let message = format!(
            "there is a key {:?} already; choose another name, or revoke it first",
            key.name
        );
        return Err(Refusal::input(message).into());
    }
    let mut random = [0u8; RANDOM_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| Refusal::environment(format!("no random numbers to be had: {error}")))?;
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    let setting = format!("{SETTING}{}", hash(&secret));
    database.set_setting(&setting, Some(&serde_json::to_string(key)?))?;
    Ok(secret)
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let is_short = (1..=LONGEST_NAME).contains(&name.chars().count());
    if is_short && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Refusal::input(format!(
        "{name:?} is no name for a key: 1 to {LONGEST_NAME} letters are needed"
    )))
}

/// The keys that are kept with the collection of this database, by name.
pub fn list(database: &dyn Database) -> anyhow::Result<Vec<Key>> {
    let kept = kept(database)?.into_iter().map(|(_, key)| key);
    let mut keys: Vec<Key> = kept.collect();
    keys.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(keys)
}

/// Forgets the key of a name; false where there is none.
pub fn revoke(database: &dyn Database, name: &str) -> anyhow::Result<bool> {
    let mut found = false;
    for (setting, key) in kept(database)? {
        if key.name == name {
            database.set_setting(&setting, None)?;
            found = true;
        }
    }
    Ok(found)
}

/// Settings with the keys in them. One that cannot be read opens nothing, and does not keep the others from opening.
fn kept(database: &dyn Database) -> anyhow::Result<Vec<(String, Key)>> {
    let settings = database.settings(SETTING)?.into_iter();
    let read =
        settings.filter_map(|(setting, value)| Some((setting, serde_json::from_str(&value).ok()?)));
    Ok(read.collect())
}

fn hash(secret: &str) -> blake3::Hash {
    blake3::hash(secret.as_bytes())
}

/// All keys of a server, to find the one that was shown.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    /// By the first digits of the hash.
    keys: HashMap<String, (blake3::Hash, Key)>,
}

impl Ring {
    /// Takes up the keys that are kept with a collection.
    pub fn add_from(&mut self, database: &dyn Database) -> anyhow::Result<()> {
        for (setting, key) in kept(database)? {
            let digits = &setting[SETTING.len()..];
            if let Ok(hash) = blake3::Hash::from_hex(digits) {
                self.keys
                    .insert(digits[..LOOKED_UP].to_owned(), (hash, key));
            }
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key with this secret.
    pub fn find(&self, secret: &str) -> Option<&Key> {
        let shown = hash(secret);
        let (hash, key) = self.keys.get(&shown.to_hex()[..LOOKED_UP])?;
        // Hashes of this kind are compared in constant time.
        (*hash == shown).then_some(key)
    }
}
