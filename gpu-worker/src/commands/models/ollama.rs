//! `gpu-worker models ollama`: pins a model of a local Ollama and puts it on offer.

use std::path::Path;

use inference::runtime::folder::ModelFolder;
use inference::runtime::ollama::folder::{DEFAULT_URL, create};
use shared::amount::Amount;

use super::add::{Price, put_on_offer};
use crate::commands::print;
use crate::config::Config;
use crate::config::bounds::price_argument;
use crate::error::{Result, WorkerError};
use crate::ollama::{ENVIRONMENT_VARIABLE, check, url_of};

/// Folder of the pinned models, within the worker's own.
const FOLDER: &str = "models";

/// Pins a model of a local Ollama by its digest, measures it, and adds it to worker.toml.
#[derive(Debug, clap::Args)]
pub struct AddOllama {
    /// Name in Ollama, with its tag where there are several.
    model: String,
    /// Base URL of the Ollama [default: child.ollama_url of worker.toml, OLLAMA_HOST, or port 11434 of this machine].
    #[arg(long)]
    url: Option<String>,
    /// Refuse a model that Ollama lacks instead of having it pulled.
    #[arg(long)]
    no_pull: bool,
    /// AIT per token, instead of the proposed price.
    #[arg(long, value_parser = price_argument)]
    unit_price: Option<Amount>,
}

impl AddOllama {
    pub(super) fn run(&self, data: &Path) -> Result<()> {
        let target = data.join(FOLDER).join(folder_name(&self.model));
        let named = Config::read_if_any(data)?.and_then(|config| config.child.ollama_url);
        let variable = std::env::var(ENVIRONMENT_VARIABLE).ok().filter(|value| !value.is_empty());
        let url = self.url.clone().or(named.clone()).or(variable.map(|value| url_of(&value)));
        let url = url.unwrap_or_else(|| DEFAULT_URL.to_owned());
        check(&url, named.as_deref())?;
        create(&url, &self.model, !self.no_pull, &target, &mut |status| {
            // Progress that nobody can read is no reason to break off.
            let _ = print(format_args!("pull    {status}"));
        })?;
        let root = std::fs::canonicalize(&target).map_err(WorkerError::io(&target))?;
        let folder = ModelFolder::open(&root)?;
        print(format_args!("model   {} {} of {}", folder.manifest().name, folder.manifest().version, url))?;
        put_on_offer(data, &root, &folder, Price { unit_price: self.unit_price, replaces: true })
    }
}

/// A name as one folder: what separates paths becomes a hyphen.
fn folder_name(model: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_');
    let name: String = model.chars().map(|letter| if is_plain(letter) { letter } else { '-' }).collect();
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_folder_within_the_worker_s() {
        assert_eq!(folder_name("llama3.2:1b"), "llama3.2-1b");
        assert_eq!(folder_name("../../etc/passwd"), "-..-etc-passwd");
    }
}
