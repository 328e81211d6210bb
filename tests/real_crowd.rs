//! Clients that come in crowds, or that take all the time in the world: they meet the limits of the
//! node, and nobody else notices.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod wire;

use std::io;
use std::net::TcpStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use node::{Login, Node, Stopwatch, noise, plant, run, text};
use wire::{Open, Reply, Wire};

/// How many clients of each sort are slow.
const SLOW: usize = 40;
/// How long the slow may keep a connection, in seconds: a handshake, a head, 256 KiB of a body.
const HANDSHAKE: f64 = 10.0;
const HEAD: f64 = 75.0;
const PIECE: f64 = 120.0;
/// How much later than that they may be cut on a busy machine, in seconds.
const SLACK: f64 = 20.0;
/// Connections at once from one address, and requests at once from all.
const PER_ADDRESS: usize = 256;
const REQUESTS: usize = 1024;

fn prepared() -> (Node, Login) {
    let node = Node::new();
    node.tenant("acme", "main", "10GiB");
    let acme = node.login("acme", "main");
    acme.init();
    (node, acme)
}

/// A client that connects and then never says hello.
fn mute(port: u16) -> io::Result<Reply> {
    use io::Read as _;
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    tcp.read_exact(&mut [0; 1])?;
    unreachable!("a server says nothing before its client");
}

#[test]
fn clients_that_dribble_are_cut_in_time_and_hinder_nobody() {
    let (node, acme) = prepared();
    let (wire, crowd) = (Wire::new(&acme), Wire::new(&acme).from(2));
    let (tell, told) = mpsc::channel();
    let mut slowest: f64 = 0.0;
    let mut ends = Vec::new();
    std::thread::scope(|scope| {
        let slow = |sort: &'static str, client: Box<dyn FnOnce() -> io::Result<Reply> + Send>| {
            let tell = tell.clone();
            scope.spawn(move || {
                let watch = Stopwatch::start();
                let end = client();
                tell.send((sort, watch.seconds(), end)).unwrap();
            });
        };
        for number in 0..SLOW {
            let port = node.port;
            slow("handshake", Box::new(move || mute(port)));
            let head = crowd.clone();
            slow(
                "head",
                Box::new(move || {
                    let mut open = head.connect().unwrap();
                    open.more(b"GET /main/config HTTP/1.1\r\nX-Slow: ").unwrap();
                    open.dribble()
                }),
            );
            let body = crowd.clone();
            slow(
                "body",
                Box::new(move || {
                    let path = format!("/main/data/{}", wire::name(&[number as u8]));
                    body.begin("POST", &path, b"x", 1 << 19).dribble()
                }),
            );
        }
        drop(tell);
        loop {
            // One request at a time, four a second, until the last of the slow is gone.
            match told.recv_timeout(Duration::from_millis(250)) {
                Ok(end) => ends.push(end),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let watch = Stopwatch::start();
                    assert_eq!(wire.ask("HEAD", "/main/config", &[]).status, 200);
                    slowest = slowest.max(watch.seconds());
                }
            }
        }
    });
    assert_eq!(ends.len(), 3 * SLOW);
    for (sort, seconds, end) in ends {
        let (limit, status) = match sort {
            "handshake" => (HANDSHAKE, None),
            "head" => (HEAD, None),
            _ => (PIECE, Some(400)),
        };
        let given = end.as_ref().ok().map(|reply| reply.status);
        assert_eq!(given, status, "{sort}: {end:?}");
        assert!(
            (limit - 1.0..limit + SLACK).contains(&seconds),
            "{sort}: {seconds} s"
        );
    }
    assert!(slowest < 2.0, "a decent client waited {slowest} s");
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    acme.restores("latest", &tree, &tree);
}

