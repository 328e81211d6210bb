//! A bar for what takes longer than a second: on stderr, and only if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is shorter than this shows no bar.
const QUIET: Duration = Duration::from_secs(1);
/// What a line of it looks like.
const TEMPLATE: &str = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
/// The same for what is counted.
const COUNTING: &str = "{msg} {bar:30} {pos}/{len} {per_sec} {eta}";

/// How far something is, in bytes or in pieces.
pub struct Progress {
    bar: ProgressBar,
    shown: bool,
    wanted: bool,
}

impl Progress {
    /// A bar that is not shown yet; `wanted` is false where output is for programs.
    pub fn new(wanted: bool) -> Self {
        Self::like(TEMPLATE, wanted)
    }

    /// The same for pieces instead of bytes.
    pub fn counting(wanted: bool) -> Self {
        Self::like(COUNTING, wanted)
    }

    fn like(template: &str, wanted: bool) -> Self {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            shown: false,
            wanted,
        }
    }

    /// `done` of `total` bytes or pieces of `what` are done.
    pub fn advance(&mut self, done: u64, total: u64, what: &str) {
        if self.wanted && !self.shown && self.bar.elapsed() >= QUIET {
            // Draws nothing where stderr is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.shown = true;
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(what.to_owned());
    }

    /// Takes the bar away while something else is printed.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away, so that a line can be printed.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
