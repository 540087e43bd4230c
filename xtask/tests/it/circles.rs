//! No two modules of a crate lead to each other, where one of them is a folder: each can be read and moved alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{below, production_part};

/// One module beside others in the same parent: its file, and the folder with its children, count as one.
type Edges = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_circle_leads_through_a_folder() {
    let manifests = below("", &["Cargo.toml"]);
    let crates = manifests.iter().filter_map(|manifest| manifest.path.strip_suffix("/Cargo.toml"));
    let circles: Vec<String> = crates.flat_map(circles_of).collect();
    assert!(circles.is_empty(), "modules that lead to each other:\n{}", circles.join("\n"));
}

fn circles_of(folder: &str) -> Vec<String> {
    let source = format!("{folder}/src/");
    let files = below(&format!("{folder}/src"), &[".rs"]);
    let parts: Vec<Vec<String>> = files.iter().filter_map(|file| module(file.path.strip_prefix(&source)?)).collect();
    let known: BTreeSet<&[String]> = parts.iter().map(Vec::as_slice).collect();
    // By parent: which child imports from which other child, or from something below it.
    let mut levels: BTreeMap<Vec<String>, Edges> = BTreeMap::new();
    for file in &files {
        let Some(from) = file.path.strip_prefix(&source).and_then(module) else { continue };
        for to in imports(production_part(&file.text)) {
            let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            // A parent and its own child may know each other.
            let (Some(one), Some(other)) = (from.get(common), to.get(common)) else { continue };
            if known.contains(&to[..=common]) {
                let edges = levels.entry(from[..common].to_vec()).or_default();
                edges.entry(one.clone()).or_default().insert(other.clone());
            }
        }
    }
    let is_folder = |parent: &[String], name: &String| {
        known
            .iter()
            .any(|path| path.len() > parent.len() + 1 && path.starts_with(parent) && path[parent.len()] == *name)
    };
    let mut circles = Vec::new();
    for (parent, edges) in &levels {
        let of_folders = edges.keys().filter(|name| is_folder(parent, name));
        let found: BTreeSet<Vec<String>> = of_folders.filter_map(|name| circle_through(name, edges)).collect();
        circles.extend(found.into_iter().map(|circle| {
            let place = [&[source.trim_end_matches('/').to_owned()], parent.as_slice()].concat().join("/");
            format!("{place}: {}", circle.join(" "))
        }));
    }
    circles
}

/// The path of a module below the crate's root; nothing for the root and for programs.
fn module(path: &str) -> Option<Vec<String>> {
    let path = path.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    (!["lib", "main"].contains(&path)).then(|| path.split('/').map(str::to_owned).collect())
}

/// The paths that `use crate::…` names, without what groups share.
fn imports(text: &str) -> Vec<Vec<String>> {
    let statements = text.split("use crate::").skip(1).filter_map(|rest| rest.split(';').next());
    statements.flat_map(|statement| expanded(&statement.replace(char::is_whitespace, ""))).collect()
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expanded(tree: &str) -> Vec<Vec<String>> {
    let Some((head, rest)) = tree.split_once('{') else {
        return vec![tree.split("::").map(str::to_owned).collect()];
    };
    let head: Vec<String> = head.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let branches = branches(rest.strip_suffix('}').unwrap_or(rest));
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
    all.retain(|branch| !branch.is_empty());
    all
}

/// The modules that `name` leads to and that lead back to it, with itself; nothing where there are none.
fn circle_through(name: &str, edges: &Edges) -> Option<Vec<String>> {
    let reached = reach(name, edges);
    let circle: Vec<String> = reached.iter().filter(|other| reach(other, edges).contains(name)).cloned().collect();
    (circle.len() > 1).then_some(circle)
}

fn reach(name: &str, edges: &Edges) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        for other in edges.get(&next).into_iter().flatten() {
            if reached.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
    reached
}

#[test]
fn imports_are_read_with_their_groups() {
    let text = "use crate::a::{b, c::{d, e}};\nuse crate::f;\nuse other::g;";
    let found: Vec<String> = imports(text).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a::b", "a::c::d", "a::c::e", "f"]);
}
