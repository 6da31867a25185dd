//! `fovea serve`: the collection over HTTP, until Ctrl-C.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::exit::{Exit, Refusal};
use crate::flags::ServeFlags;
use crate::server::{self, App, Library, Options, Tls};
use crate::settings::Settings;
use crate::{interrupt, memory, render};

/// How often it is looked whether the server is to stop.
const LOOK: Duration = Duration::from_millis(50);

pub fn run(settings: &Settings, flags: ServeFlags) -> anyhow::Result<Exit> {
    memory::keep_level();
    let is_local = flags.listen.ip().is_loopback();
    let options = Options {
        is_local,
        is_encrypted: flags.cert.is_some(),
        hosts: flags.hosts,
        allow_roots: roots(&flags.allow_roots)?,
        log: !settings.quiet,
        log_queries: flags.log_queries,
        rate: flags.rate,
        max_connections: flags.connections as usize,
        max_upload: (flags.max_upload_mb as usize) << 20,
        ..Options::default()
    };
    let app = App::new(Library::open(settings)?, options)?;
    if !is_local && app.ring().is_empty() {
        return Err(Refusal::input(format!(
            "--listen {}: others can reach that, so a key is needed first: fovea keys add NAME",
            flags.listen
        ))
        .into());
    }
    let tls = match (&flags.cert, &flags.key) {
        (Some(cert), Some(key)) => Some(Tls::load(cert, key)?),
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    runtime.block_on(async {
        let listener = server::bind(flags.listen).await?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        render::serving(settings, scheme, listener.local_addr()?)?;
        server::serve(Arc::clone(&app), listener, tls, interrupted()).await;
        anyhow::Ok(())
    })?;
    // What still runs is cut here; a batch that was not committed is as if it had never begun.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(Exit::Done)
}

fn roots(named: &[std::path::PathBuf]) -> Result<Vec<std::path::PathBuf>, Refusal> {
    let real = named.iter().map(|root| {
        std::fs::canonicalize(root)
            .map_err(|error| Refusal::input(format!("--allow-root {}: {error}", root.display())))
    });
    real.collect()
}

/// Until Ctrl-C.
pub async fn interrupted() {
    while !interrupt::is_interrupted() {
        tokio::time::sleep(LOOK).await;
    }
}
