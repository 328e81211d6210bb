//! The simulator's manual, run: every `console` block of `docs/simulation.md`, in order.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::os::unix::fs::symlink;

#[path = "support/console.rs"]
mod console;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_manual_of_the_simulator_says_what_happens() {
    let place = tempfile::tempdir().unwrap();
    let bin = place.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_holdfast"), bin.join("holdfast")).unwrap();
    let text = fs::read_to_string(format!("{ROOT}/docs/simulation.md")).unwrap();
    let steps = console::steps(&text, false);
    assert!(steps.len() >= 10);
    let all = |word: &str| steps.iter().any(|step| step.command.contains(word));
    for word in ["run", "replay", "shrink", "explain", "shell", "coverage"] {
        assert!(all(&format!("holdfast sim {word} ")), "{word} is not shown");
    }
    let wrong = console::run("docs/simulation.md", &steps, place.path());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_reason_of_the_simulator_is_explained() {
    let text = fs::read_to_string(format!("{ROOT}/docs/errors.md")).unwrap();
    let mut found = 0;
    for entry in fs::read_dir(format!("{ROOT}/src/sim")).unwrap() {
        let code = fs::read_to_string(entry.unwrap().path()).unwrap();
        let quoted: Vec<&str> = code.split('"').skip(1).step_by(2).collect();
        for reason in [
            "bad-scenario",
            "no-file",
            "nothing-broken",
            "fixed",
            "no-actor",
        ] {
            if quoted.contains(&reason) {
                found += 1;
                assert!(text.contains(&format!("`{reason}`")), "{reason}");
            }
        }
    }
    assert!(found >= 5 && text.contains("`violation`"));
}
