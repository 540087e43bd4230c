//! The hubs that a command is about: those named in its arguments, or else the configured ones.

use crate::config::HubConfig;
use crate::error::{ConfigError, Result};
use crate::hub::route::Route;
use crate::hub::trust::Trust;
use crate::hub::{HUBS_MAX, HubUrl};

/// The hub of `cargo xtask up` and `aitbc up`.
pub const HUB_DEFAULT: &str = "http://127.0.0.1:8000";

#[derive(Debug, Clone, Default, clap::Args)]
pub struct HubArguments {
    /// Base URL of a hub, instead of the configured ones; named again for each further hub, which shares the same devices
    /// [default without worker.toml: http://127.0.0.1:8000].
    #[arg(long = "hub", env = "AITBC_HUB", value_delimiter = ',')]
    pub urls: Vec<String>,
    /// Take hubs on other machines without TLS, whose prompts and answers anyone on the way can read and change.
    #[arg(long)]
    pub insecure_http: bool,
}

/// A hub, and how its connections are made.
#[derive(Debug, Clone)]
pub struct Access {
    pub url: HubUrl,
    pub trust: Trust,
    pub route: Route,
}

impl HubArguments {
    /// One URL that is named has what the configuration says of it.
    pub fn wanted(&self, configured: &[HubConfig]) -> Vec<HubConfig> {
        let insecure_http = self.insecure_http;
        let wanted: Vec<HubConfig> = if self.urls.is_empty() {
            match configured {
                [] => vec![HubConfig::new(HUB_DEFAULT)],
                hubs => hubs.to_vec(),
            }
        } else {
            let named = |url: &String| configured.iter().find(|hub| hub.is_at(url)).cloned();
            self.urls.iter().map(|url| named(url).unwrap_or_else(|| HubConfig::new(url))).collect()
        };
        wanted.into_iter().map(|hub| HubConfig { insecure_http: insecure_http || hub.insecure_http, ..hub }).collect()
    }
}

/// How to reach each of these hubs.
///
/// # Errors
/// No hub or too many, one that is named twice, a URL that is none or has no TLS where it needs it, and a file of
/// certificates or a proxy that is not right.
pub fn accesses(hubs: &[HubConfig]) -> Result<Vec<Access>, ConfigError> {
    if !(1..=HUBS_MAX).contains(&hubs.len()) {
        return Err(ConfigError::Refused(format!("hubs are 1 to {HUBS_MAX}, got {}", hubs.len())));
    }
    let mut accesses: Vec<Access> = Vec::new();
    for hub in hubs {
        let url = secure_url(hub)?;
        if accesses.iter().any(|other| other.url == url) {
            return Err(ConfigError::Refused(format!("the hub {} is named twice", url.as_str())));
        }
        let (trust, route) = (Trust::load(hub.ca_file.as_deref())?, Route::of_process(&url)?);
        accesses.push(Access { url, trust, route });
    }
    Ok(accesses)
}

/// # Errors
/// What is no URL, and another machine without TLS.
pub fn secure_url(hub: &HubConfig) -> Result<HubUrl, ConfigError> {
    let url = HubUrl::parse(&hub.url)?;
    url.check_secure(hub.insecure_http)?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(urls: &[&str]) -> HubArguments {
        HubArguments { urls: urls.iter().map(|url| (*url).to_owned()).collect(), insecure_http: false }
    }

    #[test]
    fn what_is_named_goes_before_what_is_configured_and_keeps_its_settings() {
        let configured = [
            HubConfig { ca_file: Some("ca.pem".into()), ..HubConfig::new("https://one.example") },
            HubConfig { insecure_http: true, ..HubConfig::new("http://two.example") },
        ];
        assert_eq!(arguments(&[]).wanted(&[]), [HubConfig::new(HUB_DEFAULT)]);
        assert_eq!(arguments(&[]).wanted(&configured), configured);
        let named = arguments(&["http://three.example", "https://one.example/"]).wanted(&configured);
        assert_eq!(named, [HubConfig::new("http://three.example"), configured[0].clone()]);
        let insecure = HubArguments { insecure_http: true, ..arguments(&["http://three.example"]) };
        assert!(insecure.wanted(&configured)[0].insecure_http);
    }

    #[test]
    fn too_many_hubs_and_the_same_one_twice_are_refused_with_a_word() {
        let hubs = |count: usize| -> Vec<HubConfig> {
            (0..count).map(|number| HubConfig::new(&format!("http://127.0.0.1:{}", 9_000 + number))).collect()
        };
        assert_eq!(accesses(&hubs(HUBS_MAX)).unwrap().len(), HUBS_MAX);
        for (hubs, words) in [
            (hubs(0), "hubs are 1 to 8, got 0"),
            (hubs(HUBS_MAX + 1), "hubs are 1 to 8, got 9"),
            (vec![HubConfig::new("http://127.0.0.1:1"), HubConfig::new("http://127.0.0.1:1/")], "named twice"),
            (vec![HubConfig::new("http://hub.example")], "--insecure-http"),
            (vec![HubConfig::new("hub.example")], "hub is a URL"),
        ] {
            let error = accesses(&hubs).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
