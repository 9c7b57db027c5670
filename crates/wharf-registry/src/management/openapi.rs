//! The OpenAPI 3.1 document, made from the table of routes.

use axum::body::Body;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};

use super::call::{BASE, Call, Reply};
use super::shape::{Object, Schemas, reference};
use super::table::{self, Access, ROUTES, Route};
use crate::error::Error;

pub(super) async fn serve(_call: Call) -> Result<Reply, Error> {
    let mut reply = Response::new(Body::from(document().to_string()));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(reply)
}

fn document() -> Value {
    let mut schemas = Schemas::new();
    describe_errors(&mut schemas);
    let mut paths = Map::new();
    for route in ROUTES.iter() {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_lowercase()] = operation(route, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wharf management API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Projects, accounts and content of a registry, in the shapes of Harbor's API for what exists here. \
                Credentials are sent in the Authorization header and nowhere else; there are no cookies.",
        },
        "servers": [{ "url": BASE }],
        "security": [{ "basic": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "basic": { "type": "http", "scheme": "basic" } },
            "schemas": schemas,
        },
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut answer = json!({ "description": "Done." });
    match &route.answer {
        table::Body::Empty => {}
        table::Body::Json(describe) | table::Body::TextOrJson(describe) => {
            answer["content"] = json!({ "application/json": { "schema": describe(schemas) } });
        }
        table::Body::Page(describe) => {
            let list = json!({ "type": "array", "items": describe(schemas) });
            answer["content"] = json!({ "application/json": { "schema": list } });
            answer["headers"] = json!({
                "X-Total-Count": { "description": "How many there are in all; absent where there are more than a thousand, which are not counted.", "schema": { "type": "integer" } },
                "Link": { "description": "The pages before and after, relative to the host.", "schema": { "type": "string" } },
            });
        }
        table::Body::Text(kind) => {
            answer["content"] = json!({ *kind: { "schema": { "type": "string" } } });
        }
    }
    if route.status == 201 {
        let location = json!({ "description": "Where the new thing is.", "schema": { "type": "string" } });
        answer["headers"] = json!({ "Location": location });
    }
    let problem = json!({
        "description": "Not done; nothing was changed.",
        "content": { "application/json": { "schema": reference("Errors") } },
    });
    let mut operation = json!({
        "tags": [route.tag],
        "summary": route.summary,
        "operationId": operation_id(route),
        "parameters": parameters(route),
        "responses": { route.status.to_string(): answer, "default": problem },
        "x-access": access(&route.access),
    });
    let body = match &route.request {
        table::Body::Empty => None,
        table::Body::Json(describe) | table::Body::Page(describe) => {
            Some(json!({ "application/json": { "schema": describe(schemas) } }))
        }
        table::Body::Text(kind) => Some(json!({ *kind: { "schema": { "type": "string" } } })),
        table::Body::TextOrJson(describe) => Some(json!({
            "text/plain": { "schema": { "type": "string" } },
            "application/json": { "schema": describe(schemas) },
        })),
    };
    if let Some(content) = body {
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    if matches!(route.access, Access::Everyone) {
        operation["security"] = json!([{}, { "basic": [] }]);
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut parameters = Vec::new();
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let about = match name {
            "project_name_or_id" => {
                "The name or number of the project; digits are a number unless the header X-Is-Resource-Name is true."
            }
            "repository_name" => "The name inside the project, its slashes encoded once or twice.",
            "reference" => "A tag or a digest.",
            _ => "",
        };
        parameters.push(json!({
            "name": name, "in": "path", "required": true, "description": about, "schema": { "type": "string" },
        }));
    }
    let mut query = |name: &str, about: &str, schema: Value| {
        parameters.push(json!({ "name": name, "in": "query", "description": about, "schema": schema }));
    };
    for name in route.query {
        let about = match *name {
            "q" => "Conditions field=value, field=~part or field=[from~to], separated by commas.",
            _ => "",
        };
        query(name, about, json!({ "type": "string" }));
    }
    if matches!(route.answer, table::Body::Page(_)) {
        query(
            "sort",
            "Fields separated by commas, '-' before those whose greatest comes first.",
            json!({ "type": "string" }),
        );
        query("page", "From 1.", json!({ "type": "integer", "minimum": 1, "default": 1 }));
        let size = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 10 });
        query("page_size", "Entries in a page.", size);
    }
    parameters
}

/// Returns a name made of method and path, such as `getProjectsMembers`.
fn operation_id(route: &Route) -> String {
    let mut id = route.method.as_str().to_lowercase();
    for part in route.path.split('/') {
        let part = match part.strip_prefix('{') {
            Some(parameter) => format!("by_{}", parameter.trim_end_matches('}')),
            None => part.replace(['-', '.'], "_"),
        };
        for word in part.split('_') {
            let mut letters = word.chars();
            id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            id.push_str(letters.as_str());
        }
    }
    id
}

fn access(access: &Access) -> String {
    match access {
        Access::Everyone => "everyone".to_owned(),
        Access::Account => {
            "every account; what is shown or changed is decided by the thing itself".to_owned()
        }
        Access::System(permission) => format!("{permission} in the system"),
        Access::Project(permission) => format!("{permission} in the project"),
        Access::Repository(permission) => format!("{permission} on the repository"),
    }
}

fn describe_errors(schemas: &mut Schemas) {
    let mut entry = Object::new("What went wrong.");
    entry.field::<String>("code", "A word for programs, such as NOT_FOUND.", schemas);
    entry.field::<String>("message", "A sentence for people.", schemas);
    schemas.insert("Error", entry.schema());
    let list = json!({ "type": "array", "items": reference("Error") });
    let errors = json!({ "type": "object", "description": "Why a request was not served.", "properties": { "errors": list }, "required": ["errors"] });
    schemas.insert("Errors", errors);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use http::Method;

    use super::*;

    #[test]
    fn every_route_stands_in_the_document_once() {
        let document = document();
        let mut in_document = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                in_document.insert((method.to_uppercase(), path.clone()));
            }
        }
        let in_table: BTreeSet<_> =
            ROUTES.iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
        assert_eq!(in_document, in_table);
        assert_eq!(ROUTES.len(), in_table.len(), "a route stands twice in the table");
        let ids: BTreeSet<_> = ROUTES.iter().map(operation_id).collect();
        assert_eq!(ids.len(), ROUTES.len());
    }

    #[test]
    fn every_reference_in_the_document_leads_somewhere() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(array) => array.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 30, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some_and(Value::is_object), "{reference}");
        }
    }

    #[test]
    fn every_route_that_changes_something_names_an_access_that_is_not_everyones() {
        for route in ROUTES.iter() {
            let reads = matches!(route.method, Method::GET | Method::HEAD);
            assert!(reads || !matches!(route.access, Access::Everyone), "{} {}", route.method, route.path);
        }
    }

    /// Self-registration could make administrators: the flag was read from the same object as the name.
    #[test]
    fn cve_2019_16097_requests_have_no_privileged_fields() {
        let document = document();
        let fields = |schema: &str| {
            let properties = &document["components"]["schemas"][schema]["properties"];
            properties.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(fields("UserCreationReq"), ["email", "password", "realname", "username"]);
        assert_eq!(fields("UserProfile"), ["email", "realname"]);
        for schema in ["ProjectReq", "ProjectMember", "RobotCreate", "RobotUpdate", "RepositoryReq"] {
            for field in fields(schema) {
                assert!(
                    !field.contains("admin") && !field.contains("owner") && field != "id",
                    "{schema}.{field}"
                );
            }
        }
    }
}
