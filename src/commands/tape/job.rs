//! Orders about tape jobs.

use clap::{Args, Subcommand};
use holdfast_actors::names::{TapeName, TenantName};
use serde::{Deserialize, Serialize};

use super::Named;
use super::named::Whole;
use super::words::{Daily, Monthly, OnceAYear, Quarterly, Set as MediaSet, TimeOfDay, Weekly};

/// What can be done with tape jobs.
#[derive(Clone, Debug, PartialEq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Job {
    /// Add a job; with a daily set it begins at once if the time of the day is over
    #[command(
        after_help = "What is not given: --at 00:00, and --daily mon,tue,wed,thu,fri,sat,sun \
                      where the pool has a daily set\n\n\
                      Example: holdfast --data /srv/holdfast tape job add nightly --pool gfs \
                      --all --at 22:30 --weekly sat --monthly last-sat"
    )]
    Add(Add),
    /// Change a job; what is not given stays
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast tape job set nightly --monthly last"
    )]
    Set(Set),
    /// List all jobs
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape job list")]
    List,
    /// Show one job
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape job show nightly")]
    Show(Named),
    /// Write now: what is new to the daily set, or a whole view of all sources to an elder one
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast tape job run nightly --set weekly"
    )]
    Run(Run),
    /// Stop what a job writes; it begins again on the next day that it is due
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape job stop nightly")]
    Stop(Named),
    /// Have a job write when it is due
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape job enable nightly")]
    Enable(Named),
    /// Have a job write no more; days that go by meanwhile are not made up for
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape job disable nightly")]
    Disable(Named),
    /// Remove a job; what it wrote stays on its cartridges
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape job remove nightly")]
    Remove(Named),
    /// List what a job archived: when, what, how much, and on which cartridges
    #[command(after_help = "Example: holdfast --data /srv/holdfast tape job log nightly")]
    Log(Named),
}

/// What a job archives.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Sources {
    /// All tenants, those too that are added later
    #[arg(long, conflicts_with_all = ["tenants", "repositories"])]
    pub all: bool,
    /// All repositories of this tenant, those too that are added later
    #[arg(long = "tenant", value_name = "TENANT", num_args = 1.., value_parser = TenantName::parse)]
    #[serde(rename = "tenant", skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantName>,
    /// One repository
    #[arg(
        long = "repository",
        value_name = "TENANT/REPOSITORY",
        num_args = 1..,
        value_parser = Whole::parse
    )]
    #[serde(rename = "repository", skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<Whole>,
}

impl Sources {
    /// Whether any is given.
    pub fn is_given(&self) -> bool {
        self.all || !self.tenants.is_empty() || !self.repositories.is_empty()
    }
}

/// When a job writes, in UTC.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct When {
    /// The time of the day at which it begins, in UTC
    #[arg(long, value_name = "HH:MM", value_parser = TimeOfDay::parse)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<TimeOfDay>,
    /// Days on which what is new goes to the daily set, such as mon,tue,wed
    #[arg(long, value_name = "DAYS", value_parser = Daily::parse)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<Daily>,
    /// The daily set is off
    #[arg(long, conflicts_with = "daily")]
    pub no_daily: bool,
    /// The day of the weekly set, such as sat; 'none' for off, as for all below
    #[arg(long, value_name = "DAY", value_parser = Weekly::parse)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Weekly>,
    /// The day of the monthly set: such as last-sat, 1, or last
    #[arg(long, value_name = "DAY", value_parser = Monthly::parse)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly: Option<Monthly>,
    /// The day of the quarterly set, of the quarter's first month or last: such as first:1, or
    /// last:last-sat
    #[arg(long, value_name = "[MONTH:]DAY", value_parser = Quarterly::parse)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarterly: Option<Quarterly>,
    /// The day of the yearly set, such as jan:1, or dec:last-sat
    #[arg(long, value_name = "MONTH:DAY", value_parser = OnceAYear::parse)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yearly: Option<OnceAYear>,
}

/// A new job.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Add {
    /// Its name: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
    /// The media pool that it writes to
    #[arg(long, value_name = "POOL", value_parser = TapeName::parse)]
    pub pool: TapeName,
    /// What it archives.
    #[command(flatten)]
    #[serde(default)]
    pub sources: Sources,
    /// When.
    #[command(flatten)]
    #[serde(default)]
    pub when: When,
    /// Free text for operators
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What to change of a job.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Set {
    /// Its name: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
    /// What it archives from now on.
    #[command(flatten)]
    #[serde(default)]
    pub sources: Sources,
    /// When.
    #[command(flatten)]
    #[serde(default)]
    pub when: When,
    /// Free text for operators
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What to write now.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Run {
    /// Its name: a-z, 0-9 and '-'
    #[arg(value_parser = TapeName::parse)]
    pub name: TapeName,
    /// The media set; without it, the youngest of its pool
    #[arg(long, value_name = "SET", value_parser = MediaSet::parse)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<MediaSet>,
    /// Wait until all of it is on tape; fails if the job has to wait for something
    #[arg(long)]
    #[serde(default)]
    pub wait: bool,
}
