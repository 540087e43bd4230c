//! `gpu-worker doctor`: finds what keeps a worker from serving, and says how to mend it.

use std::path::Path;
use std::process::ExitCode;

use gpu_probe::{PCI_DEVICES, cards, nvml};
use inference::engine::library::Search;
use inference::engine::provider::ProviderChoice;
use inference::engine::{EngineChoice, EngineConfig};
use serde::Serialize;

use super::hubs::{Access, HubArguments, accesses, secure_url};
use super::status::runs;
use super::{block_on, print, program, setup};
use crate::child::supervisor::Supervisor;
use crate::config::{Config, HubConfig};
use crate::doctor::cuda::{GpuDemand, Nvidia};
use crate::doctor::{Finding, account, cuda, disk, hub, is_healthy, library, lines, models, sandbox, status};
use crate::error::{ConfigError, Result, WorkerError};
use crate::hub::route::Route;
use crate::hub::session::HubIdentity;
use crate::hub::trust::Trust;
use crate::manifests;

/// Finds what is wrong: key, models, status, disk, library, driver, CUDA, memory, network, hub, clock.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    #[command(flatten)]
    pub hubs: HubArguments,
    /// Print the findings as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Diagnosis<'a> {
    version: &'static str,
    data: &'a Path,
    healthy: bool,
    findings: &'a [Finding],
}

