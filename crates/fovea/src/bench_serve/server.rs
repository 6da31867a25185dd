//! The server that is asked: this program, in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

use super::client::Client;
use crate::settings::Settings;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Server {
    process: Child,
    pub address: SocketAddr,
    /// From the start of the process until it was ready.
    pub took: Duration,
}

impl Server {
    /// Over the settings' database; `allowed` may be indexed.
    pub fn start(settings: &Settings, allowed: Option<&Path>) -> anyhow::Result<Server> {
        let started = Instant::now();
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--json", "--quiet"])
            .arg("--db")
            .arg(&settings.folder)
            .args(["--collection", &settings.collection, "--models"])
            .arg(&settings.models);
        if let Some(allowed) = allowed {
            command.arg("--allow-root").arg(allowed);
        }
        let spawned = command.stdout(Stdio::piped()).spawn();
        let mut process = spawned.context("cannot start the server")?;
        let out = process.stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let said: serde_json::Value =
            serde_json::from_str(&line).context("the server did not start")?;
        let url = said["listening"].as_str().unwrap_or_default();
        let address = url.trim_start_matches("http://").parse()?;
        let mut server = Server {
            process,
            address,
            took: Duration::ZERO,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut client = Client::connect(address).await?;
            while client.get("/readyz").await?.0 != 200 {
                if started.elapsed() > PATIENCE {
                    bail!("the server was never ready");
                }
            }
            anyhow::Ok(())
        })?;
        server.took = started.elapsed();
        Ok(server)
    }

    /// Begins an index run in the server, and answers once it reads pictures.
    pub async fn begin_job(&self, folder: &Path) -> anyhow::Result<()> {
        let mut client = Client::connect(self.address).await?;
        let asked = json!({ "path": folder });
        let (status, body) = client.post("/api/v1/jobs", &asked).await?;
        if status != 202 {
            bail!("no job: {}", String::from_utf8_lossy(body));
        }
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let job = self.job(&mut client).await?;
            if job["n_done"].as_u64().is_some_and(|n_done| n_done > 0) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the job never began");
    }

    /// Whether it still runs, so that what was measured was measured meanwhile.
    pub async fn is_indexing(&self) -> anyhow::Result<bool> {
        let mut client = Client::connect(self.address).await?;
        Ok(self.job(&mut client).await?["state"] == "running")
    }

    async fn job(&self, client: &mut Client) -> anyhow::Result<serde_json::Value> {
        let (_, body) = client.get("/api/v1/jobs/1").await?;
        Ok(serde_json::from_slice(body)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to keep.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
