//! What clients do to the restic face that no decent client does, and what it costs them alone.

use std::time::Duration;

use crate::memory::Memory;
use crate::world::{LOGIN, LONG, OCTETS, World, name, world, world_with};
use holdfast::rest::Limits;
use holdfast_actors::refusal::{Reason, Refusal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

const TEN: &[u8] = b"0123456789";

fn post(length: &str, body: &str) -> String {
    let name = name(TEN);
    format!("POST /r/data/{name} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\n{length}\r\n{body}")
}

async fn idle(world: &World) {
    let mut uploads = world.memory.uploads();
    let none = uploads.wait_for(|running| *running == 0);
    timeout(LONG, none).await.unwrap().unwrap();
    assert_eq!(world.memory.reserved(), 0);
}

async fn impatient(change: impl FnOnce(&mut Limits)) -> World {
    let mut limits = Limits::default();
    change(&mut limits);
    world_with("127.0.0.1:0", limits, Memory::new(true)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_cut_short_leaves_nothing() {
    let world = world().await;
    let mut stream = world.stream().await.unwrap();
    let text = post("Content-Length: 10\r\n", "01234");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut uploads = world.memory.uploads();
    uploads.wait_for(|running| *running == 1).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // Either a 400 or a closed connection.
    let _ = timeout(LONG, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    idle(&world).await;
    assert_eq!(world.memory.objects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_in_its_upload_gives_everything_back() {
    let world = world().await;
    let mut stream = world.stream().await.unwrap();
    let text = post("Content-Length: 1000000\r\n", "01234");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut uploads = world.memory.uploads();
    uploads.wait_for(|running| *running == 1).await.unwrap();
    drop(stream);
    idle(&world).await;
    assert_eq!(world.memory.objects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_longer_than_announced_is_no_part_of_the_object() {
    let world = world().await;
    let answer = world
        .talk(&post(
            "Content-Length: 10\r\n",
            "0123456789 and more\r\n\r\n",
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("HTTP/1.1 400"), "{answer}");
    let path = format!("/r/data/{}", name(TEN));
    assert_eq!(world.curl(&path, &[]).body, TEN);
    idle(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_2_body_that_is_not_its_announced_length_leaves_nothing() {
    let world = world().await;
    let path = format!("/r/data/{}", name(TEN));
    let file = world.file(TEN);
    let from = format!("@{}", file.display());
    for length in ["Content-Length: 9", "Content-Length: 11"] {
        let url = world.url(&path);
        let curl = std::process::Command::new("curl")
            .args([
                "-sS",
                "--http2",
                "--max-time",
                "20",
                "-u",
                "acme:secret",
                "-X",
                "POST",
            ])
            .args([
                "-H",
                OCTETS,
                "-H",
                length,
                "--data-binary",
                &from,
                "--cacert",
            ])
            .arg(world.ca())
            .args(["-w", "%{http_code}", "-o", "/dev/null", &url])
            .output();
        let output = tokio::task::block_in_place(|| curl).unwrap();
        let status = String::from_utf8(output.stdout).unwrap();
        assert_ne!(status, "200", "{length}");
        idle(&world).await;
        assert_eq!(world.memory.objects(), 0, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_without_a_length_is_taken_whole_or_not_at_all() {
    let world = impatient(|limits| limits.piece = Duration::from_millis(300)).await;
    let chunked = |body: &str| {
        let head = "Transfer-Encoding: chunked\r\nConnection: close\r\n";
        post(head, body)
    };
    for (body, why) in [
        ("a\r\n0123456789\r\n", "it does not end"),
        ("a\r\n01234", "it ends in a chunk"),
        ("a\r\n0123456788\r\n0\r\n\r\n", "other bytes"),
        ("zz\r\n0123456789\r\n0\r\n\r\n", "no size"),
        ("ffffffffffffffffffff\r\n0123456789", "a size beyond all"),
        ("-a\r\n0123456789\r\n0\r\n\r\n", "a size below nothing"),
        (
            "b\r\n0123456789\r\n0\r\n\r\n",
            "a chunk that is shorter than its size",
        ),
    ] {
        let answer = world.talk(&chunked(body)).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{why}: {answer}");
        idle(&world).await;
        assert_eq!(world.memory.objects(), 0, "{why}");
    }
    let both = post(
        "Transfer-Encoding: chunked\r\nContent-Length: 10\r\nConnection: close\r\n",
        "a\r\n0123456789\r\n0\r\n\r\n",
    );
    let answer = world.talk(&both).await;
    assert!(!answer.starts_with("HTTP/1.1 5"), "{answer}");
    let whole = "3\r\n012\r\n7;x=y\r\n3456789\r\n0\r\n\r\n";
    let answer = world.talk(&chunked(whole)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(world.memory.objects(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_is_none_is_refused() {
    let world = world().await;
    let odd = post("Content-Length: ten\r\n", "0123456789");
    assert!(world.talk(&odd).await.starts_with("HTTP/1.1 400"));
    let two = post("Content-Length: 10\r\nContent-Length: 11\r\n", "0123456789");
    assert!(world.talk(&two).await.starts_with("HTTP/1.1 400"));
    assert_eq!(world.memory.objects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_where_its_connection_comes_from_whatever_it_says() {
    let world = world().await;
    let lie = ["-H", "X-Holdfast-Origin: 1 10.0.0.1"];
    assert_eq!(world.curl("/r/data/", &lie).status, 200);
    let here: std::net::IpAddr = "127.0.0.1".parse().unwrap();
    assert_eq!(world.memory.peers(), [here]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_costs_the_connection() {
    let world = impatient(|limits| limits.head = Duration::from_millis(300)).await;
    let answer = world
        .talk("GET /r/config HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .await;
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let world = world().await;
    let large = "x".repeat(17 << 10);
    let answer = world
        .talk(&format!(
            "GET /r/config HTTP/1.1\r\nHost: x\r\nX-Large: {large}\r\n\r\n"
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let header = format!("X-Large: {}", "x".repeat(20 << 10));
    assert_eq!(
        world.curl("/r/data/", &["--http2", "-H", &header]).status,
        431
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_ends_the_upload() {
    let world = impatient(|limits| limits.piece = Duration::from_millis(300)).await;
    let answer = world
        .talk(&post(
            "Content-Length: 10\r\nConnection: close\r\n",
            "01234",
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("the body stopped coming"), "{answer}");
    idle(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_shake_hands_is_dropped() {
    let world = impatient(|limits| limits.handshake = Duration::from_millis(300)).await;
    let mut tcp = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let mut bytes = Vec::new();
    let read = timeout(LONG, tcp.read_to_end(&mut bytes)).await.unwrap();
    assert!(read.is_err() || bytes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_connection_is_closed() {
    let world = impatient(|limits| limits.quiet = Duration::from_millis(300)).await;
    let mut stream = world.stream().await.unwrap();
    let mut bytes = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut bytes)).await.unwrap();
    assert!(bytes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_gets_so_many_connections_and_no_more() {
    let world = impatient(|limits| limits.connections_per_address = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(world.stream().await.unwrap());
    }
    assert!(world.stream().await.is_err());
    drop(held.pop());
    let again = async {
        loop {
            if let Ok(stream) = world.stream().await {
                return stream;
            }
        }
    };
    timeout(LONG, again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_face_serves_so_many_requests_at_once_and_says_busy_to_more() {
    let world = impatient(|limits| limits.requests = 1).await;
    let mut stream = world.stream().await.unwrap();
    let text = post("Content-Length: 10\r\n", "01234");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut uploads = world.memory.uploads();
    uploads.wait_for(|running| *running == 1).await.unwrap();
    let busy = world.curl("/r/data/", &[]);
    assert_eq!(
        (busy.status, busy.header("x-holdfast-reason")),
        (503, "busy")
    );
    assert_eq!(busy.header("retry-after"), "1");
    stream.write_all(b"56789").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    assert_eq!(world.curl("/r/data/", &[]).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_cuts_its_upload_with_the_reason() {
    let world = world().await;
    let mut stream = world.stream().await.unwrap();
    let text = post("Content-Length: 10\r\nConnection: close\r\n", "01234");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut uploads = world.memory.uploads();
    uploads.wait_for(|running| *running == 1).await.unwrap();
    world
        .memory
        .end(Refusal::new(Reason::Disabled, "the tenant is disabled"));
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = timeout(LONG, stream.read(&mut bytes)).await.unwrap() {
        answer.extend_from_slice(&bytes[..count]);
        if answer.ends_with(b"the tenant is disabled\n") {
            break;
        }
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("x-holdfast-reason: disabled"), "{answer}");
    idle(&world).await;
    assert_eq!(world.memory.objects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_cuts_its_download() {
    let world = world().await;
    let bytes = vec![1; 32 << 20];
    world.post(&format!("/r/data/{}", name(&bytes)), &bytes);
    let mut stream = world.stream().await.unwrap();
    let path = format!("/r/data/{}", name(&bytes));
    let text = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    world
        .memory
        .end(Refusal::new(Reason::LeaseExpired, "the lease has ended"));
    let mut rest = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.len() < bytes.len() - 1000, "{}", rest.len());
}
