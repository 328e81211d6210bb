//! What raw clients do to a server: uploads of every size, and lists.

use std::io;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use super::client::Connection;
use super::server::Server;

/// Connections of the raw upload.
pub(crate) const CONNECTIONS: usize = 4;
/// Bytes of one object of the raw upload.
pub(crate) const OBJECT: usize = 16 << 20;
/// Bytes at the end of an object that make it another than the rest.
const TAIL: usize = 16;
/// Connections that fill a repository with small objects.
const FILLERS: usize = 16;

/// Objects that differ only at their ends, so that hashing them costs next to nothing.
struct Objects {
    body: Vec<u8>,
    hashed: Sha256,
}

/// One of them.
struct Object {
    name: String,
    tail: [u8; TAIL],
}

impl Objects {
    /// Objects of some bytes each.
    fn new(bytes: usize) -> Self {
        let body: Vec<u8> = (0..bytes - TAIL).map(|at| (at % 251) as u8).collect();
        let hashed = Sha256::new().chain_update(&body);
        Self { body, hashed }
    }

    /// The object with a number.
    fn object(&self, number: usize) -> Object {
        let mut tail = [0; TAIL];
        tail[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let hash = self.hashed.clone().chain_update(tail).finalize();
        let name = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Object { name, tail }
    }

    fn send(&self, connection: &mut Connection, server: &Server, number: usize) -> io::Result<()> {
        let Object { name, tail } = self.object(number);
        let path = format!("/{}/data/{name}", server.repository);
        connection.post(&path, &[&self.body, &tail]).map(|_| ())
    }
}

/// Sends objects over some connections at once, each its share; for how long, in seconds.
fn share(server: &Server, objects: &Objects, connections: usize, all: usize) -> io::Result<f64> {
    let opened: io::Result<Vec<_>> = (0..connections).map(|_| Connection::open(server)).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        let send = |(first, mut connection): (usize, Connection)| {
            scope.spawn(move || {
                let mine = (first..all).step_by(connections);
                mine.into_iter()
                    .try_for_each(|number| objects.send(&mut connection, server, number))
            })
        };
        let sent: Vec<_> = opened?.into_iter().enumerate().map(send).collect();
        sent.into_iter().try_for_each(|sent| {
            let sent = sent.join();
            sent.unwrap_or_else(|_| Err(io::Error::other("a client panicked")))
        })
    })?;
    Ok(start.elapsed().as_secs_f64())
}

/// Uploads so many objects of 16 MiB on each of four connections; MB/s.
pub(crate) fn upload(server: &Server, each: usize) -> io::Result<f64> {
    let all = each * CONNECTIONS;
    let seconds = share(server, &Objects::new(OBJECT), CONNECTIONS, all)?;
    Ok((all * OBJECT) as f64 / seconds / 1e6)
}

/// Uploads so many objects of so many bytes at once, each on its own connection.
pub(crate) fn at_once(server: &Server, count: usize, bytes: usize) -> io::Result<()> {
    share(server, &Objects::new(bytes), count, count).map(|_| ())
}

/// Fills the repository with small objects.
pub(crate) fn many_objects(server: &Server, count: usize) -> io::Result<()> {
    share(server, &Objects::new(64), FILLERS, count).map(|_| ())
}

/// Lists the objects; for how long, in seconds.
pub(crate) fn list(server: &Server, objects: usize) -> io::Result<f64> {
    let mut connection = Connection::open(server)?;
    let path = format!("/{}/data/", server.repository);
    let start = Instant::now();
    let length = connection.list(&path)?;
    let seconds = start.elapsed().as_secs_f64();
    // A hash and a size for each: a list that is shorter is no list of them all.
    if length < objects as u64 * 80 {
        return Err(io::Error::other(format!("a list of {length} bytes")));
    }
    Ok(seconds)
}
