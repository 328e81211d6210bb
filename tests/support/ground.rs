//! What the suites stand on: trees of files, bytes, the time, and the word for what cannot run
//! here.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use holdfast::clock::SystemClock;
use holdfast_actors::ports::Clock as _;

use super::{LIMIT, run};

/// A path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("the paths of the tests are UTF-8")
}

/// Fails unless two trees hold the same files with the same bytes.
pub(crate) fn same(one: &Path, other: &Path) {
    run(LIMIT, "diff", &["-r", text(one), text(other)], &[]).good();
}

/// Bytes that do not compress, always the same for a seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    use rand::{Rng as _, SeedableRng as _};
    let mut bytes = vec![0; length];
    rand_chacha::ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// Writes version `version` of a tree: most files stay from one version to the next, some change,
/// some go and some come.
pub(crate) fn plant(tree: &Path, version: u64) {
    let _ = fs::remove_dir_all(tree);
    for number in 0..24 {
        let folder = tree.join(format!("folder {}", number % 5));
        fs::create_dir_all(&folder).unwrap();
        let seed = if number % 6 == 0 {
            number + 1000 * version
        } else {
            number
        };
        let length = usize::try_from(number * number * 700).unwrap();
        fs::write(folder.join(format!("file-{number}")), noise(seed, length)).unwrap();
    }
    let words = format!("version {version}\n").repeat(5000);
    fs::write(tree.join(format!("only in {version}.txt")), words).unwrap();
    fs::write(tree.join("empty"), "").unwrap();
}

/// Says that a test cannot run here.
pub(crate) fn skipped(name: &str, reason: &str) {
    eprintln!("SKIPPED: {name}: {reason}");
    if let Some(file) = std::env::var_os("HOLDFAST_SKIPS") {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(file)
            .unwrap();
        writeln!(file, "SKIPPED: {name}: {reason}").unwrap();
    }
}

/// How long something takes.
pub(crate) struct Stopwatch(SystemClock);

impl Stopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self(SystemClock::new())
    }

    /// Since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.now().monotonic.as_micros() as f64 / 1e6
    }
}
