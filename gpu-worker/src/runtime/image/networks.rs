//! The three graphs of a pipeline. Names, element types and ranks are read from the files, since exporters differ:
//! token ids are int32 or int64, the timestep is a scalar or a vector, float or integer.

use super::layout::LatentSpace;
use super::{LatentShape, is_guided};
use crate::engine::port::{Dim, Input, Port, Tensor, Values};
use crate::engine::{Engine, Graph};
use crate::error::{Result, WorkerError};
use crate::runtime::folder::ModelFolder;

/// Encoded prompts, the negative one first where there is guidance.
#[derive(Debug, Clone)]
pub struct Prompts {
    shape: [usize; 3],
    values: Vec<f32>,
}

#[derive(Debug)]
pub struct TextEncoder {
    graph: Graph,
    ids: Port,
    output: String,
}

#[derive(Debug)]
pub struct Unet {
    graph: Graph,
    sample: Port,
    timestep: Port,
    states: Port,
    output: String,
}

#[derive(Debug)]
pub struct Decoder {
    graph: Graph,
    latents: Port,
    output: String,
}

impl TextEncoder {
    pub fn load(engine: &Engine, folder: &ModelFolder) -> Result<Self> {
        let graph = load(engine, folder, "text_encoder")?;
        let ids = input(&graph, "an integer input [batch, tokens]", |port| port.is_integer() && port.rank() == 2)?;
        only(&graph, 1)?;
        let output = output(&graph, "last_hidden_state", 3)?;
        Ok(Self { graph, ids, output })
    }

    /// Tokens per prompt, where the graph fixes it.
    pub fn context_tokens(&self) -> Option<usize> {
        self.ids.fixed(1)
    }

    pub fn encode(&mut self, negative: Option<&[i64]>, positive: &[i64]) -> Result<Prompts> {
        let ids = [negative.unwrap_or_default(), positive].concat();
        let batch = 1 + usize::from(negative.is_some());
        let fits_at_once = self.ids.fixed(0).is_none_or(|fixed| fixed == batch);
        let rows = if fits_at_once { batch } else { 1 };
        let mut values = Vec::new();
        let mut width = 0;
        for ids in ids.chunks(positive.len() * rows) {
            let shape = [rows, positive.len()];
            let input = Input { port: &self.ids, shape: &shape, values: Values::Tokens(ids) };
            let states = self.graph.run(&[input], &self.output)?;
            width = expect_shape(&self.graph, &states, &[rows, positive.len()], 3)?;
            values.extend(states.values);
        }
        Ok(Prompts { shape: [batch, positive.len(), width], values })
    }
}

impl Unet {
    pub fn load(engine: &Engine, folder: &ModelFolder, channels: usize) -> Result<Self> {
        let graph = load(engine, folder, "unet")?;
        let sample = input(&graph, "a float input [batch, channels, height, width]", |port| {
            port.is_float() && port.rank() == 4
        })?;
        let timestep = input(&graph, "a timestep of rank 0 or 1", |port| port.rank() <= 1)?;
        let states = input(&graph, "a float input [batch, tokens, width]", |port| port.is_float() && port.rank() == 3)?;
        only(&graph, 3)?;
        takes_channels(&graph, &sample, channels)?;
        let output = output(&graph, "out_sample", 4)?;
        Ok(Self { graph, sample, timestep, states, output })
    }

    pub fn name(&self) -> &str {
        self.graph.name()
    }

    pub fn fixed_size(&self) -> Option<(usize, usize)> {
        self.sample.fixed(2).zip(self.sample.fixed(3))
    }

