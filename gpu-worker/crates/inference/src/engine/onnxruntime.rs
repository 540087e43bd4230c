//! Graphs on ONNX Runtime's library, through `ort`.

mod recorded;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

use ort::environment::{Environment, GlobalThreadPoolOptions};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{OutputSelector, RunOptions, Session};

use self::recorded::{RECORDED_MAX, Recorded, can_be_recorded, unrecorded};
use self::values::{keep, port, read, value};
use super::graph_file::GraphFile;
use super::port::{Input, Outputs, Port, Wanted};
use super::provider::ProviderOptions;

/// Lets a graph in memory find its weights in the folder beside it.
const EXTERNAL_FOLDER_KEY: &str = "session.model_external_initializers_file_folder_path";

/// Gives memory that a run no longer needs back to the system or the device.
const SHRINK_KEY: &str = "memory.enable_memory_arena_shrinkage";

/// The loaded library with what all sessions share.
#[derive(Debug, Clone)]
pub(crate) struct OrtRuntime {
    pub(super) environment: Environment,
    pub(super) provider: ProviderOptions,
    pub(super) deterministic: bool,
    /// Sizes for free dimensions, by name.
    pub(super) dimensions: BTreeMap<String, u32>,
    pub(super) shrink_memory: bool,
}

/// A loaded session. Running takes `&mut self`: sessions are not safe to run from two threads.
pub(super) struct OrtGraph {
    session: Session,
    provider: ProviderOptions,
    shrink_memory: bool,
    recorded: Vec<Recorded>,
}

/// Loads the library for this process, with one pool of `threads` for all its sessions: their graphs run in turn, and
/// a pool for each would leave the others' threads idle. Later calls of `ort` use the library.
pub(super) fn load_library(library: &Path, threads: usize, spinning: bool) -> Result<Environment, String> {
    if !library.is_file() {
        return Err("there is no such file".into());
    }
    let builder = ort::init_from(library).map_err(|error| error.to_string())?;
    let pool = || GlobalThreadPoolOptions::default().with_intra_threads(threads)?.with_spin_control(spinning);
    let pool = pool().map_err(|error| error.to_string())?;
    builder.with_telemetry(false).with_global_thread_pool(pool).build().map_err(|error| error.to_string())
}

impl OrtRuntime {
    fn builder(&self) -> Result<SessionBuilder, String> {
        let text = |error: ort::Error<SessionBuilder>| error.to_string();
        let builder = Session::builder(&self.environment).map_err(|error| error.to_string())?;
        let builder = builder.with_optimization_level(GraphOptimizationLevel::Level3).map_err(text)?;
        let mut builder = builder.with_deterministic_compute(self.deterministic).map_err(text)?;
        for (name, size) in &self.dimensions {
            builder = builder.with_dimension_override(name, i64::from(*size)).map_err(text)?;
        }
        self.provider.register(builder)
    }
}

fn commit(mut builder: SessionBuilder, file: &GraphFile) -> Result<Session, String> {
    if let Some(folder) = file.folder() {
        let folder = folder.to_str().ok_or("its folder's path is not UTF-8")?;
        builder = builder.with_config_entry(EXTERNAL_FOLDER_KEY, folder).map_err(|error| error.to_string())?;
    }
    builder.commit_from_memory(file.bytes()).map_err(|error| error.to_string())
}

impl OrtGraph {
    pub(super) fn load(runtime: &OrtRuntime, file: &GraphFile) -> Result<Self, String> {
        let session = commit(runtime.builder()?, file)?;
        let (provider, shrink_memory) = (runtime.provider.clone(), runtime.shrink_memory);
        Ok(Self { session, provider, shrink_memory, recorded: Vec::new() })
    }

    /// Whether the provider runs the graph without handing parts of it to the processor.
    pub(super) fn loads_without_processor(runtime: &OrtRuntime, file: &GraphFile) -> bool {
        let strict = |builder: SessionBuilder| builder.with_disable_cpu_fallback().map_err(|error| error.to_string());
        runtime.builder().and_then(strict).and_then(|builder| commit(builder, file)).is_ok()
    }

    pub(super) fn inputs(&self) -> Result<Vec<Port>, String> {
        self.session.inputs().iter().map(port).collect()
    }

