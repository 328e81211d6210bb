//! Fills a repository with very many very small objects, over connections that stay open.

use std::io;
use std::ops::Range;
use std::thread;

use crate::node::Login;
use crate::wire::{Open, Wire, name};

/// How often a request is sent again that came to nothing.
const TRIES: usize = 20;

/// Stores objects with these numbers in a repository, over so many connections at once.
pub(crate) fn fill(login: &Login, repository: &str, objects: Range<u64>, connections: u64) {
    let wire = Wire::new(login);
    thread::scope(|scope| {
        for first in 0..connections.max(1) {
            let (wire, objects) = (wire.clone(), objects.clone());
            scope.spawn(move || {
                let mine = objects.skip(first as usize).step_by(connections as usize);
                store_all(&wire, repository, mine);
            });
        }
    });
}

/// The bytes of an object.
pub(crate) fn object(number: u64) -> String {
    format!("object {number}")
}

fn store_all(wire: &Wire, repository: &str, objects: impl Iterator<Item = u64>) {
    let mut open = wire.connect().ok();
    for number in objects {
        let bytes = object(number);
        let stored = (0..TRIES).any(|_| {
            let status = open
                .as_mut()
                .map(|open| store(wire, open, repository, &bytes));
            match status {
                Some(Ok(200)) => return true,
                Some(Ok(503)) => {}
                Some(Ok(status)) => panic!("object {number}: {status}"),
                Some(Err(_)) | None => open = wire.connect().ok(),
            }
            thread::sleep(std::time::Duration::from_millis(200));
            false
        });
        assert!(stored, "object {number} was not stored");
    }
}

fn store(wire: &Wire, open: &mut Open, repository: &str, bytes: &str) -> io::Result<u16> {
    let path = format!("/{repository}/data/{}", name(bytes.as_bytes()));
    let head = wire.head_of_many("POST", &path, bytes.len());
    open.more(format!("{head}{bytes}").as_bytes())?;
    open.status()
}
