//! No two modules of a crate lead to each other, where one of them is a folder: each can be read and moved alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::named;
use crate::sources::below;

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
    // By parent: which child names which other child, or something below it.
    let mut levels: BTreeMap<Vec<String>, Edges> = BTreeMap::new();
    for file in &files {
        let Some(from) = file.path.strip_prefix(&source).and_then(module) else { continue };
        for to in named(&file.text, &from) {
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
