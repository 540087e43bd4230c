//! `/openapi.json` of a running server states a bound for everything that a client sends and for every list that it gets.

use std::collections::BTreeSet;

use serde_json::Value;

use super::server::TestServer;

/// Walks the schemas that an operation reaches.
struct Walk<'a> {
    document: &'a Value,
    /// What a client sends: texts need a bound, too.
    is_request: bool,
    seen: BTreeSet<String>,
    faults: Vec<String>,
}

impl Walk<'_> {
    fn schema(&mut self, schema: &Value, at: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            if self.seen.insert(name.to_owned()) {
                let target = self.document.pointer(name.trim_start_matches('#'));
                let target = target.unwrap_or_else(|| panic!("{at}: {name} is not there"));
                self.schema(target, &format!("{at} → {}", name.rsplit('/').next().unwrap()));
            }
            return;
        }
        let is = |name: &str| match &schema["type"] {
            Value::String(only) => only == name,
            Value::Array(several) => several.iter().any(|one| one == name),
            _ => false,
        };
        if is("array") && schema["maxItems"].is_null() {
            self.faults.push(format!("{at}: a list without maxItems"));
        }
        let has_form = ["enum", "const", "pattern", "maxLength"].iter().any(|word| !schema[*word].is_null());
        if self.is_request && is("string") && !has_form {
            self.faults.push(format!("{at}: a text without maxLength"));
        }
        for word in ["oneOf", "anyOf", "allOf"] {
            for (index, one) in schema[word].as_array().into_iter().flatten().enumerate() {
                self.schema(one, &format!("{at}/{word}/{index}"));
            }
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            self.schema(field, &format!("{at}.{name}"));
        }
        for word in ["items", "additionalProperties"] {
            if schema[word].is_object() {
                self.schema(&schema[word], &format!("{at}[]"));
            }
        }
    }
}

fn walk<'a>(document: &'a Value, is_request: bool) -> Walk<'a> {
    Walk { document, is_request, seen: BTreeSet::new(), faults: vec![] }
}

/// A list that may be longer than one answer is read page by page.
fn is_paged(operation: &Value) -> bool {
    let names: Vec<&str> =
        operation["parameters"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    names.contains(&"limit") && (names.contains(&"cursor") || names.contains(&"after"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_states_its_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let document = server.get("/openapi.json").await.json();
    let (mut faults, mut count) = (Vec::new(), 0);
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = format!("{method} {path}");
            count += 1;
            let mut requests = walk(&document, true);
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                requests.schema(&parameter["schema"], &format!("{name} {}", parameter["name"]));
            }
            for (media_type, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                requests.schema(&body["schema"], &format!("{name} {media_type}"));
            }
            faults.append(&mut requests.faults);
            for (status, response) in operation["responses"].as_object().unwrap() {
                let mut answers = walk(&document, false);
                for (media_type, body) in response["content"].as_object().into_iter().flatten() {
                    // Bytes are no list.
                    if !body["schema"].is_null() && media_type != "application/octet-stream" {
                        answers.schema(&body["schema"], &format!("{name} {status}"));
                    }
                    let fields = body["schema"].to_string();
                    assert!(
                        !fields.contains("Page_") || is_paged(operation),
                        "{name} answers a page and takes no cursor"
                    );
                }
                faults.append(&mut answers.faults);
            }
            for required in ["4XX", "5XX"] {
                assert!(operation["responses"][required].is_object(), "{name} tells no {required}");
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(count > 20, "only {count} operations were looked at");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_are_served_are_documented_and_the_other_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let document = server.get("/openapi.json").await.json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path: String =
            path.split('/').map(|part| if part.starts_with('{') { "0" } else { part }).collect::<Vec<_>>().join("/");
        let refused = server.send("TRACE", &path, &[], vec![]).await;
        assert_eq!(refused.status, 405, "{path}");
        let allowed: BTreeSet<String> = refused
            .header("allow")
            .split(',')
            .map(|method| method.trim().to_lowercase())
            .filter(|method| method != "head")
            .collect();
        let documented: BTreeSet<String> = operations.as_object().unwrap().keys().cloned().collect();
        assert_eq!(allowed, documented, "{path}");
    }
    server.stop().await;
}
