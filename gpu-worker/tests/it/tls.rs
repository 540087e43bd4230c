//! A hub behind TLS whose certificate a private authority signed.

use std::sync::Arc;

use gpu_worker::hub::trust::Trust;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::hub_double::{HubDouble, assignment};
use crate::miner::Miner;
use crate::session::{check_result, expect_drawn};

/// A door in front of `hub` that speaks TLS for `127.0.0.1`. Gives its URL and its authority's certificate.
async fn behind_tls(hub: &HubDouble) -> (String, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::from_params(&authority, &authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let inside = hub.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, inside) = (acceptor.clone(), inside.clone());
            tokio::spawn(async move {
                // A client that does not believe the certificate ends here.
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = TcpStream::connect(inside).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (url, root.pem())
}

#[tokio::test]
async fn a_hub_with_a_certificate_of_its_own_is_served_where_the_miner_names_it() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let (url, authority) = behind_tls(&hub).await;
    std::fs::write(miner.data.path().join("hub-ca.pem"), authority).unwrap();
    let path = miner.data.path().join("worker.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&hub.url, &format!("{url}\"\nca_file = \"hub-ca.pem"))).unwrap();
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let job = assignment(31, 1);
    session.assign(&job).await;
    expect_drawn(&mut session, &job, 1).await;
    check_result(&job, &hub.result().await.1, registration.address);
    drop(worker);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_believed() {
    let hub = HubDouble::start().await;
    let (url, _) = behind_tls(&hub).await;
    let agent = ureq::Agent::config_builder().tls_config(Trust::default().http()).build().new_agent();
    let answer = tokio::task::spawn_blocking(move || agent.get(&url).call());
    let error = answer.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("certificate") || error.contains("UnknownIssuer"), "{error}");
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for content in ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
        std::fs::write(&file, content).unwrap();
        let error = Trust::load(Some(&file)).unwrap_err().to_string();
        assert!(error.contains("ca.pem"), "{error}");
    }
    assert!(Trust::load(Some(&folder.path().join("none.pem"))).is_err());
}
