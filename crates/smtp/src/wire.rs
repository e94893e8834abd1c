//! The octets below SMTP: our own TCP stream without Nagle's delay, plain or in TLS.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use rapport_engine::ports::transport::TransportError;

/// A stream to a relay.
#[derive(Debug)]
pub(crate) enum Wire {
    /// In the clear.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects to the first address that answers. Without nodelay a mail waits 40 ms for the relay's delayed acknowledgement.
pub(crate) async fn connect(host: &str, port: u16) -> io::Result<Wire> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in tokio::net::lookup_host((host, port)).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                // A relay that vanished while a connection idles must not look alive for hours.
                let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(30));
                SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
                return Ok(Wire::Plain(stream));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The machine's authorities, or only those of `ca`.
pub(crate) fn tls_connector(ca: Option<&Path>) -> Result<TlsConnector, TransportError> {
    let config = |text: String| TransportError::Config(text);
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        let unreadable = |error| config(format!("cannot read certificates from {}: {error}", path.display()));
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            let certificate = certificate.map_err(unreadable)?;
            roots.add(certificate).map_err(|error| config(format!("{}: {error}", path.display())))?;
        }
    } else {
        // Single broken files among the system's authorities are no reason to refuse the others.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(config("no certificate authority to trust; install ca-certificates or write `ca=FILE`".into()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| config(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(tls)))
}

impl Wire {
    /// Encrypts the stream. Nothing may have been read ahead of it.
    pub(crate) async fn encrypt(self, connector: &TlsConnector, host: &str) -> Result<Self, TransportError> {
        let Self::Plain(stream) = self else { return Ok(self) };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| TransportError::Config(format!("`{host}` cannot be the name on a certificate")))?;
        match connector.connect(name, stream).await {
            Ok(stream) => Ok(Self::Tls(Box::new(stream))),
            // A wrong certificate does not get better by trying again.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(TransportError::Config(format!("TLS with {host}: {error}")))
            }
            Err(error) => Err(TransportError::Unreachable(format!("TLS with {host}: {error}"))),
        }
    }

    pub(crate) const fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether the relay has closed its side, asked of the kernel itself: the runtime may not have heard yet.
    pub(crate) fn is_closed(&self) -> bool {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        let mut octet = [std::mem::MaybeUninit::uninit()];
        match SockRef::from(stream).peek(&mut octet) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
