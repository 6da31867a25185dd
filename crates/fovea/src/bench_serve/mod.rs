//! `fovea bench serve`: how much a server answers, asked by another process on the same machine.
//!
//! The server runs as it would for anybody, in a process of its own; here are those who ask: `load` (so many connections,
//! for so long), `client` (HTTP/1.1 as far as it takes).

mod client;
mod load;
mod server;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use fovea_vectordb::{Filter, Item, OpenMode};

use crate::bench_ann::Bar;
use crate::commands::search::{next_line, open_queries};
use crate::exit::Refusal;
use crate::settings::Settings;
use load::{Load, Measured};
use server::Server;

const CONNECTIONS: usize = 16;
const ROUND: Duration = Duration::from_secs(10);
const WARM_UP: Duration = Duration::from_secs(2);
/// Texts of the round in which all vectors are known.
const CACHED: usize = 100;
/// Pictures that the index job has to read.
const NEW: usize = 5_000;
/// Starts, of which the one in the middle counts.
const STARTS: usize = 5;

/// The path of each question, by its number.
type Asked<'a> = dyn Fn(usize) -> String + Sync + 'a;

/// Everything that is promised of the server, over the collection of the settings.
pub fn measure(
    settings: &Settings,
    queries: &Path,
    say: &dyn Fn(&str),
) -> anyhow::Result<Vec<Bar>> {
    let texts = texts(queries)?;
    let items = items(settings)?;
    say("starting the server, several times");
    let start = start_to_ready(settings)?;
    let mut bars = vec![Bar::at_most("start to ready", start, " s", 0.7)];
    let asker = Asker::new(say)?;
    let alone = alone(settings, &asker, &texts, &items)?;
    let [fresh, cached, pictures] = &alone;
    let what = |words: &str| format!("{words}, {CONNECTIONS} connections");
    let known = what("the same, vectors known");
    bars.extend([
        Bar::at_least(what("text search"), fresh.per_second, "/s", 400.0),
        Bar::at_most(what("text search, p99"), fresh.latency.p99_ms, " ms", 80.0),
        Bar::at_least(known, cached.per_second, "/s", 1_000.0),
        Bar::at_least(what("thumbnails"), pictures.per_second, "/s", 2_000.0),
    ]);
    let busy = while_indexing(settings, &asker, &texts, &items)?;
    let slower = busy.latency.p99_ms / fresh.latency.p99_ms.max(1e-9);
    let what = "p99 while indexing over p99 alone";
    bars.push(Bar::at_most(what, slower, "x", 4.0));
    let n_errors = busy.n_errors + alone.iter().map(|one| one.n_errors).sum::<u64>();
    let what = "answers that were no 200";
    bars.push(Bar::at_most(what, n_errors as f64, "", 0.0));
    Ok(bars)
}

/// In seconds.
fn start_to_ready(settings: &Settings) -> anyhow::Result<f64> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(Server::start(settings, None)?.took.as_secs_f64());
    }
    starts.sort_by(f64::total_cmp);
    Ok(starts[STARTS / 2])
}

/// Texts that were never asked, texts whose vectors are known, and thumbnails, of a server that does nothing else.
fn alone(
    settings: &Settings,
    asker: &Asker,
    texts: &[String],
    items: &[Item],
) -> anyhow::Result<[Measured; 3]> {
    let server = Server::start(settings, None)?;
    let thumbnails: Vec<String> = items.iter().map(crate::server::thumbnail_url).collect();
    let known = texts.len().min(CACHED);
    Ok([
        // A number makes each text a new one, as long as the model.
        asker.ask(&server, "texts that were never asked", &|at| {
            search(&format!("{} {at}", texts[at % texts.len()]))
        })?,
        asker.ask(&server, "texts whose vectors are known", &|at| {
            search(&texts[at % known])
        })?,
        asker.ask(&server, "thumbnails", &|at| {
            thumbnails[at % thumbnails.len()].clone()
        })?,
    ])
}

