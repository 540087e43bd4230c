//! `cargo xtask test`: every check of the repository, in an order that lets later stages use what earlier ones compiled.

mod outcome;
mod stages;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::tools;
use crate::workspace::Workspace;
use outcome::Summary;
use stages::{STAGES, Stage};

pub(crate) struct Options {
    /// Empty for all.
    stages: Vec<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut stages = Vec::new();
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Value(name) => stages.push(name.to_string_lossy().into_owned()),
                other => return Err(other.unexpected().into()),
            }
        }
        let known = || STAGES.iter().map(|stage| stage.name);
        if let Some(unknown) = stages.iter().find(|name| !known().any(|known| known == name.as_str())) {
            bail!("there is no stage {unknown:?}; the stages are {}", known().collect::<Vec<_>>().join(", "));
        }
        Ok(Self { stages })
    }

    fn wants(&self, stage: &Stage) -> bool {
        self.stages.is_empty() || self.stages.iter().any(|name| name == stage.name)
    }
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut summary = Summary::default();
    let wanted = STAGES.iter().filter(|stage| options.wants(stage));
    let outcome = wanted.into_iter().try_for_each(|stage| run_stage(workspace, stage, &mut summary));
    for stage in STAGES.iter().filter(|stage| options.wants(stage)).skip(summary.stages_run()) {
        summary.not_run(stage.name);
    }
    println!("\n{summary}");
    outcome
}

fn run_stage(workspace: &Workspace, stage: &Stage, summary: &mut Summary) -> Result<()> {
    println!("\n== {}: {}", stage.name, stage.what);
    let started = Instant::now();
    let mut counts = outcome::StageCounts::default();
    let outcome = tools::ensure(workspace, stage.tools).and_then(|()| (stage.run)(workspace, &mut counts));
    let seconds = started.elapsed().as_secs_f64();
    println!("== {} {} after {seconds:.1} s", stage.name, if outcome.is_ok() { "passed" } else { "FAILED" });
    summary.add(stage.name, seconds, counts, outcome.is_ok());
    outcome.map_err(|error| error.context(format!("stage {} failed", stage.name)))
}

#[cfg(test)]
mod tests {
    use super::{Options, STAGES};

    #[test]
    fn stages_are_chosen_by_name() {
        let options = Options::parse(&mut lexopt::Parser::from_args(["fmt", "docs"])).unwrap();
        let chosen: Vec<_> = STAGES.iter().filter(|stage| options.wants(stage)).map(|stage| stage.name).collect();
        assert_eq!(chosen, ["fmt", "docs"]);
        assert!(Options::parse(&mut lexopt::Parser::from_args(["format"])).is_err());
    }
}
