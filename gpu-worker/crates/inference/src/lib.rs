//! Runs models that are files: pictures, texts and embeddings on ONNX Runtime or on tract, or on an Ollama beside it.
//!
//! ```text
//! runtime (one per kind of model) ── engine (graphs, providers) ── ONNX Runtime | tract
//! ```
//! Nothing here knows of a hub, a wallet or a job's pay. `README.md` shows how a program uses it.

pub mod clock;
pub mod engine;
pub mod error;
pub mod files;
pub mod gpu_fault;
pub mod philox;
pub mod runtime;
