//! What to measure and how much of it, from the command line or the environment.

use std::fmt;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures Holdfast beside rustic-server.
#[derive(Debug, Parser)]
#[command(name = "compare")]
pub(crate) struct Plan {
    /// The sizes that are promised: 4 GiB, 100,000 files and objects, 10,000 tenants, 64 uploads
    #[arg(long, env = "HOLDFAST_BENCH_FULL")]
    pub(crate) full: bool,
    /// One JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// How often everything is done; the median counts
    #[arg(long)]
    rounds: Option<usize>,
    /// MiB in big files
    #[arg(long, env = "HOLDFAST_BENCH_BIG_MIB")]
    big_mib: Option<u64>,
    /// How many small files
    #[arg(long, env = "HOLDFAST_BENCH_FILES")]
    files: Option<usize>,
    /// How many objects to list
    #[arg(long, env = "HOLDFAST_BENCH_OBJECTS")]
    objects: Option<usize>,
    /// How many tenants an idle node knows
    #[arg(long, env = "HOLDFAST_BENCH_TENANTS")]
    tenants: Option<usize>,
    /// Where the trees and repositories lie while it runs: on the disk that matters
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    pub(crate) folder: PathBuf,
    /// Another Holdfast than the one that cargo built, to see what a change did
    #[arg(long)]
    pub(crate) program: Option<PathBuf>,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

/// One part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Backup and restore of big files
    Big,
    /// Backup and restore of small files
    Small,
    /// A list of many objects
    List,
    /// Very many objects in one repository
    Many,
    /// Raw uploads of 16 MiB objects
    Upload,
    /// An idle node with many tenants
    Idle,
    /// The peak of memory while many upload
    Memory,
    /// Backup of big files to three nodes, beside one
    Copies,
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Bytes in big files.
    pub(crate) big: u64,
    /// Small files.
    pub(crate) small: usize,
    /// Objects in a list.
    pub(crate) objects: usize,
    /// Objects in one repository of very many.
    pub(crate) many: usize,
    /// Objects of 16 MiB on each of four connections.
    pub(crate) uploads: usize,
    /// Tenants of an idle node.
    pub(crate) tenants: usize,
    /// Uploads at once, and the bytes of each.
    pub(crate) at_once: (usize, usize),
}

impl Plan {
    /// Whether a part is to be measured.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// How often everything is done.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.full { 3 } else { 2 }).max(1)
    }

    /// How much of everything.
    pub(crate) fn sizes(&self) -> Sizes {
        let sizes = if self.full { Sizes::FULL } else { Sizes::SMALL };
        Sizes {
            big: self.big_mib.map_or(sizes.big, |mib| mib << 20),
            small: self.files.unwrap_or(sizes.small),
            objects: self.objects.unwrap_or(sizes.objects),
            tenants: self.tenants.unwrap_or(sizes.tenants),
            ..sizes
        }
    }

    /// Says what is going on to whoever waits.
    pub(crate) fn progress(&self, what: fmt::Arguments<'_>) {
        if !self.json {
            eprintln!("… {what}");
        }
    }
}

impl Sizes {
    const SMALL: Self = Self {
        big: 256 << 20,
        small: 5_000,
        objects: 2_000,
        many: 5_000,
        uploads: 8,
        tenants: 500,
        at_once: (8, 16 << 20),
    };
    const FULL: Self = Self {
        big: 4 << 30,
        small: 100_000,
        objects: 100_000,
        many: 1_000_000,
        uploads: 32,
        tenants: 10_000,
        at_once: (64, 128 << 20),
    };
}
