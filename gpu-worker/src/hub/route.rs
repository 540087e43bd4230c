//! How connections to the hub leave this machine: directly, or through the proxy that the environment names. The session,
//! the results and the commands all ask here, so that a job is never taken on one way and lost on another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use inference::error::quote;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use ureq::{Proxy, ProxyProtocol};

use super::HubUrl;
use crate::error::ConfigError;

/// Longest answer of a proxy before the connection is through.
const ANSWER_MAX_BYTES: usize = 8 << 10;

const ANSWER_END: &[u8] = b"\r\n\r\n";

/// The way to one hub.
#[derive(Debug, Clone, Default)]
pub struct Route {
    proxy: Option<Proxy>,
}

impl Route {
    /// The route that this process's environment asks for.
    ///
    /// # Errors
    /// A proxy that is no URL, or is of another kind than `http://`.
    pub fn of_process(hub: &HubUrl) -> Result<Self, ConfigError> {
        Self::find(hub, |name| std::env::var(name).ok())
    }

    /// `HTTPS_PROXY` for `https`, `HTTP_PROXY` for `http`, else `ALL_PROXY`; none for a hub on this machine or one that
    /// `NO_PROXY` names. Names in small letters count as well.
    ///
    /// # Errors
    /// As [`Self::of_process`].
    pub fn find(hub: &HubUrl, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let read = |name: &str| {
            let value = variable(name).or_else(|| variable(&name.to_lowercase()))?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let (host, _) = hub.host_and_port();
        if hub.is_local() || read("NO_PROXY").is_some_and(|list| names(&list, &host)) {
            return Ok(Self::default());
        }
        let own = if hub.is_secure() { "HTTPS_PROXY" } else { "HTTP_PROXY" };
        let named = [own, "ALL_PROXY"].into_iter().find_map(|name| Some((name, read(name)?)));
        let Some((name, url)) = named else { return Ok(Self::default()) };
        // The URL may hold a password, so no error repeats it.
        let refused =
            |reason: &str| ConfigError::Refused(format!("{name} is a URL such as http://proxy:3128, {reason}"));
        let proxy = Proxy::new(&url).map_err(|_| refused("and it is not one"))?;
        if proxy.protocol() != ProxyProtocol::Http {
            return Err(refused("and no other kind of proxy is used"));
        }
        Ok(Self { proxy: Some(proxy) })
    }

    /// For posts of results and other calls of the hub's API.
    pub fn http(&self) -> Option<Proxy> {
        self.proxy.clone()
    }

    /// Where connections go first: the proxy, or the hub itself.
    pub fn first_stop(&self, hub: &HubUrl) -> (String, u16) {
        match &self.proxy {
            Some(proxy) => (proxy.host().to_owned(), proxy.port()),
            None => hub.host_and_port(),
        }
    }

    /// The proxy's host and port, if there is one.
    pub fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
    }

    /// Connects to the hub, through the proxy where there is one.
    ///
    /// # Errors
    /// A host that does not answer, and a proxy that refuses, in words.
    pub async fn connect(&self, hub: &HubUrl) -> Result<TcpStream, String> {
        let text = |error: std::io::Error| error.to_string();
        let mut stream = TcpStream::connect(self.first_stop(hub)).await.map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        if let Some(proxy) = &self.proxy {
            stream.write_all(request(proxy, hub).as_bytes()).await.map_err(text)?;
            let answer = answer(&mut stream).await.map_err(text)?;
            if !is_open(&answer) {
                let line = quote(answer.lines().next().unwrap_or_default());
                return Err(format!("the proxy {}:{} answers {line}", proxy.host(), proxy.port()));
            }
        }
        Ok(stream)
    }
}

fn request(proxy: &Proxy, hub: &HubUrl) -> String {
    let (host, port) = hub.host_and_port();
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let account = proxy.username().map(|name| format!("{name}:{}", proxy.password().unwrap_or_default()));
    let account = account
        .map_or_else(String::new, |account| format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(account)));
    format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{account}\r\n")
}

/// The head of the proxy's answer. What follows it belongs to the hub, so it is read byte by byte.
async fn answer(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(ANSWER_END) {
        if head.len() >= ANSWER_MAX_BYTES {
            return Err(std::io::Error::other(format!("the proxy's answer has more than {ANSWER_MAX_BYTES} bytes")));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn is_open(answer: &str) -> bool {
    let mut words = answer.split_whitespace();
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
    is_http && words.next().is_some_and(|status| status.len() == 3 && status.starts_with('2'))
}

/// Whether a list as in `NO_PROXY` has this host: itself, a domain above it, a network that its address is of, or
/// everything.
fn names(list: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_lowercase();
    let address = host.parse::<IpAddr>().ok();
    list.split([',', ' ']).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_lowercase();
        let domain = entry.trim_start_matches('*').trim_start_matches('.').trim_matches(['[', ']']);
        if let (Some(address), Some((network, bits))) = (address, entry.split_once('/')) {
            return is_in(address, network, bits);
        }
        entry == "*" || !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}")))
    })
}

