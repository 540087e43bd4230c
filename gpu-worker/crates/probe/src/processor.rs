//! The processor's own throughput: matrix products on the embedded engine's kernels, and copies in main memory, on as
//! many threads as the engine uses.

use std::sync::Arc;
use std::time::Instant;

use shared::device::{Device, DeviceKind, NAME_MAX_CHARS};
use shared::hardware::MeasuredDevice;
use tract_onnx::prelude::{
    Datum, DatumExt, IntoRunnable, SpecialOps, TValue, Tensor, TractResult, TypedFact, TypedModel, TypedOp,
};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::plan::SimplePlan;

use super::measure::{Lap, measure};
use crate::facts::{memory_bytes, processor_name};

/// Rows, columns and depth of the product: three matrices of this size fit a core's own cache.
const SIDE: usize = 256;

/// Read and written per thread and copy. All threads together leave any cache far behind.
const COPY_BYTES: usize = 128 << 20;

/// What stands in the copied words but the first.
const PATTERN: u64 = 0x5bd1_e995_9e37_79b9;

type Product = Arc<SimplePlan<TypedFact, Box<dyn TypedOp>>>;

/// How the engine uses the processor.
#[derive(Debug, Clone, Copy)]
pub struct Processor {
    pub threads: usize,
    /// The vector instructions that its kernels use.
    pub instruction_set: &'static str,
}

/// Measures the processor on as many threads as the engine uses.
pub fn measure_processor(processor: Processor) -> MeasuredDevice {
    let threads = processor.threads.max(1);
    let mut notes = Vec::new();
    let mut noted = |what: &str, outcome: Result<_, String>| match outcome {
        Ok(rate) => Some(rate),
        Err(reason) => {
            notes.push(format!("{what} was not measured: {reason}"));
            None
        }
    };
    let fp32 = noted("single precision", products(threads));
    let copy = noted("copying", copies(threads));
    let name = processor_name().chars().take(NAME_MAX_CHARS).collect();
    let cores = u32::try_from(threads).ok();
    let device = Device { kind: DeviceKind::Cpu, name, cores, memory_bytes: memory_bytes() };
    MeasuredDevice {
        driver: Some(processor.instruction_set.into()),
        fp32_mflop_per_second: fp32,
        copy_mb_per_second: copy,
        notes,
        ..MeasuredDevice::unmeasured(device, "host")
    }
}

fn products(threads: usize) -> Result<shared::hardware::Rate, String> {
    let product = product().map_err(|error| format!("{error:#}"))?;
    let series = measure(|iterations| {
        let began = Instant::now();
        let outcomes = std::thread::scope(|scope| {
            let chains: Vec<_> = (0..threads).map(|_| scope.spawn(|| multiply(&product, iterations))).collect();
            chains.into_iter().map(|chain| chain.join().map_err(|_| "a thread ended".to_owned())).collect::<Vec<_>>()
        });
        let wall = began.elapsed();
        for outcome in outcomes {
            check_product(&outcome?.map_err(|error| format!("{error:#}"))?, iterations)?;
        }
        Ok(Lap { wall, device: None })
    })?;
    let operations = 2 * SIDE * SIDE * SIDE * threads;
    Ok(series.rate_in_millions(operations as u64))
}

/// `A ↦ A·B` for a dense `B` that moves each row of `A` one column on and takes 2/n of the row's sum from every entry.
/// With small integers in `A` each partial sum is exact in f32, in whatever order a kernel adds.
fn product() -> TractResult<Product> {
    let even = 2.0 / SIDE as f32;
    let entry = |row: usize, column: usize| f32::from(column == (row + 1) % SIDE) - even;
    let factor: Vec<f32> = (0..SIDE * SIDE).map(|index| entry(index / SIDE, index % SIDE)).collect();
    let mut model = TypedModel::default();
    let left = model.add_source("left", f32::fact([SIDE, SIDE]))?;
    let right = model.add_const("right", Tensor::from_shape(&[SIDE, SIDE], &factor)?)?;
    let einsum = EinSum::new("mk,kn->mn".parse()?, f32::datum_type());
    let output = model.wire_node("product", einsum, &[left, right])?;
    model.select_output_outlets(&output)?;
    model.into_optimized()?.into_runnable()
}

/// What the first matrix has at an index.
fn start(index: usize) -> i32 {
    (index * 7 % 4) as i32
}

