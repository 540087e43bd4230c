//! Text: a prompt to go on from or a conversation to answer, its bounds and its unit of work.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::token::{self, Tokens};
use crate::amount::MicroUnits;
use crate::digest::PromptHash;
use crate::field_error::FieldError;
use crate::unit::UnitType;

/// Bytes of UTF-8 of the prompt, or of all messages together.
pub const INPUT_MAX_BYTES: usize = 32 << 10;
pub const MESSAGES_MAX: usize = 64;
pub const MAX_TOKENS_MAX: u32 = 4_096;
pub const MAX_TOKENS_DEFAULT: u32 = 256;
pub const TEMPERATURE_MAX: f32 = 2.0;
pub const TEMPERATURE_DEFAULT: f32 = 1.0;
pub const TOP_P_DEFAULT: f32 = 1.0;
pub const STOP_MAX: usize = 4;
pub const STOP_MAX_BYTES: usize = 64;
/// Bytes of UTF-8 of the written text.
pub const OUTPUT_MAX_BYTES: usize = 256 << 10;
/// Media type of the one artifact.
pub const MEDIA_TYPE: &str = "text/plain; charset=utf-8";

/// Tokens that a model's template may put around the whole: a preamble, a beginning, an opening for the answer.
const TEMPLATE_TOKENS: u64 = 64;
/// Tokens that a model's template may put around each message: the marks of its role and of its end.
const TEMPLATE_TOKENS_PER_MESSAGE: u64 = 16;
/// Tokens that a model may write without a byte of text: the end, and a character that its last token left incomplete.
const SILENT_TOKENS: u64 = 8;

/// The role that a message is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    System,
    User,
    Assistant,
    /// What a tool gave that the model had asked for.
    Tool,
}

impl Role {
    /// The word that templates and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// Why a text ended, as the miner's engine says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended it, or a stop text did.
    Stop,
    /// It is as long as was asked for, or as the model or the hub allow.
    Length,
}

impl FinishReason {
    /// The word that APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ChatMessage))]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

/// What a client sends as `input` of a `text` job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TextInput {
    /// Text to go on from; this or `messages`, up to 32768 bytes of UTF-8.
    #[serde(default)]
    pub prompt: Option<String>,
    /// A conversation to answer, oldest first, up to 64 messages and 32768 bytes of UTF-8 in all. The last one is of the
    /// user, and not blank, or of a tool.
    #[serde(default)]
    pub messages: Option<Vec<Message>>,
    /// Tokens to write at most, 1 to 4096.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: u32,
    /// 0 to 2; 0 always takes the likeliest token.
    #[serde(default = "default_temperature")]
    pub temperature: f32,
    /// Takes only the likeliest tokens that together have this probability; above 0, up to 1.
    #[serde(default = "default_top_p")]
    pub top_p: f32,
    /// Drawn at random where absent, and always returned.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Texts before which the answer ends, up to 4 of 1 to 64 bytes.
    #[serde(default)]
    pub stop: Vec<String>,
}

fn default_max_tokens() -> u32 {
    MAX_TOKENS_DEFAULT
}

fn default_temperature() -> f32 {
    TEMPERATURE_DEFAULT
}

fn default_top_p() -> f32 {
    TOP_P_DEFAULT
}

/// What the model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    Prompt(String),
    Messages(Vec<Message>),
}

impl Ask {
    fn bytes(&self) -> usize {
        match self {
            Self::Prompt(prompt) => prompt.len(),
            Self::Messages(messages) => messages.iter().map(|message| message.content.len()).sum(),
        }
    }

    /// The prompt or the messages, as a request gives one of them.
    pub(crate) fn into_request(self) -> (Option<String>, Option<Vec<Message>>) {
        match self {
            Self::Prompt(prompt) => (Some(prompt), None),
            Self::Messages(messages) => (None, Some(messages)),
        }
    }

    /// A short name of the job for people: the prompt, or the last message.
    pub fn words(&self) -> &str {
        match self {
            Self::Prompt(prompt) => prompt,
            Self::Messages(messages) => messages.last().map_or("", |message| &message.content),
        }
    }
}

/// A text input within all bounds, with its seed settled. Only [`TextInput::validate`] makes one from outside data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidTextInput {
    #[serde(flatten)]
    pub ask: Ask,
    pub max_tokens: u32,
    pub temperature: f32,
    pub top_p: f32,
    pub seed: u64,
    pub stop: Vec<String>,
}

