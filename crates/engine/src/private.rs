//! Which metadata tells more of a person than of a picture: where it was taken, and whose camera it was.

use fovea_vectordb::{Field, Filter};

/// Whether the values of this key are for those alone who may know where pictures were taken.
pub fn is_private(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["latitude", "longitude", "altitude_m"].contains(&key.as_str()) || key.ends_with("serial")
}

/// Whether a filter looks at such values: who may not see them must not find them out by asking either.
pub fn asks(filter: &Filter) -> bool {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter().any(asks),
        Filter::Not(inner) => asks(inner),
        Filter::Near { .. } => true,
        Filter::Compare { field, .. } | Filter::Glob { field, .. } | Filter::Exists(field) => {
            is_field_private(field)
        }
        Filter::All
        | Filter::Nothing
        | Filter::Ids(_)
        | Filter::HasCaption
        | Filter::Color { .. }
        | Filter::Online(_) => false,
    }
}

fn is_field_private(field: &Field) -> bool {
    matches!(field, Field::Metadata(key) if is_private(key))
}

#[cfg(test)]
mod tests {
    use fovea_vectordb::{Comparison, Value};

    use super::*;

    #[test]
    fn a_place_is_found_however_deep_it_is_asked_for() {
        let near = Filter::Near {
            latitude: 1.0,
            longitude: 2.0,
            km: 3.0,
        };
        let compare = |key: &str| Filter::compare(key, Comparison::Gt, Value::Real(1.0));
        let deep = Filter::All
            .and(Filter::HasCaption)
            .and(Filter::Not(Box::new(Filter::Or(vec![
                compare("iso"),
                compare("longitude"),
            ]))));
        for filter in [
            near,
            compare("latitude"),
            compare("Camera_Serial"),
            Filter::Exists(Field::named("latitude")),
            deep,
        ] {
            assert!(asks(&filter), "{filter:?}");
        }
        for filter in [Filter::All, compare("iso"), Filter::glob("path", "lat*")] {
            assert!(!asks(&filter), "{filter:?}");
        }
    }
}
