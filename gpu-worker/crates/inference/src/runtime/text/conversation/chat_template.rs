//! A model's own chat template, where its folder holds one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shared::job::text::{Message, Role};
use shared::time::UnixSeconds;

use super::jinja::{self, Refusal};
use crate::error::{FailureKind, InferenceError, Result, quote};
use crate::runtime::folder::ModelFolder;

/// A file of its own, in newer folders.
const TEMPLATE_FILE: &str = "chat_template.jinja";
const CONFIG_FILE: &str = "tokenizer_config.json";

/// Largest template. The largest in use have some 20 000 bytes.
const TEMPLATE_MAX_BYTES: usize = 128 << 10;

/// Of several templates, the one for plain conversations.
const DEFAULT_NAME: &str = "default";

const END: &str = "eos_token";

#[derive(Debug)]
pub(super) struct ChatTemplate {
    path: PathBuf,
    source: String,
    /// `bos_token` and its like, as templates name them.
    tokens: BTreeMap<String, String>,
}

/// `tokenizer_config.json`.
#[derive(Debug, Default, Deserialize)]
struct TokenizerConfig {
    chat_template: Option<Templates>,
    bos_token: Option<Token>,
    eos_token: Option<Token>,
    unk_token: Option<Token>,
    pad_token: Option<Token>,
    sep_token: Option<Token>,
    cls_token: Option<Token>,
    mask_token: Option<Token>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Debug, Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Described { content: String },
}

/// What a template sees.
#[derive(Serialize)]
struct Context<'a> {
    messages: &'a [Message],
    add_generation_prompt: bool,
    tools: Option<()>,
    documents: Option<()>,
    #[serde(flatten)]
    tokens: &'a BTreeMap<String, String>,
}

impl ChatTemplate {
    /// `None` where the folder holds no template.
    ///
    /// # Errors
    /// A template beyond the bounds, and one that cannot render a question.
    pub(super) fn read(folder: &ModelFolder) -> Result<Option<Self>> {
        let mut config = match folder.has(CONFIG_FILE) {
            true => folder.read_json(CONFIG_FILE)?,
            false => TokenizerConfig::default(),
        };
        let of_config = config.chat_template.take().and_then(Templates::into_default);
        let (file, source) = match (folder.has(TEMPLATE_FILE), of_config) {
            (true, _) => (TEMPLATE_FILE, folder.read(TEMPLATE_FILE)?),
            (false, Some(source)) => (CONFIG_FILE, source.into_bytes()),
            (false, None) => return Ok(None),
        };
        let path = folder.root().join(file);
        if source.len() > TEMPLATE_MAX_BYTES {
            let reason = format!("its chat template has {} bytes, more than {TEMPLATE_MAX_BYTES}", source.len());
            return Err(InferenceError::format(path, reason));
        }
        let source = String::from_utf8(source).map_err(|error| InferenceError::format(&path, error))?;
        let template = Self { path, source, tokens: config.tokens() };
        match template.render(&[Message { role: Role::User, content: "?".into() }], UnixSeconds(0)) {
            // Some templates insist on a system message, which a conversation may have.
            Ok(_) | Err(InferenceError { kind: FailureKind::Input, .. }) => Ok(Some(template)),
            Err(error) => Err(error),
        }
    }

    /// The text that ends a turn.
    pub(super) fn end_token(&self) -> Option<&str> {
        self.tokens.get(END).map(String::as_str)
    }

    /// The conversation up to where the model speaks.
    ///
    /// # Errors
    /// A conversation that the template refuses in its own words, and a template that fails.
    pub(super) fn render(&self, messages: &[Message], now: UnixSeconds) -> Result<String> {
        let context =
            Context { messages, add_generation_prompt: true, tools: None, documents: None, tokens: &self.tokens };
        jinja::render(&self.source, &context, now).map_err(|refusal| match refusal {
            Refusal::Raised(words) => InferenceError::input(
                "messages",
                "are a conversation that the model's chat template takes",
                quote(&words),
            ),
            Refusal::Fault(reason) => InferenceError::format(&self.path, format!("its chat template fails: {reason}")),
        })
    }
}