impl Doctor {
    /// Exit code 1 where something keeps the machine from mining.
    pub fn run(&self, data: &Path) -> Result<ExitCode> {
        let findings = self.examine(data)?;
        let healthy = is_healthy(&findings);
        if self.json {
            let diagnosis = Diagnosis { version: env!("CARGO_PKG_VERSION"), data, healthy, findings: &findings };
            let text =
                serde_json::to_string_pretty(&diagnosis).map_err(|error| WorkerError::format("findings", error))?;
            print(text)?;
        } else {
            lines(&findings).into_iter().try_for_each(print)?;
        }
        Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// A configuration that is missing or garbled hides nothing else: the machine is examined all the same.
    fn examine(&self, data: &Path) -> Result<Vec<Finding>> {
        let (config, mut findings) = match Config::read_if_any(data) {
            Ok(Some(config)) => {
                let found = Config::path(data).display().to_string();
                (Some(config), vec![Finding::ok("config", found)])
            }
            Ok(None) => (None, vec![no_config(data)]),
            Err(error) => (None, vec![bad_config(data, &error)]),
        };
        findings.push(disk::judge(&disk::observe(data)));
        let mut model_bytes = 0;
        if let Some(config) = &config {
            let listen = config.status.listen;
            findings.push(status::judge(listen, &status::observe(listen, runs(data))));
            findings.push(account::judge(&config.key, &account::observe(&config.key)));
            let seen = models::observe(&config.models, &manifests::of_worker(data));
            model_bytes = seen.iter().filter_map(|model| Some(model.checked.as_ref().ok()?.bytes)).max().unwrap_or(0);
            findings.extend(models::judge(&seen));
        }
        findings.extend(computing(data, config.as_ref(), model_bytes));
        if let Some(config) = &config
            && is_healthy(&findings)
        {
            findings.extend(engine(data, config)?);
        }
        findings.extend(self.ways(config.as_ref())?);
        Ok(findings)
    }

    /// The way to each hub, and whether two of them are one.
    fn ways(&self, config: Option<&Config>) -> Result<Vec<Finding>> {
        let wanted = self.hubs.wanted(config.map_or(&[], |config| config.hubs.as_slice()));
        let mut findings = Vec::new();
        let mut greeted: Vec<(String, HubIdentity)> = Vec::new();
        for hub in &wanted {
            let way = match access(hub) {
                Ok(Access { url, trust, route }) => block_on(async { Ok(hub::observe(&url, &trust, &route).await) })?,
                Err(fault) => {
                    findings.push(fault);
                    continue;
                }
            };
            findings.extend(hub::judge(&way));
            if let hub::End::Greeted { identity, .. } = way.end {
                findings.extend(hub::judge_same(&way.hub, &identity, &greeted));
                greeted.push((way.hub, identity));
            }
        }
        if let Err(error) = accesses(&wanted)
            && is_healthy(&findings)
        {
            findings.push(Finding::fault("hub", error.to_string(), ["correct the sections [[hubs]] in worker.toml"]));
        }
        Ok(findings)
    }
}

fn access(hub: &HubConfig) -> std::result::Result<Access, Finding> {
    let fault = |what, error: ConfigError, mend| Finding::fault(what, error.to_string(), [mend]);
    let url = secure_url(hub).map_err(|error| fault("hub", error, "correct the hub's url in worker.toml, or --hub"))?;
    let trust = Trust::load(hub.ca_file.as_deref());
    let trust = trust.map_err(|error| fault("hub", error, "correct the hub's ca_file in worker.toml"))?;
    let route =
        Route::of_process(&url).map_err(|error| fault("network", error, "correct the variable of the proxy"))?;
    Ok(Access { url, trust, route })
}

fn no_config(data: &Path) -> Finding {
    let found = format!("{} does not exist yet, so nothing is known of key and models", Config::path(data).display());
    Finding::warn("config", found, ["gpu-worker start --hub URL makes it", "or name another folder: --data FOLDER"])
}

fn bad_config(data: &Path, error: &ConfigError) -> Finding {
    let path = Config::path(data);
    let mend = [
        format!("correct {}", path.display()),
        "or write it anew, with the same key: gpu-worker init --force".to_owned(),
    ];
    Finding::fault("config", error.to_string(), mend)
}

/// What the models are computed by.
fn computing(data: &Path, config: Option<&Config>, model_bytes: u64) -> Vec<Finding> {
    let engine = config.map_or_else(EngineConfig::default, |config| config.engine.clone());
    let listed = config.map(|config| config.mining.gpu_devices.clone()).unwrap_or_default();
    let gpu_demand = gpu_demand(&engine, &listed);
    let library = library::observe(&engine, &Search::of_process(Some(data)), gpu_demand == GpuDemand::Gpu);
    let nvidia = Nvidia {
        gpu_demand,
        devices: if listed.is_empty() { vec![engine.device] } else { listed },
        places: cards::on_bus(Path::new(PCI_DEVICES)),
        driver: nvml::driver(),
        library: library.cuda.clone(),
        model_bytes,
    };
    [library::judge(&library)].into_iter().chain(cuda::judge(&nvidia)).collect()
}

/// Whether the configuration wants a GPU.
fn gpu_demand(engine: &EngineConfig, listed: &[u32]) -> GpuDemand {
    match engine.provider {
        ProviderChoice::Cuda | ProviderChoice::Tensorrt => GpuDemand::Gpu,
        _ if !listed.is_empty() => GpuDemand::Gpu,
        ProviderChoice::Cpu => GpuDemand::Processor,
        ProviderChoice::Auto if engine.name == EngineChoice::Tract => GpuDemand::Processor,
        ProviderChoice::Auto => GpuDemand::Auto,
    }
}

/// Loads engine and model as `start` would: what no rule foresees shows here.
fn engine(data: &Path, config: &Config) -> Result<Vec<Finding>> {
    let Some(model) = config.models.iter().find(|model| model.enabled) else {
        return Err(WorkerError::config("models has none that is enabled"));
    };
    let setup = setup(data, &model.path, &config.engine, &config.child);
    let mut supervisor = Supervisor::new(program()?, setup);
    block_on(async {
        let loaded = supervisor.start().await.cloned();
        supervisor.kill().await;
        Ok(match loaded {
            Ok(loaded) => {
                let engine = &loaded.engine;
                let on = match engine.provider.as_str() {
                    "CPU" => format!("{} threads", loaded.threads),
                    provider => provider.to_owned(),
                };
                let engine = Finding::ok("engine", format!("{} {} on {on}", engine.name, engine.version));
                vec![engine, sandbox::judge(&loaded.confinement)]
            }
            Err(error) => vec![Finding::fault(
                "engine",
                error.to_string(),
                ["gpu-worker models verify shows each graph", "or try the other engine: engine.name = \"tract\""],
            )],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_wanted_where_it_is_named() {
        let with = |name, provider| EngineConfig { name, provider, ..EngineConfig::default() };
        use {EngineChoice as Name, ProviderChoice as Provider};
        for (name, provider, listed, wanted) in [
            (Name::Auto, Provider::Auto, &[][..], GpuDemand::Auto),
            (Name::Auto, Provider::Auto, &[0], GpuDemand::Gpu),
            (Name::Auto, Provider::Cuda, &[], GpuDemand::Gpu),
            (Name::Onnxruntime, Provider::Tensorrt, &[], GpuDemand::Gpu),
            (Name::Auto, Provider::Cpu, &[], GpuDemand::Processor),
            (Name::Tract, Provider::Auto, &[], GpuDemand::Processor),
        ] {
            assert_eq!(gpu_demand(&with(name, provider), listed), wanted, "{name:?} {provider:?} {listed:?}");
        }
    }
}
