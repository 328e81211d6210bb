//! What a contract says, met by restic and by requests made by hand: leases, quotas, shut doors,
//! maintenance, and other people's passwords.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/wire.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod wire;

use std::fs;
use std::sync::Mutex;

use node::{Login, Node, Stopwatch, noise, plant, run, text};
use wire::Wire;

/// How fast restic must give up on a refusal that holds for a whole session, in seconds.
const SOON: f64 = 10.0;

fn prepared(quota: &str) -> (Node, Login) {
    let node = Node::new();
    node.tenant("acme", "main", quota);
    let acme = node.login("acme", "main");
    acme.init();
    (node, acme)
}

/// Every kind of restic's work is refused soon, and a request by hand is told why.
fn refused(acme: &Login, tree: &str, status: u16, reason: &str, sentence: &str) {
    for words in [
        &["snapshots"][..],
        &["backup", tree],
        &["restore", "latest", "--target", "x"],
    ] {
        let watch = Stopwatch::start();
        let said = acme.restic_with(30, words, &[]).bad();
        assert!(
            watch.seconds() < SOON,
            "restic {words:?} took {} s",
            watch.seconds()
        );
        assert!(said.contains(&status.to_string()), "{said}");
    }
    let wire = Wire::new(acme);
    let head = wire.ask("HEAD", "/main/config", &[]);
    assert_eq!(
        (head.status, head.header("x-holdfast-reason")),
        (status, reason),
        "{head:?}"
    );
    let body = wire.ask("GET", "/main/config", &[]);
    assert_eq!(
        (body.status, body.header("x-holdfast-reason")),
        (status, reason),
        "{body:?}"
    );
    assert!(body.body.contains(sentence), "{body:?}");
}

#[test]
fn an_expired_lease_is_refused_at_once_and_an_extended_one_served_at_once() {
    let (node, acme) = prepared("10GiB");
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    node.json(&["tenant", "set", "acme", "--lease", "2020-01-31"]);
    assert_eq!(node.json(&["tenant", "show", "acme"])["state"], "expired");
    refused(&acme, text(&tree), 403, "lease-expired", "2020-01-31");
    node.json(&["tenant", "set", "acme", "--lease", "2999-12-31"]);
    assert_eq!(node.json(&["tenant", "show", "acme"])["state"], "enabled");
    acme.restores("latest", &tree, &tree);
    acme.backup(&tree);
}

#[test]
fn maintenance_refuses_backups_with_the_providers_words_and_restores_go_on() {
    let (node, acme) = prepared("10GiB");
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    node.json(&["maintenance", "on", "--text", "New disks until 18:00 UTC."]);
    let begun = Wire::new(&acme).store("main", b"begun before");
    assert_eq!(
        begun.status, 200,
        "a session that was open goes on: {begun:?}"
    );
    acme.backup(&tree);
    let again = Wire::new(&acme).store("main", b"begun after");
    assert_eq!(again.status, 503, "its backup was complete: {again:?}");
    let late = node.login("acme", "main");
    let told = Wire::new(&late).store("main", b"new");
    assert_eq!(
        (told.status, told.header("x-holdfast-reason")),
        (503, "maintenance")
    );
    assert!(told.body.contains("New disks until 18:00 UTC."), "{told:?}");
    // restic asks again for a long time.
    let backup = late.restic_with(5, &["backup", text(&tree)], &[]);
    assert!(
        backup.code != 0 && backup.err.contains("503 Service Unavailable"),
        "{backup:?}"
    );
    late.restores("latest", &tree, &tree);
    node.json(&["maintenance", "off"]);
    late.backup(&tree);
}

#[test]
fn disabling_cuts_an_upload_within_two_seconds() {
    let (node, acme) = prepared("10GiB");
    let wire = Wire::new(&acme);
    let bytes = noise(1, 8 << 20);
    let path = format!("/main/data/{}", wire::name(&bytes));
    let mut open = wire.begin("POST", &path, &bytes[..1 << 20], bytes.len());
    open.more(&bytes[1 << 20..4 << 20]).unwrap();
    let watch = Stopwatch::start();
    node.json(&[
        "tenant",
        "disable",
        "acme",
        "--reason",
        "invoice 17 is open",
    ]);
    if let Ok(reply) = open.answer() {
        assert_eq!(reply.status, 403, "{reply:?}");
        assert_eq!(reply.header("x-holdfast-reason"), "disabled");
    }
    assert!(watch.seconds() < 2.0, "{} s", watch.seconds());
    refused(&acme, text(node.base.path()), 403, "disabled", "");
    node.json(&["tenant", "enable", "acme"]);
    assert_eq!(wire.ask("HEAD", &path, &[]).status, 404);
    assert_eq!(wire.store("main", &bytes).status, 200);
}

