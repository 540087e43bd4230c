//! The modules that a file's code names: in imports and in the middle of expressions, but not in comments, literals,
//! visibilities and tests.

const TEST: &str = "#[cfg(test)]";

/// Every path of `text`, the file of `module`, that begins with `crate` or `super`: from the crate's root, without what
/// groups share.
pub(crate) fn named(text: &str, module: &[String]) -> Vec<Vec<String>> {
    let code = without_visibilities(&without_tests(&code(text)));
    let starts = ["crate::", "super::"].into_iter().flat_map(|start| code.match_indices(start));
    let whole = starts.filter(|(at, _)| !code[..*at].ends_with(continues));
    whole.flat_map(|(at, _)| expanded(tree(&code[at..]))).map(|path| from_root(path, module)).collect()
}

/// A letter before `crate` or `super` that makes it a part of a longer name or path.
fn continues(letter: char) -> bool {
    letter.is_alphanumeric() || ['_', ':', '$'].contains(&letter)
}

/// The text without its comments, and with a space for each literal.
fn code(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(letter) = rest.chars().next() {
        let (kept, length) = match comment(rest).or_else(|| literal(rest)) {
            Some(length) => (' ', length),
            None => (letter, letter.len_utf8()),
        };
        code.push(kept);
        rest = rest.get(length..).unwrap_or_default();
    }
    code
}

/// Bytes of the comment that the text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    text.starts_with("/*").then(|| text.find("*/").map_or(text.len(), |end| end + 2))
}

/// Bytes of the literal of text or of a letter that the text begins with; a lifetime is none.
fn literal(text: &str) -> Option<usize> {
    if let Some(raw) = text.strip_prefix('r') {
        let body = raw.trim_start_matches('#');
        let inside = body.strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(raw.len() - body.len()));
        let start = text.len() - inside.len();
        return Some(inside.find(&end).map_or(text.len(), |at| start + at + end.len()));
    }
    if let Some(inside) = text.strip_prefix('"') {
        return Some(1 + quoted(inside, '"'));
    }
    let inside = text.strip_prefix('\'')?;
    let is_letter = inside.starts_with('\\') || inside.chars().nth(1) == Some('\'');
    is_letter.then(|| 1 + quoted(inside, '\''))
}

/// Bytes up to and with the quote that ends a literal.
fn quoted(inside: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, letter) in inside.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    inside.len()
}

/// The code without what is compiled for tests alone.
fn without_tests(code: &str) -> String {
    let mut parts = code.split(TEST);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + &part[item(part)..])
}

/// `pub(in crate::a)` says who may read, not what is read.
fn without_visibilities(code: &str) -> String {
    let mut parts = code.split("(in ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// Bytes of the item, statement or field that the code begins with.
fn item(code: &str) -> usize {
    let mut depth = 0_u32;
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return at,
            '}' if depth == 1 => return at + 1,
            ')' | ']' | '}' => depth -= 1,
            ';' | ',' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The path that the code begins with, with its groups.
fn tree(code: &str) -> &str {
    let mut depth = 0_u32;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' if depth > 0 || code[..at].ends_with("::") => depth += 1,
            '}' if depth == 1 => return &code[..=at],
            '}' if depth > 1 => depth -= 1,
            _ if depth > 0 || letter.is_alphanumeric() || ['_', ':'].contains(&letter) => {}
            _ => return &code[..at],
        }
    }
    code
}

/// `a::{b, c::d as e}` as `a::b` and `a::c::d`.
fn expanded(tree: &str) -> Vec<Vec<String>> {
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.split_whitespace().next().unwrap_or_default();
        return vec![path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()];
    };
    let head: Vec<String> = head.trim().split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let branches = branches(rest.trim_end().strip_suffix('}').unwrap_or(rest));
    branches.iter().flat_map(|branch| expanded(branch)).map(|tail| [head.clone(), tail].concat()).collect()
}

/// What commas outside of braces part.
fn branches(list: &str) -> Vec<String> {
    let (mut depth, mut all) = (0_u32, vec![String::new()]);
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        all.last_mut().unwrap().push(letter);
    }
    all.retain(|branch| !branch.trim().is_empty());
    all
}

/// A path without its `crate`, or with what its `super`s stand for in `module`.
fn from_root(path: Vec<String>, module: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let kept = if ups == 0 { 0 } else { module.len().saturating_sub(ups) };
    let rest = path.into_iter().skip(ups.max(1));
    module[..kept].iter().cloned().chain(rest).collect()
}

fn named_by(module: &str, text: &str) -> Vec<String> {
    let module: Vec<String> = module.split("::").map(str::to_owned).collect();
    named(text, &module).iter().map(|path| path.join("::")).collect()
}

#[test]
fn imports_are_read_with_their_groups() {
    let text = "use crate::a::{\n    b, c::{d, e as f},\n};\nuse crate::{g, h::i};\nuse other::j;";
    assert_eq!(named_by("x", text), ["a::b", "a::c::d", "a::c::e", "g", "h::i"]);
}

#[test]
fn parents_are_read_from_where_the_file_is() {
    let text = "use super::a;\nuse super::super::{b, c};\nlet d = super::e::f(1);";
    assert_eq!(named_by("x::y", text), ["x::a", "b", "c", "x::e::f"]);
}

#[test]
fn paths_within_expressions_are_read() {
    let text = "const A: usize = 2 * crate::a::B;\nfor c in crate::d::e() {\n}\nmatch x { crate::f::G { .. } => 1 }";
    assert_eq!(named_by("x", text), ["a::B", "d::e", "f::G"]);
}

#[test]
fn what_is_no_production_code_is_not_read() {
    for text in [
        "// crate::a",
        "/// [`crate::a`]",
        "/* crate::a */",
        r#"let a = "b\" crate::c";"#,
        "let a = r#\"\"crate::c\"#;",
        "pub(in crate::a) fn b() {}",
        "pub(in super::super::a) fn b() {}",
        "$crate::a::b!()",
        "its_crate::a",
        "#[cfg(test)]\nfn a(b: u8, c: u8) {\n    crate::d(b, c);\n}",
        "#[cfg(test)]\nmod tests {\n    use super::*;\n    use crate::a;\n}",
    ] {
        assert!(named_by("x", text).is_empty(), "{text}");
    }
}

#[test]
fn reading_goes_on_behind_tests_and_literals() {
    let text = "#[cfg(test)]\nuse crate::a;\nuse crate::b;\nlet c: &'static [char] = &['\"', '\\''];\ncrate::d";
    assert_eq!(named_by("x", text), ["b", "d"]);
}
