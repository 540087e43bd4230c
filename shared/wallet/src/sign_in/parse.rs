//! Reads the text of a message to sign in with, line by line as the standard writes it.

use shared::Address;
use shared::time::UnixMillis;

use super::date_time::DateTime;
use super::{ASKS, MESSAGE_MAX_BYTES, NONCE_MIN_CHARS, RESOURCES_MAX, SignInError, SignInMessage, VERSION};

pub(super) fn message(text: &str) -> Result<SignInMessage, SignInError> {
    if text.len() > MESSAGE_MAX_BYTES {
        return Err(SignInError::TooLong(text.len()));
    }
    let mut lines = Lines(text.split('\n').peekable());
    let first = lines.next("domain")?;
    let asker = first.strip_suffix(ASKS).ok_or(SignInError::Missing(ASKS))?;
    let (scheme, domain) = asker.split_once("://").map_or((None, asker), |(scheme, domain)| (Some(scheme), domain));
    let address = address(lines.next("address")?)?;
    lines.empty("an empty line behind the address")?;
    let statement = Some(lines.next("statement")?).filter(|line| !line.is_empty());
    if statement.is_some() {
        lines.empty("an empty line behind the statement")?;
    }
    let uri = lines.field("URI")?;
    let version = lines.field("Version")?;
    if version != VERSION {
        return Err(SignInError::Field { field: "Version", rule: VERSION, got: version.to_owned() });
    }
    let message = SignInMessage {
        scheme: scheme.map(str::to_owned),
        domain: domain.to_owned(),
        address,
        statement: statement.map(str::to_owned),
        uri: uri.to_owned(),
        chain_id: chain_id(lines.field("Chain ID")?)?,
        nonce: lines.field("Nonce")?.to_owned(),
        issued_at: date_time("Issued At", lines.field("Issued At")?)?,
        expires_at: lines.optional_date_time("Expiration Time")?,
        not_before: lines.optional_date_time("Not Before")?,
        request_id: lines.optional("Request ID").map(str::to_owned),
        resources: lines.resources()?,
    };
    match lines.0.next() {
        Some(rest) => {
            Err(SignInError::Field { field: "the message", rule: "over behind its fields", got: shortened(rest) })
        }
        None => check(&message).map(|()| message),
    }
}

/// The form of each field. What is checked here holds line breaks out, so no field can pretend to be another one.
pub(super) fn check(message: &SignInMessage) -> Result<(), SignInError> {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    };
    let is_uri = |uri: &str| {
        uri.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme)) && uri.chars().all(is_uri_character)
    };
    let rule = |holds: bool, field, rule, got: &str| {
        if holds { Ok(()) } else { Err(SignInError::Field { field, rule, got: shortened(got) }) }
    };
    if let Some(scheme) = &message.scheme {
        rule(is_scheme(scheme), "the scheme", "letters, digits and +-.", scheme)?;
    }
    let is_domain = !message.domain.is_empty()
        && message.domain.chars().all(|character| is_uri_character(character) && !"/?#".contains(character));
    rule(is_domain, "the domain", "a host with an optional port", &message.domain)?;
    if let Some(statement) = &message.statement {
        let holds = !statement.is_empty() && statement.chars().all(|one| one == ' ' || one.is_ascii_graphic());
        rule(holds, "the statement", "a line of letters, digits and signs of ASCII", statement)?;
    }
    rule(is_uri(&message.uri), "URI", "an address with its scheme", &message.uri)?;
    let is_nonce =
        message.nonce.len() >= NONCE_MIN_CHARS && message.nonce.chars().all(|one| one.is_ascii_alphanumeric());
    rule(is_nonce, "Nonce", "at least 8 letters and digits", &message.nonce)?;
    if let Some(id) = &message.request_id {
        rule(id.chars().all(is_uri_character), "Request ID", "characters of an address", id)?;
    }
    if message.resources.len() > RESOURCES_MAX {
        return Err(SignInError::TooManyResources);
    }
    message.resources.iter().try_for_each(|one| rule(is_uri(one), "a resource", "an address with its scheme", one))
}

/// The characters of RFC 3986.
fn is_uri_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(character)
}

/// The standard demands the checksum of EIP-55.
fn address(text: &str) -> Result<Address, SignInError> {
    Address::parse_checksummed(text, None).map_err(|_| SignInError::Field {
        field: "the address",
        rule: "0x and 40 hex digits with the checksum of EIP-55",
        got: shortened(text),
    })
}

fn chain_id(text: &str) -> Result<u64, SignInError> {
    let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
    number.ok_or_else(|| SignInError::Field { field: "Chain ID", rule: "a number", got: shortened(text) })
}

fn date_time(field: &'static str, text: &str) -> Result<UnixMillis, SignInError> {
    DateTime::parse(text).map(|read| read.0).map_err(|error| SignInError::DateTime { field, error })
}

/// What a stranger sent is not repeated at any length.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

struct Lines<'a>(std::iter::Peekable<std::str::Split<'a, char>>);

impl<'a> Lines<'a> {
    fn next(&mut self, what: &'static str) -> Result<&'a str, SignInError> {
        self.0.next().ok_or(SignInError::Missing(what))
    }

    fn empty(&mut self, what: &'static str) -> Result<(), SignInError> {
        if self.next(what)?.is_empty() { Ok(()) } else { Err(SignInError::Missing(what)) }
    }

    fn field(&mut self, name: &'static str) -> Result<&'a str, SignInError> {
        self.optional(name).ok_or(SignInError::Missing(name))
    }

    fn optional(&mut self, name: &str) -> Option<&'a str> {
        let value = self.0.peek()?.strip_prefix(name)?.strip_prefix(": ")?;
        self.0.next();
        Some(value)
    }

    fn optional_date_time(&mut self, name: &'static str) -> Result<Option<UnixMillis>, SignInError> {
        self.optional(name).map(|text| date_time(name, text)).transpose()
    }

    fn resources(&mut self) -> Result<Vec<String>, SignInError> {
        let mut resources = Vec::new();
        if self.0.next_if_eq(&"Resources:").is_some() {
            while let Some(resource) = self.0.peek().and_then(|line| line.strip_prefix("- ")) {
                if resources.len() == RESOURCES_MAX {
                    return Err(SignInError::TooManyResources);
                }
                resources.push(resource.to_owned());
                self.0.next();
            }
        }
        Ok(resources)
    }
}
