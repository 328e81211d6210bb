//! What clients see when the node that serves them is lost, and who is lost with them.

#![expect(
    clippy::disallowed_methods,
    reason = "a test has tasks and a clock of its own"
)]

use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::pair::{OWNER, Pair, pair};
use crate::world::{LOGIN, LONG, World, good, name, tree};

const LARGE: usize = 32 << 20;

/// An upload that has begun and does not end.
fn begun(bytes: &[u8]) -> String {
    let (name, length) = (name(bytes), bytes.len());
    format!(
        "POST /r/data/{name} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nContent-Length: {length}\r\n\r\n01234"
    )
}

async fn idle(world: &World) {
    let mut uploads = world.memory.uploads();
    let none = uploads.wait_for(|running| *running == 0);
    timeout(LONG, none).await.unwrap().unwrap();
    assert_eq!(world.memory.reserved(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn restic_goes_on_though_the_way_to_the_owner_breaks_again_and_again() {
    let Pair { gateway, owner, .. } = &pair().await;
    let source = gateway.world.folder.path().join("source");
    tree(&source, 40, 500_000);
    let from = source.to_str().unwrap();
    good(&gateway.world.restic("r", &["init"]));
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..8 {
                std::thread::sleep(Duration::from_millis(150));
                gateway.endpoint.sever(OWNER);
            }
        });
        gateway.world.restic("r", &["backup", from])
    });
    good(&output);
    let out = good(&gateway.world.restic("r", &["check", "--read-data"]));
    assert!(out.contains("no errors were found"), "{out}");
    idle(&owner.world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_owner_is_lost_is_refused_and_leaves_nothing() {
    let Pair { gateway, owner, .. } = &pair().await;
    let mut stream = gateway.world.stream().await.unwrap();
    let bytes = vec![1; 900_000];
    stream.write_all(begun(&bytes).as_bytes()).await.unwrap();
    stream.write_all(&bytes[..600_000]).await.unwrap();
    let mut uploads = owner.world.memory.uploads();
    uploads.wait_for(|running| *running == 1).await.unwrap();
    // Of which nothing has passed goes elsewhere, whole.
    let passed = async {
        while owner.world.memory.largest_piece() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, passed).await.unwrap();
    gateway.endpoint.sever(OWNER);
    let mut answer = [0; 12];
    timeout(LONG, stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    idle(&owner.world).await;
    assert_eq!(owner.world.memory.objects(), 0);
    // The next request finds a new way.
    assert_eq!(gateway.world.curl("/r/data/", &[]).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_whose_owner_is_lost_is_cut_and_never_ends_as_if_it_were_whole() {
    let Pair { gateway, .. } = &pair().await;
    let bytes = vec![1; LARGE];
    let path = format!("/r/data/{}", name(&bytes));
    assert_eq!(gateway.world.post(&path, &bytes).status, 200);
    for version in ["--http1.1", "--http2"] {
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            version,
            "--limit-rate",
            "4M",
            "-u",
            "acme:secret",
            "--cacert",
        ])
        .arg(gateway.world.ca())
        .args(["-o", "/dev/null", "-w", "%{http_code} %{size_download}"])
        .arg(gateway.world.url(&path));
        let output = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_secs(1));
                gateway.endpoint.sever(OWNER);
            });
            tokio::task::block_in_place(|| curl.output())
        });
        let output = output.unwrap();
        assert!(!output.status.success(), "{version}: {output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with("200 "), "{said}");
        assert_ne!(said, format!("200 {LARGE}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_is_gone_from_the_owner_too() {
    let Pair { gateway, owner, .. } = &pair().await;
    let bytes = vec![1; LARGE];
    let path = format!("/r/data/{}", name(&bytes));
    assert_eq!(gateway.world.post(&path, &bytes).status, 200);
    let mut stream = gateway.world.stream().await.unwrap();
    stream.write_all(begun(b"other").as_bytes()).await.unwrap();
    let mut uploads = owner.world.memory.uploads();
    // All five bytes of it have come; the object is of another name.
    uploads.wait_for(|running| *running == 0).await.unwrap();
    let mut stream = gateway.world.stream().await.unwrap();
    stream
        .write_all(begun(&[2; 70_000]).as_bytes())
        .await
        .unwrap();
    uploads.wait_for(|running| *running == 1).await.unwrap();
    drop(stream);
    idle(&owner.world).await;
    // One that reads and does not go on.
    let mut stream = gateway.world.stream().await.unwrap();
    let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    drop(stream);
    assert_eq!(gateway.world.curl("/r/data/", &[]).status, 200);
    assert_eq!(owner.world.memory.objects(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_nobody_has_asked_for_waits_for_the_next_owner() {
    let Pair {
        gateway,
        owner,
        _cluster,
    } = pair().await;
    assert_eq!(gateway.world.curl("/r/data/", &[]).status, 200);
    owner.endpoint.close().await;
    let home = std::sync::Arc::clone(&gateway.home);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        home.say(Some(crate::pair::GATEWAY));
    });
    let bytes = vec![1; 300_000];
    let path = format!("/r/data/{}", name(&bytes));
    // The gateway itself is the next owner, and lets nobody in with this password.
    assert_eq!(gateway.world.post(&path, &bytes).status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_gone_is_answered_for_with_a_sentence() {
    let Pair {
        gateway,
        owner,
        _cluster,
    } = pair().await;
    assert_eq!(gateway.world.curl("/r/data/", &[]).status, 200);
    owner.endpoint.close().await;
    let bytes = vec![1; 300_000];
    for _ in 0..2 {
        let reply = gateway
            .world
            .post(&format!("/r/data/{}", name(&bytes)), &bytes);
        assert_eq!(reply.status, 503);
        assert_eq!(reply.header("retry-after"), "2");
        assert_eq!(reply.header("x-holdfast-reason"), "unavailable");
        let said = String::from_utf8(reply.body).unwrap();
        assert!(said.contains("does not answer"), "{said}");
    }
    assert_eq!(owner.world.memory.objects(), 0);
}
