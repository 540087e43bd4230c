//! What an inference process computes on.

use inference::engine::EngineConfig;

use super::Loaded;

/// How engines name the processor.
const PROCESSOR: &str = "CPU";

/// What one inference process computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Threads of the processor.
    Processor { threads: usize },
    /// A GPU by its index in the driver's order.
    Gpu { index: u32 },
    /// A GPU that another program chose.
    OtherGpu,
}

impl Place {
    /// Where the engine runs what it loaded.
    pub fn of(loaded: &Loaded, engine: &EngineConfig, is_outside: bool) -> Self {
        match loaded.engine.provider.as_str() {
            PROCESSOR => Self::Processor { threads: loaded.threads },
            _ if is_outside => Self::OtherGpu,
            _ => Self::Gpu { index: engine.device },
        }
    }

    /// The index of a GPU that this worker chose.
    pub fn gpu(&self) -> Option<u32> {
        match self {
            Self::Gpu { index } => Some(*index),
            Self::Processor { .. } | Self::OtherGpu => None,
        }
    }
}
