//! Every subcommand says what it is for, with an example that is parsed.

use crate::tool::Bench;

#[test]
fn every_subcommand_has_an_example() {
    let bench = Bench::new();
    let all = bench.sim("--help").good();
    for name in ["run", "replay", "shrink", "explain", "shell", "coverage"] {
        assert!(all.contains(&format!("\n  {name} ")), "{all}");
        let help = bench.sim(&format!("{name} --help")).good();
        let example = help
            .lines()
            .find(|line| line.contains(&format!("holdfast sim {name} ")));
        assert!(example.is_some(), "{help}");
    }
    assert!(!all.contains("child"), "{all}");
}
