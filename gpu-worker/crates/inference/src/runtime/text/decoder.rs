//! A decoder graph with a cache of keys and values, in the layout that `optimum` exports.
//!
//! | input | shape | |
//! |---|---|---|
//! | `input_ids` | [1, tokens] | |
//! | `attention_mask` | [1, past + tokens] | all ones: nothing is padded |
//! | `position_ids` | [1, tokens] | where the graph takes them |
//! | `use_cache_branch` | [1] | of merged graphs: whether there is a past |
//! | `num_logits_to_keep`, `logits_to_keep` | scalar or [1] | where the graph takes it: only the last guesses are wanted |
//! | `past_key_values.N.key`, `….value` | [1, heads, past, width] | |
//!
//! It gives `logits` [1, tokens or 1, vocabulary] and `present.N.key`, `….value`, which are the past of the next run.

use crate::engine::port::{Input, Port, Size, Values, Wanted};
use crate::engine::{Engine, Graph, Kept};
use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;
use crate::runtime::only_graph;

const PAST: &str = "past_key_values.";
const PRESENT: &str = "present.";
const LOGITS: &str = "logits";

/// How many of the last tokens get guesses, in the words of older and newer exporters.
const LOGITS_TO_KEEP: [&str; 2] = ["num_logits_to_keep", "logits_to_keep"];

/// Only the guesses for the next token are read.
const LOGITS_KEPT: i64 = 1;

/// What a decoder may take beside its past.
const KNOWN: [&str; 6] =
    ["input_ids", "attention_mask", "position_ids", "use_cache_branch", LOGITS_TO_KEEP[0], LOGITS_TO_KEEP[1]];

#[derive(Debug)]
pub(super) struct Decoder {
    graph: Graph,
    ids: Port,
    mask: Port,
    positions: Option<Port>,
    has_past: Option<Port>,
    logits_to_keep: Vec<Port>,
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
        let logits_to_keep: Vec<Port> = LOGITS_TO_KEEP.into_iter().filter_map(named).collect();
        if let Some(port) = logits_to_keep.iter().find(|port| !is_one_number(port)) {
            return Err(mismatch(format!("{port} should be one whole number")));
        }
        let is_known = |port: &&Port| KNOWN.contains(&port.name.as_str()) || port.name.starts_with(PAST);
        if let Some(foreign) = graph.inputs.iter().find(|port| !is_known(port)) {
            return Err(mismatch(format!("a decoder takes {} and a past, not {foreign}", KNOWN.join(", "))));
        }
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
        if past.is_empty() {
            return Err(mismatch(format!("a decoder takes a past, {PAST}0.key and so on, but it takes none")));
        }
        let gives = |name: &str| graph.outputs.iter().any(|port| port.name == name);
        let needed = past.iter().map(|(_, present)| present.as_str()).chain([LOGITS]);
        if let Some(missing) = needed.into_iter().find(|name| !gives(name)) {
            return Err(mismatch(format!("it gives no {missing}")));
        }
        logits_to_keep.iter().for_each(|port| graph.settle(&port.name, LOGITS_KEPT));
        plan(&mut graph);
        Ok(Self { ids, mask, positions, has_past, logits_to_keep, past, graph })
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
        let one = [1; 1];
        inputs.extend(self.logits_to_keep.iter().map(|port| input(port, &one[..port.rank()], &[LOGITS_KEPT])));
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
            [1, rows, width] if (rows == count || rows == 1) && width > 0 => logits.values.get((rows - 1) * width..),
            _ => None,
        });
        let last = last.ok_or_else(|| {
            InferenceError::run(self.graph.name(), format!("it gave no logits [1, {count} or 1, vocabulary]"))
        })?;
        let last = last.to_vec();
        *memory = Memory { kept: outputs.kept, tokens: whole };
        Ok(last)
    }
}

fn is_one_number(port: &Port) -> bool {
    port.is_integer() && matches!((port.rank(), port.fixed(0)), (0, _) | (1, None | Some(1)))
}

/// Has the engine plan for a prompt of any length and for one token after a past of any length. A graph that it cannot
/// plan so is planned for each length as it comes.
fn plan(graph: &mut Graph) {
    let prompt = (Size::Growing(0), Size::Growing(0), Size::Known(0));
    let next = (Size::Known(1), Size::Growing(1), Size::Growing(0));
    for (tokens, whole, past) in [prompt, next] {
        let sizes = graph.inputs.iter().map(|port| match port.name.as_str() {
            "use_cache_branch" => vec![Size::Known(1)],
            name if LOGITS_TO_KEEP.contains(&name) => vec![Size::Known(1); port.rank()],
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
