//! What clients notice while their tenant moves from one node to another: a moment.

#![expect(
    clippy::disallowed_methods,
    reason = "a test has tasks and a clock of its own"
)]

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::pair::{GATEWAY, HELD, OWNER, Pair, pair};
use crate::world::{LOGIN, LONG, name};

const MOMENT: Duration = Duration::from_millis(200);
const LARGE: usize = 3 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_until_its_tenant_has_a_home_again() {
    let Pair { gateway, owner, .. } = &pair().await;
    let bytes = vec![7; LARGE];
    let path = format!("/r/data/{}", name(&bytes));
    for version in ["--http1.1", "--http2"] {
        gateway.home.say(None);
        let home = std::sync::Arc::clone(&gateway.home);
        tokio::spawn(async move {
            sleep(MOMENT).await;
            home.say(Some(OWNER));
        });
        let began = Instant::now();
        let head = gateway.world.curl("/r/config", &["-I", version]);
        assert_eq!(head.status, 404, "{version}: the owner says so");
        assert!(began.elapsed() >= MOMENT);
        assert_eq!(gateway.world.post(&path, &bytes).status, 200);
    }
    assert_eq!(owner.world.memory.objects(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_an_owner_does_not_take_goes_to_the_next_with_its_whole_body() {
    let Pair { gateway, owner, .. } = &pair().await;
    let bytes = vec![8; LARGE];
    let path = format!("/r/data/{}", name(&bytes));
    // The owner believes that another has the tenant.
    owner.home.say(Some(GATEWAY));
    let home = std::sync::Arc::clone(&owner.home);
    tokio::spawn(async move {
        sleep(MOMENT).await;
        home.say(Some(OWNER));
    });
    assert_eq!(gateway.world.post(&path, &bytes).status, 200);
    assert!(gateway.world.curl(&path, &[]).body == bytes);
    assert_eq!(owner.world.memory.objects(), 1);
    // A way that breaks is taken again.
    for _ in 0..3 {
        gateway.endpoint.sever(OWNER);
        assert_eq!(gateway.world.curl("/r/config", &["-I"]).status, 404);
        gateway.endpoint.sever(OWNER);
        assert_eq!(gateway.world.post(&path, &bytes).status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_has_no_home_for_long_is_refused_and_the_client_is_heard_out() {
    let Pair { gateway, owner, .. } = &pair().await;
    gateway.home.say(None);
    let began = Instant::now();
    let bytes = vec![9; LARGE];
    let path = format!("/r/data/{}", name(&bytes));
    let reply = gateway.world.post(&path, &bytes);
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("x-holdfast-reason"), "unavailable");
    assert!(began.elapsed() >= HELD);
    assert!(began.elapsed() < HELD + LONG);
    assert_eq!(owner.world.memory.objects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_asked_for_only_once_somebody_takes_it() {
    let Pair { gateway, .. } = &pair().await;
    gateway.home.say(None);
    let (name, length) = (name(b"0123456789"), 10);
    let head = format!(
        "POST /r/data/{name} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nExpect: 100-continue\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    let mut stream = gateway.world.stream().await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut asked = [0; 25];
    let early = timeout(MOMENT, stream.read_exact(&mut asked)).await;
    early.unwrap_err();
    gateway.home.say(Some(OWNER));
    let told = timeout(LONG, stream.read_exact(&mut asked)).await;
    told.unwrap().unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"0123456789").await.unwrap();
    let mut answer = [0; 12];
    let told = timeout(LONG, stream.read_exact(&mut answer)).await;
    told.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hears_no_majority_says_so() {
    let Pair {
        gateway,
        owner,
        _cluster,
    } = pair().await;
    let cut_off = std::sync::atomic::AtomicBool::store;
    cut_off(
        &gateway.home.is_cut_off,
        true,
        std::sync::atomic::Ordering::Relaxed,
    );
    // What is still answered is passed on as it is.
    assert_eq!(gateway.world.curl("/r/data/", &[]).status, 200);
    owner.endpoint.close().await;
    for path in ["/r/data/", "/r/config"] {
        let reply = gateway.world.curl(path, &[]);
        assert_eq!(reply.status, 503);
        assert_eq!(reply.header("retry-after"), "10");
        let said = String::from_utf8(reply.body).unwrap();
        assert!(said.contains("majority"), "{said}");
    }
}
