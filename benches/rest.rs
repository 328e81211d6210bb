//! How fast the restic face takes objects of 16 MiB over four connections, beside what one core
//! hashes alone. The service behind it keeps nothing, so that only TLS, HTTP and hashing are
//! measured; client and face share this process and its cores.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(dead_code, reason = "the fake and its world serve the tests too")]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures with the real clock"
)]

#[path = "../tests/support/memory.rs"]
mod memory;
#[path = "../tests/rest_face/world.rs"]
mod world;

use std::sync::Arc;
use std::time::Instant;

use holdfast::rest::Limits;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

const OBJECT: usize = 16 << 20;
const CONNECTIONS: usize = 4;
const OBJECTS_PER_CONNECTION: usize = 32;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(measure());
}

async fn measure() {
    let bytes: Arc<Vec<u8>> = Arc::new((0..OBJECT).map(|at| (at % 251) as u8).collect());
    let start = Instant::now();
    for _ in 0..16 {
        std::hint::black_box(Sha256::digest(bytes.as_slice()));
    }
    println!("one core hashes    {:>6.0} MB/s", rate(16, start));
    let service = memory::Memory::new(false);
    let limits = Limits::default();
    let world = Arc::new(world::world_with("127.0.0.1:0", limits, service).await);
    world.memory.repository("acme", "r", u64::MAX);
    let name = world::name(&bytes);
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(upload(Arc::clone(&world), name.clone(), Arc::clone(&bytes)));
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let rate = rate(CONNECTIONS * OBJECTS_PER_CONNECTION, start);
    println!("{CONNECTIONS} uploads at once   {rate:>6.0} MB/s");
}

async fn upload(world: Arc<world::World>, name: String, bytes: Arc<Vec<u8>>) {
    let mut stream = world.stream().await.unwrap();
    let login = world::LOGIN;
    let head = format!(
        "POST /r/data/{name} HTTP/1.1\r\nHost: x\r\n{login}\r\nContent-Length: {OBJECT}\r\n\r\n"
    );
    for _ in 0..OBJECTS_PER_CONNECTION {
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    }
}

fn rate(objects: usize, start: Instant) -> f64 {
    (objects * OBJECT) as f64 / start.elapsed().as_secs_f64() / 1e6
}
