//! Which certificate authorities the worker trusts for the hub's TLS: the public ones, or those of one file.

use std::path::Path;
use std::sync::Arc;

use inference::files::FileError;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::Connector;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::error::{ConfigError, FormatError};

/// Largest file of certificates.
const CA_FILE_MAX_BYTES: u64 = 1 << 20;

/// Certificate authorities that the worker trusts.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Instead of the public ones.
    own: Option<Arc<[Certificate<'static>]>>,
}

impl Trust {
    /// The certificates in `ca_file`, in PEM; the public ones where there is none.
    pub fn load(ca_file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = ca_file else { return Ok(Self::default()) };
        let length = std::fs::metadata(path).map_err(FileError::at(path))?.len();
        if length > CA_FILE_MAX_BYTES {
            let reason = format!("it has {length} bytes, more than {CA_FILE_MAX_BYTES}");
            return Err(FormatError::new(path, reason).into());
        }
        let pem = std::fs::read(path).map_err(FileError::at(path))?;
        let mut own = Vec::new();
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| FormatError::new(path, error))? {
                own.push(certificate);
            }
        }
        if own.is_empty() {
            return Err(FormatError::new(path, "it holds no certificate in PEM").into());
        }
        Ok(Self { own: Some(own.into()) })
    }

    /// For posts of results and other calls of the hub's API.
    pub fn http(&self) -> TlsConfig {
        let roots = self.own.as_ref().map_or(RootCerts::WebPki, |own| RootCerts::new_with_certs(own));
        TlsConfig::builder().root_certs(roots).build()
    }

    /// For the session; nothing where the public certificates are believed, which the WebSocket brings itself.
    pub fn session(&self) -> Result<Option<Connector>, ConfigError> {
        let Some(own) = &self.own else { return Ok(None) };
        let failed = |error: rustls::Error| ConfigError::Refused(format!("ca_file: {error}"));
        let mut roots = RootCertStore::empty();
        for certificate in own.iter() {
            roots.add(CertificateDer::from(certificate.der().to_vec())).map_err(failed)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Some(Connector::Rustls(Arc::new(config))))
    }
}
