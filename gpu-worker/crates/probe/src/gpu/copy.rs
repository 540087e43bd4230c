//! Bandwidth of the adapter's memory: copies over buffers far larger than any cache.

use shared::hardware::Rate;
use wgpu::BufferUsages;

use super::device::{Dispatch, Gpu, WORKGROUP, numbers};
use crate::measure::measure;

const SHADER: &str = include_str!("copy.wgsl");

/// Bytes of one buffer, the most that every adapter binds; a software adapter shares the processor's memory.
const BUFFER_BYTES: u64 = 128 << 20;
const SOFTWARE_BUFFER_BYTES: u64 = 32 << 20;

/// Pairs of buffers that are copied in turn, so that a cache of half a gigabyte would be needed to help.
const PAIRS: usize = 2;

/// Bytes that one workgroup copies: four numbers of four bytes per invocation.
const WORKGROUP_BYTES: u64 = 16 * WORKGROUP as u64;

/// Bytes that are read back and checked after each lap.
const CHECKED_BYTES: u64 = 1 << 20;

/// As the shader multiplies, so that neighbours have nothing in common.
const PATTERN: u32 = 2_654_435_761;

struct Pair {
    buffers: [wgpu::Buffer; 2],
    /// From the first to the second, and back.
    ways: [wgpu::BindGroup; 2],
}

pub(super) fn throughput(gpu: &Gpu, is_software: bool) -> Result<Rate, String> {
    let bytes = if is_software { SOFTWARE_BUFFER_BYTES } else { BUFFER_BYTES };
    let workgroups = u32::try_from(bytes / WORKGROUP_BYTES).map_err(|error| error.to_string())?;
    let pipeline = gpu.pipeline(SHADER, "main");
    let pairs: Vec<Pair> = (0..PAIRS).map(|_| Pair::new(gpu, &pipeline, bytes)).collect();
    fill(gpu, &pairs, workgroups)?;
    let mut copies = 0_u32;
    let series = measure(|iterations| {
        let first = copies;
        copies = copies.wrapping_add(iterations);
        let dispatches = (first..first.wrapping_add(iterations)).flat_map(|number| {
            let way = (number % 2) as usize;
            pairs.iter().map(move |pair| (&pair.ways[way], workgroups))
        });
        let lap =
            gpu.run(dispatches.map(|(bindings, workgroups)| Dispatch { pipeline: &pipeline, bindings, workgroups }))?;
        for pair in &pairs {
            check(&gpu.read(&pair.buffers[(copies % 2) as usize], CHECKED_BYTES)?, copies)?;
        }
        Ok(lap)
    })?;
    Ok(series.rate_in_millions(2 * bytes * PAIRS as u64))
}

fn fill(gpu: &Gpu, pairs: &[Pair], workgroups: u32) -> Result<(), String> {
    let pipeline = gpu.pipeline(SHADER, "fill");
    let bindings: Vec<_> = pairs.iter().map(|pair| gpu.bind(&pipeline, &[(1, &pair.buffers[0])])).collect();
    let dispatches = bindings.iter().map(|bindings| Dispatch { pipeline: &pipeline, bindings, workgroups });
    gpu.run(dispatches).map(drop)
}

impl Pair {
    fn new(gpu: &Gpu, pipeline: &wgpu::ComputePipeline, bytes: u64) -> Self {
        let buffers = [(); 2].map(|()| gpu.buffer(bytes, BufferUsages::STORAGE | BufferUsages::COPY_SRC));
        let way = |from: usize, to: usize| gpu.bind(pipeline, &[(0, &buffers[from]), (1, &buffers[to])]);
        let ways = [way(0, 1), way(1, 0)];
        Self { buffers, ways }
    }
}

/// Each copy is one higher than what it was made from.
fn check(bytes: &[u8], copies: u32) -> Result<(), String> {
    for (index, got) in (0_u32..).zip(numbers(bytes)) {
        let want = index.wrapping_mul(PATTERN).wrapping_add(copies);
        if got != want {
            return Err(format!("number {index} of copy {copies} is {got}, not {want}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_too_few_and_a_changed_number_are_noticed() {
        let bytes: Vec<u8> =
            (0..64_u32).flat_map(|index| (index.wrapping_mul(PATTERN).wrapping_add(9)).to_le_bytes()).collect();
        check(&bytes, 9).unwrap();
        assert!(check(&bytes, 10).is_err());
        let mut changed = bytes;
        changed[200] ^= 1;
        assert!(check(&changed, 9).unwrap_err().starts_with("number 50 of copy 9"));
    }
}
