//! Between pixels and latents.

use super::{expect_finite, expect_shape, grid, load, misshapen, only, output, takes_channels};
use crate::engine::port::{Input, Port, Tensor, Values};
use crate::engine::{Engine, Graph};
use crate::error::Result;
use crate::runtime::folder::ModelFolder;
use crate::runtime::image::LatentShape;
use crate::runtime::image::latent_space::LatentSpace;

#[derive(Debug)]
pub struct Decoder {
    graph: Graph,
    latents: Port,
    output: String,
}

#[derive(Debug)]
pub struct Encoder {
    graph: Graph,
    picture: Port,
    output: String,
}

impl Decoder {
    pub fn load(engine: &Engine, folder: &ModelFolder, channels: usize) -> Result<Self> {
        let graph = load(engine, folder, "vae_decoder")?;
        let latents = grid(&graph)?;
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
        let values = space.decoder_values(latents);
        let input = Input { port: &self.latents, shape: &shape.dims(1), values: Values::Floats(&values) };
        let picture = self.graph.run(&[input], &self.output)?;
        expect_shape(&self.graph, &picture, &[1, 3, shape.height * space.cell_px, shape.width * space.cell_px], 4)?;
        expect_finite(&self.graph, &picture.values, step)?;
        Ok(picture)
    }
}

impl Encoder {
    pub fn load(engine: &Engine, folder: &ModelFolder) -> Result<Self> {
        let graph = load(engine, folder, "vae_encoder")?;
        let picture = grid(&graph)?;
        only(&graph, 1)?;
        takes_channels(&graph, &picture, 3)?;
        let output = output(&graph, "latent_parameters", 4)?;
        Ok(Self { graph, picture, output })
    }

    /// Height and width in pixels that it takes, where the graph fixes them.
    pub fn fixed_size_px(&self) -> Option<(usize, usize)> {
        self.picture.fixed(2).zip(self.picture.fixed(3))
    }

    /// Clean latents of a picture in [-1, 1]: the mean of the encoder's distribution, in the UNet's scale.
    ///
    /// optimum's graphs give mean and log variance, the diffusers script's give latents.
    pub fn encode(&mut self, picture: &Tensor, shape: LatentShape, space: &LatentSpace) -> Result<Vec<f32>> {
        let input = Input { port: &self.picture, shape: &picture.shape, values: Values::Floats(&picture.values) };
        let mut encoded = self.graph.run(&[input], &self.output)?;
        let is_latents = encoded.shape == shape.dims(1);
        let is_distribution = encoded.shape == LatentShape { channels: 2 * shape.channels, ..shape }.dims(1);
        if !is_latents && !is_distribution {
            return Err(misshapen(&self.graph, &encoded, &format!("latents {:?}", shape.dims(1))));
        }
        encoded.values.truncate(shape.count());
        expect_finite(&self.graph, &encoded.values, 0)?;
        Ok(space.encoded_latents(&encoded.values))
    }
}
