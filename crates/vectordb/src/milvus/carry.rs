//! A batch on its way: carried out on the records as they are known, its vectors sent, while what others wrote is looked for.

use super::prepared::Prepared;
use super::session::Session;
use super::upkeep;
use super::write::{Removed, Writing};
use crate::batch::Batch;
use crate::error::Result;

/// Carry a batch out on the records as they are. What others wrote is asked for meanwhile, because an answer takes as long as
/// the rest; where there is anything, all of it is done again, and the next time one looks first.
pub(super) fn prepare(
    session: &Session,
    collection: &str,
    batch: &Batch,
) -> Result<(Prepared, Removed)> {
    if !session.is_to_look() {
        return carry_out(session, collection, batch);
    }
    if session.following.has_company() {
        session.poll()?;
        return carry_out(session, collection, batch);
    }
    let (done, news) = std::thread::scope(|scope| {
        let looked = scope.spawn(|| session.look());
        let done = carry_out(session, collection, batch);
        let panicked = |_| Err(session.client.no_end());
        (done, looked.join().unwrap_or_else(panicked))
    });
    let news = news?;
    let is_as_known = news.is_none();
    session.take_news(news)?;
    match is_as_known {
        true => done,
        false => carry_out(session, collection, batch),
    }
}

/// Answers the records to write and the vectors to remove; vectors to put are on the server when it returns.
fn carry_out(session: &Session, collection: &str, batch: &Batch) -> Result<(Prepared, Removed)> {
    let state = session.records_for(collection, batch)?;
    let mut writing = Writing::new(&state, collection);
    writing.carry_out_all(batch)?;
    let (written, vectors) = (writing.written, writing.vectors);
    // Vectors first: those of what is not known yet are found by nobody. The server takes them while the records are put
    // into words.
    let prepared = std::thread::scope(|scope| {
        let is_any = !vectors.is_empty();
        let put = move || upkeep::put_all_vectors(session, vectors);
        let sent = is_any.then(|| scope.spawn(put));
        let prepared = Prepared::of(&state, &session.library, written);
        let panicked = |_| Err(session.client.no_end());
        sent.map_or(Ok(()), |sent| sent.join().unwrap_or_else(panicked))?;
        prepared
    })?;
    Ok((prepared, writing.removed))
}
