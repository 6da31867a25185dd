//! The command line of Fovea: parse, one match, exit code.

#![deny(unsafe_code)]

mod bench_ann;
mod bench_cut;
mod bench_dedupe;
mod bench_encode;
mod bench_explain;
mod bench_filters;
mod bench_hybrid;
mod bench_migrate;
mod bench_milvus;
mod bench_regions;
mod bench_serve;
mod commands;
mod exit;
mod flags;
mod gathered;
mod interrupt;
mod mcp;
mod memory;
mod pacing;
mod place;
mod plan;
mod quiet;
mod recommend;
mod render;
mod server;
mod settings;
mod web;

use std::process::ExitCode;

use clap::Parser;

use crate::exit::Exit;
use crate::flags::{Command, Flags};
use crate::settings::Settings;

/// Decoding takes and frees buffers of every size on every core; the system's allocator keeps the gaps between them,
/// so that memory creeps up with the number of images. mimalloc is asked for in its version 2 (`Cargo.toml`), which gives
/// freed pages back within hundredths of a second: version 3 keeps them for a whole one, and the peak is then luck.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quiet::keep();
    let flags = Flags::parse_from(flags::with_negations(std::env::args_os()));
    match run(flags) {
        Ok(exit) => exit.into(),
        Err(error) if exit::is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            render::error(&error);
            exit::exit_of(&error).into()
        }
    }
}

fn run(flags: Flags) -> anyhow::Result<Exit> {
    let settings = Settings::of(flags.global)?;
    interrupt::listen()?;
    match flags.command {
        Command::Demo => commands::demo::run(&settings),
        Command::Index(flags) => commands::index::run(&settings, flags),
        Command::Search(flags) => commands::search::run(&settings, flags),
        Command::Explain(flags) => commands::explain::run(&settings, flags),
        Command::Saved(flags) => commands::saved::run(&settings, flags),
        Command::Concept(flags) => commands::concept::run(&settings, flags),
        Command::Facets(flags) => commands::facets::run(&settings, &flags),
        Command::Forget(flags) => commands::forget::run(&settings, &flags),
        Command::Dedupe(flags) => commands::dedupe::run(&settings, &flags),
        Command::Import(flags) => commands::import::run(&settings, &flags),
        Command::Export(flags) => commands::export::run(&settings, &flags),
        Command::Serve(flags) => commands::serve::run(&settings, flags),
        Command::Mcp(flags) => commands::mcp::run(&settings, &flags),
        Command::Keys(flags) => commands::keys::run(&settings, flags),
        Command::Eval(flags) => commands::eval::run(&settings, flags),
        Command::Bench(flags) => commands::bench::run(&settings, flags),
        Command::Tune(flags) => commands::tune::run(&settings, &flags),
        Command::Models(flags) => commands::models::run(&settings, flags),
        Command::Train(flags) => commands::train::run(&settings, flags),
        Command::Tag(flags) => commands::tag::run(&settings, &flags),
        Command::MigrateModel(flags) => commands::migrate_model::run(&settings, &flags),
        Command::Migrate(flags) => commands::migrate::run(&settings, &flags),
        Command::Plan(flags) => commands::plan::run(&settings, &flags),
        Command::Stats => commands::stats::run(&settings),
        Command::Check(flags) => commands::check::run(&settings, flags),
    }
}
