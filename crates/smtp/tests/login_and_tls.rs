//! Credentials and encryption.

#![allow(clippy::disallowed_methods, reason = "tests of an edge: real sockets, files and time-outs")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rapport_engine::ports::transport::{Transport, TransportError};
use rapport_smtp::{SmtpSettings, SmtpTransport};
use support::*;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file)
}

async fn accept(stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    let chain = vec![CertificateDer::from_pem_file(data("localhost.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(data("localhost.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config)).accept(stream).await
}

fn connect(scheme: &str, login: &str, relay: &Relay, query: &str) -> SmtpTransport {
    let url = format!("{scheme}://{login}localhost:{}?{query}", relay.port);
    SmtpTransport::new(SmtpSettings::parse(&url).unwrap()).unwrap()
}

fn trusting() -> String {
    format!("tls=starttls&ca={}", data("ca.pem").display())
}

#[tokio::test]
async fn plain_and_login_credentials_are_sent_as_the_relay_asks() {
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("AUTH CRAM-MD5 PLAIN LOGIN").await;
        // "\0ada\0hunter2"
        peer.answer("AUTH PLAIN AGFkYQBodW50ZXIy", "235 2.7.0 welcome").await;
        peer.take_mails().await;
    })
    .await;
    assert_accepted(&send(&connect("smtp", "ada:hunter2@", &relay, "tls=none")).await);

    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("AUTH LOGIN").await;
        peer.answer("AUTH LOGIN", "334 VXNlcm5hbWU6").await;
        peer.answer("YWRh", "334 UGFzc3dvcmQ6").await;
        peer.answer("aHVudGVyMg==", "235 2.7.0 welcome").await;
        peer.take_mails().await;
    })
    .await;
    assert_accepted(&send(&connect("smtp", "ada:hunter2@", &relay, "tls=none")).await);
}

#[tokio::test]
async fn refused_credentials_are_an_error_of_their_own() {
    for (reply, is_auth) in [("535 5.7.8 bad credentials", true), ("454 4.7.0 try later", false), ("334 !!!", false)] {
        let relay = Relay::start(move |mut peer, _| async move {
            peer.greet("AUTH PLAIN").await;
            peer.answer("AUTH PLAIN", reply).await;
            peer.until_closed().await;
        })
        .await;
        let error = connect("smtp", "ada:hunter2@", &relay, "tls=none").ready().await.err().unwrap();
        assert_eq!(matches!(error, TransportError::Auth(_)), is_auth, "{error}");
        assert!(!error.to_string().contains("hunter2") && !error.to_string().contains("AGFkYQ"));
    }
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("AUTH GSSAPI").await;
        peer.until_closed().await;
    })
    .await;
    let error = connect("smtp", "ada:hunter2@", &relay, "tls=none").ready().await.err().unwrap();
    assert!(matches!(error, TransportError::Config(_)), "{error}");
}

#[tokio::test]
async fn starttls_encrypts_before_credentials_and_mail() {
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("STARTTLS").await;
        peer.answer("STARTTLS", "220 go on").await;
        let mut peer = Peer::new(accept(peer.into_inner()).await.unwrap());
        peer.ehlo("AUTH PLAIN\nPIPELINING").await;
        peer.answer("AUTH PLAIN ", "235 welcome").await;
        peer.take_mails().await;
    })
    .await;
    let transport = connect("smtp", "ada:hunter2@", &relay, &trusting());
    assert_accepted(&send(&transport).await);
    assert_accepted(&send(&transport).await);
    assert_eq!(relay.opened(), 1, "an encrypted connection is used again too");
}

#[tokio::test]
async fn implicit_tls_encrypts_from_the_first_octet() {
    let relay = Relay::start(|peer, _| async move {
        let mut peer = Peer::new(accept(peer.into_inner()).await.unwrap());
        peer.greet("PIPELINING").await;
        peer.take_mails().await;
    })
    .await;
    let query = format!("ca={}", data("ca.pem").display());
    assert_accepted(&send(&connect("smtps", "", &relay, &query)).await);
}

#[tokio::test]
async fn encryption_that_was_asked_for_is_never_given_up() {
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("PIPELINING").await;
        peer.until_closed().await;
    })
    .await;
    let error = connect("smtp", "", &relay, &trusting()).ready().await.err().unwrap();
    assert!(matches!(error, TransportError::Config(_)), "{error}");

    // Words slipped in behind the 220 are not taken over into the encrypted part.
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("STARTTLS").await;
        peer.answer("STARTTLS", "220 go on\n250 slipped in").await;
        peer.until_closed().await;
    })
    .await;
    let error = connect("smtp", "", &relay, &trusting()).ready().await.err().unwrap();
    assert!(matches!(error, TransportError::Unreachable(_)), "{error}");

    // A certificate for another name, or of an authority nobody trusts.
    for (host, ca) in [("127.0.0.1", "ca.pem"), ("localhost", "localhost.pem")] {
        let relay = Relay::start(|mut peer, _| async move {
            peer.greet("STARTTLS").await;
            peer.answer("STARTTLS", "220 go on").await;
            assert!(accept(peer.into_inner()).await.is_err());
        })
        .await;
        let url = format!("smtp://{host}:{}?tls=starttls&ca={}", relay.port, data(ca).display());
        let error = SmtpTransport::new(SmtpSettings::parse(&url).unwrap()).unwrap().ready().await.err().unwrap();
        assert!(matches!(error, TransportError::Config(_)), "{host} {ca}: {error}");
    }
}

#[test]
fn authorities_that_cannot_be_read_are_a_matter_of_settings() {
    for ca in ["missing.pem", "localhost.key"] {
        let url = format!("smtps://localhost?ca={}", data(ca).display());
        let error = SmtpTransport::new(SmtpSettings::parse(&url).unwrap()).err().unwrap();
        assert!(matches!(error, TransportError::Config(_)), "{ca}: {error}");
    }
}
