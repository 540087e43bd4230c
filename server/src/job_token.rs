//! Who created a job without an account: the secret that its creator got, once. Nobody else may cancel the job, or read its
//! result while others compute it again.
//!
//! A page keeps it in a cookie that no script can read and that goes to this job's own paths alone. Other clients read
//! it in the header of the first answer and send it back in the same header. A client that may have to repeat its request
//! draws the token itself and sends it along: who repeats it with the same one is the creator. The server keeps its hash.

use std::collections::BTreeSet;

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use shared::digest::Sha256Digest;
use shared::field_error::FieldError;
use shared::id::JobId;
use shared::job::JobKind;

use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use store::record::JobRecord;

/// Carries a token in both directions.
pub const JOB_TOKEN_HEADER: HeaderName = HeaderName::from_static("x-job-token");

/// A longer text is no token.
pub const JOB_TOKEN_MAX_CHARS: usize = 100;

const COOKIE_NAME: &str = "job_token";

/// How long after a job's time its audits may last.
const AUDITS_MAX_SECONDS: u64 = 2 * hub::audit::TIME_MAX_MS / 1_000;

/// Every token starts with this, so that scanners recognise a leaked one.
const PREFIX: &str = "jobtoken_";

/// Random bytes of a token.
const RANDOM_BYTES: usize = 32;

/// Different bytes among those of a token that a client brings, at least. By chance there are fewer in less than one of 10^13 tokens.
const DIFFERENT_BYTES_MIN: usize = 17;

/// A new token.
#[derive(Clone)]
pub struct JobToken(String);

impl std::fmt::Debug for JobToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JobToken(…)")
    }
}

impl JobToken {
    /// It has 256 random bits, so a plain hash protects it.
    pub fn random() -> Self {
        Self(format!("{PREFIX}{}", hex::encode(clock::random_bytes::<RANDOM_BYTES>())))
    }

    /// The token that a client drew itself and sends along with its request for a job.
    ///
    /// # Errors
    /// Another form, or bytes that are not random.
    pub fn brought(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(value) = headers.get(JOB_TOKEN_HEADER) else { return Ok(None) };
        let digits = value.to_str().ok().and_then(|text| text.strip_prefix(PREFIX));
        let is_form = |digits: &&str| {
            digits.len() == 2 * RANDOM_BYTES && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        };
        let form = format!("{PREFIX} and {} hex digits in small letters", 2 * RANDOM_BYTES);
        let Some(digits) = digits.filter(is_form) else {
            let given = format!("{} characters of another form", value.len());
            return Err(ApiError::Invalid(vec![FieldError::bound("X-Job-Token", form, given)]));
        };
        let different = digits.as_bytes().chunks(2).collect::<BTreeSet<_>>().len();
        if different < DIFFERENT_BYTES_MIN {
            let bound = format!("{RANDOM_BYTES} random bytes, of which {DIFFERENT_BYTES_MIN} or more differ");
            return Err(ApiError::Invalid(vec![FieldError::bound("X-Job-Token", bound, different.to_string())]));
        }
        Ok(Some(Self(format!("{PREFIX}{digits}"))))
    }

    pub fn sha256(&self) -> Sha256Digest {
        Sha256Digest::of(self.0.as_bytes())
    }

    /// Hands the token to the creator. The cookies live as long as there is something to cancel, or to keep from others. One
    /// goes to the job's paths of the API, the other to the page that shows the result: that page is also opened by a link of
    /// another site, and nothing can be changed with it.
    pub fn put_into(&self, headers: &mut HeaderMap, job_id: JobId, kind: JobKind, ttl_seconds: u64, over_tls: bool) {
        let secure = if over_tls { "; Secure" } else { "" };
        let max_age = ttl_seconds.saturating_add(AUDITS_MAX_SECONDS);
        let page = match kind {
            // The list of jobs is ordered by one, the last that this browser asked for.
            JobKind::Embedding => "/jobs".to_owned(),
            JobKind::Image | JobKind::Text => format!("/jobs/{job_id}"),
        };
        let cookie = |path: &str, same_site: &str| {
            let token = &self.0;
            format!("{COOKIE_NAME}={token}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite={same_site}{secure}")
        };
        let cookies = [cookie(&format!("/v1/jobs/{job_id}"), "Strict"), cookie(&page, "Lax")];
        for (name, text) in [(JOB_TOKEN_HEADER, self.0.clone())].into_iter().chain(cookies.map(|one| (SET_COOKIE, one)))
        {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.append(name, value);
            }
        }
    }
}

/// The hashes of the tokens that a request carries.
pub fn hashes_of(headers: &HeaderMap) -> Vec<Sha256Digest> {
    let tokens = tokens_of(headers).filter(|token| token.len() <= JOB_TOKEN_MAX_CHARS);
    tokens.map(|token| Sha256Digest::of(token.as_bytes())).collect()
}

/// The tokens that a request carries, in the header or in cookies.
fn tokens_of(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let given = headers.get(JOB_TOKEN_HEADER).and_then(|value| value.to_str().ok());
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    given.into_iter().chain(pairs.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value))
}

fn check_length(headers: &HeaderMap) -> Result<(), FieldError> {
    let chars = headers.get(JOB_TOKEN_HEADER).map_or(0, HeaderValue::len);
    if chars <= JOB_TOKEN_MAX_CHARS {
        return Ok(());
    }
    Err(FieldError::bound("X-Job-Token", format!("up to {JOB_TOKEN_MAX_CHARS} characters"), chars.to_string()))
}

