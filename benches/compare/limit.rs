//! What two cores of this machine can hash, encrypt and sync on this disk, without any server.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConnection, ServerConfig, ServerConnection};
use sha2::{Digest as _, Sha256};

use super::client::trusting;
use super::load::{CONNECTIONS, OBJECT};

/// What goes through TLS at once.
const CHUNK: usize = 64 << 10;
/// Cores that work.
const CORES: usize = 2;

/// How much of TLS is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Each byte is encrypted.
    One,
    /// Each byte is encrypted and decrypted, as when client and server share the machine.
    Both,
}

/// MB/s at which two threads take objects of 16 MiB through SHA-256, TLS and a file that is synced
/// behind each; as many as so many on each of four connections.
pub(crate) fn rate(folder: &Path, each: usize, ends: Ends) -> io::Result<f64> {
    let all = each * CONNECTIONS;
    let base = tempfile::tempdir_in(folder)?;
    let body: Vec<u8> = (0..OBJECT).map(|at| (at % 251) as u8).collect();
    let pairs: io::Result<Vec<_>> = (0..CORES).map(|_| pair()).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        let (base, body) = (base.path(), &body);
        let work = |(core, mut tls): (usize, (ClientConnection, ServerConnection))| {
            scope.spawn(move || {
                let mut file = File::create(base.join(core.to_string()))?;
                (0..all / CORES).try_for_each(|_| one(&mut tls, body, &mut file, ends))
            })
        };
        let done: Vec<_> = pairs?.into_iter().enumerate().map(work).collect();
        done.into_iter().try_for_each(|done| {
            let done = done.join();
            done.unwrap_or_else(|_| Err(io::Error::other("a core panicked")))
        })
    })?;
    let seconds = start.elapsed().as_secs_f64();
    Ok((all * OBJECT) as f64 / seconds / 1e6)
}

fn one(
    (client, server): &mut (ClientConnection, ServerConnection),
    body: &[u8],
    file: &mut File,
    ends: Ends,
) -> io::Result<()> {
    let mut hasher = Sha256::new();
    let (mut wire, mut plain) = (Vec::new(), vec![0; CHUNK]);
    for chunk in body.chunks(CHUNK) {
        client.writer().write_all(chunk)?;
        wire.clear();
        while client.wants_write() {
            client.write_tls(&mut wire)?;
        }
        if ends == Ends::Both {
            let mut filled = 0;
            let mut rest = wire.as_slice();
            while !rest.is_empty() {
                server.read_tls(&mut rest)?;
                server.process_new_packets().map_err(io::Error::other)?;
                filled += read(server, &mut plain[filled..])?;
            }
            hasher.update(&plain[..filled]);
            file.write_all(&plain[..filled])?;
        } else {
            hasher.update(chunk);
            file.write_all(chunk)?;
        }
    }
    std::hint::black_box(hasher.finalize());
    file.sync_data()
}

/// What has been decrypted so far.
fn read(server: &mut ServerConnection, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        match server.reader().read(&mut into[filled..]) {
            Ok(0) => return Ok(filled),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(filled),
            Err(error) => return Err(error),
        }
    }
}

/// Both ends of a TLS connection that have shaken hands in memory.
fn pair() -> io::Result<(ClientConnection, ServerConnection)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let made = made.map_err(io::Error::other)?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            let config = config.with_no_client_auth();
            config.with_single_cert(vec![certificate.clone()], key)
        });
    let config = config.map_err(io::Error::other)?;
    let mut server = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let trusting = Arc::new(trusting(certificate).map_err(io::Error::other)?);
    let mut client = ClientConnection::new(trusting, name).map_err(io::Error::other)?;
    let mut wire = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        wire.clear();
        while client.wants_write() {
            client.write_tls(&mut wire)?;
        }
        take(&wire, |rest| server.read_tls(rest))?;
        server.process_new_packets().map_err(io::Error::other)?;
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire)?;
        }
        take(&wire, |rest| client.read_tls(rest))?;
        client.process_new_packets().map_err(io::Error::other)?;
    }
    client.set_buffer_limit(None);
    Ok((client, server))
}

fn take(
    wire: &[u8],
    mut read: impl FnMut(&mut dyn io::Read) -> io::Result<usize>,
) -> io::Result<()> {
    let mut rest = wire;
    while !rest.is_empty() {
        read(&mut rest)?;
    }
    Ok(())
}
