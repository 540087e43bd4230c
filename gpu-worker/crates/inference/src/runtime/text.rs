//! Texts from a small decoder model in ONNX.
//!
//! ```text
//! prompt ─ tokenizer.json ─ model.onnx ─ logits ─ sampler ─ token ─ text ─ stop texts
//!                            ▲ keys and values of all before ──┘
//! ```

mod conversation;
mod decoder;
mod detokenizer;
mod generation;
mod sampler;
mod settings;
mod stops;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use shared::job::JobKind;
use shared::job::request::Work;
use shared::job::text::{Ask, FinishReason, OUTPUT_MAX_BYTES, ValidTextInput};
use shared::job::token::{Tokens, context_bound};
use shared::protocol::Metering;
use tokenizers::Tokenizer;

use self::conversation::Conversation;
use self::decoder::{Decoder, Memory};
use self::detokenizer::Detokenizer;
use self::generation::Guesses;
use self::sampler::Sampler;
use self::settings::TextSettings;
use self::stops::Stops;
use super::context::KnownTokens;
use super::folder::ModelFolder;
use super::tokenizer_config::Cut;
use super::{Observer, Output, Runtime, StepReport, other_kind, read_tokenizer, tokenizer_json, written};
use crate::clock::{self, millis};
use crate::engine::Engine;
use crate::engine::provider::Provider;
use crate::error::{InferenceError, Result};

/// A loaded decoder model.
#[derive(Debug)]
pub struct TextModel {
    tokenizer: Tokenizer,
    conversation: Conversation,
    decoder: Decoder,
    settings: TextSettings,
    known: KnownTokens,
    on_gpu: bool,
}

impl TextModel {
    pub fn load(engine: &Engine, folder: &ModelFolder) -> Result<Self> {
        // A text that is too long is refused, not cut.
        let tokenizer = read_tokenizer(folder, Cut::Never)?;
        let mut settings = TextSettings::read(folder, &tokenizer)?;
        let conversation = Conversation::read(folder, &tokenizer)?;
        settings.generation.end_tokens.extend(conversation.end_tokens());
        let decoder = Decoder::load(engine, folder)?;
        let (known, on_gpu) = (folder.read_json("config.json")?, engine.provider() != Provider::Cpu);
        Ok(Self { tokenizer, conversation, decoder, settings, known, on_gpu })
    }

    fn write(&mut self, input: &ValidTextInput, observer: &mut dyn Observer) -> Result<Output> {
        let began = Instant::now();
        let prompt = self.read_prompt(&input.ask)?;
        let room = self.settings.context_tokens - prompt.len();
        let most = (input.max_tokens as usize).min(room);
        let mut page = Page::new(&self.tokenizer, input, observer);
        let generation = &self.settings.generation;
        let sampler = Sampler::new(input.temperature, input.top_p, input.seed);
        let mut sampler = sampler.cut(generation.top_k, generation.min_p);
        let mut guesses = Guesses::new(generation, &prompt);
        let (mut memory, mut engine_time) = (Memory::default(), Duration::ZERO);
        let mut next: Vec<i64> = prompt.iter().map(|token| i64::from(*token)).collect();
        for _ in 0..most {
            let run = Instant::now();
            let mut logits = self.decoder.read(&mut memory, &next)?;
            engine_time += run.elapsed();
            guesses.change(&mut logits);
            let token = sampler.next(&logits).and_then(|token| u32::try_from(token).ok());
            let token = token.ok_or_else(|| InferenceError::not_finite(self.decoder.name(), page.tokens + 1))?;
            guesses.took(token);
            if page.take(token, generation.end_tokens.contains(&token))? == ControlFlow::Break(()) {
                break;
            }
            next = vec![i64::from(token)];
        }
        let Finished { text, tokens: written, finish_reason } = page.finish()?;
        let counted = Tokens { read: prompt.len() as u64, written: u64::from(written) };
        let metering = Metering::on_device(millis(began.elapsed()), millis(engine_time), self.on_gpu);
        Ok(written::text(input, text, counted, finish_reason, metering))
    }

    /// The tokens that the model reads, with room for at least one that it writes.
    fn read_prompt(&self, ask: &Ask) -> Result<Vec<u32>> {
        let prompt = match ask {
            Ask::Prompt(prompt) => tokenizer_json::encode(&self.tokenizer, "prompt", prompt, true)?,
            Ask::Messages(messages) => {
                let told = self.conversation.tell(messages, clock::now().seconds())?;
                tokenizer_json::encode(&self.tokenizer, "messages", &told.text, told.framed)?
            }
        };
        let most = self.settings.context_tokens - 1;
        let field = match ask {
            Ask::Prompt(_) => "prompt",
            Ask::Messages(_) => "messages",
        };
        if (1..=most).contains(&prompt.len()) {
            self.known.check(field, &prompt)?;
            return Ok(prompt);
        }
        Err(InferenceError::input(field, context_bound(most), prompt.len().to_string()))
    }
}

impl Runtime for TextModel {
    fn run(&mut self, work: &Work, observer: &mut dyn Observer) -> Result<Output> {
        match work {
            Work::Text(input) => self.write(input, observer),
            _ => Err(other_kind(JobKind::Text, work)),
        }
    }

    fn precision(&self) -> &'static str {
        self.decoder.precision()
    }
}

/// A text with its tokens and the reason why it ends.
struct Finished {
    text: String,
    tokens: u32,
    finish_reason: FinishReason,
}

/// A text while it is written.
struct Page<'a> {
    detokenizer: Detokenizer<'a>,
    stops: Stops,
    text: String,
    tokens: u32,
    steps: u32,
    /// The model wrote a token that ends the text.
    is_ended: bool,
    observer: &'a mut dyn Observer,
}

impl<'a> Page<'a> {
    fn new(tokenizer: &'a Tokenizer, input: &ValidTextInput, observer: &'a mut dyn Observer) -> Self {
        let (detokenizer, stops) = (Detokenizer::new(tokenizer), Stops::new(&input.stop));
        let (text, steps) = (String::new(), input.max_tokens);
        Self { detokenizer, stops, text, tokens: 0, steps, is_ended: false, observer }
    }

    /// Takes a token; breaks where the text ends with it.
    fn take(&mut self, token: u32, is_end: bool) -> Result<ControlFlow<()>> {
        self.tokens += 1;
        if is_end {
            self.is_ended = true;
            return Ok(ControlFlow::Break(()));
        }
        let piece = self.detokenizer.push(token)?;
        let certain = self.stops.push(&piece);
        self.tell(certain)?;
        let ends = self.stops.is_stopped() || self.text.len() >= OUTPUT_MAX_BYTES;
        Ok(if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// The whole text.
    fn finish(mut self) -> Result<Finished> {
        let rest = self.detokenizer.finish()?;
        let mut last = self.stops.push(&rest);
        last.push_str(&self.stops.finish());
        if !last.is_empty() {
            self.tell(last)?;
        }
        let is_stopped = self.is_ended || self.stops.is_stopped();
        let finish_reason = if is_stopped { FinishReason::Stop } else { FinishReason::Length };
        Ok(Finished { text: self.text, tokens: self.tokens, finish_reason })
    }

    fn tell(&mut self, mut piece: String) -> Result<()> {
        piece.truncate(piece.floor_char_boundary(OUTPUT_MAX_BYTES - self.text.len()));
        self.text.push_str(&piece);
        let text = Some(piece).filter(|piece| !piece.is_empty());
        let report = StepReport { step: self.tokens, steps: self.steps, text, ..StepReport::default() };
        match self.observer.step(report) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(InferenceError::canceled()),
        }
    }
}
