//! The denoising network, with the inputs that SDXL and LCM add to those of Stable Diffusion 1.5.

use std::time::{Duration, Instant};

use super::text_encoder::Encoded;
use super::{expect_shape, grid, input, load, mismatch, names, output, takes_channels};
use crate::engine::port::{Dim, Input, Port, Values};
use crate::engine::{Engine, Graph};
use crate::error::Result;
use crate::runtime::folder::ModelFolder;
use crate::runtime::image::LatentShape;

/// Sizes that SDXL is told: original height and width, top and left of the crop, target height and width.
const TIME_IDS: usize = 6;

/// Width of the embedded guidance scale where the graph does not fix it; that of every LCM that diffusers trains.
const GUIDANCE_EMBEDDING_WIDTH: usize = 256;

#[derive(Debug)]
pub struct Unet {
    graph: Graph,
    sample: Port,
    timestep: Port,
    states: Port,
    added: Vec<(Port, Added)>,
    output: String,
    /// What the last call was given; kept, so that a step allocates no more of it.
    samples: Vec<f32>,
    texts: Vec<f32>,
    network_time: Duration,
}

/// An input of rank 2 that only some networks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    /// SDXL's `text_embeds`.
    Projection,
    /// SDXL's `time_ids`.
    Sizes,
    /// LCM's `timestep_cond`.
    Guidance,
}

/// One picture at one step.
#[derive(Debug, Clone, Copy)]
pub struct Guided<'a> {
    pub latents: &'a [f32],
    /// None where the picture is drawn unguided.
    pub negative: Option<&'a Encoded>,
    pub positive: &'a Encoded,
    pub guidance: f32,
}

/// What all pictures of one call share.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub shape: LatentShape,
    /// Height and width of the picture.
    pub size_px: (usize, usize),
    pub timestep: f32,
    /// Factor on the latents before the network sees them.
    pub input_scale: f32,
}

/// One sample of a network call.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    latents: &'a [f32],
    text: &'a Encoded,
    guidance: f32,
}

impl<'a> Row<'a> {
    fn of(picture: &Guided<'a>, text: &'a Encoded) -> Self {
        Self { latents: picture.latents, text, guidance: picture.guidance }
    }
}

impl Unet {
    pub fn load(engine: &Engine, folder: &ModelFolder, channels: usize) -> Result<Self> {
        let graph = load(engine, folder, "unet")?;
        let sample = grid(&graph)?;
        let timestep = input(&graph, "a timestep of rank 0 or 1", |port| port.rank() <= 1)?;
        let states = input(&graph, "a float input [batch, tokens, width]", |port| port.is_float() && port.rank() == 3)?;
        let added = added(&graph)?;
        if added.len() + 3 != graph.inputs.len() {
            return Err(mismatch(&graph, &format!("it takes inputs beyond those known: {}", names(&graph.inputs))));
        }
        takes_channels(&graph, &sample, channels)?;
        let output = output(&graph, "out_sample", 4)?;
        let (samples, texts, network_time) = (Vec::new(), Vec::new(), Duration::ZERO);
        Ok(Self { graph, sample, timestep, states, added, output, samples, texts, network_time })
    }

    pub fn name(&self) -> &str {
        self.graph.name()
    }

    /// Time that the engine took for this network's calls since it was loaded.
    pub fn network_time(&self) -> Duration {
        self.network_time
    }

