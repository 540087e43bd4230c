//! Jinja as the chat templates on Hugging Face are written for: the filters, functions and spaces of `transformers`.

use std::fmt;
use std::io::{self, Write};

use minijinja::value::{Kwargs, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde::Serialize;
use shared::time::UnixSeconds;

use super::date;

/// Instructions of one rendering. The longest templates in use take some 200 for a message, of which there are 64.
const FUEL: u64 = 200_000;

/// Macros within macros.
const RECURSION_MAX: usize = 64;

/// Bytes of one rendering, four times those of the longest conversation.
const RENDERED_MAX_BYTES: usize = 128 << 10;

/// Deepest indentation of `tojson`.
const INDENT_MAX: usize = 16;

/// What a template raised itself: it takes no such conversation.
#[derive(Debug)]
struct Raised;

impl fmt::Display for Raised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("raised by the template")
    }
}

impl std::error::Error for Raised {}

/// Why a template gave no text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The template's own words: it takes no such conversation.
    Raised(String),
    /// The template is at fault.
    Fault(String),
}

/// Renders `source` with `context`; `now` is what its clock says.
///
/// # Errors
/// What is no template, what the template raises, and a rendering beyond the bounds of instructions, macros and bytes.
/// What a template builds in between and does not write has no bound but the process's memory.
pub(super) fn render(source: &str, context: &impl Serialize, now: UnixSeconds) -> Result<String, Refusal> {
    let environment = environment(now);
    let mut page = Page::default();
    let rendered = environment
        .template_from_str(&plain_generation_marks(source))
        .and_then(|template| template.render_captured_to(context, &mut page).map(drop));
    match rendered {
        Ok(()) => String::from_utf8(page.bytes).map_err(|error| Refusal::Fault(error.to_string())),
        Err(_) if page.is_full => Err(Refusal::Fault(format!("it writes more than {RENDERED_MAX_BYTES} bytes"))),
        Err(error) => Err(refusal(&error)),
    }
}

fn refusal(error: &Error) -> Refusal {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(inner) = inner.downcast_ref::<Error>()
            && std::error::Error::source(inner).is_some_and(|source| source.is::<Raised>())
        {
            return Refusal::Raised(inner.detail().unwrap_or_default().to_owned());
        }
        cause = inner.source();
    }
    Refusal::Fault(error.to_string())
}

fn environment(now: UnixSeconds) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_MAX);
    environment.add_filter("tojson", tojson);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", move |format: &str| {
        date::format(format, now).map_err(|reason| Error::new(ErrorKind::InvalidOperation, reason))
    });
    environment
}

fn raise_exception(message: &str) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message.to_owned()).with_source(Raised))
}

/// Python's `json.dumps` with `ensure_ascii=False`.
fn tojson(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = kwargs.get("indent")?;
    let ascii: Option<bool> = kwargs.get("ensure_ascii")?;
    kwargs.assert_all_used()?;
    let unsupported = |what: String| Error::new(ErrorKind::InvalidOperation, format!("tojson with {what}"));
    if ascii == Some(true) {
        return Err(unsupported("ensure_ascii".into()));
    }
    let mut json = Vec::new();
    let written = match indent {
        None => value.serialize(&mut serde_json::Serializer::with_formatter(&mut json, OneLine)),
        Some(indent) if indent <= INDENT_MAX => {
            let indent = " ".repeat(indent);
            let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut json, formatter))
        }
        Some(indent) => return Err(unsupported(format!("an indent of {indent}"))),
    };
    let invalid = |error: &dyn fmt::Display| Error::new(ErrorKind::BadSerialization, error.to_string());
    written.map_err(|error| invalid(&error))?;
    String::from_utf8(json).map_err(|error| invalid(&error))
}

/// A space after each comma and colon.
struct OneLine;

impl serde_json::ser::Formatter for OneLine {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Templates for training mark what the assistant said with tags of their own. Here they mean nothing, but the spaces
/// around them count as those around any tag.
fn plain_generation_marks(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, tag)) = rest.find("{%").map(|begins| rest.split_at(begins)) {
        let (tag, after) = tag.split_at(tag.find("%}").map_or(tag.len(), |ends| ends + 2));
        plain.push_str(before);
        match tag.trim_matches(|letter: char| letter.is_whitespace() || "{%-+}".contains(letter)) {
            "generation" => plain.push_str(&tag.replace("generation", "if true")),
            "endgeneration" => plain.push_str(&tag.replace("endgeneration", "endif")),
            _ => plain.push_str(tag),
        }
        rest = after;
    }
    plain + rest
}

/// A page with an end.
#[derive(Debug, Default)]
struct Page {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Write for Page {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        self.is_full = self.bytes.len() + more.len() > RENDERED_MAX_BYTES;
        if self.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(source: &str) -> Result<String, Refusal> {
        let context = json!({"words": ["a", "b"], "text": "Øre <b>", "nothing": null});
        render(source, &context, UnixSeconds(1_795_219_200))
    }

    fn fault(source: &str) -> String {
        match rendered(source) {
            Err(Refusal::Fault(reason)) => reason,
            other => panic!("{source}: {other:?}"),
        }
    }

    #[test]
    fn json_is_written_as_python_writes_it() {
        assert_eq!(rendered("{{ {'a': words, 'b': nothing} | tojson }}").unwrap(), r#"{"a": ["a", "b"], "b": null}"#);
        assert_eq!(rendered("{{ text | tojson }}").unwrap(), "\"Øre <b>\"");
        assert_eq!(rendered("{{ words | tojson(indent=2) }}").unwrap(), "[\n  \"a\",\n  \"b\"\n]");
        for source in ["{{ text | tojson(ensure_ascii=true) }}", "{{ words | tojson(indent=1000000000) }}"] {
            assert!(fault(source).contains("tojson with"), "{source}");
        }
        assert!(fault("{{ text | tojson(colour=1) }}").contains("colour"));
    }

    #[test]
    fn what_a_template_raises_is_told_apart_from_its_faults() {
        let raised = Err(Refusal::Raised("roles must alternate".into()));
        assert_eq!(rendered("{{ raise_exception('roles must alternate') }}"), raised);
        let within = "{% macro check() %}{{ raise_exception('roles must alternate') }}{% endmacro %}{{ check() }}";
        assert_eq!(rendered(within), raised);
        assert!(fault("{% for %}").contains("syntax"));
        assert!(fault("{{ nothing.at.all }}").contains("undefined"));
        assert!(fault("{{ words | oracle }}").contains("oracle"));
    }

    #[test]
    fn a_hostile_template_ends() {
        assert!(fault("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}").contains("fuel"));
        assert!(fault("{% for a in range(9999) %}{{ 'long ' * 20 }}{% endfor %}").contains("131072 bytes"));
        assert!(fault("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").contains("recursion"));
        assert!(fault("{{ 'x' * 10000000000 }}").contains("too large"));
        assert!(fault(&format!("{{{{ {}1{} }}}}", "(".repeat(9_999), ")".repeat(9_999))).contains("recursion"));
        for source in ["{% include '/etc/passwd' %}", "{% extends '../key' %}", "{% import 'os' as os %}"] {
            assert!(fault(source).contains("template not found"), "{source}");
        }
    }

    #[test]
    fn marks_for_training_leave_their_spaces() {
        let source = "a\n{%- generation %}\nb {% endgeneration -%}\n c";
        assert_eq!(rendered(source), rendered(&source.replace("endgeneration", "endif").replace("generation", "if 1")));
        assert!(rendered("{{ 'generation' }}{% if").is_err());
        assert_eq!(rendered("{{ 'generation' }}").unwrap(), "generation");
    }
}
