//! Packs that are named with a request, and answer it together with the collection's own.

use fovea_engine::{Engine, Plan};

use super::search::SearchRequest;
use crate::server::app::App;
use crate::server::auth::Caller;
use crate::server::problem::Problem;

/// The collection with each of the packs that are named; none where none is.
pub fn others(
    app: &App,
    caller: &Caller,
    engine: &Engine,
    plan: &Plan,
    request: &SearchRequest,
) -> Result<Vec<Engine>, Problem> {
    let names = names(&request.with);
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let of_one = [
        ("sort", !request.sort.is_relevance()),
        ("threshold", request.threshold.is_some()),
        ("group", request.group.is_some()),
        ("diverse", request.diverse.is_some()),
        ("cursor", request.cursor.is_some()),
    ];
    if let Some((name, _)) = of_one.into_iter().find(|(_, is_asked)| *is_asked) {
        return Err(Problem::input(format!(
            "`{name}` is of the list of one pack, and `with` makes one of several; leave one of them out"
        )));
    }
    if !plan.has_words() && !plan.has_images() {
        let detail = "with: filters alone rank nothing; say what to look for, too";
        return Err(Problem::input(detail));
    }
    app.library.beside(engine, &caller.collection, &names)
}

/// Of `clip,siglip2` both.
fn names(with: &str) -> Vec<&str> {
    let names = with.split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).collect()
}
