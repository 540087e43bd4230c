//! The API's document as a document to read: what each path takes and answers, and the shapes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use frontend::documents::Document;
use serde_json::Value;

mod json_rpc;

const ADDRESS: &str = "/docs/reference";

const BEGINNING: &str = "# API reference\n\n\
    Every path of the API, made from the server's own code. Programs read the same at `/openapi.json`, and [the guide](API.md) says how to begin. \
    Each path under `/v1` is also served under `/api/v1`.\n\n";

const SCHEMAS: &str = "#/components/schemas/";

/// The headings, by the tags of operations.
const TITLES: [(&str, &str); 14] = [
    ("jobs", "Jobs"),
    ("receipts", "Receipts"),
    ("miners", "Miners"),
    ("reviews", "Reviews"),
    ("bids", "Bids"),
    ("bounties", "Bounties"),
    ("openai", "OpenAI's calls"),
    ("sign-in", "Sign-in and keys"),
    ("webhooks", "Webhooks"),
    ("exchange", "Exchange"),
    ("explorer", "Explorer"),
    ("log", "Log"),
    ("operations", "Operations"),
    ("admin", "Operators"),
];

/// The page of an OpenAPI document and an OpenRPC document.
pub(super) fn page(openapi: &Value, openrpc: &Value) -> Document {
    Document::new(ADDRESS.to_owned(), &markdown(openapi, openrpc))
}

fn markdown(openapi: &Value, openrpc: &Value) -> String {
    let mut text = BEGINNING.to_owned();
    for (tag, operations) in by_tag(openapi) {
        let title = TITLES.iter().find(|(known, _)| *known == tag).map_or(tag.as_str(), |(_, title)| title);
        let _ = write!(text, "## {title}\n\n");
        operations
            .into_iter()
            .for_each(|(method, path, operation)| write_operation(&mut text, method, path, operation));
    }
    json_rpc::write(&mut text, openrpc);
    text.push_str("## Shapes\n\n");
    for (name, schema) in openapi["components"]["schemas"].as_object().into_iter().flatten() {
        let _ = write!(text, "### {name}\n\n");
        write_shape(&mut text, schema);
    }
    text
}

type Operation<'a> = (&'a str, &'a str, &'a Value);

/// In the order of [`TITLES`], and what it does not name behind them.
fn by_tag(openapi: &Value) -> Vec<(String, Vec<Operation<'_>>)> {
    let mut groups: BTreeMap<String, Vec<Operation<'_>>> = BTreeMap::new();
    for (path, operations) in openapi["paths"].as_object().into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("others").to_owned();
            groups.entry(tag).or_default().push((method, path, operation));
        }
    }
    let place = |tag: &str| TITLES.iter().position(|(known, _)| *known == tag).unwrap_or(TITLES.len());
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(tag, _)| place(tag));
    groups
}

fn write_operation(text: &mut String, method: &str, path: &str, operation: &Value) {
    let _ = write!(text, "### {} `{path}`\n\n", method.to_uppercase());
    for words in [&operation["summary"], &operation["description"]].into_iter().filter_map(Value::as_str) {
        let _ = write!(text, "{}\n\n", plain(words));
    }
    if let Some(who) = who_may(&operation["security"]) {
        let _ = write!(text, "{who}\n\n");
    }
    let rows = operation["parameters"].as_array().into_iter().flatten().map(|parameter| {
        let place = parameter["in"].as_str().unwrap_or_default();
        let needed = if parameter["required"] == true { ", needed" } else { "" };
        [
            name_of(&parameter["name"]),
            format!("{place}{needed}"),
            meaning(&parameter["schema"], &parameter["description"]),
        ]
    });
    write_table(text, ["parameter", "where", "what"], rows);
    for (media_type, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let _ = write!(text, "Body: {} as `{media_type}`.\n\n", form(&content["schema"]));
    }
    let rows = operation["responses"].as_object().into_iter().flatten().map(|(status, answer)| {
        let bodies = answer["content"].as_object().into_iter().flatten();
        let bodies: Vec<String> =
            bodies.map(|(_, content)| form(&content["schema"])).filter(|form| !form.is_empty()).collect();
        [format!("`{status}`"), bodies.join(", "), in_cell(answer["description"].as_str().unwrap_or_default())]
    });
    write_table(text, ["answer", "body", "when"], rows);
}

/// Whom an operation answers. Without a word on it, everybody.
fn who_may(security: &Value) -> Option<&'static str> {
    let ways = security.as_array()?;
    let has = |name: &str| ways.iter().any(|way| way.get(name).is_some());
    let is_open = ways.iter().any(|way| way.as_object().is_some_and(serde_json::Map::is_empty));
    Some(match (is_open, has("api_key"), has("session")) {
        (true, ..) => "For everybody; with an API key or a session it counts for that account.",
        (false, true, true) => "Needs an API key or a session.",
        (false, true, false) => "Needs an API key.",
        (false, false, _) => "Needs a session.",
    })
}

