//! The rules of this tree that clippy cannot say.
//!
//! A rule is a function from one file to its complaints; below each stands a test that plants a
//! fault and shows what the rule says about it. A new rule is a line in one of the tables here.

use std::path::Path;

use tidy::complaint::{Complaint, Rule};
use tidy::{code, layers, lines, manifests, source, tree};

mod tidy {
    pub(crate) mod code;
    pub(crate) mod complaint;
    pub(crate) mod layers;
    pub(crate) mod lines;
    pub(crate) mod manifests;
    pub(crate) mod source;
    pub(crate) mod tree;
}

const SOURCE_RULES: &[Rule] = &[
    lines::opening,
    lines::columns,
    lines::length,
    lines::scars,
    code::ignored_tests,
    code::unwraps,
    code::silenced_lints,
    code::printing,
    code::unsafe_code,
    code::names,
    code::machines,
    code::erased_errors,
    layers::domain,
    layers::cluster,
    layers::simulations,
];

const MANIFEST_RULES: &[Rule] = &[manifests::direction, manifests::external, manifests::lints];

const CONFIGURATION_RULES: &[Rule] = &[manifests::clippy_configuration];

fn rules_for(path: &str) -> &'static [Rule] {
    if path.ends_with(".rs") {
        SOURCE_RULES
    } else if path == "Cargo.toml" || path.ends_with("/Cargo.toml") {
        MANIFEST_RULES
    } else if path.ends_with("clippy.toml") {
        CONFIGURATION_RULES
    } else {
        &[]
    }
}

/// Every file that some rule looks at, with its text.
fn looked_at() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths = tree::files(root)
        .into_iter()
        .filter(|path| !rules_for(path).is_empty());
    paths
        .map(|path| {
            let text = std::fs::read_to_string(root.join(&path)).expect("a source file is UTF-8");
            (path, text)
        })
        .collect()
}

#[test]
fn the_tree_keeps_its_rules() {
    let files = looked_at();
    let mut complaints: Vec<Complaint> = Vec::new();
    for (path, text) in &files {
        complaints.extend(rules_for(path).iter().flat_map(|rule| rule(path, text)));
    }
    complaints.sort();
    let said: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
    assert!(
        said.is_empty(),
        "{} complaints:\n{}",
        said.len(),
        said.join("\n")
    );
}

#[test]
fn every_crate_and_the_root_configuration_are_looked_at() {
    let files = looked_at();
    for expected in [
        ".clippy.toml",
        "Cargo.toml",
        "actors/Cargo.toml",
        "actors/src/lib.rs",
        "cluster/Cargo.toml",
        "cluster/src/lib.rs",
        "simulations/Cargo.toml",
        "simulations/src/lib.rs",
        "src/main.rs",
        "tests/tidy.rs",
    ] {
        assert!(
            files.iter().any(|(path, _)| path == expected),
            "{expected} is not looked at"
        );
    }
}

#[test]
fn unsafe_is_as_rare_as_the_list_says() {
    let mut found = Vec::new();
    for (path, text) in looked_at().iter().filter(|(path, _)| path.ends_with(".rs")) {
        let code = source::code(text);
        match source::words(&code)
            .filter(|(_, word)| *word == "unsafe")
            .count()
        {
            0 => {}
            count => found.push((path.clone(), count)),
        }
    }
    let granted: Vec<_> = code::UNSAFE
        .iter()
        .map(|(path, count)| ((*path).to_owned(), *count))
        .collect();
    assert_eq!(
        found, granted,
        "the list in tests/tidy/code.rs and the tree differ"
    );
}
