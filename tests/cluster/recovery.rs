//! What is left when too much is lost: one node of three, or a backup of the catalog and the files.

use std::fs;
use std::path::Path;

use crate::member::Member;
use crate::node::{run, text};
use crate::nodes::Cluster;
use crate::work::Work;

#[test]
fn one_survivor_of_three_goes_on_and_whoever_returns_is_refused() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    work.back_up(&cluster.login("acme", 1));
    for node in &mut cluster.nodes {
        node.kill();
    }
    let survivor = cluster.nodes[1].data.clone();
    let recover = |words: &[&str]| {
        let words = [&["--data", text(&survivor), "recover", "--unsafe"], words].concat();
        run(30, crate::node::HOLDFAST, &words, &[])
    };
    let asked = recover(&[]);
    assert_eq!(asked.code, 4, "{asked:?}");
    let told = "given up for good, and refused if they return: node-1 (n1), node-3 (n3)";
    assert!(asked.err.contains(told), "{asked:?}");
    assert!(
        asked.err.contains("add --confirm 'recover n2' to go on"),
        "{asked:?}"
    );
    assert_eq!(recover(&["--confirm", "yes"]).code, 4);
    recover(&["--confirm", "recover n2"]).good();
    cluster.start(1);
    let running = recover(&["--confirm", "recover n2"]);
    assert_eq!(running.code, 5, "it serves: {running:?}");
    // What was saved can be read at once; nothing is taken without a second copy.
    work.holds(&cluster, "acme");
    let (third, fourth) = (cluster.join(), cluster.join());
    cluster.settle();
    work.back_up(&cluster.login("acme", third));
    work.back_up(&cluster.login("acme", fourth));
    for at in [0, 2] {
        let said = cluster.nodes[at].tries(30);
        assert_eq!(said.code, 4, "{said:?}");
        assert!(
            said.err.contains("was removed from its cluster"),
            "{said:?}"
        );
    }
    let knocked = "which was removed, knocked";
    cluster.until("events tell of both", |cluster| {
        cluster.told(30077, knocked) == 2
    });
    assert_eq!(cluster.told(30080, "goes on from node-2 alone"), 1);
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}

/// A node that was made and never ran, with the extents of another in its directory.
fn heir(cluster: &mut Cluster, of: usize, name: &str, words: &[&str]) -> Member {
    let member = Member::new(name, cluster.path(name), cluster.free_port());
    member
        .plain(&[&["init", "--name", name], words].concat())
        .good();
    let from = cluster.nodes[of].data.join("extents");
    let to = member.data.clone();
    run(30, "cp", &["-a", text(&from), text(&to)], &[]).good();
    member
}

fn imported(member: &Member, file: &Path, passphrase: &Path, more: &[&str]) -> crate::node::Said {
    let words = [
        "catalog",
        "import",
        text(file),
        "--passphrase-file",
        text(passphrase),
    ];
    member.plain(&[&words[..], more].concat())
}

#[test]
fn a_catalog_is_brought_back_from_its_backup_with_the_extents_in_place() {
    let mut cluster = Cluster::of(3);
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&acme);
    work.back_up(&cluster.login("acme", 1));
    let pooled = cluster.nodes[2].name.clone();
    let order = |cluster: &Cluster, line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        cluster.any().json(&words)
    };
    order(&cluster, &format!("pool create west {pooled}"));
    order(&cluster, "tenant add western --pools west --fail-over on");
    let (file, passphrase) = (cluster.path("backup"), cluster.path("passphrase"));
    let words = [
        "catalog",
        "export",
        text(&file),
        "--passphrase-file",
        text(&passphrase),
    ];
    cluster.nodes[1].plain(&words).good();
    assert_eq!(cluster.told(30086, "the whole catalog was read"), 1);
    assert_eq!(cluster.nodes[1].plain(&words).code, 5, "the file is there");
    for node in &mut cluster.nodes {
        assert_eq!(node.terminate().code(), Some(0));
    }
    let link = cluster.free_port();
    let address = format!("127.0.0.1:{link}");
    let secret = ["--passphrase-file", text(&passphrase)];
    let place = ["--cluster", "--address", &address];
    let words = [&place[..], &secret].concat();
    let mut heirs = vec![
        heir(&mut cluster, 2, "m1", &words),
        heir(&mut cluster, 0, "s1", &[]),
    ];
    for member in &mut heirs {
        refusals(&cluster, member, &file, &passphrase);
        imported(member, &file, &passphrase, &[]).good();
        let again = imported(member, &file, &passphrase, &[]);
        assert_eq!(again.code, 5, "{again:?}");
        member.start();
        let login = cluster.login_at("acme", member);
        login.whole();
        let found = member.json(&["verify"]);
        assert_eq!(found[0]["damaged"], 0, "{found}");
        assert!(found[0]["objects"].as_u64().unwrap() > 3, "{found}");
        assert_eq!(member.terminate().code(), Some(0));
    }
    // The first of a cluster takes others in, and goes on with them.
    cluster.nodes.clear();
    for name in ["n2", "n3"] {
        fs::remove_dir_all(cluster.path(name)).unwrap();
    }
    let first = heirs.remove(0);
    cluster.begin_with(first);
    cluster.join();
    cluster.join();
    cluster.settle();
    work.back_up(&cluster.login("acme", 2));
    work.holds(&cluster, "acme");
    assert_eq!(cluster.told(30086, "the whole catalog was read"), 1);
    assert_eq!(cluster.told(30081, "acknowledge with one until"), 1);
    // Pools are still there, for who was given them, and get other gateways.
    let pool = order(&cluster, "pool show west");
    assert_eq!(pool["gateways"], serde_json::json!([]));
    assert_eq!(pool["given-to"], serde_json::json!(["western"]));
    let name = &cluster.nodes[2].name;
    let pool = order(&cluster, &format!("pool add west {name}"));
    assert_eq!(pool["gateways"], serde_json::json!([name]));
    assert_eq!(cluster.trouble(), [""; 0]);
}

/// What is not taken, and changes nothing.
fn refusals(cluster: &Cluster, member: &Member, file: &Path, passphrase: &Path) {
    let wrong = cluster.path("wrong passphrase");
    fs::write(&wrong, "correct horse battery stapler").unwrap();
    let said = imported(member, file, &wrong, &[]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("the passphrase is wrong"), "{said:?}");
    let whole = fs::read(file).unwrap();
    let cut = cluster.path("cut");
    fs::write(&cut, &whole[..whole.len() - 1]).unwrap();
    let said = imported(member, &cut, passphrase, &[]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("it is cut"), "{said:?}");
    let mut later = whole.clone();
    later[17] = 9;
    fs::write(&cut, &later).unwrap();
    let said = imported(member, &cut, passphrase, &[]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        said.err.contains("of version 9, and this program reads 1"),
        "{said:?}"
    );
    // An extent that is away is named, and nothing goes on without it.
    let extents = member.data.join("extents");
    let away = cluster.path("away");
    fs::rename(&extents, &away).unwrap();
    fs::create_dir(&extents).unwrap();
    fs::copy(away.join("mark"), extents.join("mark")).unwrap();
    let said = imported(member, file, passphrase, &[]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("extents are not whole"), "{said:?}");
    fs::remove_dir_all(&extents).unwrap();
    fs::rename(&away, &extents).unwrap();
}
