//! The table of all routes, by what a key must be allowed to do. The router, the OpenAPI document and the tests of who may
//! what are made of it.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::handlers::{
    collections, duplicates, events, export, items, jobs, looks, names, originals, page, search,
    session, system, thumbnails,
};
use super::keys::Role;
use super::problem::Problem;
use super::{auth, guard, log, openapi};

/// Routes that need the same of who asks: a role, or nothing.
pub struct Group {
    pub needs: Option<Role>,
    pub routes: OpenApiRouter<Arc<App>>,
}

pub fn table() -> [Group; 4] {
    let group = |needs, routes| Group { needs, routes };
    [
        group(None, open()),
        group(Some(Role::Read), read()),
        group(Some(Role::Write), write()),
        group(Some(Role::Admin), admin()),
    ]
}

/// Nothing of the collection.
fn open() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(system::healthz))
        .routes(routes!(system::readyz))
        .routes(routes!(system::openapi))
        .routes(routes!(session::sign_out))
        .routes(routes!(page::index))
        .routes(routes!(page::api))
        .routes(routes!(page::asset))
}

fn read() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(system::metrics))
        .routes(routes!(session::get, session::sign_in))
        .routes(routes!(search::get, search::post))
        .routes(routes!(items::add_picture))
        .routes(routes!(collections::list))
        .routes(routes!(collections::facets))
        .routes(routes!(duplicates::find))
        .routes(routes!(items::list))
        .routes(routes!(items::get))
        .routes(routes!(thumbnails::thumbnail))
        .routes(routes!(originals::original))
        .routes(routes!(looks::similar))
        .routes(routes!(looks::explain))
        .routes(routes!(looks::heat))
        .routes(routes!(names::list_saved))
        .routes(routes!(names::get_saved))
        .routes(routes!(names::list_concepts))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::events))
        .routes(routes!(export::export))
}

fn write() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(items::add))
        .routes(routes!(items::remove))
        .routes(routes!(names::save, names::forget_saved))
        .routes(routes!(events::add))
}

/// What reaches beyond the collection, to folders of this machine.
fn admin() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(jobs::start))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::sources))
}

/// All of it over one state.
pub fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for Group { needs, routes } in table() {
        let routes = match needs {
            None => routes,
            Some(role) => {
                let state = (Arc::clone(app), role);
                routes.route_layer(from_fn_with_state(state, auth::require))
            }
        };
        router = router.merge(Router::from(routes));
    }
    router
        .fallback(async || Problem::not_found("there is nothing at this address"))
        .layer(from_fn_with_state(Arc::clone(app), guard::guard))
        .layer(from_fn_with_state(Arc::clone(app), log::log))
        .with_state(Arc::clone(app))
}

/// What it is, for programs.
pub fn document() -> OpenApi {
    openapi::document(table())
}
