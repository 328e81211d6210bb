//! What happened in a run, line by line, and one number for all of it.
//!
//! Lines hold what clients and operators sent and were told, crashes and checks, each with its
//! virtual time. They never hold what may differ between two processes: no address, no actor's id.

use std::fmt;

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// Virtual time since the run began, in microseconds; goes on while the node is off.
pub type Micros = u64;

/// The trace of one run.
#[derive(Clone, PartialEq, Eq)]
pub struct Trace {
    hash: u64,
    count: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// An empty trace; keeps its lines only if `keeps_lines`.
    pub fn new(keeps_lines: bool) -> Self {
        Self {
            hash: FNV_BASIS,
            count: 0,
            lines: keeps_lines.then(Vec::new),
        }
    }

    /// Adds a line.
    pub fn say(&mut self, at: Micros, what: fmt::Arguments<'_>) {
        let line = format!("{:>6}.{:06} {what}", at / 1_000_000, at % 1_000_000);
        for byte in line.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
        self.count += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// FNV-1a over all lines.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The lines, if they were kept.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({:016x}, {} lines)", self.hash, self.count)
    }
}