fn write_shape(text: &mut String, schema: &Value) {
    if let Some(words) = schema["description"].as_str() {
        let _ = write!(text, "{}\n\n", plain(words));
    }
    let parts = ["allOf", "oneOf", "anyOf"].into_iter().find_map(|of| Some((of, schema[of].as_array()?)));
    match parts {
        Some(("allOf", parts)) => parts.iter().for_each(|part| write_part(text, part)),
        Some((_, parts)) => {
            text.push_str("One of these:\n\n");
            parts.iter().for_each(|part| write_part(text, part));
        }
        None if schema["properties"].is_object() => write_fields(text, schema),
        None => {
            let _ = write!(text, "{}\n\n", form(schema));
        }
    }
}

fn write_part(text: &mut String, part: &Value) {
    if part["properties"].is_object() {
        write_fields(text, part);
    } else if part["type"] != "null" {
        let _ = write!(text, "{}\n\n", form(part));
    }
}

fn write_fields(text: &mut String, schema: &Value) {
    let needed: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let rows = schema["properties"].as_object().into_iter().flatten().map(|(name, field)| {
        let optional = if needed.contains(&name.as_str()) { "" } else { " (optional)" };
        [format!("`{name}`{optional}"), form(field), in_cell(field["description"].as_str().unwrap_or_default())]
    });
    write_table(text, ["field", "form", "meaning"], rows);
}

fn write_table(text: &mut String, head: [&str; 3], rows: impl Iterator<Item = [String; 3]>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = write!(text, "| {} |\n|---|---|---|\n", head.join(" | "));
    rows.for_each(|row| {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    });
    text.push('\n');
}

fn name_of(name: &Value) -> String {
    format!("`{}`", name.as_str().unwrap_or_default())
}

fn meaning(schema: &Value, words: &Value) -> String {
    let words = words.as_str().or_else(|| schema["description"].as_str()).unwrap_or_default();
    [form(schema), in_cell(words)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// What a value is, with its bounds, in words.
fn form(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS)) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(parts) = ["oneOf", "anyOf", "allOf"].iter().find_map(|of| schema[of].as_array()) {
        let parts: Vec<String> = parts.iter().map(form).filter(|form| !form.is_empty()).collect();
        return parts.join(" or ");
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    let kind = match &schema["type"] {
        Value::String(kind) => Some(kind.as_str()),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    };
    match kind {
        Some("array") => list(schema),
        Some("string") => text(schema),
        Some("integer") => number(schema, "integer"),
        Some("number") => number(schema, "number"),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("object") => "object".to_owned(),
        _ => String::new(),
    }
}

fn list(schema: &Value) -> String {
    let items = form(&schema["items"]);
    match schema["maxItems"].as_u64() {
        Some(most) => format!("list of {items}, up to {most}"),
        None => format!("list of {items}"),
    }
}

fn text(schema: &Value) -> String {
    match (schema["pattern"].as_str(), schema["maxLength"].as_u64()) {
        (Some(pattern), _) => format!("text as `{}`", in_cell(pattern)),
        (None, Some(most)) => format!("text of up to {most} characters"),
        (None, None) => "text".to_owned(),
    }
}

fn number(schema: &Value, kind: &str) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) => format!("{kind}, {least} to {most}"),
        (Some(least), None) => format!("{kind} from {least}"),
        (None, Some(most)) => format!("{kind} up to {most}"),
        (None, None) => kind.to_owned(),
    }
}

/// Words of a code comment, where a name in brackets is a link for those who read code.
fn plain(words: &str) -> String {
    words.replace("[`", "`").replace("`]", "`")
}

/// One line of a table.
fn in_cell(words: &str) -> String {
    plain(words).split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openapi;

    #[test]
    fn each_operation_and_shape_has_a_place_and_each_link_finds_one() {
        let document = openapi::document();
        let page = page(&document, node::openrpc_document());
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let heading = format!("{} <code>{path}</code></h3>", method.to_uppercase());
                assert!(page.html.contains(&heading), "{heading}");
            }
        }
        let mut links = 0;
        for link in page.html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.html.contains(&format!("id=\"{link}\"")), "{link}");
            links += 1;
        }
        assert!(links > 100, "{links}");
        assert!(page.html.contains("href=\"/docs/api\""), "the guide is not linked");
        assert_eq!(page.parts.len(), TITLES.len() + 2, "a tag has no title: {:?}", page.parts);
        assert!(!page.html.contains("[`") && !page.html.contains("(#"), "a link is not one");
    }

    #[test]
    fn forms_are_told_with_their_bounds() {
        let told = |schema: Value| form(&schema);
        use serde_json::json;
        assert_eq!(told(json!({"type": ["integer", "null"], "minimum": 1, "maximum": 100})), "integer, 1 to 100");
        assert_eq!(told(json!({"type": "string", "pattern": "^a|b$"})), "text as `^a\\|b$`");
        assert_eq!(
            told(json!({"type": "array", "maxItems": 3, "items": {"$ref": "#/components/schemas/Amount"}})),
            "list of [Amount](#amount), up to 3"
        );
        assert_eq!(told(json!({"oneOf": [{"type": "null"}, {"type": "boolean"}]})), "`true` or `false`");
        assert_eq!(told(json!({"enum": ["a", "b"]})), "`a`, `b`");
    }
}
