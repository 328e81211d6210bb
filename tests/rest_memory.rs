//! What uploads through the restic face cost in memory: a test of its own process, whose memory it
//! measures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "the fake and its world serve other tests too")]

#[path = "support/endpoints.rs"]
mod endpoints;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/pair.rs"]
mod pair;
#[path = "rest_face/world.rs"]
mod world;

use holdfast::rest::Limits;
use memory::Memory;
use world::{OCTETS, World, name, world_with};

#[tokio::test(flavor = "multi_thread")]
async fn uploads_hold_a_few_pieces_whatever_their_length() {
    on_connections_of_their_own().await;
    on_one_connection().await;
    through_another_node().await;
}

/// Both nodes are of this process. The link lets half a MiB of each be on the way.
async fn through_another_node() {
    const UPLOADS: usize = 8;
    const EACH: usize = 12 << 20;
    let pair = pair::pair_with(Limits::default(), Memory::new(false)).await;
    let (gateway, owner) = (&pair.gateway.world, &pair.owner.world);
    let grown = all_at_once(gateway, owner, UPLOADS, EACH);
    assert!(
        grown < 40 << 20,
        "{grown} bytes for {UPLOADS} uploads of {EACH} through another node"
    );
}

async fn on_connections_of_their_own() {
    const UPLOADS: usize = 8;
    const EACH: usize = 64 << 20;
    let memory = Memory::new(false);
    let world = world_with("127.0.0.1:0", Limits::default(), memory).await;
    let grown = all_at_once(&world, &world, UPLOADS, EACH);
    assert!(
        grown < 24 << 20,
        "{grown} bytes for {UPLOADS} uploads of {EACH}"
    );
}

/// Uploads to one face what is kept behind another, or the same, and says by how much this process
/// grew.
fn all_at_once(world: &World, keeper: &World, uploads: usize, each: usize) -> usize {
    for number in 0..uploads {
        keeper
            .memory
            .repository("acme", &format!("r{number}"), u64::MAX);
    }
    let bytes = vec![3; each];
    let name = name(&bytes);
    let file = world.file(&bytes);
    drop(bytes);
    peak();
    let before = peak();
    let curls: Vec<_> = (0..uploads)
        .map(|number| {
            let url = world.url(&format!("/r{number}/data/{name}"));
            std::process::Command::new("curl")
                .args(["-sS", "-X", "PUT", "-X", "POST", "-u", "acme:secret", "-T"])
                .arg(&file)
                .args(["-w", "%{http_code}", "-H", OCTETS, "--cacert"])
                .arg(world.ca())
                .arg(url)
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for curl in curls {
        let output = tokio::task::block_in_place(|| curl.wait_with_output()).unwrap();
        assert_eq!(output.stdout, b"200");
    }
    peak() - before
}

/// Each holds a window at most.
async fn on_one_connection() {
    const UPLOADS: usize = 64;
    const EACH: usize = 8 << 20;
    let memory = Memory::new(false);
    let world = world_with("127.0.0.1:0", Limits::default(), memory).await;
    let bytes = vec![3; EACH];
    let (name, file) = (name(&bytes), world.file(&bytes));
    drop(bytes);
    peak();
    let before = peak();
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "-Z", "--parallel-max", "64", "-u", "acme:secret"]);
    for number in 0..UPLOADS {
        let repository = format!("r{number}");
        world.memory.repository("acme", &repository, u64::MAX);
        if number > 0 {
            curl.args(["--next", "-sS", "-u", "acme:secret"]);
        }
        curl.args([
            "--http2",
            "-X",
            "POST",
            "-H",
            OCTETS,
            "-H",
            "Expect:",
            "-w",
            "%{http_code}",
        ]);
        curl.arg("-T").arg(&file).arg("--cacert").arg(world.ca());
        curl.arg(world.url(&format!("/{repository}/data/{name}")));
    }
    let output = tokio::task::block_in_place(|| curl.output()).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "200".repeat(UPLOADS));
    let grown = peak() - before;
    // 512 KiB on the way, a piece in the hand, and what allocators keep.
    assert!(
        grown < 100 << 20,
        "{grown} bytes for {UPLOADS} uploads of {EACH}"
    );
}

/// The resident memory of this process now, after which `peak` counts anew: its high-water mark.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    kib << 10
}
