//! A decoder graph with a cache of keys and values, in the layout that `optimum` exports.
//!
//! | input | shape | |
//! |---|---|---|
//! | `input_ids` | [1, tokens] | |
//! | `attention_mask` | [1, past + tokens] | all ones: nothing is padded |
//! | `position_ids` | [1, tokens] | where the graph takes them |
//! | `use_cache_branch` | [1] | of merged graphs: whether there is a past |
//! | `past_key_values.N.key`, `….value` | [1, heads, past, width] | |
//!
//! It gives `logits` [1, tokens, vocabulary] and `present.N.key`, `….value`, which are the past of the next run.

use crate::engine::port::{Input, Port, Size, Values, Wanted};
use crate::engine::{Engine, Graph, Kept};
use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;
use crate::runtime::only_graph;

const PAST: &str = "past_key_values.";
const PRESENT: &str = "present.";
const LOGITS: &str = "logits";

#[derive(Debug)]
pub(super) struct Decoder {
    graph: Graph,
    ids: Port,
    mask: Port,
    positions: Option<Port>,
    has_past: Option<Port>,
    /// Each with the output that becomes it.
    past: Vec<(Port, String)>,
}

/// What a text was read and written so far, as the graph remembers it.
#[derive(Debug, Default)]
pub(super) struct Memory {
    kept: Vec<Kept>,
    tokens: usize,
}

impl Decoder {
    pub(super) fn load(engine: &Engine, folder: &ModelFolder) -> Result<Self> {
        let mut graph = Graph::load(engine, &folder.graph(only_graph(folder)?)?)?;
        let mismatch = |reason: String| InferenceError::graph(graph.name(), reason);
        let named = |name: &str| graph.inputs.iter().find(|port| port.name == name).cloned();
        let needed = |name: &str| named(name).ok_or_else(|| mismatch(format!("it takes no {name}")));
        let (ids, mask) = (needed("input_ids")?, needed("attention_mask")?);
        let (positions, has_past) = (named("position_ids"), named("use_cache_branch"));
        let mut past = Vec::new();
        for port in graph.inputs.iter().filter(|port| port.name.starts_with(PAST)) {
            if port.rank() != 4 || port.fixed(1).is_none() || port.fixed(3).is_none() {
                return Err(mismatch(format!(
                    "{port} should be [batch, heads, tokens, width] with known heads and width"
                )));
            }
            let present = port.name.replacen(PAST, PRESENT, 1);
            past.push((port.clone(), present));
        }
        let known = 2 + usize::from(positions.is_some()) + usize::from(has_past.is_some()) + past.len();
        if past.is_empty() || known != graph.inputs.len() {
            let inputs: Vec<String> = graph.inputs.iter().map(Port::to_string).collect();
            return Err(mismatch(format!("a decoder takes ids, mask and a past, but it takes {}", inputs.join(", "))));
        }
        let gives = |name: &str| graph.outputs.iter().any(|port| port.name == name);
        let needed = past.iter().map(|(_, present)| present.as_str()).chain([LOGITS]);
        if let Some(missing) = needed.into_iter().find(|name| !gives(name)) {
            return Err(mismatch(format!("it gives no {missing}")));
        }
        plan(&mut graph);
        Ok(Self { ids, mask, positions, has_past, past, graph })
    }

    pub(super) fn name(&self) -> &str {
        self.graph.name()
    }

    pub(super) fn precision(&self) -> &'static str {
        self.graph.precision()
    }

    /// Reads `tokens` after what is remembered, and gives the guesses for the one that follows them.
    pub(super) fn read(&mut self, memory: &mut Memory, tokens: &[i64]) -> Result<Vec<f32>> {
        let count = tokens.len();
        let whole = memory.tokens + count;
        let (token_shape, mask_shape) = ([1, count], [1, whole]);
        let mask = vec![1_i64; whole];
        let positions: Vec<i64> = (memory.tokens..whole).map(|place| place as i64).collect();
        let branch = [i64::from(memory.tokens > 0)];
        let input = |port, shape, values| Input { port, shape, values: Values::Tokens(values) };
        let mut inputs =
            vec![input(&self.ids, token_shape.as_slice(), tokens), input(&self.mask, &mask_shape, mask.as_slice())];
        inputs.extend(self.positions.iter().map(|port| input(port, &token_shape, positions.as_slice())));
        inputs.extend(self.has_past.iter().map(|port| input(port, &[1], branch.as_slice())));
        let empty: Vec<[usize; 4]> = self
            .past
            .iter()
            .map(|(port, _)| [1, port.fixed(1).unwrap_or_default(), 0, port.fixed(3).unwrap_or_default()])
            .collect();
        for (index, (port, _)) in self.past.iter().enumerate() {
            inputs.push(match memory.kept.get(index) {
                Some(kept) => Input { port, shape: kept.shape(), values: Values::Kept(kept) },
                None => Input { port, shape: &empty[index], values: Values::Floats(&[]) },
            });
        }
        let keep: Vec<&str> = self.past.iter().map(|(_, present)| present.as_str()).collect();
        let outputs = self.graph.run_all(&inputs, &Wanted { read: &[LOGITS], keep: &keep })?;
        drop(inputs);
        let logits = outputs.read.into_iter().next();
        let last = logits.as_ref().and_then(|logits| match logits.shape[..] {
            [1, rows, width] if rows == count && width > 0 => logits.values.get((count - 1) * width..),
            _ => None,
        });
        let last = last.ok_or_else(|| {
            InferenceError::run(self.graph.name(), format!("it gave no logits [1, {count}, vocabulary]"))
        })?;
        let last = last.to_vec();
        *memory = Memory { kept: outputs.kept, tokens: whole };
        Ok(last)
    }
}

/// Has the engine plan for a prompt of any length and for one token after a past of any length. A graph that it cannot
/// plan so is planned for each length as it comes.
fn plan(graph: &mut Graph) {
    let prompt = (Size::Growing(0), Size::Growing(0), Size::Known(0));
    let next = (Size::Known(1), Size::Growing(1), Size::Growing(0));
    for (tokens, whole, past) in [prompt, next] {
        let sizes = graph.inputs.iter().map(|port| match port.name.as_str() {
            "use_cache_branch" => vec![Size::Known(1)],
            "attention_mask" => vec![Size::Known(1), whole],
            name if name.starts_with(PAST) => {
                let known = |axis| Size::Known(port.fixed(axis).unwrap_or_default());
                vec![Size::Known(1), known(1), past, known(3)]
            }
            _ => vec![Size::Known(1), tokens],
        });
        let sizes = sizes.collect();
        if let Err(error) = graph.prepare_growing(sizes) {
            tracing::warn!(%error, "each token needs a plan of its own, which is slow");
        }
    }
}
