//! `gpu-worker trace`: the miner opens a step, the auditor checks it, and a lie is found.

use serde_json::{Value, json};

use crate::support::{ModelCopy, engine_arguments, run, stderr};

struct Bench {
    model: ModelCopy,
    engine: Vec<String>,
}

impl Bench {
    fn new(engine: Vec<String>) -> Self {
        Self::with_scheduler(engine, None)
    }

    fn with_scheduler(engine: Vec<String>, scheduler: Option<&str>) -> Self {
        let model = ModelCopy::tiny("sd15");
        let input = json!({
            "prompt": "a red star", "negative_prompt": "", "steps": 4, "guidance": 5.0, "width": 64, "height": 64,
            "seed": 7, "count": 3, "scheduler": scheduler,
        });
        std::fs::write(model.file("job.json"), json!({"kind": "image", "input": input, "id": "job_1"}).to_string())
            .unwrap();
        Self { model, engine }
    }

    fn trace(&self, more: &[&str]) -> std::process::Output {
        let (job, model) = (self.model.file("job.json"), self.model.path());
        let fixed = ["trace", job.to_str().unwrap(), "--model", model.to_str().unwrap()];
        run(fixed.into_iter().chain(more.iter().copied()).chain(self.engine.iter().map(String::as_str)))
    }

    fn open(&self, picture: &str, step: &str) -> Value {
        let output = self.trace(&["--picture", picture, "--step", step]);
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn check(&self, opened: &Value, root: &str) -> Result<String, String> {
        let file = self.model.file("opening.json");
        std::fs::write(&file, opened.to_string()).unwrap();
        let output = self.trace(&["--check", file.to_str().unwrap(), "--commitment", &committed(root), "--salt", SALT]);
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(stderr(&output)),
        }
    }
}

const SALT: &str = "0x7373737373737373737373737373737373737373737373737373737373737373";

/// What a receipt of the job says of a root.
fn committed(root: &str) -> String {
    SALT.parse::<shared::commitment::Salt>().unwrap().commit_trace(root.parse().unwrap()).to_string()
}

#[test]
fn an_honest_step_is_recomputed_and_another_is_not() {
    for engine in engine_arguments() {
        let bench = Bench::new(engine);
        let (first, third) = (bench.open("0", "1"), bench.open("2", "3"));
        let root = first["trace_root"].as_str().unwrap();
        assert_eq!(third["trace_root"], root, "the root hangs on the job alone");
        for opened in [&first, &third] {
            assert!(bench.check(opened, root).unwrap().contains("as committed"));
        }
        let mut lie = third.clone();
        lie["opening"]["step"] = 2.into();
        assert!(bench.check(&lie, root).unwrap_err().contains("does not lead to the commitment"));
        let mut lie = third.clone();
        lie["opening"]["after"] = first["opening"]["after"].clone();
        assert!(bench.check(&lie, root).unwrap_err().contains("does not lead to the commitment"));
        let other = format!("0x{}", "11".repeat(32));
        assert!(bench.check(&third, &other).unwrap_err().contains("does not lead to the commitment"));
        let output = bench.trace(&["--step", "1", "--commitment", &other, "--salt", SALT]);
        assert!(!output.status.success() && stderr(&output).contains("was stated"), "{}", stderr(&output));
        let output = bench.trace(&["--step", "5"]);
        assert!(
            !output.status.success() && stderr(&output).contains("--step is 1 to 4 for this job, got 5"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_solver_that_remembers_is_recomputed_with_its_history() {
    for engine in engine_arguments() {
        for scheduler in ["pndm", "dpmpp_2m_karras", "uni_pc", "euler_ancestral"] {
            let bench = Bench::with_scheduler(engine.clone(), Some(scheduler));
            let opened = bench.open("1", "3");
            let answer = bench.check(&opened, opened["trace_root"].as_str().unwrap());
            assert!(answer.as_ref().is_ok_and(|text| text.contains("as committed")), "{scheduler}: {answer:?}");
        }
    }
}

#[test]
fn a_step_that_was_committed_but_never_walked_is_found() {
    for engine in engine_arguments() {
        let cheap = Bench::new(engine.clone());
        let honest = Bench::new(engine);
        // The miner drew another prompt; its commitment is whole, but not of this job.
        let job = std::fs::read_to_string(cheap.model.file("job.json")).unwrap();
        std::fs::write(cheap.model.file("job.json"), job.replace("a red star", "small house")).unwrap();
        let opened = cheap.open("1", "2");
        let error = honest.check(&opened, opened["trace_root"].as_str().unwrap()).unwrap_err();
        assert!(error.contains("was not walked as stated"), "{error}");
    }
}
