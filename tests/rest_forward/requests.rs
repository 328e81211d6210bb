//! What clients notice of another node between them and theirs: nothing.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::memory::Memory;
use crate::pair::{GATEWAY, OWNER, Pair, pair, pair_with};
use crate::world::{LOGIN, LONG, OCTETS, QUOTA, Reply, good, name, tree};
use holdfast::rest::Limits;

const TEN: &[u8] = b"0123456789";

/// What a client sees of an answer.
fn seen(reply: &Reply) -> String {
    let body = String::from_utf8_lossy(&reply.body);
    // What `-I` shows is the head once more.
    let shown = if body.starts_with("HTTP/") { "" } else { &body };
    let mut lines: Vec<String> = reply
        .head
        .lines()
        .map(str::to_lowercase)
        .filter(|line| !line.starts_with("date:"))
        .collect();
    lines.sort();
    lines.push(shown.to_owned());
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn restic_backs_up_checks_and_restores_through_another_node() {
    let Pair { gateway, owner, .. } = &pair().await;
    let source = gateway.world.folder.path().join("source");
    tree(&source, 24, 300_000);
    let from = source.to_str().unwrap();
    let restic = |arguments: &[&str]| good(&gateway.world.restic("r", arguments));
    restic(&["init"]);
    restic(&["backup", from]);
    restic(&["check", "--read-data"]);
    let target = gateway.world.folder.path().join("target");
    restic(&["restore", "latest", "--target", target.to_str().unwrap()]);
    let restored = target.join(from.trim_start_matches('/'));
    for entry in std::fs::read_dir(&source).unwrap() {
        let name = entry.unwrap().file_name();
        let (was, is) = (source.join(&name), restored.join(&name));
        assert!(
            std::fs::read(was).unwrap() == std::fs::read(is).unwrap(),
            "{name:?}"
        );
    }
    assert!(owner.world.memory.objects() > 5);
    assert_eq!(gateway.world.memory.objects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_the_one_that_the_owner_gives() {
    let Pair { gateway, owner, .. } = &pair().await;
    let large = vec![5; 3 << 20];
    let (small, large_path) = (name(TEN), format!("/r/data/{}", name(&large)));
    let path = format!("/r/data/{small}");
    assert_eq!(gateway.world.post(&path, TEN).status, 200);
    assert_eq!(gateway.world.post(&large_path, &large).status, 200);
    let absent = format!("/r/data/{}", name(b"absent"));
    let asked: &[(&str, &[&str])] = &[
        (&path, &[]),
        (&path, &["-I"]),
        (&path, &["-H", "Range: bytes=2-4"]),
        (&path, &["-H", "Range: bytes=20-"]),
        (&large_path, &["-I"]),
        (&large_path, &["-H", "Range: bytes=1000-2000000"]),
        ("/r/data/", &[]),
        (
            "/r/data/",
            &["-H", "Accept: application/vnd.x.restic.rest.v2"],
        ),
        (&absent, &[]),
        (&absent, &["-I"]),
        ("/r/config", &["-I"]),
        ("/nothing/", &["-X", "PUT"]),
        ("/r/", &["-X", "POST"]),
        ("/elsewhere/data/", &[]),
        (
            &path,
            &["-X", "POST", "-H", OCTETS, "--data-binary", "other bytes"],
        ),
        (
            &path,
            &[
                "-X",
                "POST",
                "-H",
                "Transfer-Encoding: chunked",
                "--data-binary",
                "x",
            ],
        ),
    ];
    for version in ["--http1.1", "--http2"] {
        for (path, arguments) in asked {
            let arguments = [*arguments, &[version]].concat();
            let direct = owner.world.curl(path, &arguments);
            let through = gateway.world.curl(path, &arguments);
            assert_eq!(seen(&through), seen(&direct), "{path} {arguments:?}");
        }
        for user in ["acme:wrong", "nobody:secret", "acme+read:secret", ""] {
            let delete = ["-X", "DELETE", version];
            let direct = owner.world.curl_as(user, &path, &delete);
            let through = gateway.world.curl_as(user, &path, &delete);
            assert_eq!(seen(&through), seen(&direct), "{user}");
        }
        let got = gateway.world.curl(&large_path, &[version]);
        assert!(got.body == large, "{}", got.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_knows_the_client_s_address_and_believes_only_nodes() {
    let Pair { gateway, owner, .. } = &pair().await;
    let lie = ["-H", "X-Holdfast-Origin: 1 10.0.0.1"];
    let from = ["--interface", "127.0.0.5"];
    let address = |text: &str| vec![text.parse::<std::net::IpAddr>().unwrap()];
    assert_eq!(gateway.world.curl("/r/data/", &from).status, 200);
    assert_eq!(owner.world.memory.peers(), address("127.0.0.5"));
    let both = [&lie[..], &from[..]].concat();
    assert_eq!(gateway.world.curl("/r/data/", &both).status, 200);
    assert_eq!(owner.world.memory.peers(), address("127.0.0.5"));
    assert_eq!(owner.world.curl("/r/data/", &lie).status, 200);
    assert_eq!(owner.world.memory.peers(), address("127.0.0.1"));
    gateway.home.say(Some(GATEWAY));
    assert_eq!(gateway.world.curl("/r/data/", &lie).status, 401);
    assert_eq!(gateway.world.memory.peers(), address("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_passes_one_gateway_at_most() {
    let Pair { gateway, owner, .. } = &pair().await;
    // Each believes that the other is the one.
    owner.home.say(Some(GATEWAY));
    let reply = gateway.world.curl("/r/data/", &[]);
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(reply.body, b"the tenant is moving to another node\n");
    assert!(owner.world.memory.peers().is_empty());
    assert!(gateway.world.memory.peers().is_empty());
    owner.home.say(Some(OWNER));
    assert_eq!(gateway.world.curl("/r/data/", &[]).status, 200);
    gateway.home.say(None);
    let reply = gateway.world.curl("/r/data/", &[]);
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("retry-after"), "5");
    assert_eq!(reply.header("x-holdfast-reason"), "unavailable");
    assert_eq!(reply.body, b"no node can serve the tenant now\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_the_client_holds_back_is_asked_for_by_the_owner_or_never() {
    let Pair { gateway, owner, .. } = &pair().await;
    let head = |length: u64| {
        let name = name(TEN);
        format!(
            "POST /r/data/{name} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nExpect: 100-continue\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    let mut stream = gateway.world.stream().await.unwrap();
    stream.write_all(head(10).as_bytes()).await.unwrap();
    let mut asked = [0; 25];
    timeout(LONG, stream.read_exact(&mut asked))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(TEN).await.unwrap();
    let mut answer = [0; 12];
    timeout(LONG, stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    // What the quota does not hold is not sent at all.
    let answer = gateway.world.talk(&head(QUOTA)).await;
    assert!(answer.starts_with("HTTP/1.1 507"), "{answer}");
    assert_eq!(owner.world.memory.objects(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_many_requests_and_some_of_them_here() {
    let Pair { gateway, owner, .. } = &pair().await;
    let mut stream = gateway.world.stream().await.unwrap();
    let ask = format!("GET /r/data/ HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\n\r\n");
    let nobody = "GET /r/data/ HTTP/1.1\r\nHost: x\r\n\r\n".to_owned();
    let list = ("HTTP/1.1 200", "[]\r\n0\r\n\r\n");
    let refusal = ("HTTP/1.1 401", "needed\n");
    for (text, (begin, end)) in [(&ask, list), (&nobody, refusal), (&ask, list), (&ask, list)] {
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with(end) {
            let mut bytes = [0; 4096];
            let count = timeout(LONG, stream.read(&mut bytes)).await.unwrap();
            answer.push_str(std::str::from_utf8(&bytes[..count.unwrap()]).unwrap());
        }
        assert!(answer.starts_with(begin), "{answer}");
    }
    assert_eq!(owner.world.memory.peers().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_s_limits_hold_for_what_comes_from_nodes() {
    let limits = Limits {
        piece: Duration::from_millis(500),
        ..Limits::default()
    };
    let Pair { gateway, owner, .. } = &pair_with(limits, Memory::new(true)).await;
    let name = name(TEN);
    let head = format!(
        "POST /r/data/{name} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nConnection: close\r\n\
         Content-Length: 10\r\n\r\n01234"
    );
    let answer = gateway.world.talk(&head).await;
    assert!(answer.contains("the body stopped coming"), "{answer}");
    let mut uploads = owner.world.memory.uploads();
    let none = uploads.wait_for(|running| *running == 0);
    timeout(LONG, none).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_face_that_stops_lets_what_others_sent_it_end() {
    let Pair {
        gateway,
        owner,
        _cluster,
    } = pair().await;
    let mut stream = gateway.world.stream().await.unwrap();
    let path = format!("/r/data/{}", name(TEN));
    let start =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nContent-Length: 10\r\n\r\n01234");
    stream.write_all(start.as_bytes()).await.unwrap();
    let mut uploads = owner.world.memory.uploads();
    uploads.wait_for(|running| *running == 1).await.unwrap();
    let (memory, face) = (owner.world.memory.clone(), owner.world.face);
    let (stopped, answer) = tokio::join!(face.stop(), async {
        // Whoever comes now is told to come again.
        let reply = gateway.world.curl("/r/data/", &[]);
        assert_eq!(reply.status, 503);
        stream.write_all(b"56789").await.unwrap();
        let mut answer = [0; 12];
        timeout(LONG, stream.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
        answer
    });
    assert!(stopped, "the drain did not end by itself");
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert_eq!(memory.objects(), 1);
}
