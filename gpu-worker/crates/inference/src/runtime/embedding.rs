//! Texts to vectors on the sentence-transformer folder layout.
//!
//! ```text
//! text ─ tokenizer.json ─ model.onnx ─ states of all tokens ─ pooling ─ length 1
//! ```

mod pooling;
mod positions;
mod sentence;

use std::time::Instant;

use shared::job::JobKind;
use shared::job::embedding::ValidEmbeddingInput;
use shared::job::request::Work;
use shared::job::token::Tokens;
use shared::protocol::Metering;
use tokenizers::Tokenizer;

use self::pooling::Pooling;
use self::positions::Positions;
use self::sentence::Sentence;
use super::context::KnownTokens;
use super::folder::ModelFolder;
use super::tokenizer_config::Cut;
use super::{
    Observer, Output, Runtime, network_config, only_graph, other_kind, read_tokenizer, report_step, tokenizer_json,
    written,
};
use crate::clock::millis;
use crate::engine::port::{Input, Port, Tensor, Values};
use crate::engine::provider::Provider;
use crate::engine::{Engine, Graph};
use crate::error::{InferenceError, Result};

/// Texts that go through the graph at once.
const BATCH_TEXTS: usize = 16;

/// Lengths are rounded up to a multiple of this, so that an engine that plans for sizes meets few of them.
const LENGTH_STEP_TOKENS: usize = 16;

/// A loaded sentence model.
#[derive(Debug)]
pub struct EmbeddingModel {
    tokenizer: Tokenizer,
    graph: Graph,
    ports: Ports,
    output: String,
    pooling: Pooling,
    /// Numbers of a vector, where its end is left out.
    dimensions_max: Option<usize>,
    positions: Positions,
    known: KnownTokens,
    prompt: String,
    batch_texts: usize,
    on_gpu: bool,
}

#[derive(Debug)]
struct Ports {
    ids: Port,
    mask: Port,
    /// Which sentence of a pair a token is of; always the first.
    kinds: Option<Port>,
    places: Option<Port>,
}

impl EmbeddingModel {
    pub fn load(engine: &Engine, folder: &ModelFolder) -> Result<Self> {
        let tokenizer = read_tokenizer(folder, Cut::AtTheEnd)?;
        let config = network_config::read(folder)?;
        let graph = Graph::load(engine, &folder.graph(only_graph(folder)?)?)?;
        let ports = Ports::of(&graph)?;
        let output = states_output(&graph)?;
        let Sentence { pooling, max_seq_length, prompt, dimensions_max } = Sentence::read(folder, &tokenizer)?;
        let positions = Positions::read(folder, &config, max_seq_length, ports.ids.fixed(1))?;
        let known = folder.read_json("config.json")?;
        // An engine that plans for each set of sizes would plan for each number of texts.
        let batch = if engine.plans_per_shape() { 1 } else { BATCH_TEXTS };
        let batch_texts = ports.ids.fixed(0).unwrap_or(batch).max(1);
        let on_gpu = engine.provider() != Provider::Cpu;
        Ok(Self {
            tokenizer,
            graph,
            ports,
            output,
            pooling,
            dimensions_max,
            positions,
            known,
            prompt,
            batch_texts,
            on_gpu,
        })
    }

    /// One vector of length 1 for each text, and how many tokens were read. Each batch of texts is a step.
    fn embed(&mut self, texts: &[String], observer: &mut dyn Observer) -> Result<(Vec<Vec<f32>>, u64)> {
        let mut vectors = Vec::with_capacity(texts.len());
        let mut read = 0;
        let batches = texts.chunks(self.batch_texts);
        let steps = u32::try_from(batches.len()).unwrap_or(u32::MAX);
        for (step, texts) in (1..).zip(batches) {
            let rows = texts.iter().map(|text| self.encode(text)).collect::<Result<Vec<_>>>()?;
            read += rows.iter().map(|row| row.len() as u64).sum::<u64>();
            vectors.extend(self.embed_batch(&rows)?);
            report_step(observer, step, steps)?;
        }
        Ok((vectors, read))
    }

