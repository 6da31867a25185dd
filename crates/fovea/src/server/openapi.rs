//! The OpenAPI document: what the handlers say of themselves, and what holds for all of them.

use axum::http::Method;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Paths, Ref,
    ResponseBuilder, Type,
};

use super::keys::Role;
use super::problem::{MEDIA_TYPE, ProblemDocument};
use super::routes::Group;

const SCHEME: &str = "key";
const DESCRIPTION: &str = "Find images by meaning. Where keys exist each request names one: `Authorization: Bearer KEY`. \
    Every error is a problem document (RFC 9457).";

pub fn document(groups: impl IntoIterator<Item = Group>) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Fovea")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION));
    let mut document = OpenApiBuilder::new()
        .info(info.build())
        .paths(Paths::new())
        .components(Some(components()))
        .build();
    for Group { needs, routes } in groups {
        let mut part = routes.into_openapi();
        for operation in part.paths.paths.values_mut().flat_map(operations) {
            complete(operation, needs);
        }
        document.merge(part);
    }
    document
}

fn components() -> Components {
    let mut components = Components::new();
    components.add_security_scheme(
        SCHEME,
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
    let name = ProblemDocument::name().into_owned();
    components.schemas.insert(name, ProblemDocument::schema());
    components
}

/// What no handler has to say: the key, the collection, and the shape of errors.
fn complete(operation: &mut Operation, needs: Option<Role>) {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(
        ProblemDocument::name().as_ref(),
    )));
    let response = ResponseBuilder::new()
        .description("What went wrong")
        .content(MEDIA_TYPE, problem.build());
    let responses = &mut operation.responses.responses;
    responses.insert("default".to_owned(), response.build().into());
    let Some(role) = needs else {
        return;
    };
    operation.security = Some(vec![SecurityRequirement::new(SCHEME, [role.name()])]);
    let collection = ParameterBuilder::new()
        .name("collection")
        .parameter_in(ParameterIn::Query)
        .description(Some(
            "The collection that is asked; the key's own, or the server's",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()));
    operation
        .parameters
        .get_or_insert_default()
        .push(collection.build().into());
}

/// Every operation of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    slots(item)
        .into_iter()
        .filter_map(|(_, slot)| slot.as_mut())
}

/// Methods that a path answers.
#[cfg(test)]
pub fn methods(item: &mut PathItem) -> Vec<Method> {
    let found = slots(item).into_iter().filter(|(_, slot)| slot.is_some());
    found.map(|(method, _)| method).collect()
}

/// The methods that this program uses.
fn slots(item: &mut PathItem) -> [(Method, &mut Option<Operation>); 4] {
    [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
    ]
}