#[test]
fn one_address_gets_256_connections_and_the_others_theirs() {
    let (_node, acme) = prepared();
    let (crowd, other) = (Wire::new(&acme).from(2), Wire::new(&acme).from(3));
    let mut held: Vec<Open> = (0..PER_ADDRESS).map(|_| crowd.connect().unwrap()).collect();
    for _ in 0..8 {
        assert!(crowd.connect().is_err(), "one more than the limit");
        assert_eq!(other.ask("HEAD", "/main/config", &[]).status, 200);
    }
    let mut last = held.pop().unwrap();
    last.more(b"HEAD /main/config HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    assert_eq!(last.answer().unwrap().status, 401);
    // Its place is free as soon as the node has seen it go.
    let watch = Stopwatch::start();
    while crowd.connect().is_err() {
        assert!(watch.seconds() < 10.0, "no place became free");
    }
}

/// Uploads that are begun and not finished, each with its bytes and the first word about it: 100
/// from a node that waits for its body and therefore counts it, or a refusal. Bodies so small take
/// no task, so that only the limits on requests count.
fn begin(wire: &Wire, first: usize, count: usize) -> Vec<(Open, Vec<u8>, u16)> {
    let numbers = first..first + count;
    let begun = numbers.map(|number| {
        let bytes = noise(number as u64, 64);
        let from = wire.from(2 + (number / 250) as u8);
        let path = format!("/main/data/{}", wire::name(&bytes));
        let head = wire.head("POST", &path, bytes.len());
        let head = head.replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1);
        let mut open = from.connect().unwrap();
        open.more(head.as_bytes()).unwrap();
        let said = open.status().unwrap();
        (open, bytes, said)
    });
    begun.collect()
}

#[test]
fn one_tenant_takes_half_of_1024_requests_and_more_than_1024_are_told_busy() {
    const MORE: usize = 6;
    const HALF: usize = REQUESTS / 2;
    let (node, acme) = prepared();
    node.tenant("globex", "main", "1GiB");
    let (acme, globex) = (Wire::new(&acme), Wire::new(&node.login("globex", "main")));
    let mut begun = begin(&acme, 0, HALF);
    let busy = acme.ask("HEAD", "/main/config", &[]);
    assert_eq!((busy.status, busy.header("retry-after")), (503, "5"));
    assert_eq!(globex.ask("GET", "/main/data/", &[]).status, 200);
    begun.extend(begin(&globex, HALF, HALF + MORE));
    let busy = globex.ask("HEAD", "/main/config", &[]);
    assert_eq!(
        (busy.status, busy.header("retry-after")),
        (503, "1"),
        "{busy:?}"
    );
    assert_eq!(busy.header("x-holdfast-reason"), "busy");
    let mut statuses = Vec::new();
    for (mut open, bytes, said) in begun {
        statuses.push(match said {
            100 => {
                open.more(&bytes).unwrap();
                open.answer().unwrap().status
            }
            refused => refused,
        });
    }
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(503)), (REQUESTS, MORE), "{statuses:?}");
    assert_eq!(acme.ask("HEAD", "/main/config", &[]).status, 200);
    let shown = node.json(&["repository", "show", "globex", "main"]);
    assert_eq!(shown["objects"], HALF, "{shown}");
}

#[test]
fn uploads_that_wait_for_a_task_do_not_hold_up_the_others_on_their_connection() {
    const UPLOADS: u64 = 16;
    let (node, acme) = prepared();
    node.json(&["tenant", "set", "acme", "--tasks", "1"]);
    let (trust, who) = (node.certificate(), format!("acme:{}", acme.password));
    // One connection for all: curl waits until it knows that it can be shared.
    let common = [
        "-sS",
        "-Z",
        "--http2",
        "--max-time",
        "50",
        "-w",
        "%{http_code} %{num_connects}\n",
    ];
    let mut words: Vec<String> = common.map(str::to_owned).to_vec();
    for number in 0..UPLOADS {
        let bytes = noise(number, 4 << 20);
        let file = node.path(&format!("body-{number}"));
        std::fs::write(&file, &bytes).unwrap();
        let url = format!(
            "https://localhost:{}/main/data/{}",
            node.port,
            wire::name(&bytes)
        );
        let each = [
            "-u",
            &who,
            "--cacert",
            text(&trust),
            "-X",
            "POST",
            "-H",
            "Content-Type: application/octet-stream",
            "-H",
            "Expect:",
            "--data-binary",
        ];
        words.extend(each.map(str::to_owned));
        words.extend([format!("@{}", file.display()), url]);
        if number + 1 < UPLOADS {
            words.extend(["--next", "-sS", "--http2", "--max-time", "50", "-w"].map(str::to_owned));
            words.push("%{http_code} %{num_connects}\n".to_owned());
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = run(60, "curl", &words, &[]).good();
    let good = said.lines().filter(|line| line.starts_with("200")).count();
    let connections: u64 = said
        .lines()
        .filter_map(|line| line.split(' ').nth(1)?.parse::<u64>().ok())
        .sum();
    assert_eq!((good as u64, connections), (UPLOADS, 1), "{said}");
}