/// Whether the caller created a job that it may see, or is an operator. The job of a key belongs to the key's address, so that
/// a client may replace its key; a visitor's job belongs to the holder of its token.
pub fn is_creator(caller: &Caller, headers: &HeaderMap, job: &JobRecord) -> bool {
    // Its owner has proved the wallet, and the order of a paid job is the wallet's even where the job was sent without
    // a session.
    let is_own_wallet = matches!(caller, Caller::Wallet { wallet, .. } if *wallet == job.client);
    if caller.is_admin() || is_own_wallet {
        return true;
    }
    match job.creator_sha256 {
        None => caller.address() == Some(job.client),
        Some(sha256) => hashes_of(headers).contains(&sha256),
    }
}

/// Whether the caller may end a job that it may see.
///
/// # Errors
/// Everybody but its creator, and a header that is no token by its length.
pub fn check_may_cancel(caller: &Caller, headers: &HeaderMap, job: &JobRecord) -> Result<(), ApiError> {
    check_length(headers).map_err(|error| ApiError::Invalid(vec![error]))?;
    if job.creator_sha256.is_none() {
        caller.may_create_jobs()?;
    }
    if is_creator(caller, headers, job) { Ok(()) } else { Err(not_the_creator()) }
}

fn not_the_creator() -> ApiError {
    let header = JOB_TOKEN_HEADER;
    ApiError::Forbidden(format!("only its creator may cancel a job: send the token of its creation in `{header}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_in_the_header_or_among_cookies_and_is_never_printed() {
        let token = JobToken::random();
        assert_ne!(token.sha256(), JobToken::random().sha256());
        assert!(!format!("{token:?}").contains(&token.0));
        let of = |name: HeaderName, value: &str| {
            let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
            tokens_of(&headers).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of(JOB_TOKEN_HEADER, "jobtoken_1"), ["jobtoken_1"]);
        assert_eq!(of(COOKIE, "theme=dark; job_token=jobtoken_1;job_token=jobtoken_2"), ["jobtoken_1", "jobtoken_2"]);
        assert!(of(COOKIE, "other_job_token=jobtoken_1; job_token").is_empty());
    }

    #[test]
    fn the_cookies_go_to_their_job_alone_and_to_no_script() {
        let (token, id) = (JobToken::random(), JobId::from_random(1));
        let put = |kind, over_tls| {
            let mut headers = HeaderMap::new();
            token.put_into(&mut headers, id, kind, 900, over_tls);
            assert_eq!(headers[JOB_TOKEN_HEADER], token.0);
            headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let expected = |path: &str, same_site| {
            format!("job_token={}; Path={path}; Max-Age=72900; HttpOnly; SameSite={same_site}", token.0)
        };
        let [of_api, of_page] =
            [expected(&format!("/v1/jobs/{id}"), "Strict"), expected(&format!("/jobs/{id}"), "Lax")];
        assert_eq!(put(JobKind::Image, false), [of_api.clone(), of_page.clone()]);
        assert_eq!(put(JobKind::Text, true), [format!("{of_api}; Secure"), format!("{of_page}; Secure")]);
        assert_eq!(put(JobKind::Embedding, false), [of_api, expected("/jobs", "Lax")], "the list is ordered by it");
    }

    #[test]
    fn a_token_that_a_client_brings_is_of_our_form_and_random() {
        let brought = |text: &str| {
            JobToken::brought(&HeaderMap::from_iter([(JOB_TOKEN_HEADER, HeaderValue::from_str(text).unwrap())]))
        };
        assert!(JobToken::brought(&HeaderMap::new()).unwrap().is_none());
        for _ in 0..1_000 {
            let token = JobToken::random();
            assert_eq!(brought(&token.0).unwrap().unwrap().sha256(), token.sha256());
        }
        let digits: String = (0..32_u8).map(|byte| format!("{byte:02x}")).collect();
        assert!(brought(&format!("jobtoken_{digits}")).is_ok());
        for bad in [
            "",
            "jobtoken_",
            "1",
            &digits,
            &format!("jobtoken_{}", &digits[2..]),
            &format!("jobtoken_{digits}00"),
            &format!("jobtoken_{}", "ab".repeat(32)),
            &format!("jobtoken_{}", &digits[..32].repeat(2)),
            &format!("jobtoken_{}", digits.to_uppercase()),
            &format!("jobtoken_{}g", &digits[1..]),
        ] {
            let Err(ApiError::Invalid(errors)) = brought(bad) else { panic!("{bad}") };
            assert_eq!((errors[0].field.as_str(), errors[0].bound.is_some()), ("X-Job-Token", true), "{bad}");
        }
    }

    #[test]
    fn a_header_longer_than_any_token_is_refused() {
        let with = |text: &str| HeaderMap::from_iter([(JOB_TOKEN_HEADER, HeaderValue::from_str(text).unwrap())]);
        assert!(check_length(&HeaderMap::new()).is_ok() && check_length(&with(&JobToken::random().0)).is_ok());
        let error = check_length(&with(&"a".repeat(JOB_TOKEN_MAX_CHARS + 1))).unwrap_err();
        assert_eq!(error.field, "X-Job-Token");
    }
}
