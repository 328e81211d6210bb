//! A restic face on a free loopback port with a service in memory behind it, and two clients: curl,
//! and a bare TLS stream for what no decent client does.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holdfast::rest::{Behind, Face, Forward, Limits};
use holdfast::tls::{Certificates, Identity};
use holdfast_actors::kernel::Timestamp;
use holdfast_actors::object::Hash;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::memory::{Memory, Scope};

/// Longer than anything here takes; a test that waits so long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// The quota of `acme`'s repository `r`.
pub(crate) const QUOTA: u64 = 64 << 20;

pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) face: Face,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) certificates: Certificates,
    pub(crate) identity: Identity,
    calls: AtomicUsize,
}

/// What curl brought back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines();
        let found = lines.find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        found.unwrap_or_default()
    }
}

/// `acme` (password `secret`) with a repository `r`, `acme+append` and `acme+read`, and `other`.
pub(crate) async fn world_with(listen: &str, limits: Limits, memory: Memory) -> World {
    world_in(listen, limits, memory, None).await
}

/// The same, as a node of a cluster.
pub(crate) async fn world_in(
    listen: &str,
    limits: Limits,
    memory: Memory,
    forward: Option<Arc<Forward>>,
) -> World {
    let now = Timestamp::parse("2026-05-01T12:00:00Z").unwrap();
    let identity = Identity::self_signed("node.example", now).unwrap();
    let certificates = Certificates::new(&identity).unwrap();
    memory.account("acme", "secret", Scope::Full);
    memory.account("acme+append", "secret", Scope::Append);
    memory.account("acme+read", "secret", Scope::Read);
    memory.account("other", "secret", Scope::Full);
    memory.repository("acme", "r", QUOTA);
    memory.repository("other", "theirs", QUOTA);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ca.pem"), identity.certificate_pem()).unwrap();
    let behind = Behind {
        service: Arc::new(memory.clone()),
        counter: None,
        watch: None,
        forward,
    };
    let face = Face::before(listen.parse().unwrap(), &certificates, behind, limits);
    let face = face.await.unwrap();
    World {
        address: face.address(),
        memory,
        face,
        folder,
        certificates,
        identity,
        calls: AtomicUsize::new(0),
    }
}

pub(crate) async fn world() -> World {
    world_with("127.0.0.1:0", Limits::default(), Memory::new(true)).await
}

impl World {
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// Runs curl as `acme` unless the arguments say otherwise.
    pub(crate) fn curl(&self, path: &str, arguments: &[&str]) -> Reply {
        self.curl_as("acme:secret", path, arguments)
    }

    pub(crate) fn curl_as(&self, user: &str, path: &str, arguments: &[&str]) -> Reply {
        let mut arguments = arguments.to_vec();
        if !user.is_empty() {
            arguments.extend(["-u", user]);
        }
        self.curl_at(&self.url(path), &arguments)
    }

    pub(crate) fn curl_at(&self, url: &str, arguments: &[&str]) -> Reply {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let head = self.folder.path().join(format!("{call}.head"));
        let body = self.folder.path().join(format!("{call}.body"));
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--path-as-is", "--max-time", "60", "--cacert"])
            .arg(self.ca())
            .arg("-D")
            .arg(&head)
            .arg("-o")
            .arg(&body)
            .args(["-w", "%{http_code}"])
            .args(arguments)
            .arg(url);
        let output = run(&mut curl);
        let status = String::from_utf8_lossy(&output.stdout).parse();
        if !output.status.success() {
            // What a failing test shows.
            eprintln!("{url}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let heads = fs::read_to_string(head).unwrap_or_default();
        let last = heads.trim_end().rsplit("\r\n\r\n").next();
        Reply {
            status: status.unwrap_or_else(|_| panic!("curl: {output:?}")),
            head: last.unwrap_or_default().to_owned(),
            body: fs::read(body).unwrap_or_default(),
        }
    }

    /// Uploads bytes under a name.
    pub(crate) fn post(&self, path: &str, bytes: &[u8]) -> Reply {
        let file = self.file(bytes);
        let from = format!("@{}", file.display());
        self.curl(path, &["-X", "POST", "-H", OCTETS, "--data-binary", &from])
    }

    /// A file of these bytes.
    pub(crate) fn file(&self, bytes: &[u8]) -> PathBuf {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let file = self.folder.path().join(format!("{call}.file"));
        fs::write(&file, bytes).unwrap();
        file
    }

    /// A TLS stream that speaks HTTP/1.1 for want of ALPN.
    pub(crate) async fn stream(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(("127.0.0.1", self.address.port())).await?;
        let mut roots = RootCertStore::empty();
        let pem = self.identity.certificate_pem();
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        roots.add(der).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
    }

    /// Sends text on a fresh stream and reads until the server closes.
    pub(crate) async fn talk(&self, text: &str) -> String {
        let mut stream = self.stream().await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A close without the goodbye of TLS is an end too.
        let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut answer))
            .await
            .expect("the server never closed");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Runs restic on a repository.
    pub(crate) fn restic(&self, repository: &str, arguments: &[&str]) -> Output {
        let port = self.address.port();
        run(Command::new("restic")
            .arg("--cacert")
            .arg(self.ca())
            .arg("--no-cache")
            .arg("-r")
            .arg(format!(
                "rest:https://acme:secret@localhost:{port}/{repository}/"
            ))
            .args(arguments)
            .env("RESTIC_PASSWORD", "of the tenant")
            .env("HOME", self.folder.path()))
    }
}

pub(crate) const OCTETS: &str = "Content-Type: application/octet-stream";
/// The header that logs `acme` in.
pub(crate) const LOGIN: &str = "Authorization: Basic YWNtZTpzZWNyZXQ=";

pub(crate) fn name(bytes: &[u8]) -> String {
    Hash::new(Sha256::digest(bytes).into()).to_string()
}

/// Runs a program to its end, without holding up the runtime.
fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null());
    let output = tokio::task::block_in_place(|| command.output());
    output.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Fails unless a program ended well.
pub(crate) fn good(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{errors}");
    out
}

/// A tree of files that differ.
pub(crate) fn tree(folder: &Path, files: usize, size: usize) {
    fs::create_dir_all(folder).unwrap();
    let mut state = 88_172_645_463_325_252_u64;
    for file in 0..files {
        let bytes: Vec<u8> = (0..size)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[0]
            })
            .collect();
        fs::write(folder.join(format!("file-{file}")), bytes).unwrap();
    }
}