impl TextInput {
    /// Checks every bound and reports all that fail. `drawn_seed` is taken where the client named none.
    pub fn validate(self, drawn_seed: u64) -> Result<ValidTextInput, Vec<FieldError>> {
        let mut errors = self.broken_bounds();
        let ask = match (self.prompt, self.messages) {
            (Some(prompt), None) => Ask::Prompt(prompt),
            (None, Some(messages)) => Ask::Messages(messages),
            _ => {
                errors.push(FieldError::new("input", "exactly one of `prompt` and `messages` is given"));
                return Err(errors);
            }
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let seed = super::settled_seed(self.seed, drawn_seed);
        let Self { max_tokens, temperature, top_p, stop, .. } = self;
        Ok(ValidTextInput { ask, max_tokens, temperature, top_p, seed, stop })
    }

    fn broken_bounds(&self) -> Vec<FieldError> {
        let stop_fits = self.stop.iter().all(|stop| (1..=STOP_MAX_BYTES).contains(&stop.len()));
        let longest = self.stop.iter().map(String::len).max().unwrap_or_default();
        let checks = [
            (
                (1..=MAX_TOKENS_MAX).contains(&self.max_tokens),
                "input.max_tokens",
                format!("1 to {MAX_TOKENS_MAX}"),
                self.max_tokens.to_string(),
            ),
            (
                (0.0..=TEMPERATURE_MAX).contains(&self.temperature),
                "input.temperature",
                format!("0 to {TEMPERATURE_MAX}"),
                self.temperature.to_string(),
            ),
            (
                self.top_p > 0.0 && self.top_p <= 1.0,
                "input.top_p",
                "above 0, up to 1".to_owned(),
                self.top_p.to_string(),
            ),
            (self.stop.len() <= STOP_MAX, "input.stop", format!("up to {STOP_MAX} texts"), self.stop.len().to_string()),
            (
                stop_fits,
                "input.stop",
                format!("made of texts of 1 to {STOP_MAX_BYTES} bytes"),
                format!("one of {} bytes", if longest > STOP_MAX_BYTES { longest } else { 0 }),
            ),
        ];
        let checks = checks.into_iter().chain(self.broken_prompt()).chain(self.broken_messages());
        checks
            .filter(|(holds, ..)| !holds)
            .map(|(_, field, bound, value)| FieldError::bound(field, bound, value))
            .collect()
    }

    fn broken_prompt(&self) -> Option<(bool, &'static str, String, String)> {
        let prompt = self.prompt.as_ref()?;
        let blank = prompt.trim().is_empty();
        let value = if blank { "blank".to_owned() } else { format!("{} bytes", prompt.len()) };
        let holds = !blank && prompt.len() <= INPUT_MAX_BYTES;
        Some((holds, "input.prompt", format!("1 to {INPUT_MAX_BYTES} bytes of UTF-8"), value))
    }

    fn broken_messages(&self) -> Vec<(bool, &'static str, String, String)> {
        let Some(messages) = &self.messages else { return vec![] };
        let bytes: usize = messages.iter().map(|message| message.content.len()).sum();
        let blank = messages.last().is_some_and(|last| last.role == Role::User && last.content.trim().is_empty());
        let answers = messages.last().is_none_or(|last| matches!(last.role, Role::User | Role::Tool));
        let last = messages.last().map_or("none", |message| message.role.as_str());
        vec![
            (
                (1..=MESSAGES_MAX).contains(&messages.len()),
                "input.messages",
                format!("1 to {MESSAGES_MAX} messages"),
                messages.len().to_string(),
            ),
            (
                bytes <= INPUT_MAX_BYTES && !blank,
                "input.messages",
                format!("up to {INPUT_MAX_BYTES} bytes of UTF-8, ended by something to answer"),
                if blank { "a blank last one".to_owned() } else { format!("{bytes} bytes") },
            ),
            (answers, "input.messages", "ended by the role `user` or `tool`".to_owned(), format!("`{last}`")),
        ]
    }
}

impl ValidTextInput {
    /// Texts are metered in tokens, those read and those written.
    pub const UNIT_TYPE: UnitType = UnitType::Token;

    /// The most that a receipt may claim, whatever is written.
    pub fn units_max(&self) -> MicroUnits {
        token::units(Tokens { read: self.read_max(), written: u64::from(self.max_tokens) })
    }

    /// What a miner may claim for `counted` tokens that gave `output_bytes` of text.
    ///
    /// A tokenizer that falls back to bytes has at most one token for a byte of UTF-8, so the number of bytes bounds
    /// what was read and what was written; the template's marks, a stop text that was cut off and the end come on top.
    pub fn payable(&self, counted: Tokens, output_bytes: usize) -> Tokens {
        let cut_off = self.stop.iter().map(String::len).max().unwrap_or_default();
        let written_max = (output_bytes as u64).saturating_add(cut_off as u64).saturating_add(SILENT_TOKENS);
        Tokens {
            read: counted.read.min(self.read_max()),
            written: counted.written.min(written_max).min(u64::from(self.max_tokens)),
        }
    }

    fn read_max(&self) -> u64 {
        let messages = match &self.ask {
            Ask::Prompt(_) => 1,
            Ask::Messages(messages) => messages.len() as u64,
        };
        self.ask.bytes() as u64 + TEMPLATE_TOKENS + TEMPLATE_TOKENS_PER_MESSAGE * messages
    }