#[test]
fn a_full_quota_refuses_what_is_new_and_nothing_else() {
    let (node, acme) = prepared("10GiB");
    let tree = node.path("tree");
    plant(&tree, 1);
    let first = acme.backup(&tree);
    let used = node.json(&["repository", "show", "acme", "main"])["used"]
        .as_u64()
        .unwrap();
    let quota = (used + (1 << 20)).to_string();
    node.json(&["repository", "set", "acme", "main", "--quota", &quota]);
    let more = node.path("more");
    fs::create_dir(&more).unwrap();
    fs::write(more.join("large"), noise(7, 24 << 20)).unwrap();
    // restic asks again for a long time.
    let full = acme.restic_with(10, &["backup", text(&more)], &[]);
    assert!(
        full.code != 0 && full.err.contains("507 Insufficient Storage"),
        "{full:?}"
    );
    let bytes = noise(8, 2 << 20);
    let told = Wire::new(&acme).store("main", &bytes);
    assert_eq!(
        (told.status, told.header("x-holdfast-reason")),
        (507, "quota-exceeded")
    );
    assert!(told.body.contains("quota"), "{told:?}");
    let used = node.json(&["repository", "show", "acme", "main"])["used"]
        .as_u64()
        .unwrap();
    assert!(used <= quota.parse().unwrap(), "{used} of {quota}");

    node.json(&["repository", "set", "acme", "main", "--quota", "1MiB"]);
    let small = Wire::new(&acme).store("main", b"small");
    assert_eq!(small.status, 507, "{small:?}");
    acme.restores(&first, &tree, &tree);
    acme.restic(&["unlock"]).good();
    acme.restic(&["forget", &first]).good();
    acme.restic(&["prune"]).good();
    assert_eq!(acme.snapshots().len(), 0);
    let left = node.json(&["repository", "show", "acme", "main"])["used"]
        .as_u64()
        .unwrap();
    assert!(left < used / 2, "{left} of {used}");
}

#[test]
fn of_many_uploads_at_once_exactly_those_succeed_that_fit() {
    const EACH: usize = 100_000;
    let node = Node::new();
    // Room for forty, but for one byte.
    node.tenant("acme", "main", &(40 * EACH - 1).to_string());
    let acme = node.login("acme", "main");
    let wire = Wire::new(&acme);
    assert_eq!(wire.ask("GET", "/main/data/", &[]).status, 200);
    let statuses = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..64 {
            let (wire, statuses) = (&wire, &statuses);
            scope.spawn(move || {
                let status = wire.store("main", &noise(number, EACH)).status;
                statuses.lock().unwrap().push(status);
            });
        }
    });
    let statuses = statuses.into_inner().unwrap();
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(507)), (39, 25), "{statuses:?}");
    let shown = node.json(&["repository", "show", "acme", "main"]);
    assert_eq!(
        (shown["used"].as_u64(), shown["objects"].as_u64()),
        (Some(3_900_000), Some(39))
    );
    assert_eq!(wire.store("main", &noise(99, EACH - 1)).status, 200);
    assert_eq!(wire.store("main", b"x").status, 507);
}

#[test]
fn anothers_repository_looks_as_one_that_is_not_there() {
    let (node, acme) = prepared("10GiB");
    node.tenant("other", "theirs", "10GiB");
    let other = node.login("other", "theirs");
    other.init();
    assert_eq!(Wire::new(&other).store("theirs", b"secret").status, 200);
    let wire = Wire::new(&acme);
    let object = wire::name(b"secret");
    let requests = [
        ("HEAD", "config".to_owned()),
        ("GET", "config".to_owned()),
        ("GET", "data/".to_owned()),
        ("GET", "keys/".to_owned()),
        ("HEAD", format!("data/{object}")),
        ("GET", format!("data/{object}")),
        ("POST", format!("data/{object}")),
        ("DELETE", format!("data/{object}")),
        ("POST", "?create=true".to_owned()),
    ];
    for (method, path) in requests {
        let body: &[u8] = if method == "POST" { b"secret" } else { b"" };
        let [theirs, missing] = ["theirs", "absent"].map(|name| {
            wire.ask(method, &format!("/{name}/{path}"), body)
                .timeless()
        });
        assert_eq!(theirs, missing, "{method} {path}");
        assert!(
            theirs.starts_with("HTTP/1.1 404 "),
            "{method} {path}: {theirs}"
        );
    }
    acme.on("theirs").restic(&["snapshots"]).bad();
}

