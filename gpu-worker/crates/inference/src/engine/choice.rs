//! Which execution provider runs, and what is said where it is not the wanted one.

use std::path::PathBuf;

use super::provider::{Provider, ProviderChoice, ProviderOptions};
use super::{EngineConfig, cpu, device};
use crate::error::{InferenceError, Result, quote_engine};

/// What decides rounding on the device that the provider computes on.
pub(super) fn architecture(options: &ProviderOptions) -> std::result::Result<String, String> {
    match options.provider {
        Provider::Cpu => Ok(cpu::instruction_set().to_owned()),
        Provider::Cuda | Provider::TensorRt => device::architecture(options.device),
    }
}

pub(super) fn unusable(provider: Provider, reason: &str) -> InferenceError {
    // ONNX Runtime puts its source's lines before the reason.
    let reason = reason.rsplit(" : FAIL : ").next().unwrap_or(reason).trim_end_matches('.');
    InferenceError::provider(provider.name(), quote_engine(reason), provider.mend())
}

/// The provider that works, with what `try_out` found, and what did not work before it.
///
/// # Errors
/// A provider that the miner named and that does not work.
pub(super) fn choose_provider(
    config: &EngineConfig,
    cache: Option<&PathBuf>,
    try_out: impl Fn(&ProviderOptions) -> std::result::Result<String, String>,
) -> Result<(ProviderOptions, String, Option<String>)> {
    let attempt = |provider: Provider| {
        let options = config.options(provider, cache);
        try_out(&options).map(|found| (options, found)).map_err(|reason| unusable(provider, &reason))
    };
    let (chosen, note) = match config.provider {
        ProviderChoice::Cpu => (attempt(Provider::Cpu)?, None),
        ProviderChoice::Cuda => (attempt(Provider::Cuda)?, None),
        ProviderChoice::Tensorrt => (attempt(Provider::TensorRt)?, None),
        ProviderChoice::Auto => match attempt(Provider::Cuda) {
            Ok(chosen) => (chosen, None),
            Err(error) => (attempt(Provider::Cpu)?, Some(format!("runs on the processor: {error}"))),
        },
    };
    Ok((chosen.0, chosen.1, note))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(provider: ProviderChoice) -> EngineConfig {
        EngineConfig { provider, ..EngineConfig::default() }
    }

    fn only_on(works: Provider) -> impl Fn(&ProviderOptions) -> std::result::Result<String, String> {
        move |options| match options.provider == works {
            true => Ok("sm_90".into()),
            false => Err("no such device".into()),
        }
    }

    #[test]
    fn a_provider_that_does_not_work_is_told_in_auto_mode_and_an_error_where_it_was_named() {
        let (options, _, note) = choose_provider(&config(ProviderChoice::Auto), None, only_on(Provider::Cpu)).unwrap();
        assert_eq!(options.provider, Provider::Cpu);
        let note = note.unwrap();
        assert!(
            note.contains("CUDA") && note.contains("no such device") && note.contains("xtask engine cuda"),
            "{note}"
        );
        for provider in [ProviderChoice::Cuda, ProviderChoice::Tensorrt] {
            let error = choose_provider(&config(provider), None, only_on(Provider::Cpu)).unwrap_err();
            assert_eq!(error.kind.name(), "engine");
            assert!(error.to_string().contains("no such device"), "{error}");
        }
    }

    #[test]
    fn a_provider_that_works_is_taken_without_a_note() {
        let (options, found, note) =
            choose_provider(&config(ProviderChoice::Auto), None, only_on(Provider::Cuda)).unwrap();
        assert_eq!((options.provider, found.as_str(), note), (Provider::Cuda, "sm_90", None));
        let (options, ..) = choose_provider(&config(ProviderChoice::Cpu), None, only_on(Provider::Cpu)).unwrap();
        assert_eq!(options.provider, Provider::Cpu);
    }
}
