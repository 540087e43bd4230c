//! CLIP's text encoder: token ids to hidden states, and for SDXL's second one to a projection of the whole prompt.

use super::{expect_finite, expect_shape, input, load, mismatch, names, only, output};
use crate::engine::port::{Input, Port, Values, Wanted};
use crate::engine::{Engine, Graph};
use crate::error::Result;
use crate::runtime::folder::ModelFolder;

/// Prefix of the outputs with the states after each layer.
const LAYER_PREFIX: &str = "hidden_states.";

/// Output with the projected state of the end token.
const PROJECTION: &str = "text_embeds";

/// Which of the encoder's outputs the pipeline wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Stable Diffusion 1.5 and 2.x: the states after the last layer.
    Last,
    /// SDXL's first encoder: those after the layer before the last.
    Penultimate,
    /// SDXL's second encoder: those, and the projection.
    PenultimateAndProjection,
}

/// What an encoder makes of one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// Sizes of `states`.
    pub tokens: usize,
    pub width: usize,
    pub states: Vec<f32>,
    /// Empty where there is no projection.
    pub projection: Vec<f32>,
}

#[derive(Debug)]
pub struct TextEncoder {
    graph: Graph,
    ids: Port,
    states: String,
    projection: Option<String>,
}

impl TextEncoder {
    pub fn load(engine: &Engine, folder: &ModelFolder, part: &str, reading: Reading) -> Result<Self> {
        let graph = load(engine, folder, part)?;
        let ids = input(&graph, "an integer input [batch, tokens]", |port| port.is_integer() && port.rank() == 2)?;
        only(&graph, 1)?;
        let states = match reading {
            Reading::Last => output(&graph, "last_hidden_state", 3)?,
            Reading::Penultimate | Reading::PenultimateAndProjection => penultimate(&graph)?,
        };
        let projection = match reading {
            Reading::PenultimateAndProjection => Some(output(&graph, PROJECTION, 2)?),
            Reading::Last | Reading::Penultimate => None,
        };
        Ok(Self { graph, ids, states, projection })
    }

    /// Tokens per prompt, where the graph fixes it.
    pub fn context_tokens(&self) -> Option<usize> {
        self.ids.fixed(1)
    }

    /// Encodes one prompt. A graph of a fixed batch is given the prompt as often as it wants it.
    pub fn encode(&mut self, ids: &[i64]) -> Result<Encoded> {
        let (batch, tokens) = (self.ids.fixed(0).unwrap_or(1), ids.len());
        let (shape, repeated) = ([batch, tokens], ids.repeat(batch));
        let input = Input { port: &self.ids, shape: &shape, values: Values::Tokens(&repeated) };
        let read: Vec<&str> =
            [Some(&self.states), self.projection.as_ref()].into_iter().flatten().map(|s| &**s).collect();
        let outputs = self.graph.run_all(&[input], &Wanted { read: &read, keep: &[] })?;
        let mut encoded = Encoded { tokens, width: 0, states: Vec::new(), projection: Vec::new() };
        for (place, mut tensor) in outputs.read.into_iter().enumerate() {
            if place == 0 {
                encoded.width = expect_shape(&self.graph, &tensor, &[batch, tokens], 3)?;
                tensor.values.truncate(tokens * encoded.width);
                encoded.states = tensor.values;
            } else {
                let width = expect_shape(&self.graph, &tensor, &[batch], 2)?;
                tensor.values.truncate(width);
                encoded.projection = tensor.values;
            }
        }
        expect_finite(&self.graph, &encoded.states, 0)?;
        expect_finite(&self.graph, &encoded.projection, 0)?;
        Ok(encoded)
    }
}

/// Output with the states after the layer before the last.
fn penultimate(graph: &Graph) -> Result<String> {
    let layer = |port: &Port| port.name.strip_prefix(LAYER_PREFIX)?.parse::<u32>().ok();
    let wanted = graph.outputs.iter().filter_map(layer).max().and_then(|last| last.checked_sub(1));
    let name = wanted.map(|layer| format!("{LAYER_PREFIX}{layer}"));
    name.filter(|name| graph.outputs.iter().any(|port| port.name == *name)).ok_or_else(|| {
        mismatch(graph, &format!("it should give {LAYER_PREFIX}0 and more, but it gives {}", names(&graph.outputs)))
    })
}
