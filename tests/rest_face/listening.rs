//! The face as a whole: where it listens, with which certificate, who is told, and how it stops.

use std::sync::{Arc, Mutex};

use holdfast::rest::{Answered, Behind, Face, Limits, Observer, Watch};
use holdfast::tls::Identity;
use holdfast_actors::kernel::{Instant, Now, Timestamp};
use holdfast_actors::ports::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::memory::Memory;
use crate::world::{LOGIN, LONG, name, world, world_with};

const TEN: &[u8] = b"0123456789";

#[tokio::test(flavor = "multi_thread")]
async fn both_ip_versions_are_served() {
    let memory = || Memory::new(true);
    let six = world_with("[::1]:0", Limits::default(), memory()).await;
    let at = |address: &str, port| format!("https://{address}:{port}/r/data/");
    let login = ["-u", "acme:secret"];
    assert_eq!(
        six.curl_at(&at("[::1]", six.address.port()), &login).status,
        200
    );
    let dual = world_with("[::]:0", Limits::default(), memory()).await;
    for address in ["[::1]", "127.0.0.1"] {
        assert_eq!(
            dual.curl_at(&at(address, dual.address.port()), &login)
                .status,
            200
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_served_without_a_restart() {
    let world = world().await;
    assert_eq!(world.curl("/r/data/", &[]).status, 200);
    let now = Timestamp::parse("2026-05-02T00:00:00Z").unwrap();
    let next = Identity::self_signed("node.example", now).unwrap();
    world.certificates.switch(&next);
    std::fs::write(world.ca(), next.certificate_pem()).unwrap();
    assert_eq!(world.curl("/r/data/", &[]).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_face_that_stops_lets_what_runs_end() {
    let world = world().await;
    let mut stream = world.stream().await.unwrap();
    let path = format!("/r/data/{}", name(TEN));
    let start =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nContent-Length: 10\r\n\r\n01234");
    stream.write_all(start.as_bytes()).await.unwrap();
    let mut uploads = world.memory.uploads();
    uploads.wait_for(|running| *running == 1).await.unwrap();
    let (memory, face) = (world.memory.clone(), world.face);
    let stopping = tokio::join!(face.stop(), async {
        stream.write_all(b"56789").await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(LONG, read).await.unwrap();
        String::from_utf8(answer).unwrap()
    });
    assert!(stopping.0, "the drain did not end by itself");
    assert!(stopping.1.starts_with("HTTP/1.1 200"), "{}", stopping.1);
    assert_eq!(memory.objects(), 1);
}

/// A clock on which every look takes a second.
#[derive(Default)]
struct Ticking(Mutex<u64>);

impl Clock for Ticking {
    fn now(&self) -> Now {
        let mut seconds = self.0.lock().unwrap();
        *seconds += 1;
        Now {
            monotonic: Instant::from_micros(*seconds * 1_000_000),
            wall: Timestamp::default(),
        }
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn answered(&self, answered: &Answered) {
        let Answered {
            method,
            kind,
            status,
            received,
            sent,
            took,
        } = answered;
        let line = format!("{method} {kind} {status} in {received} out {sent} in {took:?}");
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_onlooker_is_told_of_every_request_and_of_nobody() {
    let mut world = world().await;
    let told = Arc::new(Told::default());
    let watch = Watch {
        clock: Arc::new(Ticking::default()),
        observer: Arc::clone(&told) as Arc<dyn Observer>,
    };
    let service = Arc::new(world.memory.clone());
    let free = "127.0.0.1:0".parse().unwrap();
    let limits = Limits::default();
    let behind = Behind {
        service,
        counter: None,
        watch: Some(watch),
        forward: None,
    };
    let face = Face::before(free, &world.certificates, behind, limits);
    world.face = face.await.unwrap();
    world.address = world.face.address();
    let path = format!("/r/data/{}", name(TEN));
    world.post(&path, TEN);
    world.curl(&path, &[]);
    world.curl(&path, &["-I"]);
    world.curl("/nobody/config", &[]);
    world.curl("/odd", &[]);
    assert!(world.face.stop().await);
    let told = told.0.lock().unwrap().join("\n");
    expect_test::expect![[r#"
        POST data 200 in 10 out 0 in 1s
        GET data 200 in 0 out 10 in 1s
        HEAD data 200 in 0 out 0 in 1s
        GET config 404 in 0 out 19 in 1s
        GET other 404 in 0 out 10 in 1s"#]]
    .assert_eq(&told);
}