/// Multiplies over and over, each product from the one before, and gives the last.
fn multiply(product: &Product, iterations: u32) -> TractResult<Vec<f32>> {
    let values: Vec<f32> = (0..SIDE * SIDE).map(|index| start(index) as f32).collect();
    let mut value: TValue = Tensor::from_shape(&[SIDE, SIDE], &values)?.into();
    for _ in 0..iterations {
        value = product.run([value].into_iter().collect())?.swap_remove(0);
    }
    Ok(value.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}

/// A row's sum changes its sign with each product, so after an odd number of them its entries are lower by 2/n of the
/// sum, and after an even number they are only moved.
fn check_product(values: &[f32], iterations: u32) -> Result<(), String> {
    let shift = iterations as usize % SIDE;
    for (row, got) in values.chunks(SIDE).enumerate() {
        let sum: i32 = (0..SIDE).map(|column| start(row * SIDE + column)).sum();
        let lower = if iterations % 2 == 1 { 2.0 * sum as f32 / SIDE as f32 } else { 0.0 };
        for (column, got) in got.iter().enumerate() {
            let want = start(row * SIDE + (column + SIDE - shift) % SIDE) as f32 - lower;
            if *got != want {
                return Err(format!("product {iterations} has {got} where {want} is right"));
            }
        }
    }
    Ok(())
}

fn copies(threads: usize) -> Result<shared::hardware::Rate, String> {
    let words = COPY_BYTES / threads.max(1) / size_of::<u64>();
    let mut buffers: Vec<[Vec<u64>; 2]> = (0..threads).map(|_| [vec![PATTERN; words], vec![0; words]]).collect();
    let mut total = 0;
    let series = measure(|iterations| {
        let began = Instant::now();
        std::thread::scope(|scope| {
            for pair in &mut buffers {
                scope.spawn(|| copy(pair, iterations));
            }
        });
        let wall = began.elapsed();
        total += u64::from(iterations);
        buffers.iter().try_for_each(|[latest, _]| check_copy(latest, total))?;
        Ok(Lap { wall, device: None })
    })?;
    let bytes = 2 * words * size_of::<u64>() * threads;
    Ok(series.rate_in_millions(bytes as u64))
}

/// Copies back and forth. The first word counts the copies. The newest copy is the first of the pair.
fn copy(pair: &mut [Vec<u64>; 2], iterations: u32) {
    for _ in 0..iterations {
        let [latest, other] = pair;
        latest[0] = latest[0].wrapping_add(1);
        other.copy_from_slice(latest);
        pair.swap(0, 1);
    }
}

fn check_copy(latest: &[u64], copies: u64) -> Result<(), String> {
    let counted = latest.first().map(|first| first.wrapping_sub(PATTERN));
    let is_whole = latest.iter().skip(1).step_by(4096).chain(latest.last()).all(|word| *word == PATTERN);
    if counted == Some(copies) && is_whole { Ok(()) } else { Err(format!("copy {copies} is not what was copied")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact_and_a_missing_one_is_noticed() {
        let product = product().unwrap();
        for iterations in [1, 2, 3, 260] {
            let values = multiply(&product, iterations).unwrap();
            check_product(&values, iterations).unwrap();
            assert!(check_product(&values, iterations + 1).is_err());
            let mut changed = values;
            changed[SIDE + 3] += 1.0;
            assert!(check_product(&changed, iterations).is_err());
        }
    }

    #[test]
    fn a_copy_that_did_not_happen_is_noticed() {
        let mut pair = [vec![PATTERN; 10_000], vec![0; 10_000]];
        copy(&mut pair, 3);
        check_copy(&pair[0], 3).unwrap();
        assert!(check_copy(&[PATTERN; 10_000], 3).is_err());
        assert!(check_copy(&pair[0], 4).is_err());
        pair[0][9_999] = 0;
        assert!(check_copy(&pair[0], 3).is_err());
    }

    #[test]
    fn this_processor_is_measured() {
        let measured = measure_processor(Processor { threads: 2, instruction_set: "any" });
        assert_eq!(measured.notes, Vec::<String>::new());
        for rate in [measured.fp32_mflop_per_second, measured.copy_mb_per_second] {
            let rate = rate.unwrap();
            assert!(rate.min > 0 && rate.samples == super::super::measure::LAPS, "{rate:?}");
        }
    }
}
