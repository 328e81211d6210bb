//! Cartridges on a real node: vaults, and a catalog that is lost.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/tape.rs"]
mod tape;

use std::fs;

use node::{Node, plant, text};
use serde_json::{Value, json};
use tape::{archived, log, prepared, whole};

#[test]
fn a_set_exports_into_its_vault_and_what_comes_back_leaves_it() {
    let (node, acme) = prepared();
    node.json(&["tape", "vault", "add", "bank", "--description", "box 12"]);
    node.json(&["tape", "pool", "set", "gfs", "--vault", "daily=bank"]);
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    archived(&node, "daily");
    let barcode = log(&node)[0]["cartridges"][0].clone();
    let barcode = barcode.as_str().unwrap();
    let into = ["tape", "media", "move", barcode, "--vault", "bank"];
    let told = node.plain(&into).bad();
    assert!(
        told.contains("is for cartridges that are off line"),
        "{told}"
    );
    node.json(&["tape", "library", "export", "shelf", barcode]);
    let vaults = node.json(&["tape", "vault", "list"]);
    assert_eq!(vaults[0]["cartridges"], json!([barcode]), "{vaults}");
    assert_eq!(vaults[0]["sets"], json!(["gfs/daily"]));
    let to = node.path("to");
    let restore = ["tape", "restore", "run", "acme", "main", "--to", text(&to)];
    let told = node.plain(&restore).bad();
    assert!(told.contains(&format!("{barcode} in vault bank")), "{told}");
    let plan = node.json(&["tape", "restore", "plan", "acme", "main"]);
    assert_eq!(plan["offline"], json!([format!("{barcode} in vault bank")]));
    node.json(&["tape", "media", "move", barcode, "--no-vault"]);
    let shown = node.json(&["tape", "media", "show", barcode]);
    assert_eq!(shown["vault"], Value::Null, "{shown}");
    assert_eq!(node.json(&into)[0]["vault"], "bank");
    node.json(&["tape", "library", "import", "shelf"]);
    let shown = node.json(&["tape", "media", "show", barcode]);
    assert_eq!(
        (&shown["vault"], &shown["online"]),
        (&Value::Null, &true.into())
    );
    node.json(&["tape", "pool", "set", "gfs", "--no-vault", "daily"]);
    node.json(&["tape", "vault", "remove", "bank"]);
    node.json(&restore);
    whole(&to, 1);
}

/// Takes away all that the node knows but its own key, and what cartridges bear.
fn forgets(node: &mut Node) {
    assert!(node.terminate().success());
    for folder in ["journal", "extents"] {
        for entry in fs::read_dir(node.data.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => fs::remove_dir_all(path).unwrap(),
                false if path.ends_with("mark") => {}
                false => fs::remove_file(path).unwrap(),
            }
        }
    }
    for folder in ["index", "tape/rows"] {
        let path = node.data.join(folder);
        if path.exists() {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

/// What the cartridge that bears something told, after the library was made known anew, and what
/// is known of it then.
fn read_anew(node: &Node) -> (Value, Value) {
    node.json(&["tape", "library", "add", "shelf", "--virtual"]);
    node.json(&["tape", "library", "inventory", "shelf"]);
    let told = node.json(&["tape", "recover-catalog", "shelf"]);
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    let barcode = told[0]["barcode"].as_str().unwrap();
    let shown = node.json(&["tape", "media", "show", barcode]);
    (shown, told[0].clone())
}

#[test]
fn a_catalog_that_is_lost_learns_from_the_cartridges_what_is_on_them() {
    let (mut node, acme) = prepared();
    let tree = node.path("tree");
    plant(&tree, 1);
    acme.backup(&tree);
    archived(&node, "daily");
    forgets(&mut node);
    node.start();
    let (shown, told) = read_anew(&node);
    assert_eq!((&told["read"], &told["runs"]), (&"index".into(), &1.into()));
    assert_eq!(
        (&shown["pool"], &shown["content"], &shown["expires"]),
        (&"imported".into(), &"closed".into(), &"never".into()),
        "{shown}"
    );
    let to = node.path("to");
    node.json(&["tape", "restore", "run", "acme", "main", "--to", text(&to)]);
    whole(&to, 1);
    let job = ["tape", "job", "add", "more", "--pool", "imported", "--all"];
    assert!(node.plain(&job).bad().contains("the system's"));
    // To a node with another key it is somebody else's.
    forgets(&mut node);
    fs::remove_file(node.data.join("tape/signer")).unwrap();
    node.start();
    let (shown, told) = read_anew(&node);
    assert_eq!(shown["content"], "foreign", "{shown}");
    let why = told["told"].as_str().unwrap();
    assert!(why.contains("another cluster"), "{told}");
}
