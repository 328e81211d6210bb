//! Plans that once broke a promise, and must not again.

use holdfast_simulations::scenario::Scenario;
use holdfast_simulations::world::{Options, run};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");

#[test]
fn every_plan_of_the_corpus_is_good_now_and_says_what_it_found() {
    let entries = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut checked = 0;
    for file in entries.filter(|path| path.extension().is_some_and(|end| end == "toml")) {
        let name = file.display();
        let text = std::fs::read_to_string(&file).unwrap();
        let scenario = Scenario::parse(&text, None);
        let scenario = scenario.unwrap_or_else(|error| panic!("{name}:{error}"));
        assert!(scenario.bug.is_none() && scenario.found.is_some(), "{name}");
        assert!(
            scenario.about.ends_with('.'),
            "{name} does not say what it found"
        );
        let verdict = run(&scenario.plan, Options::default());
        assert_eq!(verdict.violations, [], "{name}");
        checked += 1;
    }
    assert!(checked > 0, "the corpus is empty");
}
