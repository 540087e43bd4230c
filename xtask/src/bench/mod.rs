//! `cargo xtask bench`: measured figures against their bars, with the machine they were measured on.

mod diffusion;
mod exchange;
mod figure;
mod gpu;
mod lighthouse;
mod machine;
mod programs;
mod reference;
mod told;
mod wallet;
mod web;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use figure::Figure;

struct Bench {
    name: &'static str,
    run: fn(&Workspace) -> Result<Vec<Figure>>,
}

const BENCHES: &[Bench] = &[
    Bench { name: "dispatch", run: programs::dispatch },
    Bench { name: "hub", run: programs::hub },
    Bench { name: "default-model", run: programs::default_model },
    Bench { name: "diffusion", run: diffusion::diffusion },
    Bench { name: "batching", run: diffusion::batching },
    Bench { name: "gpu", run: gpu::run_gpu },
    Bench { name: "child", run: programs::child },
    Bench { name: "exchange", run: exchange::measure },
    Bench { name: "chain", run: programs::chain },
    Bench { name: "index", run: programs::index },
    Bench { name: "web", run: web::run },
    Bench { name: "lighthouse", run: lighthouse::measure },
    Bench { name: "wallet", run: wallet::measure },
    Bench { name: "abuse", run: programs::abuse },
];

pub(crate) struct Options {
    /// Empty for all.
    names: Vec<String>,
    json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { names: Vec::new(), json: None };
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Long("json") => options.json = Some(arguments.value()?.into()),
                lexopt::Arg::Value(name) => options.names.push(name.to_string_lossy().into_owned()),
                other => return Err(other.unexpected().into()),
            }
        }
        let known = || BENCHES.iter().map(|bench| bench.name);
        if let Some(unknown) = options.names.iter().find(|name| !known().any(|known| known == name.as_str())) {
            bail!("there is no benchmark {unknown:?}; there are {}", known().collect::<Vec<_>>().join(", "));
        }
        Ok(options)
    }

    fn wants(&self, bench: &Bench) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name == bench.name)
    }
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut figures = Vec::new();
    for bench in BENCHES.iter().filter(|bench| options.wants(bench)) {
        println!("== {}", bench.name);
        let measured = (bench.run)(workspace).with_context(|| format!("benchmark {} failed", bench.name))?;
        measured.iter().for_each(|figure| println!("{figure}"));
        figures.extend(measured);
    }
    println!("\nMeasured on {}", machine::describe(workspace)?);
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&figures.iter().map(Figure::to_json).collect::<Vec<_>>())?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    let missed = figures.iter().filter(|figure| figure.holds == Some(false)).count();
    println!("{} figures, {missed} beyond their bar", figures.len());
    Ok(())
}
