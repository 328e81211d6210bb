//! A node that founds a cluster: what `init --cluster` leaves, and what it wants to know.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use holdfast::home::{CLUSTER, Home};
use holdfast_cluster::identity::{Authority, Folder, thumbprint};

use super::world::{Ran, holdfast};

const PASSPHRASE: &str = "correct horse battery";

fn found(place: &Path, more: &[&str]) -> Ran {
    let secret = place.join("passphrase");
    fs::write(&secret, format!("{PASSPHRASE}\n")).unwrap();
    let data = place.join("one");
    let (data, secret) = (data.to_str().unwrap(), secret.to_str().unwrap());
    let mut line = vec![
        "init",
        "--data",
        data,
        "--cluster",
        "--name",
        "one",
        "--json",
    ];
    line.extend(["--passphrase-file", secret]);
    line.extend(more);
    holdfast(&line)
}

#[test]
fn a_founder_has_its_identity_and_a_root_that_the_passphrase_opens() {
    let place = tempfile::tempdir().unwrap();
    let more = [
        "--address",
        "192.0.2.7:7443",
        "--role",
        "storage",
        "--zone",
        "rack-1",
    ];
    let ran = found(place.path(), &more);
    assert_eq!(ran.code, 0, "{ran:?}");
    let home = Home::open(&place.path().join("one")).unwrap();
    let membership = home.membership().unwrap();
    assert!(membership.is_founder());
    assert_eq!(membership.node.raw(), 1);
    assert_eq!(membership.bind.to_string(), "192.0.2.7:7443");
    assert_eq!(membership.roles, [String::from("storage")].into());
    let path = home.path.join(CLUSTER);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
    let folder = Folder::open(&path).unwrap();
    let node = folder.node().unwrap().unwrap();
    let row = membership.row(&node.hash());
    assert_eq!(row.addresses, ["192.0.2.7:7443"]);
    let key = folder.root().unwrap().unwrap().open(PASSPHRASE).unwrap();
    let root = Authority::open(node.root().clone(), &key).unwrap();
    assert_eq!(folder.issuer().unwrap().unwrap().root(), root.certificate());
    let told = &ran.json()["cluster"];
    assert_eq!(told["id"], "node-1");
    assert_eq!(told["root"], thumbprint(node.root()).to_string());
    // The key of the root lies nowhere without its passphrase.
    for entry in fs::read_dir(&path).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let lies = bytes
            .windows(key.len())
            .any(|window| window == key.as_slice());
        assert!(!lies);
    }
}

#[test]
fn what_a_founder_lacks_is_named_and_nothing_is_made() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("one");
    let short = place.path().join("short");
    fs::write(&short, "too short").unwrap();
    let short = short.to_str().unwrap();
    for (more, wanted) in [
        (&["--cluster"][..], "--address"),
        (&["--cluster", "--address", "0.0.0.0:7443"], "--bind"),
        (
            &["--cluster", "--address", "192.0.2.7:7443"],
            "--passphrase-file",
        ),
        (
            &[
                "--cluster",
                "--address",
                "192.0.2.7:7443",
                "--passphrase-file",
                short,
            ],
            "12 characters",
        ),
        (&["--address", "192.0.2.7:7443"], "--cluster"),
        (
            &["--cluster", "--address", "192.0.2.7:7443", "--role", "king"],
            "gateway",
        ),
        (
            &["--cluster", "--address", "192.0.2.7:7443", "--zone", "a b"],
            "zone",
        ),
    ] {
        let mut line = vec!["init", "--data", data.to_str().unwrap()];
        line.extend(more);
        let ran = holdfast(&line);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.errors.contains(wanted), "{wanted}: {ran:?}");
        assert!(!data.exists());
    }
}
