//! Orders about the service as a whole: maintenance, and the day.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::values::Day;

/// What can be done with the maintenance mode.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Maintenance {
    /// Refuse new backups with a notice; restores go on
    #[command(after_help = "Example: holdfast --data /srv/holdfast maintenance on \
                            --text 'New disks until 18:00 UTC.'")]
    On(Notice),
    /// Take backups again
    #[command(after_help = "Example: holdfast --data /srv/holdfast maintenance off")]
    Off,
    /// Whether the mode is on, and the notice
    #[command(after_help = "Example: holdfast --data /srv/holdfast maintenance status")]
    Status,
}

/// What tenants are told.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Notice {
    /// The notice that tenants see
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "The service provider is in planned maintenance."
    )]
    pub text: String,
}

/// What can be done with the day.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Clock {
    /// The day by which leases end, and whether it is in doubt
    #[command(after_help = "Example: holdfast --data /srv/holdfast clock status")]
    Status,
    /// Say which day it is, after the clock has jumped
    #[command(after_help = "Example: holdfast --data /srv/holdfast clock confirm \
                            --today 2026-11-21")]
    Confirm(Confirm),
}

/// Which day it is.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Confirm {
    /// Today, UTC
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = Day::parse)]
    pub today: Day,
}
