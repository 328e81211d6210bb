//! Vaults on a real node: what is exported, missed by a restore, and comes back.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/node.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod node;
#[path = "support/tape.rs"]
mod tape;

use node::{plant, text};
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