    pub(super) fn outputs(&self) -> Result<Vec<Port>, String> {
        self.session.outputs().iter().map(port).collect()
    }

    pub(super) fn run(&mut self, inputs: &[Input<'_>], wanted: &Wanted<'_>) -> Result<Outputs, String> {
        let options = self.options().map_err(|error| error.to_string())?;
        let options =
            if self.provider.cuda_graph && !wanted.keep.is_empty() { unrecorded(options) } else { Ok(options) };
        let options = options.map_err(|error| error.to_string())?;
        match wanted.keep {
            [] if self.provider.cuda_graph => self.run_recorded(inputs, wanted.read, options),
            [] => self.run_and_read(inputs, wanted.read, options),
            _ => self.run_and_keep(inputs, wanted, &options),
        }
    }

    /// Replays what was recorded for these shapes. Shapes that are new run once without, which tells the sizes of the
    /// outputs.
    fn run_recorded(&mut self, inputs: &[Input<'_>], names: &[&str], options: RunOptions) -> Result<Outputs, String> {
        if let Some(recorded) = self.recorded.iter_mut().find(|recorded| recorded.fits(inputs, names)) {
            return recorded.run(&mut self.session, inputs);
        }
        let once = self.options().and_then(unrecorded).map_err(|error| error.to_string())?;
        let outputs = self.run_and_read(inputs, names, once)?;
        if self.recorded.len() < RECORDED_MAX && can_be_recorded(inputs) {
            let shapes = outputs.read.iter().map(|tensor| tensor.shape.as_slice());
            let places: Vec<(&str, &[usize])> = names.iter().copied().zip(shapes).collect();
            let index = self.recorded.len();
            self.recorded.push(Recorded::new(&self.session, &self.provider, index, inputs, &places, options)?);
        }
        Ok(outputs)
    }

    fn options(&self) -> ort::Result<RunOptions> {
        let mut options = RunOptions::new()?;
        if self.shrink_memory {
            options.set(SHRINK_KEY, self.provider.arenas())?;
        }
        Ok(options)
    }

    fn run_and_read(&mut self, inputs: &[Input<'_>], names: &[&str], options: RunOptions) -> Result<Outputs, String> {
        let values = inputs.iter().map(|input| Ok((input.port.name.as_str(), value(input)?)));
        let values = values.collect::<Result<Vec<_>, String>>()?;
        let only = names.iter().fold(OutputSelector::no_default(), |only, name| only.with(*name));
        let options = options.with_outputs(only);
        let outputs = self.session.run_with_options(values, &options).map_err(|error| error.to_string())?;
        let tensor = |name: &&str| read(outputs.get(name).ok_or_else(|| format!("it gave no output called {name}"))?);
        Ok(Outputs { read: names.iter().map(tensor).collect::<Result<_, _>>()?, kept: Vec::new() })
    }

    /// Binds what is kept to the provider's memory, so that it does not travel through main memory between two runs.
    fn run_and_keep(
        &mut self,
        inputs: &[Input<'_>],
        wanted: &Wanted<'_>,
        options: &RunOptions,
    ) -> Result<Outputs, String> {
        let text = |error: ort::Error| error.to_string();
        let values = inputs.iter().map(value).collect::<Result<Vec<_>, String>>()?;
        let mut binding = self.session.create_binding().map_err(text)?;
        for (input, value) in inputs.iter().zip(&values) {
            binding.bind_input(input.port.name.as_str(), value).map_err(text)?;
        }
        let (main, device) = (ort::memory::MemoryInfo::default(), self.provider.memory().map_err(text)?);
        for name in wanted.read {
            binding.bind_output_to_device(*name, &main).map_err(text)?;
        }
        for name in wanted.keep {
            binding.bind_output_to_device(*name, &device).map_err(text)?;
        }
        let mut outputs = self.session.run_binding_with_options(&binding, options).map_err(text)?;
        let mut taken = |name: &str| outputs.remove(name).ok_or_else(|| format!("it gave no output called {name}"));
        let reads = wanted.read.iter().map(|name| read(&taken(name)?)).collect::<Result<_, _>>()?;
        let kept = wanted.keep.iter().map(|name| keep(taken(name)?)).collect::<Result<_, _>>()?;
        Ok(Outputs { read: reads, kept })
    }
}
