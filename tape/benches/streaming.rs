//! How often a drive of LTO-9 stops for want of something to write, in the time model.
//!
//! `cargo bench -p holdfast-tape --bench streaming`. Sources give packs of 16 MiB; the spool says
//! when the drive is given them; the drive has a buffer of 1 GB, goes as slowly as it can while
//! half of it is empty, stops when all of it is, and starts again when half of it is full. Promised
//! for each TB from a source of 100 MB/s: at most 10 stops with a spool of 64 GB, and 60 with one
//! of 8 GB; several sources at once keep a drive going that each alone would not; two drives
//! with one arm write four tapes at least 1.8 times as fast as one.

use std::process::ExitCode;
use std::time::Duration;

use holdfast_actors::kernel::Instant;
use holdfast_tape::library::time::{LTO_9, Profile, Work, cost};
use holdfast_tape::spool::{Advice, Limits, Spool};
use told::Report;

mod told;

const PACK: u64 = 16 << 20;
const BUFFER: u64 = 1_000_000_000;
const GB: u64 = 1_000_000_000;
const TB: u64 = 1_000_000_000_000;

fn seconds(bytes: u64, rate: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / rate as f64)
}

/// A drive, from a first write on.
struct Drive {
    profile: Profile,
    buffered: u64,
    /// Since when the buffer is as it is; in the future while it winds back.
    at: Instant,
    is_going: bool,
    stops: u64,
}

impl Drive {
    /// Lets it write until now.
    fn go(&mut self, now: Instant) {
        while self.is_going && self.at < now {
            let half = BUFFER / 2;
            let is_slow = self.buffered <= half;
            let (rate, until) = match is_slow {
                true => (self.profile.slowest, 0),
                false => (self.profile.rate, half),
            };
            let time = self.at.until(now);
            let most = (rate as f64 * time.as_secs_f64()).ceil() as u64;
            let part = most.min(self.buffered - until).max(1).min(self.buffered);
            self.buffered -= part;
            self.at = now.min(self.at + seconds(part, rate).max(Duration::from_micros(1)));
            if self.buffered == 0 {
                self.is_going = false;
                self.stops += 1;
            }
        }
    }

    /// When it takes so much more.
    fn room(&self, now: Instant, bytes: u64) -> Instant {
        let over = (self.buffered + bytes).saturating_sub(BUFFER);
        now.max(self.at) + seconds(over, self.profile.rate)
    }

    fn write(&mut self, now: Instant, bytes: u64) {
        self.go(now);
        self.buffered += bytes;
        if !self.is_going && self.buffered >= BUFFER / 2 {
            let hitch = match self.stops {
                0 => Duration::ZERO,
                _ => self.profile.hitch,
            };
            (self.is_going, self.at) = (true, now + hitch);
        }
    }
}

/// Writes so much from sources of these speeds; how long it takes, and how often the drive stops.
fn write(bytes: u64, sources: &[u64], size: u64) -> (Duration, u64) {
    let mut spool = Spool::new(Limits {
        high: size,
        low: size / 64,
        slowest: LTO_9.slowest,
    });
    let mut drive = Drive {
        profile: LTO_9,
        buffered: 0,
        at: Instant::default(),
        is_going: false,
        stops: 0,
    };
    let mut now = Instant::default();
    // When each has its next pack at hand.
    let mut next: Vec<Instant> = sources.iter().map(|r| now + seconds(PACK, *r)).collect();
    let (mut read, mut written) = (0, 0);
    while written < bytes {
        let comes = (0..next.len()).min_by_key(|source| next[*source]);
        let comes = comes.filter(|_| spool.has_room() && read < bytes);
        let goes = match spool.advice(now) {
            Advice::Fill => None,
            Advice::Write => Some(drive.room(now, PACK)),
            Advice::At(due) => Some(due.max(drive.room(now, PACK))),
        };
        match (comes, goes) {
            (Some(source), goes) if goes.is_none_or(|goes| next[source] <= goes) => {
                now = now.max(next[source]);
                // The next is read from when this one was taken.
                next[source] = now + seconds(PACK, sources[source]);
                read += PACK;
                spool.holds(now, read - written, read >= bytes);
            }
            (_, Some(goes)) => {
                now = now.max(goes);
                drive.write(now, PACK);
                written += PACK;
                spool.wrote(now, PACK);
            }
            (_, None) => unreachable!("a spool that is full is written"),
        }
    }
    let spent = Instant::default().until(now) + seconds(drive.buffered, LTO_9.rate);
    println!(
        "      {sources:?} B/s, spool {} GB: {:.0} MB/s, {} stops, starved {:.0} s",
        size / GB,
        written as f64 / spent.as_secs_f64() / 1e6,
        drive.stops,
        spool.gauge(now).starved.as_secs_f64()
    );
    (spent, drive.stops)
}

/// How long this many drives take for tapes that each take so long to write, with one arm.
fn tapes(drives: usize, tapes: usize, bytes: u64, writing: Duration) -> Duration {
    let work = |work| cost(&LTO_9, LTO_9.native, work);
    let carry = work(Work::Move { elements: 10 });
    let inside = work(Work::Load) + writing + work(Work::Rewind { from: bytes });
    let inside = inside + work(Work::Unload);
    let mut arm = Duration::ZERO;
    // When each drive wants the arm next, and whether it has a tape.
    let mut all = vec![(Duration::ZERO, false); drives];
    let (mut left, mut last) = (tapes, Duration::ZERO);
    loop {
        let wants = all.iter_mut().filter(|(_, has)| *has || left > 0);
        let Some((at, has)) = wants.min_by_key(|(at, _)| *at) else {
            return last;
        };
        arm = arm.max(*at) + carry;
        if *has {
            (*at, *has, last) = (arm, false, arm);
        } else {
            (*at, *has) = (arm + inside, true);
            left -= 1;
        }
    }
}

fn main() -> ExitCode {
    let mut report = Report::begin();
    let bytes = report.pick(TB / 20, 4 * TB);
    let each = bytes as f64 / TB as f64;
    let (_, none) = write(bytes, &[100_000_000], PACK);
    println!("      without a spool: {:.0} stops/TB", none as f64 / each);
    for (size, most) in [(64, 10.0), (8, 60.0)] {
        let (_, stops) = write(bytes, &[100_000_000], size * GB);
        let what = format!("stops for each TB with a spool of {size} GB");
        report.at_most(&what, stops as f64 / each, most);
    }
    let (alone, _) = write(bytes, &[100_000_000], 8 * GB);
    let (together, stops) = write(bytes, &[100_000_000; 4], 8 * GB);
    report.at_most("stops with four sources at once", stops as f64, 0.0);
    let ratio = alone.as_secs_f64() / together.as_secs_f64();
    report.at_least(
        "four sources at once beside one after the other",
        ratio,
        3.0,
    );
    let (writing, _) = write(bytes, &[300_000_000], 8 * GB);
    let one = tapes(1, 4, bytes, writing);
    let two = tapes(2, 4, bytes, writing);
    let ratio = one.as_secs_f64() / two.as_secs_f64();
    report.at_least("two drives beside one", ratio, 1.8);
    report.end()
}
