//! The engine over the embedded database with an encoder that knows colours: no weights, no network.

mod arrange;
mod captions;
mod explain;
mod fixture;
mod hostile;
mod incremental;
mod names;
mod parts;
mod search;
mod sources;
mod watch;