    /// See [`Graph::precision`].
    pub fn precision(&self) -> &'static str {
        self.graph.precision()
    }

    pub fn fixed_size(&self) -> Option<(usize, usize)> {
        self.sample.fixed(2).zip(self.sample.fixed(3))
    }

    /// Samples of one call, where the graph fixes them.
    pub fn fixed_batch(&self) -> Option<usize> {
        self.sample.fixed(0)
    }

    /// LCM: the guidance scale is an input, so nothing is drawn without the prompt.
    pub fn embeds_guidance(&self) -> bool {
        self.takes(Added::Guidance)
    }

    /// SDXL: it wants the second text encoder's projection.
    pub fn wants_projection(&self) -> bool {
        self.takes(Added::Projection)
    }

    fn takes(&self, wanted: Added) -> bool {
        self.added.iter().any(|(_, added)| *added == wanted)
    }

    /// Answers for pictures of one shape at one step, guided: ε = ε_u + g(ε_c − ε_u).
    ///
    /// The samples of one call are the unguided halves of all pictures, then the guided ones. A graph of a fixed batch
    /// is called as often as that takes, its last call filled up by repetition.
    pub fn predict(&mut self, pictures: &[Guided<'_>], step: Step) -> Result<Vec<Vec<f32>>> {
        let unguided = pictures.iter().filter_map(|picture| Some(Row::of(picture, picture.negative?)));
        let guided = pictures.iter().map(|picture| Row::of(picture, picture.positive));
        let rows: Vec<Row<'_>> = unguided.chain(guided).collect();
        let batch = self.fixed_batch().unwrap_or(rows.len()).max(1);
        let cells = step.shape.count();
        let mut answers = Vec::new();
        for chunk in rows.chunks(batch) {
            let mut filled = chunk.to_vec();
            if let (Some(batch), Some(last)) = (self.fixed_batch(), chunk.last()) {
                filled.resize(batch, *last);
            }
            let mut answer = self.forward(&filled, step)?;
            answer.truncate(chunk.len() * cells);
            if answers.is_empty() {
                answers = answer;
            } else {
                answers.append(&mut answer);
            }
        }
        let (unguided, conditional) = answers.split_at(answers.len() - pictures.len() * cells);
        let mut unguided = unguided.chunks_exact(cells);
        let prediction = |(picture, conditional): (&Guided<'_>, &[f32])| match picture.negative {
            Some(_) => guide(unguided.next().unwrap_or_default(), conditional, picture.guidance),
            None => conditional.to_vec(),
        };
        Ok(pictures.iter().zip(conditional.chunks_exact(cells)).map(prediction).collect())
    }

    /// One network call: the answers of all rows, one after the other.
    fn forward(&mut self, rows: &[Row<'_>], step: Step) -> Result<Vec<f32>> {
        let (batch, Some(first)) = (rows.len(), rows.first()) else { return Ok(Vec::new()) };
        self.check_text(first.text)?;
        let dims = step.shape.dims(batch);
        self.samples.clear();
        self.texts.clear();
        for row in rows {
            self.samples.extend(row.latents.iter().map(|value| value * step.input_scale));
            self.texts.extend_from_slice(&row.text.states);
        }
        let states_shape = [batch, first.text.tokens, first.text.width];
        let (timestep_shape, timesteps) = self.timestep_input(step.timestep, batch);
        let added: Vec<(&Port, [usize; 2], Vec<f32>)> = self
            .added
            .iter()
            .map(|(port, added)| {
                let values: Vec<f32> = rows.iter().flat_map(|row| added.values(port, row, step.size_px)).collect();
                (port, [batch, values.len() / batch], values)
            })
            .collect();
        let mut inputs = vec![
            Input { port: &self.sample, shape: &dims, values: Values::Floats(&self.samples) },
            Input { port: &self.timestep, shape: &timestep_shape, values: Values::Floats(&timesteps) },
            Input { port: &self.states, shape: &states_shape, values: Values::Floats(&self.texts) },
        ];
        inputs.extend(added.iter().map(|(port, shape, values)| Input { port, shape, values: Values::Floats(values) }));
        let began = Instant::now();
        let answer = self.graph.run(&inputs, &self.output);
        self.network_time += began.elapsed();
        let answer = answer?;
        expect_shape(&self.graph, &answer, &dims, 4)?;
        Ok(answer.values)
    }

    /// The text encoder's states fit, as far as the graph says which it takes.
    fn check_text(&self, text: &Encoded) -> Result<()> {
        let fits = |axis: usize, size: usize| self.states.fixed(axis).is_none_or(|fixed| fixed == size);
        if fits(1, text.tokens) && fits(2, text.width) {
            return Ok(());
        }
        let given = format!("{} tokens of width {}", text.tokens, text.width);
        Err(mismatch(&self.graph, &format!("it takes {}, but the text encoder gives {given}", self.states)))
    }

    /// Lets the engine plan for guided pictures of this size. Networks whose text states have no fixed size, or that
    /// take added inputs, are planned at their first call.
    pub fn prepare(&mut self, shape: LatentShape, batch: usize) -> Result<()> {
        let Some((tokens, width)) = self.states.fixed(1).zip(self.states.fixed(2)) else { return Ok(()) };
        if !self.added.is_empty() {
            return Ok(());
        }
        let batch = self.fixed_batch().unwrap_or(batch);
        let timestep = self.timestep_shape(batch);
        let shape_of = |port: &Port| match port.rank() {
            4 => shape.dims(batch).to_vec(),
            3 => vec![batch, tokens, width],
            _ => timestep.clone(),
        };
        let shapes = self.graph.inputs.iter().map(shape_of).collect();
        self.graph.prepare(shapes)
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

impl Added {
    fn values(self, port: &Port, row: &Row<'_>, (height, width): (usize, usize)) -> Vec<f32> {
        match self {
            Self::Projection => row.text.projection.clone(),
            Self::Sizes => [height, width, 0, 0, height, width].map(|size| size as f32).to_vec(),
            Self::Guidance => guidance_embedding(row.guidance, port.fixed(1).unwrap_or(GUIDANCE_EMBEDDING_WIDTH)),
        }
    }
}

/// The inputs of rank 2, by name.
fn added(graph: &Graph) -> Result<Vec<(Port, Added)>> {
    let kind = |port: &Port| match port.name.as_str() {
        "text_embeds" => Ok(Added::Projection),
        "time_ids" if port.fixed(1).is_none_or(|ids| ids == TIME_IDS) => Ok(Added::Sizes),
        "timestep_cond" => Ok(Added::Guidance),
        _ => Err(mismatch(graph, &format!("it takes {port}, which no pipeline here gives"))),
    };
    graph.inputs.iter().filter(|port| port.rank() == 2).map(|port| Ok((port.clone(), kind(port)?))).collect()
}

/// Sines and cosines of 1000(g − 1), as diffusers' `get_guidance_scale_embedding` has them: in single precision, whose
/// rounding of these large angles is part of what the network was trained on.
fn guidance_embedding(guidance: f32, width: usize) -> Vec<f32> {
    let half = width / 2;
    let position = (guidance - 1.0) * 1000.0;
    let decay = -(libm::log(10_000.0) / (half.max(2) - 1) as f64) as f32;
    let angle = |index: usize| f64::from(libm::exp(f64::from(index as f32 * decay)) as f32 * position);
    let sines = (0..half).map(|index| libm::sin(angle(index)) as f32);
    let cosines = (0..half).map(|index| libm::cos(angle(index)) as f32);
    let mut embedding: Vec<f32> = sines.chain(cosines).collect();
    embedding.resize(width, 0.0);
    embedding
}

fn guide(unguided: &[f32], conditional: &[f32], guidance: f32) -> Vec<f32> {
    let guided = |(unguided, conditional): (&f32, &f32)| unguided + guidance * (conditional - unguided);
    unguided.iter().zip(conditional).map(guided).collect()
}
