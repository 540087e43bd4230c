//! An open graphics adapter: submits compute work and takes its time, and reads buffers back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use wgpu::{BufferUsages, Features, PollType, QueryType};

use crate::measure::Lap;

/// A submission that runs for longer is lost with its device.
const SUBMISSION_LIMIT: Duration = Duration::from_secs(10);

/// Begin and end.
const TIMESTAMPS: u32 = 2;
const TIMESTAMP_BYTES: u64 = 8 * TIMESTAMPS as u64;

/// Invocations in one workgroup, as the shaders state it.
pub(super) const WORKGROUP: u32 = 256;

pub(super) struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    clock: Option<Clock>,
    pub(super) has_half_precision: bool,
    /// The first error that the device reported by itself.
    error: Arc<Mutex<Option<String>>>,
}

/// The device's own clock.
struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    nanoseconds_per_tick: f64,
}

/// One dispatch with its bindings.
pub(super) struct Dispatch<'a> {
    pub(super) pipeline: &'a wgpu::ComputePipeline,
    pub(super) bindings: &'a wgpu::BindGroup,
    pub(super) workgroups: u32,
}

impl Gpu {
    pub(super) fn open(adapter: &wgpu::Adapter) -> Result<Self, String> {
        let features = adapter.features() & (Features::SHADER_F16 | Features::TIMESTAMP_QUERY);
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("probe"),
            required_features: features,
            required_limits: wgpu::Limits::downlevel_defaults(),
            ..Default::default()
        };
        let (device, queue) = block_on(adapter.request_device(&descriptor)).map_err(|error| error.to_string())?;
        let error = Arc::new(Mutex::new(None));
        let reported = error.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            reported.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
        }));
        let clock = features.contains(Features::TIMESTAMP_QUERY).then(|| Clock::new(&device, &queue));
        Ok(Self { device, queue, clock, has_half_precision: features.contains(Features::SHADER_F16), error })
    }

    pub(super) fn pipeline(&self, source: &str, entry_point: &str) -> wgpu::ComputePipeline {
        let source = wgpu::ShaderSource::Wgsl(source.into());
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry_point),
            layout: None,
            module: &module,
            entry_point: Some(entry_point),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        })
    }

    pub(super) fn buffer(&self, size: u64, usage: BufferUsages) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
    }

    /// Binds buffers to 0, 1, … of the pipeline's only group.
    pub(super) fn bind(&self, pipeline: &wgpu::ComputePipeline, buffers: &[(u32, &wgpu::Buffer)]) -> wgpu::BindGroup {
        let entries: Vec<_> = buffers
            .iter()
            .map(|&(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let layout = pipeline.get_bind_group_layout(0);
        self.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &layout, entries: &entries })
    }

    pub(super) fn write(&self, buffer: &wgpu::Buffer, bytes: &[u8]) {
        self.queue.write_buffer(buffer, 0, bytes);
    }

    /// Runs dispatches in order, and says how long all of them took.
    pub(super) fn run<'a>(&self, dispatches: impl Iterator<Item = Dispatch<'a>>) -> Result<Lap, String> {
        // What was written before must not count as work of this run.
        let written = self.queue.submit([]);
        self.wait(written)?;
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let writes = self.clock.as_ref().map(|clock| wgpu::ComputePassTimestampWrites {
            query_set: &clock.queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        });
        let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes: writes };
        let mut pass = encoder.begin_compute_pass(&descriptor);
        for Dispatch { pipeline, bindings, workgroups } in dispatches {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, bindings, &[]);
            pass.dispatch_workgroups(workgroups, 1, 1);
        }
        drop(pass);
        let commands = encoder.finish();
        let began = Instant::now();
        let submission = self.queue.submit([commands]);
        self.wait(submission)?;
        let wall = began.elapsed();
        let device = self.clock.as_ref().map(|clock| self.read_clock(clock)).transpose()?.flatten();
        Ok(Lap { wall, device })
    }

    /// The first bytes of a buffer.
    pub(super) fn read(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<Vec<u8>, String> {
        let copy = self.buffer(bytes, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &copy, 0, bytes);
        let mapped = Arc::new(Mutex::new(Err("the buffer was not mapped".to_owned())));
        let outcome = mapped.clone();
        let submission = self.queue.submit([encoder.finish()]);
        copy.map_async(wgpu::MapMode::Read, .., move |result| {
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = result.map_err(|error| error.to_string());
        });
        self.wait(submission)?;
        mapped.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let view = copy.get_mapped_range(..).map_err(|error| error.to_string())?;
        Ok(view.to_vec())
    }

    fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<(), String> {
        let wait = PollType::Wait { submission_index: Some(submission), timeout: Some(SUBMISSION_LIMIT) };
        let polled = self.device.poll(wait).map_err(|error| error.to_string());
        match self.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => polled.map(drop),
        }
    }

    /// Time between the two timestamps; `None` where the device wrote none.
    fn read_clock(&self, clock: &Clock) -> Result<Option<Duration>, String> {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.resolve_query_set(&clock.queries, 0..TIMESTAMPS, &clock.resolved, 0);
        self.queue.submit([encoder.finish()]);
        let bytes = self.read(&clock.resolved, TIMESTAMP_BYTES)?;
        let ticks = words(&bytes).and_then(|[begin_low, begin_high, end_low, end_high]| {
            let joined = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
            joined(end_low, end_high).checked_sub(joined(begin_low, begin_high))
        });
        let nanoseconds = ticks.filter(|ticks| *ticks > 0).map(|ticks| ticks as f64 * clock.nanoseconds_per_tick);
        Ok(nanoseconds.map(|nanoseconds| Duration::from_nanos(nanoseconds as u64)))
    }
}

impl Clock {
    fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let descriptor = wgpu::QuerySetDescriptor { label: None, ty: QueryType::Timestamp, count: TIMESTAMPS };
        Self {
            queries: device.create_query_set(&descriptor),
            resolved: device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: TIMESTAMP_BYTES,
                usage: BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
            nanoseconds_per_tick: f64::from(queue.get_timestamp_period()),
        }
    }
}

/// Exactly so many little-endian numbers.
fn words<const COUNT: usize>(bytes: &[u8]) -> Option<[u32; COUNT]> {
    numbers(bytes).collect::<Vec<_>>().try_into().ok()
}

/// Little-endian numbers of four bytes, as shaders write them.
pub(super) fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).map(|word| word.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}
