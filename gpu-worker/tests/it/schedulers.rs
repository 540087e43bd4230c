//! Whole walks against Python diffusers (`e2e/reference/schedulers.py`).

use inference::runtime::image::scheduler::{Extent, Scheduler, SchedulerConfig};
use serde::Deserialize;

const TOLERANCE: f32 = 1e-5;

/// Of a picture whose size means nothing.
const TOKENS: usize = 256;

pub(crate) fn extent(steps: usize) -> Extent {
    Extent { steps, tokens: TOKENS }
}

#[derive(Deserialize)]
struct Vectors {
    sample: Vec<f32>,
    scale: f32,
    walks: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    config: serde_json::Value,
    steps: usize,
    /// Of the picture, where the scheduler's shift grows with it.
    tokens: Option<usize>,
    eta: f64,
    strength: Option<f64>,
    first: usize,
    init_noise_sigma: f32,
    start: Vec<f32>,
    timesteps: Vec<f32>,
    samples: Vec<Vec<f32>>,
    estimates: Vec<Vec<f32>>,
}

/// The noise that the script feeds at call `index`; −1 is that of image to image.
fn deviates(index: i32, count: usize) -> Vec<f32> {
    (0..count).map(|element| (1.0 + 2.0 * f64::from(index) + 3.0 * element as f64).cos() as f32).collect()
}

/// diffusers computes in f32, so a difference counts relative to the largest number that went into the value.
fn difference(ours: &[f32], theirs: &[f32], from: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let largest = from.iter().chain(theirs).fold(1.0_f32, |largest, value| largest.max(value.abs()));
    ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs() / largest).fold(0.0, f32::max)
}

fn assert_close(ours: &[f32], theirs: &[f32], from: &[f32], what: &str) {
    let difference = difference(ours, theirs, from);
    assert!(difference <= TOLERANCE, "{what}: {difference:e} apart, ours {ours:?}, diffusers {theirs:?}");
}

impl Recorded {
    fn is_reached_by_us(&self, vectors: &Vectors) {
        let what = format!("{} in {} steps, η {}, strength {:?}", self.config, self.steps, self.eta, self.strength);
        let config = SchedulerConfig::parse(&self.config.to_string()).unwrap();
        let extent = Extent { tokens: self.tokens.unwrap_or(TOKENS), ..extent(self.steps) };
        let scheduler = Scheduler::new(&config, None, extent).unwrap().with_eta(self.eta).unwrap();
        assert_close(&[scheduler.init_noise_sigma()], &[self.init_noise_sigma], &[], &what);
        let first = self.strength.map_or(0, |strength| scheduler.first_index(strength).unwrap());
        assert_eq!((first, scheduler.calls() - first), (self.first, self.timesteps.len()), "{what}");
        let mut sample = vectors.sample.clone();
        match self.strength {
            Some(_) => scheduler.add_noise(first, &mut sample, &deviates(-1, vectors.sample.len())),
            None => sample.iter_mut().for_each(|x| *x *= scheduler.init_noise_sigma()),
        }
        assert_close(&sample, &self.start, &[], &what);
        let mut walk = scheduler.walk(first);
        for (call, theirs) in self.samples.iter().enumerate() {
            let index = walk.index();
            let timestep = scheduler.timestep(index);
            assert_close(&[timestep], &[self.timesteps[call]], &[], &what);
            let network = |x: &f32| (x * scheduler.input_scale(index) * 1.3 + timestep / 1000.0).sin() * vectors.scale;
            let mut answer: Vec<f32> = sample.iter().map(network).collect();
            let mut before = sample.clone();
            if self.config["rescale_betas_zero_snr"] == true {
                // The first step cancels a sigma of 4096 in f32, and its rounding stays in the walk.
                before.push(self.init_noise_sigma);
            }
            walk.step(&mut sample, &mut answer, || deviates(index as i32, theirs.len()));
            assert_close(&sample, theirs, &before, &format!("{what}, sample {index}"));
            if let Some(estimate) = self.estimates.get(call) {
                assert_close(&answer, estimate, &before, &format!("{what}, estimate {index}"));
            }
        }
        assert_eq!(walk.index(), scheduler.calls(), "{what}");
    }
}

#[test]
fn every_walk_is_that_of_diffusers() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../../crates/inference/tests/vectors/schedulers.json")).unwrap();
    assert!(vectors.walks.len() >= 250);
    vectors.walks.iter().for_each(|walk| walk.is_reached_by_us(&vectors));
}