    /// The network's answer for one picture, guided: ε = ε_u + g(ε_c − ε_u).
    pub fn predict(
        &mut self,
        latents: &[f32],
        scale: f32,
        shape: LatentShape,
        timestep: f32,
        prompts: &Prompts,
        guidance: f32,
    ) -> Result<Vec<f32>> {
        let batch = prompts.shape[0];
        let scaled: Vec<f32> = latents.iter().map(|value| value * scale).collect();
        if self.sample.fixed(0) == Some(1) && batch == 2 {
            let [tokens, width] = [prompts.shape[1], prompts.shape[2]];
            let (negative, positive) = prompts.values.split_at(tokens * width);
            let unguided = self.forward(&scaled, shape, timestep, [1, tokens, width], negative)?;
            let guided = self.forward(&scaled, shape, timestep, [1, tokens, width], positive)?;
            return Ok(guide(unguided, &guided, guidance));
        }
        let samples = scaled.repeat(batch);
        let mut answer = self.forward(&samples, shape, timestep, prompts.shape, &prompts.values)?;
        if batch == 1 || !is_guided(guidance) {
            return Ok(answer);
        }
        let guided = answer.split_off(shape.count());
        Ok(guide(answer, &guided, guidance))
    }

    fn forward(
        &mut self,
        samples: &[f32],
        shape: LatentShape,
        timestep: f32,
        states_shape: [usize; 3],
        states: &[f32],
    ) -> Result<Vec<f32>> {
        let batch = states_shape[0];
        let dims = shape.dims(batch);
        let (timestep_shape, timesteps) = self.timestep_input(timestep, batch);
        let inputs = [
            Input { port: &self.sample, shape: &dims, values: Values::Floats(samples) },
            Input { port: &self.timestep, shape: &timestep_shape, values: Values::Floats(&timesteps) },
            Input { port: &self.states, shape: &states_shape, values: Values::Floats(states) },
        ];
        let answer = self.graph.run(&inputs, &self.output)?;
        expect_shape(&self.graph, &answer, &dims, 4)?;
        Ok(answer.values)
    }

    /// Lets the engine plan for pictures of this size, with and without guidance as `batch` says.
    pub fn prepare(&mut self, shape: LatentShape, batch: usize, states: (usize, usize)) -> Result<()> {
        let batch = self.sample.fixed(0).unwrap_or(batch);
        let timestep = self.timestep_shape(batch);
        let shape_of = |port: &Port| match port.rank() {
            4 => shape.dims(batch).to_vec(),
            3 => vec![batch, states.0, states.1],
            _ => timestep.clone(),
        };
        let shapes = self.graph.inputs.iter().map(shape_of).collect();
        self.graph.prepare(shapes)
    }

    /// Tokens and width of the text states that the network takes, where it fixes them.
    pub fn states_size(&self) -> Option<(usize, usize)> {
        self.states.fixed(1).zip(self.states.fixed(2))
    }

    fn timestep_input(&self, timestep: f32, batch: usize) -> (Vec<usize>, Vec<f32>) {
        let shape = self.timestep_shape(batch);
        let count = shape.iter().product();
        (shape, vec![timestep; count])
    }

    /// A scalar, or a vector as long as the graph fixes it or as its batch where it names it so, else of one.
    fn timestep_shape(&self, batch: usize) -> Vec<usize> {
        let is_batch = |dim: &Dim| dim.is_same_free(&self.sample.dims[0]);
        let length = |dim: &Dim| dim.fixed().unwrap_or(if is_batch(dim) { batch } else { 1 });
        self.timestep.dims.iter().map(length).collect()
    }
}

impl Decoder {
    pub fn load(engine: &Engine, folder: &ModelFolder, channels: usize) -> Result<Self> {
        let graph = load(engine, folder, "vae_decoder")?;
        let latents = input(&graph, "a float input [batch, channels, height, width]", |port| {
            port.is_float() && port.rank() == 4
        })?;
        only(&graph, 1)?;
        takes_channels(&graph, &latents, channels)?;
        let output = output(&graph, "sample", 4)?;
        Ok(Self { graph, latents, output })
    }

    pub fn fixed_size(&self) -> Option<(usize, usize)> {
        self.latents.fixed(2).zip(self.latents.fixed(3))
    }

