//! The engine over the embedded database with an encoder that knows colours: no weights, no network.

mod arrange;
mod bucket;
mod captions;
mod dedupe;
mod explain;
mod fixture;
mod forget;
mod fusion;
mod hostile;
mod incremental;
mod migrate;
mod names;
mod parts;
mod s3;
mod search;
mod sources;
mod tagging;
mod views;
mod watch;
mod wordless;
mod written;
