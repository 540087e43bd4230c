//! Previews without the decoder: the colour of a latent cell is nearly linear in its latents, so a map learned from
//! pictures that were decoded anyway gives a small preview for nothing.

use super::LatentShape;
use super::picture::Rgb;
use crate::engine::port::Tensor;

/// Keeps the equations solvable where a channel is constant; small beside the unit variance of latents.
const RIDGE: f64 = 1e-3;

/// The colour of a cell: a constant and a share of each latent channel, for red, green and blue.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LatentColors {
    /// One row per channel, then the constant.
    weights: Vec<[f64; 3]>,
}

impl LatentColors {
    /// Least squares between latents and the means of their cells in the decoded picture, which is in [-1, 1].
    pub(super) fn fit(latents: &[f32], shape: LatentShape, decoded: &Tensor) -> Option<Self> {
        let cells = shape.height * shape.width;
        let [1, 3, height, width] = decoded.shape[..] else { return None };
        let cell_px = height / shape.height;
        if cell_px == 0 || width != shape.width * cell_px || latents.len() != shape.count() {
            return None;
        }
        let terms = shape.channels + 1;
        let mut square = vec![vec![0.0; terms]; terms];
        let mut right = vec![[0.0; 3]; terms];
        for cell in 0..cells {
            let row = row(latents, cells, shape.channels, cell);
            let color = mean_color(decoded, width, cell_px, (cell / shape.width, cell % shape.width));
            for (i, x) in row.iter().enumerate() {
                row.iter().zip(&mut square[i]).for_each(|(y, sum)| *sum += x * y);
                color.iter().zip(&mut right[i]).for_each(|(value, sum)| *sum += x * value);
            }
        }
        for (i, row) in square.iter_mut().enumerate() {
            row[i] += RIDGE * cells as f64;
        }
        solve(square, right).map(|weights| Self { weights })
    }

    /// One pixel per cell.
    pub(super) fn picture(&self, latents: &[f32], shape: LatentShape) -> Rgb {
        let cells = shape.height * shape.width;
        let color = |cell: usize| {
            let row = row(latents, cells, shape.channels, cell);
            [0, 1, 2].map(|color| {
                let value: f64 = row.iter().zip(&self.weights).map(|(x, weights)| x * weights[color]).sum();
                ((value * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0 + 0.5) as u8
            })
        };
        Rgb { width: shape.width, height: shape.height, bytes: (0..cells).flat_map(color).collect() }
    }
}

/// A cell's latents and 1.
fn row(latents: &[f32], cells: usize, channels: usize, cell: usize) -> Vec<f64> {
    (0..channels).map(|channel| f64::from(latents[channel * cells + cell])).chain([1.0]).collect()
}

fn mean_color(decoded: &Tensor, width: usize, cell_px: usize, (y, x): (usize, usize)) -> [f64; 3] {
    let plane = decoded.values.len() / 3;
    [0, 1, 2].map(|channel| {
        let pixels = (0..cell_px * cell_px).map(|pixel| {
            let (row, column) = (y * cell_px + pixel / cell_px, x * cell_px + pixel % cell_px);
            f64::from(decoded.values[channel * plane + row * width + column])
        });
        pixels.sum::<f64>() / (cell_px * cell_px) as f64
    })
}

/// Gauss's elimination with pivots; None where the equations have no one answer.
fn solve(mut square: Vec<Vec<f64>>, mut right: Vec<[f64; 3]>) -> Option<Vec<[f64; 3]>> {
    let size = right.len();
    for column in 0..size {
        let pivot = (column..size).max_by(|a, b| square[*a][column].abs().total_cmp(&square[*b][column].abs()))?;
        square.swap(column, pivot);
        right.swap(column, pivot);
        let (lead, color) = (square[column].clone(), right[column]);
        if !lead[column].is_normal() {
            return None;
        }
        for row in (0..size).filter(|row| *row != column) {
            let share = square[row][column] / lead[column];
            square[row].iter_mut().zip(&lead).for_each(|(value, lead)| *value -= share * lead);
            right[row].iter_mut().zip(color).for_each(|(value, color)| *value -= share * color);
        }
    }
    let weights: Vec<[f64; 3]> = (0..size).map(|i| right[i].map(|value| value / square[i][i])).collect();
    weights.iter().flatten().all(|weight| weight.is_finite()).then_some(weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::philox::gaussian;

    const SHAPE: LatentShape = LatentShape { channels: 4, height: 6, width: 5 };

    /// Each cell of 2 × 2 pixels has a colour that is linear in its latents.
    fn decoded(latents: &[f32]) -> Tensor {
        let value = |channel: usize, y: usize, x: usize| {
            let cell = y / 2 * SHAPE.width + x / 2;
            0.1 * channel as f32 + 0.2 * latents[cell] - 0.1 * latents[30 * (channel + 1) + cell]
        };
        let pixels = (0..3).flat_map(|c| (0..12).flat_map(move |y| (0..10).map(move |x| (c, y, x))));
        Tensor { shape: vec![1, 3, 12, 10], values: pixels.map(|(c, y, x)| value(c, y, x)).collect() }
    }

    #[test]
    fn a_linear_decoder_is_learned_from_one_picture() {
        let latents = gaussian(1, 0, 120);
        let colors = LatentColors::fit(&latents, SHAPE, &decoded(&latents)).unwrap();
        let other = gaussian(2, 0, 120);
        let (picture, truth) = (colors.picture(&other, SHAPE), decoded(&other));
        assert_eq!((picture.width, picture.height), (5, 6));
        for (cell, rgb) in picture.bytes.chunks_exact(3).enumerate() {
            for (channel, byte) in rgb.iter().enumerate() {
                let pixel = truth.values[channel * 120 + cell / 5 * 2 * 10 + cell % 5 * 2];
                let wanted = ((pixel * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0).round();
                assert!((f32::from(*byte) - wanted).abs() <= 1.0, "{byte} for {wanted}");
            }
        }
    }

    #[test]
    fn constant_latents_and_foreign_shapes_teach_nothing_wrong() {
        let latents = vec![0.0; 120];
        let colors = LatentColors::fit(&latents, SHAPE, &decoded(&latents)).unwrap();
        assert!(colors.picture(&gaussian(3, 0, 120), SHAPE).bytes.len() == 90);
        assert!(LatentColors::fit(&[f32::NAN; 120], SHAPE, &decoded(&[0.0; 120])).is_none());
        assert!(LatentColors::fit(&latents[..4], SHAPE, &decoded(&latents)).is_none());
        assert!(LatentColors::fit(&latents, LatentShape { width: 4, ..SHAPE }, &decoded(&latents)).is_none());
    }
}
