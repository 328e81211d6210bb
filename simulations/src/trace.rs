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
    /// What every line says before anything else.
    name: String,
    lines: Option<Vec<String>>,
    /// The time of each line that is kept.
    times: Vec<Micros>,
}

impl Trace {
    /// An empty trace; keeps its lines only if `keeps_lines`.
    pub fn new(keeps_lines: bool) -> Self {
        Self::named(keeps_lines, "")
    }

    /// An empty trace, all lines of which say who speaks, unless the name is empty.
    pub fn named(keeps_lines: bool, name: &str) -> Self {
        let name = if name.is_empty() {
            String::new()
        } else {
            format!("{name} ")
        };
        Self {
            hash: FNV_BASIS,
            count: 0,
            name,
            lines: keeps_lines.then(Vec::new),
            times: Vec::new(),
        }
    }

    /// One trace of several: all lines in order of time, those of one time in order of the traces.
    #[must_use]
    pub fn merged(traces: &[Self]) -> Self {
        let keeps_lines = traces.iter().any(|trace| trace.lines.is_some());
        let mut merged = Self::new(keeps_lines);
        let mut lines: Vec<(Micros, &String)> = Vec::new();
        for trace in traces {
            merged.digest(&trace.hash.to_le_bytes());
            merged.count += trace.count;
            lines.extend(trace.times.iter().copied().zip(trace.lines()));
        }
        lines.sort_by_key(|(at, _)| *at);
        if keeps_lines {
            merged.times = lines.iter().map(|(at, _)| *at).collect();
            merged.lines = Some(lines.iter().map(|(_, line)| (*line).clone()).collect());
        }
        merged
    }

    /// Adds a line.
    pub fn say(&mut self, at: Micros, what: fmt::Arguments<'_>) {
        let (seconds, micros, name) = (at / 1_000_000, at % 1_000_000, &self.name);
        let line = format!("{seconds:>6}.{micros:06} {name}{what}");
        self.digest(line.as_bytes());
        self.digest(b"\n");
        self.count += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(line);
            self.times.push(at);
        }
    }

    fn digest(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }

    /// Who speaks; empty if every line says so itself.
    pub fn name(&self) -> &str {
        self.name.trim_end()
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
