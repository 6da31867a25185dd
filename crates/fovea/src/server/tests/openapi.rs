//! The OpenAPI document against the one that was last looked at.

use std::path::Path;

use crate::server::routes;

/// Written anew with FOVEA_BLESS=1.
#[test]
fn the_document_is_what_was_looked_at() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/openapi.json");
    let text = serde_json::to_string_pretty(&routes::document()).unwrap() + "\n";
    if std::env::var_os("FOVEA_BLESS").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &text).unwrap();
    }
    let expect = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(
        text == expect,
        "the API has changed: look at the change, then FOVEA_BLESS=1 cargo test -p fovea openapi"
    );
}

#[test]
fn every_operation_says_what_it_does_and_every_reference_leads_somewhere() {
    let document = serde_json::to_value(routes::document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = format!("{method} {path}");
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
            assert!(
                operation["summary"]
                    .as_str()
                    .is_some_and(|text| text.len() > 5),
                "{name}"
            );
            // Whoever signs out may have a key that opens nothing any more.
            let is_open = path.ends_with("openapi.json") || name == "delete /api/v1/session";
            let is_api = path.starts_with("/api/v1") && !is_open;
            assert_eq!(
                operation["security"].is_array(),
                is_api || path == "/metrics",
                "{name}"
            );
            assert!(operation["responses"]["default"].is_object(), "{name}");
            for part in path.split('/').filter(|part| part.starts_with('{')) {
                let wanted = part.trim_matches(['{', '}']);
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(
                    parameters.iter().any(|one| one["name"] == wanted),
                    "{name}: {wanted}"
                );
            }
        }
    }
    let n_ids = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), n_ids, "two operations share an id");
    let text = document.to_string();
    for name in text.split("#/components/schemas/").skip(1) {
        let name = name.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
}