    /// The hash of the prompt, or of the messages as RFC 8785 JSON.
    pub fn prompt_hash(&self) -> PromptHash {
        match &self.ask {
            Ask::Prompt(prompt) => PromptHash::of(prompt),
            Ask::Messages(messages) => {
                // Keys in their order, so that the text is canonical whichever map the JSON library uses.
                let plain = |message: &Message| json!({"content": message.content, "role": message.role.as_str()});
                PromptHash::of(&Value::Array(messages.iter().map(plain).collect()).to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn input(value: Value) -> Result<ValidTextInput, Vec<FieldError>> {
        serde_json::from_value::<TextInput>(value).unwrap().validate(7)
    }

    #[test]
    fn fills_in_the_defaults_and_keeps_the_form_of_the_request() {
        let valid = input(json!({"prompt": "Once"})).unwrap();
        assert_eq!((valid.max_tokens, valid.temperature, valid.top_p, valid.seed), (256, 1.0, 1.0, 7));
        let stored = serde_json::to_value(&valid).unwrap();
        assert_eq!(stored["prompt"], "Once");
        assert_eq!(serde_json::from_value::<ValidTextInput>(stored).unwrap(), valid);
        let chat = input(json!({"messages": [{"role": "user", "content": "Hello"}]})).unwrap();
        let stored = serde_json::to_value(&chat).unwrap();
        assert_eq!(stored["messages"][0]["role"], "user");
        assert_eq!(serde_json::from_value::<ValidTextInput>(stored).unwrap(), chat);
    }

    #[test]
    fn names_every_broken_bound_with_its_value() {
        let long = "x".repeat(100_000);
        let errors = input(json!({
            "prompt": long, "max_tokens": 0, "temperature": 2.5, "top_p": 0, "stop": ["", "a", "b", "c", "d"],
        }))
        .unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let expected =
            ["input.max_tokens", "input.temperature", "input.top_p", "input.stop", "input.stop", "input.prompt"];
        assert_eq!(fields, expected);
        assert!(errors.iter().all(|error| error.bound.is_some() && error.value.is_some()), "{errors:?}");
        assert!(errors[5].detail.contains("100000 bytes"), "{}", errors[5].detail);
    }

    #[test]
    fn takes_a_prompt_or_messages_and_messages_that_ask_something() {
        let user = json!({"role": "user", "content": "Hi"});
        for value in [
            json!({}),
            json!({"prompt": "a", "messages": [user]}),
            json!({"prompt": "  "}),
            json!({"messages": []}),
            json!({"messages": [{"role": "user", "content": " "}]}),
            json!({"messages": [user, {"role": "assistant", "content": "Ho"}]}),
            json!({"messages": vec![user.clone(); 65]}),
        ] {
            assert!(input(value.clone()).is_err(), "{value} was taken");
        }
    }

    #[test]
    fn blank_messages_before_the_last_and_answers_of_tools_are_taken() {
        let of = |role: &str, content: &str| json!({"role": role, "content": content});
        for messages in [
            vec![of("system", ""), of("user", "Hi")],
            vec![of("user", "Hi"), of("assistant", ""), of("user", "Well?")],
            vec![of("user", "Hi"), of("assistant", ""), of("tool", "17 °C")],
            vec![of("user", "Hi"), of("assistant", ""), of("tool", "")],
        ] {
            let valid = input(json!({"messages": messages})).unwrap();
            assert_eq!(serde_json::to_value(&valid).unwrap()["messages"], json!(messages), "they are kept as they are");
        }
    }

    #[test]
    fn the_prompt_hash_of_a_conversation_is_of_its_canonical_json() {
        let chat = input(json!({"messages": [{"role": "user", "content": "é\n\""}]})).unwrap();
        assert_eq!(chat.prompt_hash(), PromptHash::of("[{\"content\":\"é\\n\\\"\",\"role\":\"user\"}]"));
        let Ask::Messages(messages) = &chat.ask else { unreachable!() };
        assert_eq!(PromptHash::of(&crate::canonical::canonical_json(messages).unwrap()), chat.prompt_hash());
    }

    proptest! {
        /// Whatever a miner counts, it is paid at most the ceiling and at most what its text can hold.
        #[test]
        fn no_claim_passes_the_ceiling(read: u64, written: u64, bytes in 0..1_000_000_usize, prompt in ".{1,200}") {
            let valid = ValidTextInput {
                ask: Ask::Prompt(prompt), max_tokens: 100, temperature: 0.0, top_p: 1.0, seed: 1, stop: vec![],
            };
            let payable = valid.payable(Tokens { read, written }, bytes);
            prop_assert!(token::units(payable) <= valid.units_max());
            prop_assert!(payable.written <= bytes as u64 + SILENT_TOKENS);
            prop_assert_eq!(valid.payable(payable, bytes), payable);
        }
    }
}