/// Texts that were never asked, while new pictures come into the collection that is asked.
fn while_indexing(
    settings: &Settings,
    asker: &Asker,
    texts: &[String],
    items: &[Item],
) -> anyhow::Result<Measured> {
    let aside = Aside::of(settings, items)?;
    let server = Server::start(&aside.settings, Some(&aside.pictures))?;
    asker.runtime.block_on(server.begin_job(&aside.pictures))?;
    let busy = asker.ask(&server, "texts while an index job runs", &|at| {
        search(&format!("{} {at} more", texts[at % texts.len()]))
    })?;
    if !asker.runtime.block_on(server.is_indexing())? {
        bail!("the job was over too soon to tell: more pictures are needed");
    }
    Ok(busy)
}

/// Those who ask.
struct Asker<'a> {
    /// One thread, so that the server has the other cores.
    runtime: tokio::runtime::Runtime,
    say: &'a dyn Fn(&str),
}

impl Asker<'_> {
    fn new(say: &dyn Fn(&str)) -> anyhow::Result<Asker<'_>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        Ok(Asker { runtime, say })
    }

    fn ask(&self, server: &Server, what: &str, path: &Asked) -> anyhow::Result<Measured> {
        (self.say)(what);
        let load = Load {
            address: server.address,
            connections: CONNECTIONS,
            path,
        };
        self.runtime.block_on(load.run(WARM_UP))?;
        self.runtime.block_on(load.run(ROUND))
    }
}

fn texts(queries: &Path) -> anyhow::Result<Vec<String>> {
    let mut lines = open_queries(queries)?;
    let mut texts = Vec::new();
    while let Some(line) = next_line(&mut *lines, queries)? {
        if !line.trim().is_empty() {
            texts.push(line);
        }
    }
    match texts.is_empty() {
        false => Ok(texts),
        true => Err(Refusal::input(format!("{}: no query in it", queries.display())).into()),
    }
}

fn items(settings: &Settings) -> anyhow::Result<Vec<Item>> {
    let database = settings.open_database(OpenMode::ReadOnly)?;
    let ids = database.scan(&Filter::All, None, 10_000)?;
    let items = database.items(&ids)?;
    if items.is_empty() {
        let message = "nothing is indexed here; index some 10,000 pictures first";
        return Err(Refusal::input(message).into());
    }
    Ok(items)
}

/// A copy of the database, and pictures that it does not have yet.
struct Aside {
    settings: Settings,
    pictures: PathBuf,
    _scratch: tempfile::TempDir,
}

impl Aside {
    fn of(settings: &Settings, items: &[Item]) -> anyhow::Result<Aside> {
        let scratch = tempfile::tempdir()?;
        let (folder, pictures) = (scratch.path().join("db"), scratch.path().join("new"));
        fs::create_dir(&folder)?;
        fs::create_dir(&pictures)?;
        for entry in fs::read_dir(&settings.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), folder.join(entry.file_name()))?;
            }
        }
        for (number, item) in items.iter().take(NEW).enumerate() {
            // Bytes after the picture make it another content and change nothing of how it looks.
            let mut bytes = fs::read(item.absolute())?;
            bytes.extend(b"a copy");
            let ending = item.absolute().extension().map(OsString::from);
            let name = Path::new(&number.to_string()).with_extension(ending.unwrap_or_default());
            fs::write(pictures.join(name), bytes)?;
        }
        Ok(Aside {
            settings: Settings {
                folder,
                server: None,
                ..settings.clone()
            },
            pictures: fs::canonicalize(&pictures)?,
            _scratch: scratch,
        })
    }
}

fn search(text: &str) -> String {
    // In quotes words are words, whatever stands in them.
    let coded = text
        .replace('"', " ")
        .bytes()
        .fold(String::new(), |coded, byte| {
            match byte.is_ascii_alphanumeric() {
                true => format!("{coded}{}", char::from(byte)),
                false => format!("{coded}%{byte:02X}"),
            }
        });
    format!("/api/v1/search?top=20&guess=false&q=%22{coded}%22")
}