    /// Lets the engine plan for pictures of this size.
    pub fn prepare(&mut self, shape: LatentShape) -> Result<()> {
        self.graph.prepare(vec![shape.dims(1).to_vec()])
    }

    /// Pixels in [-1, 1], shaped [1, 3, height, width]. `step` appears in errors only.
    pub fn decode(&mut self, latents: &[f32], shape: LatentShape, space: &LatentSpace, step: u32) -> Result<Tensor> {
        let values: Vec<f32> = latents.iter().map(|value| value / space.scaling_factor + space.shift_factor).collect();
        let input = Input { port: &self.latents, shape: &shape.dims(1), values: Values::Floats(&values) };
        let picture = self.graph.run(&[input], &self.output)?;
        expect_shape(&self.graph, &picture, &[1, 3, shape.height * space.cell_px, shape.width * space.cell_px], 4)?;
        if !picture.values.iter().all(|value| value.is_finite()) {
            return Err(WorkerError::NotFinite { graph: self.graph.name().into(), step });
        }
        Ok(picture)
    }
}

fn guide(mut unguided: Vec<f32>, guided: &[f32], guidance: f32) -> Vec<f32> {
    for (unguided, guided) in unguided.iter_mut().zip(guided) {
        *unguided += guidance * (guided - *unguided);
    }
    unguided
}

fn load(engine: &Engine, folder: &ModelFolder, part: &str) -> Result<Graph> {
    Graph::load(engine, &folder.graph(&format!("{part}/model.onnx"))?)
}

/// The one input that `fits`.
fn input(graph: &Graph, what: &str, fits: impl Fn(&Port) -> bool) -> Result<Port> {
    let mut fitting = graph.inputs.iter().filter(|port| fits(port));
    match (fitting.next(), fitting.next()) {
        (Some(port), None) => Ok(port.clone()),
        _ => Err(mismatch(graph, &format!("it should have {what}, but it takes {}", names(&graph.inputs)))),
    }
}

/// The output called `name`, else the first of that rank.
fn output(graph: &Graph, name: &str, rank: usize) -> Result<String> {
    let fits = |port: &&Port| port.is_float() && port.rank() == rank;
    let named = graph.outputs.iter().find(|port| port.name == name);
    named.filter(fits).or_else(|| graph.outputs.iter().find(fits)).map(|port| port.name.clone()).ok_or_else(|| {
        mismatch(
            graph,
            &format!("it should give a float output of rank {rank}, but it gives {}", names(&graph.outputs)),
        )
    })
}

fn only(graph: &Graph, inputs: usize) -> Result<()> {
    if graph.inputs.len() == inputs {
        return Ok(());
    }
    Err(mismatch(graph, &format!("it should take {inputs} inputs, but it takes {}", names(&graph.inputs))))
}

fn takes_channels(graph: &Graph, port: &Port, channels: usize) -> Result<()> {
    match port.fixed(1) {
        Some(taken) if taken != channels => {
            Err(mismatch(graph, &format!("{} takes {taken} channels, but the latents have {channels}", port.name)))
        }
        _ => Ok(()),
    }
}

/// Checks rank and leading sizes of a result and returns the last size.
fn expect_shape(graph: &Graph, tensor: &Tensor, leading: &[usize], rank: usize) -> Result<usize> {
    match tensor.shape.last() {
        Some(last) if tensor.shape.len() == rank && tensor.shape.starts_with(leading) => Ok(*last),
        _ => Err(WorkerError::Run {
            graph: graph.name().into(),
            reason: format!("it gave a tensor {:?}, not {leading:?} of rank {rank}", tensor.shape),
        }),
    }
}

fn mismatch(graph: &Graph, reason: &str) -> WorkerError {
    WorkerError::Graph { graph: graph.name().into(), reason: reason.into() }
}

fn names(ports: &[Port]) -> String {
    ports.iter().map(Port::to_string).collect::<Vec<_>>().join(", ")
}
