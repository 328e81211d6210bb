//! The shipped scenarios: each is read, runs, and brings what it expects, which could fail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use holdfast_simulations::scenario::Scenario;
use holdfast_simulations::world::{Options, run};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    files.sort();
    files
}

fn read(file: &Path) -> (String, Scenario) {
    let text = std::fs::read_to_string(file).unwrap();
    let scenario = Scenario::parse(&text, None);
    let scenario = scenario.unwrap_or_else(|error| panic!("{}:{error}", file.display()));
    (text, scenario)
}

#[test]
fn there_are_enough_examples_and_each_says_what_it_is_about() {
    let files = files();
    assert!(files.len() >= 10);
    for file in files {
        let (_, scenario) = read(&file);
        assert!(scenario.about.ends_with('.'), "{}", file.display());
        assert!(scenario.expectations.len() >= 2, "{}", file.display());
        assert_eq!((scenario.bug, scenario.found), (None, None));
    }
}

#[test]
fn every_expectation_of_every_example_comes_true_and_its_opposite_does_not() {
    let options = Options {
        keeps_lines: true,
        ..Options::default()
    };
    for file in files() {
        let (_, scenario) = read(&file);
        let name = file.display();
        let verdict = run(&scenario.plan, options);
        assert_eq!(verdict.violations, [], "{name}");
        for expectation in scenario.expectations {
            let lines = || verdict.trace.lines().iter().map(String::as_str);
            assert!(expectation.holds(lines()), "{name}: {expectation}");
            let opposite = expectation.negated();
            assert!(!opposite.holds(lines()), "{name}: {opposite}");
        }
    }
}

/// Whether the text speaks of a key.
fn has(readme: &str, key: &str) -> bool {
    let ways = [format!("`{key}`"), format!("[{key}]"), format!(".{key}`")];
    ways.iter().any(|way| readme.contains(way))
}

#[test]
fn every_key_that_an_example_uses_stands_in_the_readme() {
    let readme = std::fs::read_to_string(format!("{FOLDER}/README.md")).unwrap();
    for file in files() {
        let (text, _) = read(&file);
        let keys = text.lines().filter_map(|line| line.split_once(" = "));
        for key in keys
            .map(|(key, _)| key)
            .filter(|key| !key.contains(['\'', '"']))
        {
            assert!(has(&readme, key), "{}: {key}", file.display());
        }
    }
}

#[test]
fn every_key_that_is_read_stands_in_the_readme() {
    let readme = std::fs::read_to_string(format!("{FOLDER}/README.md")).unwrap();
    // What is expected in the place of an unknown key is every key there is.
    for part in [
        "",
        "[[tenant]]\n",
        "[clients]\n",
        "[operators]\n",
        "[[fault]]\n",
        "[disk]\n",
        "[fleet]\n",
        "[rot]\n",
    ] {
        let text = format!("version = 1\n{part}no-such-key = 1\n");
        let told = Scenario::parse(&text, None).unwrap_err().message;
        let keys: Vec<&str> = told.split('`').skip(3).step_by(2).collect();
        assert!(!keys.is_empty() || part == "[disk]\n", "{told}");
        for key in keys
            .into_iter()
            .filter(|key| !["disk", "node", "clients"].contains(key))
        {
            assert!(has(&readme, key), "{part}{key}");
        }
    }
}
