//! The documents of `docs/`, part of the program, as pages: `docs/MINING.md` is at `/docs/mining`, a decision
//! `docs/adr/0001-….md` at `/docs/decisions/0001-…`.

mod markdown;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use include_dir::{Dir, File, include_dir};

pub use markdown::Heading;

static FILES: Dir = include_dir!("$CARGO_MANIFEST_DIR/../docs");

/// Folder of the decisions, in the repository and in addresses.
const DECISIONS: (&str, &str) = ("adr/", "decisions/");

/// A document as its page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Path on this server.
    pub address: String,
    pub title: String,
    /// Its first sentence, without marks.
    pub lead: String,
    /// Its parts: the headings of the second level.
    pub parts: Vec<Heading>,
    /// All but the title. It comes from this repository alone, and what is HTML there is shown as text.
    pub html: String,
}

static DOCUMENTS: LazyLock<BTreeMap<String, Document>> = LazyLock::new(|| {
    let mut files = Vec::new();
    collect(&FILES, &mut files);
    files.into_iter().filter_map(read).map(|document| (document.address.clone(), document)).collect()
});

fn collect(folder: &'static Dir<'static>, files: &mut Vec<&'static File<'static>>) {
    files.extend(folder.files());
    folder.dirs().for_each(|inner| collect(inner, files));
}

fn read(file: &'static File<'static>) -> Option<Document> {
    let path = file.path().to_str()?;
    Some(Document::read(address_of(path)?, file.contents_utf8()?, path))
}

impl Document {
    /// A document that is made elsewhere. Its links are followed as if it stood in `docs/`.
    pub fn new(address: String, markdown: &str) -> Self {
        Self::read(address, markdown, "")
    }

    fn read(address: String, markdown: &str, path: &str) -> Self {
        let markdown::Rendered { title, lead, parts, html } = markdown::render(markdown, &|link| follow(path, link));
        Self { address, title, lead, parts, html }
    }
}

/// The document of the API, which the server makes, for the pages.
#[derive(Debug, Clone)]
pub struct ApiReference(pub Arc<Document>);

/// The document with this address.
pub fn find(address: &str) -> Option<&'static Document> {
    DOCUMENTS.get(address)
}

/// The part of a document that an address with `#` names, and the document.
pub fn find_part(address: &str) -> Option<(&'static Document, &'static Heading)> {
    let (document, id) = address.split_once('#')?;
    let document = find(document)?;
    Some((document, document.parts.iter().find(|part| part.id == id)?))
}

/// All documents, by address.
pub fn all() -> impl Iterator<Item = &'static Document> {
    DOCUMENTS.values()
}

/// What was decided and why, oldest first.
pub fn decisions() -> impl Iterator<Item = &'static Document> {
    let folder = format!("/docs/{}", DECISIONS.1);
    all().filter(move |document| document.address.starts_with(&folder))
}

/// Where the page of a file in `docs/` is.
fn address_of(path: &str) -> Option<String> {
    let name = path.strip_suffix(".md")?;
    let name = match name.strip_prefix(DECISIONS.0) {
        Some(decision) => format!("{}{decision}", DECISIONS.1),
        None => name.to_ascii_lowercase(),
    };
    Some(format!("/docs/{name}"))
}

/// Where a link in a document leads here. Nowhere where it names a file that is no document.
fn follow(from: &str, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with('#') {
        return Some(link.to_owned());
    }
    let (path, part) = link.split_once('#').map_or((link, None), |(path, part)| (path, Some(part)));
    let mut names: Vec<&str> = from.split('/').collect();
    names.pop();
    for name in path.split('/') {
        match name {
            "." | "" => {}
            // Above the folder there are no documents.
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    let path = names.join("/");
    FILES.get_file(&path)?;
    let address = address_of(&path)?;
    Some(part.map_or(address.clone(), |part| format!("{address}#{part}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::docs::GUIDES;

    #[test]
    fn each_document_has_a_title_a_first_sentence_and_an_address() {
        assert!(all().count() > 50);
        for document in all() {
            assert!(!document.title.is_empty(), "{}", document.address);
            assert!(document.lead.ends_with('.'), "{}: {}", document.address, document.lead);
            assert!(document.lead.len() < 400, "{}: {}", document.address, document.lead);
        }
        assert_eq!(find("/docs/mining").unwrap().title, "Mining");
        assert!(find("/docs/MINING.md").is_none() && find("/docs/nothing").is_none());
        assert!(decisions().next().unwrap().title.starts_with("0001"));
    }

    #[test]
    fn each_document_that_is_no_decision_stands_in_one_guide() {
        let decisions: Vec<&str> = decisions().map(|decision| decision.address.as_str()).collect();
        for document in all().filter(|document| !decisions.contains(&document.address.as_str())) {
            let name = document.address.strip_prefix("/docs/").unwrap();
            let guides = GUIDES.iter().filter(|guide| guide.documents.contains(&name)).count();
            assert_eq!(guides, 1, "{name} is in {guides} guides");
        }
    }

    #[test]
    fn each_part_that_a_guide_names_is_there() {
        let parts = GUIDES.iter().flat_map(|guide| guide.documents).filter(|name| name.contains('#'));
        let titles: Vec<&str> = parts
            .map(|name| find_part(&format!("/docs/{name}")).unwrap_or_else(|| panic!("{name}")).1.text.as_str())
            .collect();
        assert!(titles.contains(&"Stake, and validators that come and go"), "{titles:?}");
    }

    /// Without it a link would lead to nothing and nobody would see it.
    #[test]
    fn each_link_leads_to_a_page_and_to_a_part_of_it() {
        let mut links = 0;
        for document in all() {
            for link in document.html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let Some(link) = link.strip_prefix("https://").is_none().then_some(link) else { continue };
                let (page, part) = link.split_once('#').map_or((link, None), |(page, part)| (page, Some(part)));
                let page = if page.is_empty() { document } else { find(page).unwrap_or_else(|| panic!("{page}")) };
                let has = |part: &str| page.html.contains(&format!("id=\"{part}\""));
                assert!(part.is_none_or(has), "{}: {link}", document.address);
                links += 1;
            }
        }
        assert!(links > 40, "{links}");
    }

    #[test]
    fn links_are_followed_from_the_folder_of_their_document() {
        let to_receipt = Some("/docs/protocol/receipt#trace".to_owned());
        assert_eq!(follow("SECURITY.md", "protocol/receipt.md#trace"), to_receipt);
        assert_eq!(
            follow("adr/0044-another-miner-computes-a-result-again.md", "../protocol/receipt.md#trace"),
            to_receipt
        );
        assert_eq!(follow("MINING.md", "#trace"), Some("#trace".to_owned()));
        for nowhere in [
            "../server/src/auth.rs",
            "../../x",
            "javascript:alert(1)",
            "http://a.example",
            "images/first-page.png",
            "NONE.md",
        ] {
            assert_eq!(follow("MINING.md", nowhere), None, "{nowhere}");
        }
    }
}