#[test]
fn a_thousand_wrong_passwords_slow_their_sender_and_nobody_else() {
    let (node, acme) = prepared("10GiB");
    node.tenant("other", "theirs", "10GiB");
    let other = node.login("other", "theirs");
    other.init();
    let strange = node.known("acme", "not the password of acme, and long", "main");
    let (strange, familiar) = (Wire::new(&strange), Wire::new(&other));
    let (statuses, slowest) = (Mutex::new(Vec::new()), Mutex::new(0.0_f64));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    let status = strange.ask("HEAD", "/main/config", &[]).status;
                    statuses.lock().unwrap().push(status);
                }
            });
        }
        while statuses.lock().unwrap().len() < 1000 {
            let watch = Stopwatch::start();
            assert_eq!(familiar.ask("HEAD", "/theirs/config", &[]).status, 200);
            let mut slowest = slowest.lock().unwrap();
            *slowest = slowest.max(watch.seconds());
        }
    });
    let statuses = statuses.into_inner().unwrap();
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    let (wrong, slowed) = (count(401), count(429));
    assert_eq!(wrong + slowed, 1000, "{statuses:?}");
    assert!(wrong < 50, "{wrong} of 1,000 wrong passwords were tried");
    let slowest = slowest.into_inner().unwrap();
    assert!(slowest < 2.0, "the other tenant waited {slowest} s");
    other.restic(&["snapshots"]).good();
    acme.restic(&["snapshots"]).good();
    let (who, trust) = (format!("other:{}", other.password), node.certificate());
    let url = format!("https://localhost:{}/theirs/config", node.port);
    let elsewhere = [
        "-sSf",
        "--interface",
        "127.0.0.3",
        "--cacert",
        text(&trust),
        "-u",
        &who,
    ];
    run(
        10,
        "curl",
        &[&elsewhere[..], &["-o", "/dev/null", &url]].concat(),
        &[],
    )
    .good();
}

#[test]
fn a_nodes_bandwidth_is_shared_by_tenant_and_then_by_upload() {
    const EACH: usize = 3_000_000;
    let mut node = Node::new();
    assert_eq!(node.terminate().code(), Some(0));
    let words = [
        &node.serving()[..],
        &["--bandwidth", "2MB/s"].map(str::to_owned),
    ]
    .concat();
    node.start_as(&words);
    let uploads = [("acme", EACH), ("acme", EACH), ("globex", 2 * EACH)];
    for tenant in ["acme", "globex"] {
        node.tenant(tenant, "main", "1GiB");
    }
    let uploads = uploads.map(|(tenant, size)| (Wire::new(&node.login(tenant, "main")), size));
    let watch = Stopwatch::start();
    let seconds = std::thread::scope(|scope| {
        let uploads = uploads.iter().enumerate().map(|(number, (wire, size))| {
            let watch = &watch;
            scope.spawn(move || {
                let body = noise(number as u64, *size);
                assert_eq!(wire.store("main", &body).status, 200);
                watch.seconds()
            })
        });
        let uploads: Vec<_> = uploads.collect();
        let ends = uploads.into_iter().map(|upload| upload.join().unwrap());
        ends.collect::<Vec<f64>>()
    });
    // Twelve megabytes at two a second; by upload alone, acme's would be over after 4.5 s.
    for seconds in &seconds {
        assert!((5.3..12.0).contains(seconds), "{seconds:?}");
    }
    let shown = node.json(&["shell", "-c", "show node/bandwidth"]);
    assert_eq!(shown["rate"], "1.9MiB/s", "{shown}");
}

#[test]
fn what_a_repository_stores_is_told_while_nobody_has_loaded_it() {
    let mut node = Node::new();
    node.tenant("acme", "main", "1GiB");
    let wire = Wire::new(&node.login("acme", "main"));
    assert_eq!(wire.store("main", &noise(1, 100_000)).status, 200);
    assert_eq!(node.terminate().code(), Some(0));
    node.start();
    let listed = node.json(&["repository", "list"]);
    assert!(listed[0]["stored"].as_u64() > Some(100_000), "{listed}");
}

#[test]
fn a_client_hears_at_its_beginning_what_is_left() {
    let (node, acme) = prepared("1GiB");
    node.json(&[
        "subtenant",
        "add",
        "acme",
        "mail",
        "--repository",
        "main",
        "--limit",
        "10MiB",
    ]);
    let mail = node.login("acme+mail", "main");
    mail.init();
    let hints = |login: &Login| {
        let head = Wire::new(login).ask("HEAD", "/main/config", &[]);
        assert_eq!(head.status, 200, "{head:?}");
        let left = head.header("x-holdfast-quota-left").parse::<u64>();
        (head.header("x-holdfast-lease-end").to_owned(), left.ok())
    };
    let (lease, before) = hints(&acme);
    assert_eq!(lease, "", "the lease has no end");
    node.json(&["tenant", "set", "acme", "--lease", "2099-12-31"]);
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    let used = |name: &str| node.json(&["repository", "show", "acme", name])["used"].as_u64();
    let (lease, after) = hints(&acme);
    assert_eq!(lease, "2099-12-31");
    assert_eq!(after, Some((1 << 30) - used("main").unwrap()));
    assert!(after < before, "{after:?} {before:?}");
    let (_, of_mail) = hints(&mail);
    let of_mail = of_mail.unwrap();
    assert!((9 << 20..10 << 20).contains(&of_mail), "{of_mail}");
    let none = Wire::new(&acme).ask("HEAD", "/other/config", &[]);
    assert_eq!(
        (none.status, none.header("x-holdfast-quota-left")),
        (404, "")
    );
}
