//! The restic protocol by hand: for what no decent client does, and for counting what comes back.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use holdfast_actors::object::Hash;
use rustix::net::{AddressFamily, SocketType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sha2::{Digest as _, Sha256};

use crate::node::Login;

/// A connection that says nothing for so long has failed.
const SILENCE: Duration = Duration::from_secs(90);

/// One login that speaks the protocol itself, on a new connection for each request.
#[derive(Clone)]
pub(crate) struct Wire {
    config: Arc<ClientConfig>,
    authorization: String,
    port: u16,
    from: Ipv4Addr,
    silence: Duration,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    /// What was read of an answer, once its head is there.
    fn of(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }

    /// A body that came in chunks, without what stands between them.
    fn put_together(mut self) -> Self {
        if self.header("transfer-encoding") == "chunked" {
            let (mut rest, mut body) = (self.body.as_str(), String::new());
            while let Some((size, after)) = rest.split_once("\r\n") {
                let size = usize::from_str_radix(size, 16).unwrap_or(0);
                let Some((chunk, next)) = after.split_at_checked(size) else {
                    break;
                };
                body += chunk;
                rest = next.strip_prefix("\r\n").unwrap_or(next);
            }
            self.body = body;
        }
        self
    }

    /// The value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    /// All of it but the date.
    pub(crate) fn timeless(&self) -> String {
        let lines = self.head.lines().filter(|line| !line.starts_with("date: "));
        format!("{}\n\n{}", lines.collect::<Vec<_>>().join("\n"), self.body)
    }
}

impl Wire {
    pub(crate) fn new(login: &Login) -> Self {
        let mut roots = RootCertStore::empty();
        let pem = fs::read(&login.certificate).unwrap();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let secret = BASE64_STANDARD.encode(format!("{}:{}", login.user, login.password));
        let authorization = format!("Basic {secret}");
        Self {
            config: Arc::new(config),
            authorization,
            port: login.port,
            from: Ipv4Addr::LOCALHOST,
            silence: SILENCE,
        }
    }

    /// The same login, with no more patience than this.
    pub(crate) fn within(&self, silence: Duration) -> Self {
        Self {
            silence,
            ..self.clone()
        }
    }

    /// The same login at another port of this machine.
    pub(crate) fn at(&self, port: u16) -> Self {
        Self {
            port,
            ..self.clone()
        }
    }

    /// Sends a whole request and reads the whole answer, if there is one.
    pub(crate) fn attempt(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Reply> {
        let mut open = self.connect()?;
        let head = self.head(method, path, body.len());
        // A server that refuses before it read everything may close: its answer tells.
        let _ = open.more(head.as_bytes()).and_then(|()| open.more(body));
        open.answer()
    }

    /// The head of a request that is the last one on its connection.
    pub(crate) fn head(&self, method: &str, path: &str, length: usize) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: {}\r\nContent-Length: {length}\r\n\r\n",
            self.authorization
        )
    }

    /// The head of a request behind which others follow on its connection.
    pub(crate) fn head_of_many(&self, method: &str, path: &str, length: usize) -> String {
        let head = self.head(method, path, length);
        head.replace("Connection: close\r\n", "")
    }

    /// The same login at another address of this machine: 127.0.0.`last`.
    pub(crate) fn from(&self, last: u8) -> Self {
        Self {
            from: Ipv4Addr::new(127, 0, 0, last),
            ..self.clone()
        }
    }

    /// Sends a whole request and reads the whole answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        self.begin(method, path, body, body.len()).answer().unwrap()
    }

    /// Stores bytes under their right name in a repository.
    pub(crate) fn store(&self, repository: &str, bytes: &[u8]) -> Reply {
        self.ask(
            "POST",
            &format!("/{repository}/data/{}", name(bytes)),
            bytes,
        )
    }

    /// Sends the head of a request, and as much of its body as is given.
    pub(crate) fn begin(&self, method: &str, path: &str, body: &[u8], length: usize) -> Open {
        let mut open = self.connect().unwrap();
        let head = self.head(method, path, length);
        // A server that refuses before it read everything may close: its answer tells.
        let _ = open.more(head.as_bytes()).and_then(|()| open.more(body));
        open
    }

    /// A connection on which nothing was said yet but TLS.
    pub(crate) fn connect(&self) -> io::Result<Open> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::net::bind(&socket, &SocketAddrV4::new(self.from, 0))?;
        let server = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port);
        rustix::net::connect(&socket, &server)?;
        let mut tcp = TcpStream::from(socket);
        tcp.set_read_timeout(Some(self.silence))?;
        let host = ServerName::try_from("localhost").unwrap();
        let mut tls = ClientConnection::new(Arc::clone(&self.config), host).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Open(StreamOwned::new(tls, tcp)))
    }
}

/// A request that is not answered yet.
pub(crate) struct Open(StreamOwned<ClientConnection, TcpStream>);

impl Open {
    /// Sends more of the body.
    pub(crate) fn more(&mut self, body: &[u8]) -> io::Result<()> {
        self.0.write_all(body)?;
        self.0.flush()
    }

    /// Reads one answer of those that come on this connection, and gives its status.
    pub(crate) fn status(&mut self) -> io::Result<u16> {
        let mut bytes = Vec::new();
        let mut piece = vec![0; 4096];
        loop {
            let more = self.0.read(&mut piece)?;
            bytes.extend_from_slice(&piece[..more]);
            let reply = Reply::of(&bytes);
            let whole = reply.as_ref().is_some_and(|reply| {
                let announced = reply.header("content-length").parse().unwrap_or(0);
                reply.body.len() >= announced
            });
            match reply {
                Some(reply) if whole => return Ok(reply.status),
                _ if more == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(_) | None => {}
            }
        }
    }

    /// Sends one byte more for each second in which nothing comes back; reads the answer then.
    pub(crate) fn dribble(mut self) -> io::Result<Reply> {
        let mut first = vec![0; 1];
        self.0.sock.set_read_timeout(Some(Duration::from_secs(1)))?;
        loop {
            match self.0.read(&mut first) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.more(b"x")?,
                Err(error) => return Err(error),
            }
        }
        self.0.sock.set_read_timeout(Some(SILENCE))?;
        self.read(first)
    }

    /// Reads the answer: as much as it announces, or until the server closes. An error if it closes
    /// without one.
    pub(crate) fn answer(self) -> io::Result<Reply> {
        self.read(Vec::new())
    }

    /// The same, with what came of it already.
    fn read(mut self, mut bytes: Vec<u8>) -> io::Result<Reply> {
        let mut piece = vec![0; 1 << 16];
        loop {
            let more = match self.0.read(&mut piece) {
                // A close without the goodbye of TLS is an end too.
                Err(error) if bytes.is_empty() => return Err(error),
                Err(_) => 0,
                Ok(more) => more,
            };
            bytes.extend_from_slice(&piece[..more]);
            let reply = Reply::of(&bytes);
            let announced = reply
                .as_ref()
                .and_then(|it| it.header("content-length").parse().ok());
            match reply {
                Some(reply) if more == 0 || announced == Some(reply.body.len()) => {
                    return Ok(reply.put_together());
                }
                None if more == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(_) | None => {}
            }
        }
    }
}

/// The name of an object.
pub(crate) fn name(bytes: &[u8]) -> String {
    Hash::new(Sha256::digest(bytes).into()).to_string()
}