    /// A text's tokens as far as the model reads. What is cut goes before the last one, which marks the end.
    fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let prompted = format!("{}{text}", self.prompt);
        let context_tokens = self.positions.context_tokens;
        let mut ids = tokenizer_json::encode(&self.tokenizer, "input", &prompted, true)?;
        if ids.is_empty() {
            return Err(InferenceError::input("input", "holds texts of at least one token for this model", 0));
        }
        self.known.check("input", &ids)?;
        if ids.len() > context_tokens {
            let whole = tokenizer_json::encode(&self.tokenizer, "input", &prompted, false)?.len();
            let marked = ids.len() > whole;
            let end = ids.last().copied().filter(|_| marked && ids.len() - whole > 1);
            ids.truncate(context_tokens);
            if let (Some(end), Some(last)) = (end, ids.last_mut()) {
                *last = end;
            }
        }
        Ok(ids)
    }

    fn embed_batch(&mut self, rows: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let longest = rows.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let rounded = longest.next_multiple_of(LENGTH_STEP_TOKENS).min(self.positions.context_tokens);
        let length = self.ports.ids.fixed(1).unwrap_or(rounded);
        let batch = self.ports.ids.fixed(0).unwrap_or(rows.len());
        let (mut ids, mut mask) = (vec![self.positions.pad_token; batch * length], vec![0_i64; batch * length]);
        for (index, row) in rows.iter().enumerate() {
            for (place, id) in row.iter().enumerate() {
                ids[index * length + place] = i64::from(*id);
                mask[index * length + place] = 1;
            }
        }
        let shape = [batch, length];
        let kinds = vec![0_i64; batch * length];
        let tokens = |row: usize| rows.get(row).map_or(0, Vec::len);
        let places: Vec<i64> = (0..batch).flat_map(|row| self.positions.of_row(tokens(row), length)).collect();
        let input = |port, values| Input { port, shape: &shape, values: Values::Tokens(values) };
        let mut inputs = vec![input(&self.ports.ids, ids.as_slice()), input(&self.ports.mask, mask.as_slice())];
        inputs.extend(self.ports.kinds.iter().map(|port| input(port, kinds.as_slice())));
        inputs.extend(self.ports.places.iter().map(|port| input(port, places.as_slice())));
        let states = self.graph.run(&inputs, &self.output)?;
        rows.iter().enumerate().map(|(index, row)| self.pooled(&states, index, row.len(), [batch, length])).collect()
    }

    /// The vector of row `index`, which has `tokens` tokens.
    fn pooled(&self, states: &Tensor, index: usize, tokens: usize, [batch, length]: [usize; 2]) -> Result<Vec<f32>> {
        let width = match states.shape[..] {
            [rows, places, width] if rows == batch && places == length && width > 0 => width,
            _ => {
                let reason = format!("it gave a tensor {:?} for {batch} texts of {length} tokens", states.shape);
                return Err(InferenceError::run(self.graph.name(), reason));
            }
        };
        let mut vector = self.pooling.pooled(&states.values[index * length * width..][..tokens * width], width);
        vector.truncate(self.dimensions_max.unwrap_or(vector.len()));
        let length = libm::sqrt(vector.iter().map(|value| value * value).sum());
        if !length.is_finite() || length == 0.0 {
            return Err(InferenceError::not_finite(self.graph.name(), 1));
        }
        Ok(vector.iter().map(|value| (value / length) as f32).collect())
    }

    fn serve(&mut self, input: &ValidEmbeddingInput, observer: &mut dyn Observer) -> Result<Output> {
        let began = Instant::now();
        let (vectors, read) = self.embed(&input.input, observer)?;
        let engine_ms = millis(began.elapsed());
        let metering = Metering::on_device(engine_ms, engine_ms, self.on_gpu);
        written::vectors(input, &vectors, Tokens { read, written: 0 }, metering)
    }
}

impl Runtime for EmbeddingModel {
    fn run(&mut self, work: &Work, observer: &mut dyn Observer) -> Result<Output> {
        match work {
            Work::Embedding(input) => self.serve(input, observer),
            _ => Err(other_kind(JobKind::Embedding, work)),
        }
    }

    fn precision(&self) -> &'static str {
        self.graph.precision()
    }
}

impl Ports {
    fn of(graph: &Graph) -> Result<Self> {
        let named = |name: &str| graph.inputs.iter().find(|port| port.name == name && port.rank() == 2).cloned();
        let known = ["input_ids", "attention_mask", "token_type_ids", "position_ids"];
        let foreign = graph.inputs.iter().find(|port| !known.contains(&port.name.as_str()));
        let mismatch = |reason: String| InferenceError::graph(graph.name(), reason);
        if let Some(foreign) = foreign {
            return Err(mismatch(format!("a sentence model takes {}, not {foreign}", known.join(", "))));
        }
        let needed = |name: &str| named(name).ok_or_else(|| mismatch(format!("it takes no {name} [batch, tokens]")));
        let (ids, mask) = (needed("input_ids")?, needed("attention_mask")?);
        Ok(Self { ids, mask, kinds: named("token_type_ids"), places: named("position_ids") })
    }
}

/// The output with a state for each token.
fn states_output(graph: &Graph) -> Result<String> {
    let fits = |port: &&Port| port.is_float() && port.rank() == 3;
    let named =
        graph.outputs.iter().find(|port| ["last_hidden_state", "token_embeddings"].contains(&port.name.as_str()));
    let found = named.filter(fits).or_else(|| graph.outputs.iter().find(fits));
    found
        .map(|port| port.name.clone())
        .ok_or_else(|| InferenceError::graph(graph.name(), "it gives no states [batch, tokens, width]"))
}

fn read_or_default<T: serde::de::DeserializeOwned + Default>(folder: &ModelFolder, file: &str) -> Result<T> {
    if folder.has(file) { folder.read_json(file) } else { Ok(T::default()) }
}
