//! A node that listens on every address is reached by every family of addresses.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;

use std::net::TcpListener;

use node::{Login, Node, plant, run, skipped, text};

/// Asks for the config by one address under one name; what status came back.
fn status(login: &Login, host: &str, port: u16, name: &str) -> String {
    let who = format!("{}:{}", login.user, login.password);
    let url = format!("https://{name}:{port}/main/config");
    let to = format!("localhost:{port}:{host}");
    let words = [
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-u",
        &who,
        "--resolve",
        &to,
        "--cacert",
        text(&login.certificate),
        &url,
    ];
    run(20, "curl", &words, &[]).good()
}

#[test]
fn a_node_on_all_addresses_serves_both_families_on_one_port() {
    if TcpListener::bind("[::1]:0").is_err() {
        let name = "a_node_on_all_addresses_serves_both_families_on_one_port";
        return skipped(name, "no IPv6 on this machine");
    }
    let mut node = Node::new();
    node.tenant("acme", "main", "10GiB");
    let acme = node.login("acme", "main");
    acme.init();
    for (listen, reached, unreached) in [
        ("[::]:0", &["::1", "127.0.0.1"][..], &[][..]),
        ("[::1]:0", &["::1"], &["127.0.0.1"]),
    ] {
        assert_eq!(node.terminate().code(), Some(0));
        let mut serving = node.serving();
        *serving.last_mut().unwrap() = listen.to_owned();
        node.start_as(&serving);
        let shown = node.json(&["status"]);
        let address = shown["listen"][0].as_str().unwrap();
        let port: u16 = address.rsplit(':').next().unwrap().parse().unwrap();
        assert_ne!(port, 0, "{shown}");
        let mut here = acme.clone();
        here.port = port;
        for host in reached {
            assert_eq!(
                status(&here, host, port, "localhost"),
                "200",
                "{listen} by {host}"
            );
        }
        assert_eq!(
            status(&here, "::1", port, "[::1]"),
            "200",
            "the certificate names it"
        );
        for host in unreached {
            let tcp = std::net::TcpStream::connect((*host, port));
            assert!(tcp.is_err(), "{listen} by {host}");
        }
        if !unreached.is_empty() {
            continue;
        }
        // By a name, which is an address of either family.
        let tree = node.path("tree");
        plant(&tree, 1);
        here.backup(&tree);
        here.restores("latest", &tree, &tree);
    }
}
