//! What a person sees while the agent works: bars and warnings, on standard error alone.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use log::{Level, LevelFilter, Log, Metadata, Record};
use rustic_core::{HiddenProgress, Progress, ProgressBars, ProgressType, RusticProgress};

use super::failure::brief;

/// Warnings shown in full; a broken disk has one for every file.
const WARNINGS_MAX: usize = 50;
const TICK: Duration = Duration::from_millis(200);

/// The bars of one command.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    /// `None` where nobody looks.
    screen: Option<MultiProgress>,
}

impl Bars {
    /// Bars on standard error if `wanted` and if that is a terminal.
    pub(crate) fn new(wanted: bool) -> Self {
        let seen = wanted && rustix::termios::isatty(std::io::stderr());
        Self {
            screen: seen.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())),
        }
    }

    /// Shows the library's warnings between the bars. Another logger that is there already is
    /// left in place.
    pub(crate) fn show_warnings(&self) {
        let warnings = Warnings {
            bars: self.clone(),
            shown: Mutex::new(0),
        };
        if log::set_boxed_logger(Box::new(warnings)).is_ok() {
            log::set_max_level(LevelFilter::Warn);
        }
    }

    fn print(&self, line: &str) {
        match &self.screen {
            Some(screen) => screen.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }
}

impl ProgressBars for Bars {
    fn progress(&self, kind: ProgressType, prefix: &str) -> Progress {
        let Some(screen) = &self.screen else {
            return Progress::new(HiddenProgress);
        };
        if prefix.is_empty() {
            return Progress::new(HiddenProgress);
        }
        let bar = match kind {
            ProgressType::Spinner => ProgressBar::new_spinner(),
            ProgressType::Counter | ProgressType::Bytes => ProgressBar::no_length(),
        };
        let bar = screen.add(bar.with_style(style(kind)));
        bar.set_prefix(prefix.to_owned());
        bar.enable_steady_tick(TICK);
        Progress::new(Bar { bar, kind })
    }
}

fn style(kind: ProgressType) -> ProgressStyle {
    let template = match kind {
        ProgressType::Spinner => "{prefix:30} {spinner} {elapsed}",
        ProgressType::Counter => "{prefix:30} {wide_bar} {human_pos}/{human_len} {elapsed}",
        ProgressType::Bytes => {
            "{prefix:30} {wide_bar} {binary_bytes} of {binary_total_bytes} {eta}"
        }
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// One bar.
#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    kind: ProgressType,
}

impl RusticProgress for Bar {
    fn is_hidden(&self) -> bool {
        false
    }

    fn set_length(&self, length: u64) {
        match self.kind {
            ProgressType::Spinner => {}
            ProgressType::Counter | ProgressType::Bytes => self.bar.set_length(length),
        }
    }

    fn set_title(&self, title: &str) {
        self.bar.set_prefix(title.to_owned());
    }

    fn inc(&self, more: u64) {
        self.bar.inc(more);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// The library's warnings.
struct Warnings {
    bars: Bars,
    shown: Mutex<usize>,
}

impl Log for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn && metadata.target().starts_with("rustic_core")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown += 1;
        match (*shown).cmp(&(WARNINGS_MAX + 1)) {
            std::cmp::Ordering::Less => {
                let text = brief(&record.args().to_string());
                self.bars.print(&format!("warning: {text}"));
            }
            std::cmp::Ordering::Equal => self.bars.print("warning: there are more"),
            std::cmp::Ordering::Greater => {}
        }
    }

    fn flush(&self) {}
}