/// Whether `address` has the first `bits` of `network`.
fn is_in(address: IpAddr, network: &str, bits: &str) -> bool {
    let shared_bits = |one: u128, other: u128, of: u32| (one ^ other).leading_zeros() - (u128::BITS - of);
    let shared = match (address, network.trim_matches(['[', ']']).parse()) {
        (IpAddr::V4(one), Ok(IpAddr::V4(other))) => {
            shared_bits(one.to_bits().into(), other.to_bits().into(), Ipv4Addr::BITS)
        }
        (IpAddr::V6(one), Ok(IpAddr::V6(other))) => shared_bits(one.to_bits(), other.to_bits(), Ipv6Addr::BITS),
        _ => return false,
    };
    bits.parse::<u32>().is_ok_and(|bits| bits <= shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(url: &str, variables: &[(&str, &str)]) -> Result<Route, ConfigError> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
        Route::find(&HubUrl::parse(url).unwrap(), find)
    }

    fn proxy(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        route(url, variables).unwrap().proxy()
    }

    #[test]
    fn each_scheme_has_its_proxy_and_this_machine_none() {
        let all = [("HTTPS_PROXY", "http://a:1"), ("http_proxy", "http://b:2"), ("ALL_PROXY", "http://c:3")];
        assert_eq!(proxy("https://hub.example", &all), Some("a:1".into()));
        assert_eq!(proxy("http://hub.example", &all), Some("b:2".into()));
        assert_eq!(proxy("https://hub.example", &all[1..]), Some("c:3".into()));
        assert_eq!(proxy("https://hub.example", &[("HTTP_PROXY", "http://a:1"), ("HTTPS_PROXY", " ")]), None);
        for local in ["http://127.0.0.1:8000", "https://localhost", "http://[::1]:80", "http://127.9.9.9"] {
            assert_eq!(proxy(local, &all), None, "{local}");
        }
        assert_eq!(proxy("https://127.0.0.1.evil.example", &all), Some("a:1".into()));
    }

    #[test]
    fn no_proxy_names_hosts_domains_or_all() {
        for (list, is_named) in [
            ("hub.example", true),
            (".example", true),
            ("*.example", true),
            ("other.org, EXAMPLE", true),
            ("*", true),
            ("ub.example", false),
            ("other.org", false),
            (",", false),
            (".", false),
        ] {
            let variables = [("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", list)];
            assert_eq!(proxy("https://hub.example", &variables).is_none(), is_named, "{list}");
        }
    }

    #[test]
    fn no_proxy_names_networks_by_their_first_bits() {
        for (host, list, is_named) in [
            ("10.1.2.3", "10.0.0.0/8", true),
            ("10.1.2.3", "192.168.0.0/16, 10.1.2.3/32", true),
            ("10.1.2.3", "10.1.2.2/31", true),
            ("10.1.2.3", "0.0.0.0/0", true),
            ("10.1.2.3", "10.1.2.4/30", false),
            ("10.1.2.3", "10.1.2.3/33", false),
            ("10.1.2.3", "10.0.0.0/", false),
            ("10.1.2.3", "::/0", false),
            ("hub.example", "10.0.0.0/8", false),
            ("[fd00::7]", "fd00::/8", true),
            ("[fd00::7]", "[fd00::]/64", true),
            ("[fd00::7]", "fe80::/10", false),
        ] {
            let variables = [("HTTP_PROXY", "http://a:1"), ("NO_PROXY", list)];
            assert_eq!(proxy(&format!("http://{host}"), &variables).is_none(), is_named, "{host}: {list}");
        }
    }

    #[test]
    fn another_kind_of_proxy_is_refused_and_its_password_not_told() {
        for url in ["socks5://u:secret@a:1", "https://u:secret@a:1", "http://u:secret@"] {
            let error = route("https://hub.example", &[("HTTPS_PROXY", url)]).unwrap_err().to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_proxy_is_asked_for_the_hub_with_the_account_it_wants() {
        let hub = HubUrl::parse("https://hub.example/below").unwrap();
        let named = Proxy::new("http://user:word@proxy:3128").unwrap();
        assert_eq!(
            request(&named, &hub),
            "CONNECT hub.example:443 HTTP/1.1\r\nHost: hub.example:443\r\nProxy-Authorization: Basic dXNlcjp3b3Jk\r\n\r\n"
        );
        for (answer, open) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", true),
            ("HTTP/1.0 200\r\n\r\n", true),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", false),
            ("SSH-2.0 200\r\n\r\n", false),
            ("", false),
        ] {
            assert_eq!(is_open(answer), open, "{answer}");
        }
    }
}
