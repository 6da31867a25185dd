//! `fovea mcp`: the collection for an assistant, until it hangs up.

use std::time::Duration;

use anyhow::Context;

use super::serve::interrupted;
use crate::exit::Exit;
use crate::flags::McpFlags;
use crate::mcp;
use crate::server::{App, Library, Options};
use crate::settings::Settings;

pub fn run(settings: &Settings, flags: &McpFlags) -> anyhow::Result<Exit> {
    let options = Options {
        log: false,
        ..Options::default()
    };
    let app = App::new(Library::open_for_reading(settings)?, options)?;
    // The model is opened before an assistant waits for it, and is missed before one asks.
    app.library
        .engine(&settings.collection)
        .map_err(|problem| crate::exit::Refusal::environment(problem.detail))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let served = runtime.block_on(mcp::serve(app, flags.see_location, interrupted()));
    // A terminal's input cannot be given up, only left.
    runtime.shutdown_timeout(Duration::from_millis(100));
    served.map(|()| Exit::Done)
}
