//! Markdown as HTML for pages: headings that can be linked to, tables and listings that scroll by themselves, and links
//! that somebody else follows.

use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// A heading, and the name by which a link finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    pub id: String,
    pub text: String,
}

#[derive(Debug, Default)]
pub(super) struct Rendered {
    pub(super) title: String,
    pub(super) lead: String,
    pub(super) parts: Vec<Heading>,
    pub(super) html: String,
}

const TABLE_OPENS: &str = "<div class=\"table-scroll\" tabindex=\"0\">";
const LISTING_OPENS: &str = "<pre class=\"raw\" tabindex=\"0\"><code>";

/// `follow` says where a link leads; without an answer its words stand alone.
pub(super) fn render(markdown: &str, follow: &dyn Fn(&str) -> Option<String>) -> Rendered {
    let mut page = Page { follow, rendered: Rendered::default(), ids: Vec::new(), open_links: Vec::new() };
    let mut parser = Parser::new_ext(markdown, Options::ENABLE_TABLES);
    let mut events = Vec::new();
    while let Some(event) = parser.next() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let inner: Vec<Event> = parser.by_ref().take_while(|event| !is_end_of_heading(event)).collect();
                page.heading(level, inner, &mut events);
            }
            event => page.take(event, &mut events),
        }
    }
    page.rendered.lead = lead_of(&events);
    html::push_html(&mut page.rendered.html, events.into_iter());
    page.rendered
}

const fn is_end_of_heading(event: &Event<'_>) -> bool {
    matches!(event, Event::End(TagEnd::Heading(_)))
}

struct Page<'a> {
    follow: &'a dyn Fn(&str) -> Option<String>,
    rendered: Rendered,
    ids: Vec<String>,
    /// Whether each link that is open has an address.
    open_links: Vec<bool>,
}

impl Page<'_> {
    fn heading<'e>(&mut self, level: HeadingLevel, inner: Vec<Event<'e>>, events: &mut Vec<Event<'e>>) {
        let text = text_of(&inner);
        if level == HeadingLevel::H1 {
            self.rendered.title = text;
            return;
        }
        let id = self.id_of(&text);
        if level == HeadingLevel::H2 {
            self.rendered.parts.push(Heading { id: id.clone(), text });
        }
        events.push(Event::Start(Tag::Heading { level, id: Some(id.into()), classes: vec![], attrs: vec![] }));
        inner.into_iter().for_each(|event| self.take(event, events));
        events.push(Event::End(TagEnd::Heading(level)));
    }

    /// As code hosts name headings: words in small letters, joined by dashes; the second of a name has a number.
    fn id_of(&mut self, text: &str) -> String {
        let kept = text.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        let name = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let same = self.ids.iter().filter(|id| **id == name).count();
        self.ids.push(name.clone());
        if same == 0 { name } else { format!("{name}-{same}") }
    }

    fn take<'e>(&mut self, event: Event<'e>, events: &mut Vec<Event<'e>>) {
        match event {
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let leads_to = (self.follow)(&dest_url);
                self.open_links.push(leads_to.is_some());
                if let Some(address) = leads_to {
                    events.push(Event::Start(Tag::Link { link_type, dest_url: address.into(), title, id }));
                }
            }
            Event::End(TagEnd::Link) => {
                if self.open_links.pop() == Some(true) {
                    events.push(Event::End(TagEnd::Link));
                }
            }
            // Pictures belong to the repository's own pages.
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => {}
            Event::Start(Tag::Table(columns)) => {
                events.push(Event::Html(CowStr::Borrowed(TABLE_OPENS)));
                // HTML of a column that is aligned has an inline style, which no page may have.
                events.push(Event::Start(Tag::Table(vec![Alignment::None; columns.len()])));
            }
            Event::End(TagEnd::Table) => {
                events.push(Event::End(TagEnd::Table));
                events.push(Event::Html(CowStr::Borrowed("</div>")));
            }
            Event::Start(Tag::CodeBlock(_)) => events.push(Event::Html(CowStr::Borrowed(LISTING_OPENS))),
            Event::End(TagEnd::CodeBlock) => events.push(Event::Html(CowStr::Borrowed("</code></pre>"))),
            Event::Html(text) | Event::InlineHtml(text) => events.push(Event::Text(text)),
            other => events.push(other),
        }
    }
}

fn text_of(events: &[Event<'_>]) -> String {
    let words = events.iter().map(|event| match event {
        Event::Text(text) | Event::Code(text) => text.as_ref(),
        Event::SoftBreak | Event::HardBreak => " ",
        _ => "",
    });
    words.collect()
}

/// The first sentence of the first paragraph that has one.
fn lead_of(events: &[Event<'_>]) -> String {
    let is_end = |event: &Event<'_>| matches!(event, Event::End(TagEnd::Paragraph));
    let is_start = |event: &Event<'_>| matches!(event, Event::Start(Tag::Paragraph));
    let starts = events.iter().enumerate().filter(|(_, event)| is_start(event)).map(|(index, _)| index);
    let texts = starts.map(|start| {
        let length = events[start..].iter().position(is_end).unwrap_or(0);
        text_of(&events[start..start + length])
    });
    let sentences = texts.filter_map(|text| {
        let end = text.find(". ").map(|end| end + 1).or_else(|| text.ends_with('.').then_some(text.len()))?;
        Some(text[..end].to_owned())
    });
    sentences.into_iter().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(markdown: &str) -> Rendered {
        render(markdown, &|link| (link != "source.rs").then(|| format!("/to/{link}")))
    }

    #[test]
    fn a_title_a_first_sentence_and_parts_are_taken_out() {
        let page = shown(
            "# On `keys`\n\nOne *key* signs,\nand one pays. More of it.\n\n## Two words\n### Two words\n## Two words\n",
        );
        assert_eq!((page.title.as_str(), page.lead.as_str()), ("On keys", "One key signs, and one pays."));
        let ids: Vec<&str> = page.parts.iter().map(|part| part.id.as_str()).collect();
        assert_eq!(ids, ["two-words", "two-words-2"]);
        assert!(page.html.contains("<h3 id=\"two-words-1\">"), "{}", page.html);
        assert!(!page.html.contains("<h1"), "{}", page.html);
    }

    #[test]
    fn links_are_followed_or_stay_words() {
        let page = shown("## A [b](c.md)\n[x](source.rs) and [y](d.md)");
        assert_eq!(
            page.html,
            "<h2 id=\"a-b\">A <a href=\"/to/c.md\">b</a></h2>\n<p>x and <a href=\"/to/d.md\">y</a></p>\n"
        );
    }

    #[test]
    fn what_is_wide_scrolls_and_html_is_text() {
        let page =
            shown("|a|b|\n|---|---:|\n|1|2|\n\n```sh\na < b\n```\n\n<script>alert(1)</script> <b>x</b> ![z](y.png)\n");
        assert!(page.html.contains(&format!("{TABLE_OPENS}<table>")), "{}", page.html);
        assert!(!page.html.contains("style="), "{}", page.html);
        assert!(page.html.contains(&format!("{LISTING_OPENS}a &lt; b\n</code></pre>")), "{}", page.html);
        assert!(
            !page.html.contains("<script") && !page.html.contains("<b>") && !page.html.contains("<img"),
            "{}",
            page.html
        );
    }
}
