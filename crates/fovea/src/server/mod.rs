//! `fovea serve`: the collection over HTTP, and the page that shows it.
//!
//! A request passes, in order: `listen` (connections, TLS, slow clients), `log` (an id, one line, the clock), `guard`
//! (`Host` and `Origin`), `auth` (key, role, collection, rate), a file of `handlers`, `gate` (the engine's threads), and
//! back through `problem` (every error is one document). `routes` is the table of all of it, from which `openapi` is
//! written. The engine is synchronous and does the work; nothing here knows how to search.

mod app;
mod auth;
mod body;
mod encoder;
mod gate;
mod guard;
pub mod handlers;
mod jobs;
pub mod keys;
mod library;
mod listen;
mod log;
mod metrics;
mod openapi;
mod originals;
mod pictures;
mod problem;
mod range;
mod rate;
mod routes;
#[cfg(test)]
pub mod tests;
mod uploads;

pub use app::{App, Options};
pub use auth::Caller;
pub use handlers::items::thumbnail_url;
pub use library::Library;
pub use listen::{Tls, bind, serve};
pub use problem::Problem;
