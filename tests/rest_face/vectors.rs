//! The restic protocol, request by request, as curl sees it: the vectors of the protocol with the
//! differences that Holdfast makes on purpose.

use crate::memory::maintenance;
use crate::world::{LOGIN, OCTETS, QUOTA, World, name, world};
use holdfast_actors::refusal::{Reason, Refusal};

const V1: &str = "application/vnd.x.restic.rest.v1";
const V2: &str = "application/vnd.x.restic.rest.v2";
const TEN: &[u8] = b"0123456789";

fn status(world: &World, method: &str, path: &str) -> u16 {
    if method == "HEAD" {
        world.curl(path, &["-I"]).status
    } else {
        world.curl(path, &["-X", method]).status
    }
}

fn object(bytes: &[u8]) -> String {
    format!("/r/data/{}", name(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_asked_for_by_create_and_by_nothing_else() {
    let world = world().await;
    for _ in 0..2 {
        let reply = world.curl("/r/?create=true", &["-X", "POST"]);
        assert_eq!((reply.status, reply.body.len()), (200, 0));
    }
    assert_eq!(status(&world, "POST", "/new/?create=true"), 404);
    assert_eq!(status(&world, "POST", "/r/"), 400);
    for method in ["GET", "HEAD", "DELETE", "PUT"] {
        let arguments: &[&str] = if method == "HEAD" {
            &["-I"]
        } else {
            &["-X", method]
        };
        let reply = world.curl("/r/", arguments);
        assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_is_written_once_and_read_whole() {
    let world = world().await;
    assert_eq!(status(&world, "HEAD", "/r/config"), 404);
    assert_eq!(status(&world, "GET", "/r/config"), 404);
    assert_eq!(world.post("/r/config", TEN).status, 200);
    let again = world.post("/r/config", TEN);
    assert_eq!(
        (again.status, again.header("x-holdfast-reason")),
        (403, "exists")
    );
    let ranged = world.curl("/r/config", &["-r", "0-3"]);
    assert_eq!((ranged.status, ranged.body.as_slice()), (200, TEN));
    let head = world.curl("/r/config", &["-I"]);
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    assert_eq!(status(&world, "DELETE", "/r/config"), 403);
    let large = world.post("/r/config", &vec![0; (64 << 10) + 1]);
    assert_eq!(
        (large.status, large.header("x-holdfast-reason")),
        (413, "too-large")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_the_form_that_was_asked_for_and_is_never_missing() {
    let world = world().await;
    assert_eq!(status(&world, "GET", "/r/data"), 404);
    for (accept, answered) in [("Accept:", V1), (V1, V1), (V2, V2), ("text/html", V1)] {
        let accept = if accept.ends_with(':') {
            accept.to_owned()
        } else {
            format!("Accept: {accept}")
        };
        let reply = world.curl("/r/data/", &["-H", &accept]);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, answered)
        );
        assert_eq!(reply.body, b"[]");
    }
    for kind in ["data", "keys", "locks", "snapshots", "index"] {
        assert_eq!(status(&world, "GET", &format!("/r/{kind}/")), 200, "{kind}");
        let reply = world.curl(&format!("/r/{kind}/"), &["-I"]);
        assert_eq!((reply.status, reply.header("allow")), (405, "GET"));
    }
    world.post(&object(TEN), TEN);
    let accept = format!("Accept: {V2}");
    let reply = world.curl("/r/data/", &["-H", &accept]);
    let json = format!(r#"[{{"name":"{}","size":10}}]"#, name(TEN));
    assert_eq!(String::from_utf8(reply.body).unwrap(), json);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_checked_against_its_name_and_may_be_repeated() {
    let world = world().await;
    assert_eq!(world.post(&object(TEN), TEN).status, 200);
    assert_eq!(world.post(&object(TEN), TEN).status, 200);
    let wrong = world.post(&object(TEN), b"9876543210");
    assert_eq!(
        (wrong.status, wrong.header("x-holdfast-reason")),
        (400, "bad-hash")
    );
    assert_eq!(world.curl(&object(TEN), &[]).body, TEN);
    assert_eq!(
        world
            .post(&format!("/r/data/{}", &name(TEN)[1..]), TEN)
            .status,
        404
    );
    let upper = name(TEN).to_uppercase();
    assert_eq!(world.post(&format!("/r/data/{upper}"), TEN).status, 404);
    assert_eq!(
        world.post(&format!("/r/data/{}", name(b"")), b"").status,
        200
    );
    let empty = world.curl(&format!("/r/data/{}", name(b"")), &["-r", "0-"]);
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    assert_eq!(world.memory.objects(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_read_whole_or_in_part() {
    let world = world().await;
    let path = object(TEN);
    world.post(&path, TEN);
    let head = world.curl(&path, &["-I"]);
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    let whole = world.curl(&path, &["--compressed"]);
    assert_eq!(
        (whole.status, whole.header("accept-ranges")),
        (200, "bytes")
    );
    assert_eq!(
        (whole.body.as_slice(), whole.header("content-encoding")),
        (TEN, "")
    );
    for (range, bytes, told) in [
        ("0-3", &b"0123"[..], "bytes 0-3/10"),
        ("2-", b"23456789", "bytes 2-9/10"),
        ("5-999999", b"56789", "bytes 5-9/10"),
        ("-3", b"789", "bytes 7-9/10"),
    ] {
        let part = world.curl(&path, &["-r", range]);
        assert_eq!((part.status, part.body.as_slice()), (206, bytes), "{range}");
        assert_eq!(part.header("content-range"), told);
        assert_eq!(part.header("content-length"), bytes.len().to_string());
    }
    let outside = world.curl(&path, &["-r", "10-"]);
    assert_eq!(
        (outside.status, outside.header("content-range")),
        (416, "bytes */10")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_comes_back_whole_and_in_parts() {
    let world = world().await;
    let bytes: Vec<u8> = (0..3_000_001_u32).flat_map(u32::to_le_bytes).collect();
    let path = object(&bytes);
    for version in ["--http1.1", "--http2"] {
        let from = format!("@{}", world.file(&bytes).display());
        let sent = world.curl(
            &path,
            &[version, "-X", "POST", "-H", OCTETS, "--data-binary", &from],
        );
        assert_eq!(sent.status, 200, "{sent:?}");
        let line = if version == "--http2" {
            "HTTP/2 200"
        } else {
            "HTTP/1.1 200"
        };
        assert!(sent.head.starts_with(line), "{}", sent.head);
        assert!(world.curl(&path, &[version]).body == bytes);
        let part = world.curl(&path, &[version, "-r", "1000-2000999"]);
        assert_eq!(part.status, 206);
        assert!(part.body == bytes[1000..2_001_000]);
    }
    assert_eq!(world.memory.largest_piece(), 256 << 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_may_be_repeated() {
    let world = world().await;
    world.post(&object(TEN), TEN);
    assert_eq!(status(&world, "DELETE", &object(TEN)), 200);
    assert_eq!(status(&world, "DELETE", &object(TEN)), 200);
    assert_eq!(status(&world, "GET", &object(TEN)), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_only_credential_deletes_locks_alone() {
    let world = world().await;
    world.post(&object(TEN), TEN);
    let lock = format!("/r/locks/{}", name(TEN));
    world.post(&lock, TEN);
    let delete = |path: &str| world.curl_as("acme+append:secret", path, &["-X", "DELETE"]);
    let refused = delete(&object(TEN));
    assert_eq!(
        (refused.status, refused.header("x-holdfast-reason")),
        (403, "scope")
    );
    assert_eq!(delete(&lock).status, 200);
    assert_eq!(delete("/r/config").status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_s_repository_looks_like_a_missing_one() {
    let world = world().await;
    let missing = world.curl("/missing/config", &[]);
    let theirs = world.curl("/theirs/config", &[]);
    let head = |text: &str| {
        text.lines()
            .filter(|line| !line.starts_with("date"))
            .count()
    };
    assert_eq!((missing.status, theirs.status), (404, 404));
    assert_eq!(
        (missing.body, head(&missing.head)),
        (theirs.body, head(&theirs.head))
    );
    assert_eq!(status(&world, "GET", "/"), 404);
    assert_eq!(status(&world, "GET", "/Not_a-Name!/config"), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_is_challenged() {
    let world = world().await;
    for user in ["", "acme:wrong", "nobody:secret", ":"] {
        let reply = world.curl_as(user, "/r/config", &[]);
        assert_eq!(reply.status, 401, "{user}");
        assert_eq!(reply.header("www-authenticate"), "Basic realm=\"holdfast\"");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_clean_names_nothing() {
    let world = world().await;
    world.post("/r/config", TEN);
    for path in [
        "/a/b/r/config",
        "/r/../x",
        "/r/./data/",
        "/x/../r/config",
        "//r/config",
        "/r//config",
        "/%72/config",
        "/r/%2e%2e/r/config",
        "/r/data/..%2fconfig",
        "/r/config/",
    ] {
        assert_eq!(status(&world, "GET", path), 404, "{path}");
    }
    let patch = world.curl(&object(TEN), &["-X", "PATCH"]);
    assert_eq!(
        (patch.status, patch.header("allow")),
        (405, "HEAD, GET, POST, DELETE")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_over_the_quota_is_refused_and_leaves_nothing() {
    let world = world().await;
    let large = vec![7; usize::try_from(QUOTA).unwrap() + 1];
    for version in ["--http1.1", "--http2"] {
        let from = format!("@{}", world.file(&large).display());
        // Without Expect, as restic sends: the body is on its way when the answer comes.
        let reply = world.curl(
            &object(&large),
            &[
                version,
                "-X",
                "POST",
                "-H",
                OCTETS,
                "-H",
                "Expect:",
                "--data-binary",
                &from,
            ],
        );
        assert_eq!(reply.status, 507, "{reply:?}");
        assert_eq!(reply.header("x-holdfast-reason"), "quota-exceeded");
        assert_eq!(reply.body, b"the quota is used up\n");
    }
    assert_eq!((world.memory.objects(), world.memory.reserved()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_unknown_length_is_taken_up_to_the_quota() {
    let world = world().await;
    let most = vec![7; usize::try_from(QUOTA).unwrap()];
    let more = vec![7; usize::try_from(QUOTA).unwrap() + 1];
    for version in ["--http1.1", "--http2"] {
        for (bytes, expected) in [(&more, 507), (&most, 200)] {
            let file = world.file(bytes);
            let from = ["-T", file.to_str().unwrap(), "-H", "Expect:"];
            let chunked = ["-X", "POST", "-H", "Transfer-Encoding: chunked"];
            let words = [&[version], &from[..], &chunked[..]].concat();
            let reply = world.curl(&object(bytes), &words);
            assert_eq!(reply.status, expected, "{version} {reply:?}");
        }
        assert_eq!(world.curl(&object(&most), &[version]).body, most);
        world.curl(&object(&most), &[version, "-X", "DELETE"]);
        assert_eq!((world.memory.objects(), world.memory.reserved()), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_is_there_while_others_upload() {
    let world = world().await;
    let lists = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let uploader = scope.spawn(|| {
                let mut config = String::new();
                for number in 0..200_u32 {
                    let bytes = number.to_string();
                    let url = world.url(&object(bytes.as_bytes()));
                    config.push_str(&format!(
                        "next\nurl=\"{url}\"\ndata=\"{bytes}\"\nuser=\"acme:secret\"\n"
                    ));
                    config.push_str(&format!("cacert=\"{}\"\n", world.ca().display()));
                }
                let config = world.file(config.as_bytes());
                let curl = std::process::Command::new("curl")
                    .arg("-sSK")
                    .arg(&config)
                    .output();
                let output = curl.unwrap();
                assert!(output.status.success(), "{output:?}");
            });
            let mut lists = 0;
            while !uploader.is_finished() || lists == 0 {
                assert_eq!(status(&world, "GET", "/r/data/"), 200);
                lists += 1;
            }
            lists
        })
    });
    assert!(lists > 0);
    assert_eq!(world.memory.objects(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_refused_at_its_first_request_with_the_provider_s_words() {
    let world = world().await;
    world.memory.refuse(Some(maintenance()));
    let head = world.curl("/r/config", &["-I"]);
    assert_eq!(
        (head.status, head.header("x-holdfast-reason")),
        (503, "maintenance")
    );
    assert_eq!(head.header("retry-after"), "600");
    assert_eq!(world.curl("/r/config", &[]).body, b"we are back at noon\n");
    for (reason, status) in [(Reason::LeaseExpired, 403), (Reason::Disabled, 403)] {
        world.memory.refuse(Some(Refusal::new(reason, "no")));
        let reply = world.curl("/r/config", &["-I"]);
        assert_eq!(
            (reply.status, reply.header("x-holdfast-reason")),
            (status, reason.as_str())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_expects_100_gets_it_and_a_refused_one_does_not() {
    let world = world().await;
    let path = object(TEN);
    let go = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\n{LOGIN}\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789"
    );
    let answer = world.talk(&go).await;
    assert!(
        answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"),
        "{answer}"
    );
    let refused = go.replace("/r/", "/missing/").replace("0123456789", "");
    let answer = world.talk(&refused).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}
