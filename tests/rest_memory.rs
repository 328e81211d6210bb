//! What uploads through the restic face cost in memory: a test of its own process, whose memory it
//! measures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "the fake and its world serve other tests too")]

#[path = "support/memory.rs"]
mod memory;
#[path = "rest_face/world.rs"]
mod world;

use holdfast::rest::Limits;
use memory::Memory;
use world::{OCTETS, name, world_with};

#[tokio::test(flavor = "multi_thread")]
async fn uploads_hold_a_few_pieces_whatever_their_length() {
    const UPLOADS: usize = 8;
    const EACH: usize = 64 << 20;
    let memory = Memory::new(false);
    let world = world_with("127.0.0.1:0", Limits::default(), memory).await;
    for number in 0..UPLOADS {
        world
            .memory
            .repository("acme", &format!("r{number}"), u64::MAX);
    }
    let bytes = vec![3; EACH];
    let name = name(&bytes);
    let file = world.file(&bytes);
    drop(bytes);
    peak();
    let before = peak();
    let curls: Vec<_> = (0..UPLOADS)
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
    let grown = peak() - before;
    assert!(
        grown < 24 << 20,
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
