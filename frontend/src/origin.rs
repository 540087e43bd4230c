//! The origin under which a reader knows this server. The server itself does not know its own name.

use http::uri::Authority;
use http::{HeaderMap, HeaderName, header};

/// By this a proxy in front says whether the reader speaks TLS to it.
const FORWARDED_SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Scheme, host and port that the reader asked, as in `https://aitbc.example`. `None` without a `Host` header that names
/// a host: its text goes into documents, so it may hold nothing but a name and a port.
#[must_use]
pub fn origin(headers: &HeaderMap) -> Option<String> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let host = text(header::HOST)?.parse::<Authority>().ok().filter(is_host)?;
    let scheme = if text(FORWARDED_SCHEME) == Some("https") { "https" } else { "http" };
    Some(format!("{scheme}://{host}"))
}

fn is_host(authority: &Authority) -> bool {
    authority.as_str().chars().all(|letter| letter.is_ascii_alphanumeric() || ".-:[]".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, scheme: Option<&str>) -> Option<String> {
        let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        if let Some(scheme) = scheme {
            headers.insert(FORWARDED_SCHEME, scheme.parse().unwrap());
        }
        origin(&headers)
    }

    #[test]
    fn the_origin_is_the_one_that_was_asked() {
        assert_eq!(asked("127.0.0.1:8000", None).as_deref(), Some("http://127.0.0.1:8000"));
        assert_eq!(asked("aitbc.example", Some("https")).as_deref(), Some("https://aitbc.example"));
        assert_eq!(asked("[::1]:8000", Some("ftp")).as_deref(), Some("http://[::1]:8000"));
    }

    #[test]
    fn a_host_that_would_break_a_document_is_none() {
        for host in ["a<b", "user@aitbc.example", "a b", "a&b", "a\"b", ""] {
            assert_eq!(asked(host, None), None, "{host}");
        }
        assert_eq!(origin(&HeaderMap::new()), None);
    }
}
