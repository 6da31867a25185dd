//! `fovea mcp`: the collection for an assistant, over standard input and output (Model Context Protocol).
//!
//! Four tools that look and change nothing. They ask what the HTTP API asks, through the same functions, so that what is
//! private there is private here: an assistant learns of no file that is not in the collection, and of no place unless it may.

mod arguments;
#[cfg(test)]
mod tests;
mod tools;

use std::sync::Arc;

use rmcp::ServiceExt;

pub use tools::Assistant;

use crate::server::App;

/// Answers until the assistant hangs up, or until `stopped`.
pub async fn serve(
    app: Arc<App>,
    see_location: bool,
    stopped: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let assistant = Assistant::new(app, see_location);
    tokio::select! {
        () = stopped => Ok(()),
        served = answer(assistant) => served,
    }
}

async fn answer(assistant: Assistant) -> anyhow::Result<()> {
    use rmcp::service::ServerInitializeError::ConnectionClosed;
    let service = match assistant.serve(rmcp::transport::io::stdio_pipes()).await {
        // Whoever hangs up before saying a word wants nothing.
        Err(ConnectionClosed(_)) => return Ok(()),
        service => service?,
    };
    service.waiting().await?;
    Ok(())
}
