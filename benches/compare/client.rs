//! A raw HTTPS client: one connection by HTTP/1.1 that spends as little as it can, so that the
//! server is what is measured. It checks statuses and nothing else.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use super::server::Server;

/// What the client writes to TLS at once.
const CHUNK: usize = 256 << 10;

/// An open connection of the server's one user.
pub(crate) struct Connection {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    login: String,
}

impl Connection {
    /// Connects and shakes hands.
    pub(crate) fn open(server: &Server) -> io::Result<Self> {
        let expected = CertificateDer::from_pem_file(server.certificate());
        let expected = expected.map_err(io::Error::other)?;
        let config = trusting(expected).map_err(io::Error::other)?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        tls.set_buffer_limit(Some(CHUNK));
        let stream = TcpStream::connect(("127.0.0.1", server.port))?;
        stream.set_nodelay(true)?;
        let login = format!("{}:{}", server.user, server.password);
        let login = base64::engine::general_purpose::STANDARD.encode(login);
        Ok(Self {
            stream: BufReader::with_capacity(64 << 10, StreamOwned::new(tls, stream)),
            login,
        })
    }

    /// Sends a body of some parts one behind the other.
    pub(crate) fn post(&mut self, path: &str, parts: &[&[u8]]) -> io::Result<u64> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let fields = format!("Content-Length: {length}\r\n");
        self.head("POST", path, &fields)?;
        let stream = self.stream.get_mut();
        for chunk in parts.iter().flat_map(|part| part.chunks(CHUNK)) {
            stream.write_all(chunk)?;
        }
        stream.flush()?;
        self.answer()
    }

    /// Reads a body to its end and drops it; gives its length.
    pub(crate) fn list(&mut self, path: &str) -> io::Result<u64> {
        self.head("GET", path, "Accept: application/vnd.x.restic.rest.v2\r\n")?;
        self.stream.get_mut().flush()?;
        self.answer()
    }

    fn head(&mut self, method: &str, path: &str, fields: &str) -> io::Result<()> {
        let login = &self.login;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {login}\r\n\
             {fields}\r\n"
        );
        self.stream.get_mut().write_all(head.as_bytes())
    }

    fn answer(&mut self) -> io::Result<u64> {
        let status = self.line()?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let field = self.line()?.to_ascii_lowercase();
            match field.split_once(':') {
                None => break,
                Some(("content-length", value)) => length = number(value, 10)?,
                Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
                Some(_) => {}
            }
        }
        let length = if chunked {
            self.chunks()?
        } else {
            self.skip(length)?
        };
        if status.starts_with("HTTP/1.1 200") {
            Ok(length)
        } else {
            Err(io::Error::other(status))
        }
    }

    fn chunks(&mut self) -> io::Result<u64> {
        let mut all = 0;
        loop {
            let length = number(&self.line()?, 16)?;
            all += self.skip(length)?;
            self.line()?;
            if length == 0 {
                return Ok(all);
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn skip(&mut self, length: u64) -> io::Result<u64> {
        io::copy(&mut (&mut self.stream).take(length), &mut io::sink())
    }
}

fn number(text: &str, radix: u32) -> io::Result<u64> {
    u64::from_str_radix(text.trim(), radix).map_err(io::Error::other)
}

/// TLS that trusts one certificate and no other.
pub(crate) fn trusting(expected: CertificateDer<'static>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let only = Only {
        expected,
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(only))
        .with_no_client_auth();
    Ok(config)
}

/// Trusts exactly one certificate.
#[derive(Debug)]
struct Only {
    expected: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *shown == self.expected {
            return Ok(ServerCertVerified::assertion());
        }
        let unknown = rustls::CertificateError::UnknownIssuer;
        Err(rustls::Error::InvalidCertificate(unknown))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
