//! η of DDIM from outside: whom it is refused to, and that it is fresh noise of the job's own seed.

use crate::support::{ModelCopy, draw_small};

#[test]
fn eta_adds_noise_that_the_seed_decides() {
    let model = ModelCopy::tiny("sd15");
    let ddim = |more: &[&str]| draw_small(&model, &[&["--scheduler", "ddim"], more].concat()).unwrap();
    let (none, half, whole) = (ddim(&[]), ddim(&["--eta", "0.5"]), ddim(&["--eta", "1"]));
    assert!(ddim(&["--eta", "0"]) == none);
    assert!(half != none && whole != none && half != whole);
    assert!(ddim(&["--eta", "0.5"]) == half);
}

#[test]
fn eta_out_of_bounds_or_for_another_scheduler_is_refused() {
    let model = ModelCopy::tiny("sd15");
    for (more, bound) in [
        (["--scheduler", "euler", "--eta", "0.5"], "for the scheduler ddim"),
        (["--scheduler", "ddim", "--eta", "1.5"], "0 to 1"),
        (["--scheduler", "ddim", "--eta", "NaN"], "0 to 1"),
    ] {
        let error = draw_small(&model, &more).unwrap_err();
        assert!(error.contains("input.eta") && error.contains(bound), "{more:?}: {error}");
    }
}

#[test]
fn a_model_that_ddim_does_not_walk_takes_no_eta() {
    let model = ModelCopy::new();
    let error = draw_small(&model, &["--scheduler", "ddim", "--eta", "0.5"]).unwrap_err();
    assert!(error.contains("eta") && error.contains("is 0 for this model") && error.contains("0.5"), "{error}");
}
