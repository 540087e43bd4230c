//! Which Ollama the worker talks to: one on this machine, unless worker.toml names another. A model's folder names one as
//! well, and a folder may come from anybody. Pure.

use std::net::IpAddr;

use tokio_tungstenite::tungstenite::http::Uri;

use crate::error::ConfigError;

/// What Ollama's own programs read.
pub const ENVIRONMENT_VARIABLE: &str = "OLLAMA_HOST";

const PORT_DEFAULT: u16 = 11_434;

const LOOPBACK: &str = "127.0.0.1";

/// The base URL that a value of [`ENVIRONMENT_VARIABLE`] means: `host`, `host:port`, `:port` or a URL. An Ollama that
/// listens at every address is reached at this machine's own.
pub fn url_of(value: &str) -> String {
    let value = value.trim().trim_end_matches('/');
    let (scheme, rest, port) = match value.split_once("://") {
        Some(("https", rest)) => ("https", rest, 443),
        Some((_, rest)) => ("http", rest, 80),
        None => ("http", value, PORT_DEFAULT),
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, text)) if !host.ends_with(':') => text.parse().map_or((authority, port), |port| (host, port)),
        _ => (authority, port),
    };
    let name = host.trim_matches(['[', ']']);
    let host = match name.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => LOOPBACK.to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ if name.is_empty() => LOOPBACK.to_owned(),
        _ => name.to_owned(),
    };
    format!("{scheme}://{host}:{port}{path}")
}

/// `named` is `child.ollama_url` of worker.toml.
///
/// # Errors
/// Another machine than this one that worker.toml does not name.
pub fn check(url: &str, named: Option<&str>) -> Result<(), ConfigError> {
    let is_named = named.is_some_and(|named| named.trim_end_matches('/') == url.trim_end_matches('/'));
    if is_named || is_on_this_machine(url) {
        return Ok(());
    }
    Err(ConfigError::Refused(format!(
        "the Ollama at {url} is not on this machine; to use it, set child.ollama_url = \"{url}\" in worker.toml"
    )))
}

fn is_on_this_machine(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read_as_ollama_reads_it() {
        for (value, url) in [
            ("127.0.0.1", "http://127.0.0.1:11434"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            (":9000", "http://127.0.0.1:9000"),
            ("[::]:9000", "http://127.0.0.1:9000"),
            ("[::1]", "http://[::1]:11434"),
            ("::1", "http://[::1]:11434"),
            ("box.example", "http://box.example:11434"),
            ("https://box.example", "https://box.example:443"),
            ("http://box.example:1/below/", "http://box.example:1/below"),
            ("", "http://127.0.0.1:11434"),
        ] {
            assert_eq!(url_of(value), url, "{value}");
        }
    }

    #[test]
    fn another_machine_is_used_only_where_the_configuration_names_it() {
        for url in ["http://127.0.0.1:11434", "http://localhost:1", "http://[::1]:1", "https://127.8.9.1"] {
            check(url, None).unwrap();
        }
        for url in ["http://box.example:11434", "http://10.0.0.1", "http://127.0.0.1.evil.example", "nonsense url", ""]
        {
            let error = check(url, Some("http://other.example")).unwrap_err().to_string();
            assert!(error.contains("child.ollama_url"), "{error}");
        }
        check("http://box.example:11434", Some("http://box.example:11434/")).unwrap();
    }
}
