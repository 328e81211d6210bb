//! What a bench is asked, and how it says what came of it.

use std::process::ExitCode;

/// Figures beside what was promised of them.
pub(crate) struct Report {
    is_quick: bool,
    has_failed: bool,
}

impl Report {
    /// Reads the words that the bench was called with: `--quick` and `--test` ask whether it runs,
    /// with little to do, and no figure fails then.
    pub(crate) fn begin() -> Self {
        let is_quick = std::env::args().any(|word| word == "--quick" || word == "--test");
        Self {
            is_quick,
            has_failed: false,
        }
    }

    /// One of two, as it was called.
    pub(crate) fn pick<T>(&self, quick: T, full: T) -> T {
        if self.is_quick { quick } else { full }
    }

    /// A figure that shall be so much or more.
    pub(crate) fn at_least(&mut self, what: &str, found: f64, promised: f64) {
        self.tell(what, found, ">=", promised, found >= promised);
    }

    /// A figure that shall be so much or less.
    pub(crate) fn at_most(&mut self, what: &str, found: f64, promised: f64) {
        self.tell(what, found, "<=", promised, found <= promised);
    }

    fn tell(&mut self, what: &str, found: f64, sign: &str, promised: f64, held: bool) {
        let word = match (self.is_quick, held) {
            (true, _) => "RAN ",
            (false, true) => "PASS",
            (false, false) => "FAIL",
        };
        println!("{word}  {what}: {found:.3} ({sign} {promised})");
        self.has_failed |= !self.is_quick && !held;
    }

    /// What the process ends with.
    pub(crate) fn end(self) -> ExitCode {
        ExitCode::from(u8::from(self.has_failed))
    }
}
