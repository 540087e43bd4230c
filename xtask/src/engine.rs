//! `cargo xtask engine cpu|cuda`: fetches ONNX Runtime's library for the worker.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::tools::onnx_runtime::{Build, fetch, worker_libraries};
use crate::workspace::Workspace;

/// What the library for CUDA needs beside itself.
const CUDA_NEEDS: &str = "\
It needs NVIDIA's driver, CUDA 13 and cuDNN 9 where the system finds libraries; TensorRT 10 as well for
provider = \"tensorrt\". `gpu-worker models verify` shows which provider runs each graph, and why.";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    build: Build,
    into: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let (mut build, mut into) = (None, None);
        while let Some(argument) = arguments.next()? {
            use lexopt::prelude::*;
            match argument {
                Value(name) if name == "cpu" => build = Some(Build::Cpu),
                Value(name) if name == "cuda" => build = Some(Build::Cuda),
                Value(name) => bail!("there is no engine {name:?}; cpu and cuda are there"),
                Long("into") => into = Some(arguments.value()?.into()),
                other => return Err(other.unexpected().into()),
            }
        }
        match build {
            Some(build) => Ok(Self { build, into }),
            None => bail!("which engine, cpu or cuda?"),
        }
    }
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let package = options.build.package()?;
    let folder = options.into.clone().map_or_else(worker_libraries, Ok)?;
    let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
    let (fetched, kept) = (megabytes(package.bytes), megabytes(package.unpacked_bytes));
    println!("Fetching {fetched} MB; {kept} MB of it stay in {}", folder.display());
    let library = fetch(workspace, package, &folder)?;
    println!("Fetched {}, whose hash is the pinned one", library.display());
    if options.build == Build::Cuda {
        println!("{CUDA_NEEDS}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        Options::parse(&mut lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn an_engine_must_be_named() {
        assert_eq!(parse(&["cpu"]).unwrap(), Options { build: Build::Cpu, into: None });
        let options = parse(&["cuda", "--into", "/x"]).unwrap();
        assert_eq!(options, Options { build: Build::Cuda, into: Some("/x".into()) });
        for wrong in [&[][..], &["rocm"], &["cpu", "--turbo"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
