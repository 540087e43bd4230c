//! Throughput of fused multiply-adds in the shader units. Matrix units (tensor cores) are not reached this way.

use shared::hardware::Rate;
use wgpu::BufferUsages;

use super::device::{Dispatch, Gpu, WORKGROUP, numbers};
use crate::measure::measure;

const SHADER: &str = include_str!("arithmetic.wgsl");

/// Enough for several waves on any card.
const INVOCATIONS: u32 = 1 << 20;

/// Per invocation and iteration: eight multiply-adds on vectors of four, two operations each.
const OPERATIONS: u64 = 8 * 4 * 2;

/// Invocations that start differently; from there on they repeat.
const STARTS: u32 = 16;

#[derive(Debug, Clone, Copy)]
pub(super) enum Precision {
    Single,
    Half,
}

pub(super) fn throughput(gpu: &Gpu, precision: Precision) -> Result<Rate, String> {
    let types = match precision {
        Precision::Single => "alias Scalar = f32;\n",
        Precision::Half => "enable f16;\nalias Scalar = f16;\n",
    };
    let pipeline = gpu.pipeline(&format!("{types}{SHADER}"), "main");
    let parameters = gpu.buffer(8, BufferUsages::UNIFORM | BufferUsages::COPY_DST);
    let bytes = u64::from(INVOCATIONS) * 4;
    let results = gpu.buffer(bytes, BufferUsages::STORAGE | BufferUsages::COPY_SRC);
    let bindings = gpu.bind(&pipeline, &[(0, &parameters), (1, &results)]);
    let series = measure(|iterations| {
        gpu.write(&parameters, &[iterations.to_le_bytes(), 1.0_f32.to_le_bytes()].concat());
        let dispatch = Dispatch { pipeline: &pipeline, bindings: &bindings, workgroups: INVOCATIONS / WORKGROUP };
        let lap = gpu.run([dispatch].into_iter())?;
        check(&gpu.read(&results, bytes)?, iterations)?;
        Ok(lap)
    })?;
    Ok(series.rate_in_millions(OPERATIONS * u64::from(INVOCATIONS)))
}

fn check(results: &[u8], iterations: u32) -> Result<(), String> {
    let starts: Vec<f32> = (0..STARTS).map(|invocation| expected(invocation, iterations)).collect();
    for ((invocation, bits), want) in (0_u32..).zip(numbers(results)).zip(starts.into_iter().cycle()) {
        let got = f32::from_bits(bits);
        if got != want {
            return Err(format!("invocation {invocation} gave {got} after {iterations} iterations, not {want}"));
        }
    }
    Ok(())
}

/// What the shader's chains hold in the end, weighed as it weighs them.
fn expected(invocation: u32, iterations: u32) -> f32 {
    let digit = |number: u32| (number % 4) as f32;
    let mut sum = 0.0;
    for (lane, weight) in [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)] {
        for chain in [0.0, 1.0, 2.0, 3.0] {
            let mut x = digit(invocation) + lane + chain;
            let mut y = digit(invocation / 4);
            for _ in 0..iterations % 3 {
                (x, y) = (y - x, -x);
            }
            sum += weight * (x - y);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_of_the_chains_has_its_own_result() {
        let phases = [0, 1, 2].map(|iterations| expected(6, iterations));
        assert!(phases[0] != phases[1] && phases[1] != phases[2] && phases[0] != phases[2], "{phases:?}");
        assert_eq!(expected(6, 3), phases[0]);
        // By hand: x is 2 + lane + chain, y is 1.
        let by_hand: f32 = (0..16).map(|at| ((at / 4 + 1) * (2 + at / 4 + at % 4 - 1)) as f32).sum();
        assert_eq!(phases[0], by_hand);
    }

    #[test]
    fn one_wrong_number_is_named() {
        let results: Vec<u8> = (0..64).flat_map(|invocation| expected(invocation, 5).to_le_bytes()).collect();
        check(&results, 5).unwrap();
        assert!(check(&results, 6).unwrap_err().contains("after 6 iterations"));
        let mut wrong = results;
        wrong[4 * 63 + 2] ^= 1;
        assert!(check(&wrong, 5).unwrap_err().starts_with("invocation 63 "));
    }
}