impl TokenizerConfig {
    fn tokens(self) -> BTreeMap<String, String> {
        let named = [
            ("bos_token", self.bos_token),
            (END, self.eos_token),
            ("unk_token", self.unk_token),
            ("pad_token", self.pad_token),
            ("sep_token", self.sep_token),
            ("cls_token", self.cls_token),
            ("mask_token", self.mask_token),
        ];
        let text = |token| match token {
            Token::Text(text) | Token::Described { content: text } => text,
        };
        named.into_iter().filter_map(|(name, token)| Some((name.to_owned(), text(token?)))).collect()
    }
}

impl Templates {
    fn into_default(self) -> Option<String> {
        match self {
            Self::One(source) => Some(source),
            Self::Named(templates) => {
                templates.into_iter().find(|named| named.name == DEFAULT_NAME).map(|named| named.template)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `transformers` made of conversations; `e2e/reference/chat_templates.py` writes it.
    #[derive(Deserialize)]
    struct Vectors {
        tokens: BTreeMap<String, String>,
        templates: Vec<TemplateVector>,
    }

    #[derive(Deserialize)]
    struct TemplateVector {
        name: String,
        template: String,
        conversations: Vec<ConversationVector>,
    }

    #[derive(Deserialize)]
    struct ConversationVector {
        messages: Vec<Message>,
        text: Option<String>,
        raised: Option<String>,
    }

    fn vectors() -> Vectors {
        let path = test_support::package_folder().join("tests/vectors/chat_templates.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn template(source: &str, tokens: BTreeMap<String, String>) -> ChatTemplate {
        ChatTemplate { path: "tokenizer_config.json".into(), source: source.into(), tokens }
    }

    #[test]
    fn conversations_read_as_transformers_renders_them() {
        let Vectors { tokens, templates } = vectors();
        let mut raised = 0;
        for TemplateVector { name, template: source, conversations } in templates {
            let template = template(&source, tokens.clone());
            for (index, conversation) in conversations.iter().enumerate() {
                let rendered = template.render(&conversation.messages, UnixSeconds(0));
                match (rendered, &conversation.raised) {
                    (Ok(text), None) => assert_eq!(Some(text), conversation.text, "{name} {index}"),
                    (Err(error), Some(words)) => {
                        assert_eq!((error.kind.name(), error.kind.is_retryable()), ("input", false));
                        assert!(error.to_string().contains(words), "{name} {index}: {error}");
                        raised += 1;
                    }
                    (rendered, _) => panic!("{name} {index}: {rendered:?} in place of {:?}", conversation.text),
                }
            }
        }
        assert_eq!(raised, 4);
    }

    #[test]
    fn the_date_is_the_caller_s() {
        let template = template("{{ strftime_now('%d %b %Y') }}", BTreeMap::new());
        assert_eq!(template.render(&[], UnixSeconds(1_795_219_200)).unwrap(), "21 Nov 2026");
    }

    #[test]
    fn what_a_message_says_is_no_template() {
        let template = template("{% for message in messages %}{{ message.content }}{% endfor %}", BTreeMap::new());
        let content = "{{ 1 + 1 }}{% for x in range(9) %}x{% endfor %}{# #}";
        let messages = [Message { role: Role::User, content: content.into() }];
        assert_eq!(template.render(&messages, UnixSeconds(0)).unwrap(), content);
    }

    #[test]
    fn the_template_for_plain_conversations_is_taken() {
        let config = |json: &str| serde_json::from_str::<TokenizerConfig>(json).unwrap();
        let one = |json| config(json).chat_template.and_then(Templates::into_default);
        assert_eq!(one(r#"{"chat_template": "a"}"#).as_deref(), Some("a"));
        let named =
            r#"{"chat_template": [{"name": "tool_use", "template": "b"}, {"name": "default", "template": "c"}]}"#;
        assert_eq!(one(named).as_deref(), Some("c"));
        assert_eq!(one(r#"{"chat_template": [{"name": "tool_use", "template": "b"}]}"#), None);
        assert_eq!(one(r#"{"chat_template": null}"#), None);
        let tokens = config(r#"{"bos_token": {"content": "<s>", "special": true}, "eos_token": "</s>"}"#).tokens();
        assert_eq!((tokens["bos_token"].as_str(), tokens["eos_token"].as_str()), ("<s>", "</s>"));
    }
}
