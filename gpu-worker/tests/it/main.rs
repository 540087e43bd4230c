//! The worker from outside: its rules against outside vectors, its program against a hub double and broken models.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod batch_to_hub;
mod batches;
mod bench;
mod default_models;
mod doctor;
mod engines;
mod eta;
mod exported_folders;
mod fast_setting;
mod faults;
mod first_start;
mod graphs;
mod hostile_child;
mod hostile_graphs;
mod hub_double;
mod image_to_image;
mod layout_faults;
mod limits;
mod lost_gpu;
mod memory;
mod miner;
mod models;
mod ollama;
mod ollama_double;
mod onnx;
mod outbox;
mod pipelines;
mod probe;
mod proxy;
mod refused_input;
mod running;
mod scheduler_errors;
mod scheduler_properties;
mod schedulers;
mod session;
mod supervision;
mod support;
mod tls;
mod tokenizer;
mod traces;
mod words;
mod worker_state;
