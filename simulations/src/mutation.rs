//! Planted bugs: each changes the world in one way, so that an invariant can be seen to fail. An
//! invariant that catches none of them proves nothing.
//!
//! They change what surrounds the node (its disk, the way to it, what operators' commands become),
//! never the node itself.

mod service;

use holdfast_actors::catalog::command::{
    Command, Contract, ContractChange, RepositoryCommand, TenantCommand,
};
use holdfast_actors::kernel::Size;
use holdfast_actors::repository::Report;

pub(crate) use service::mutated;

/// One planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// Syncs report success and do nothing.
    LyingSync,
    /// Some deletions are acknowledged and not passed on.
    LostDelete,
    /// Some uploads are acknowledged before they are finished, and then given up.
    EarlyAck,
    /// Some bodies have a byte changed on their way out.
    WrongByte,
    /// Some lists have a name of somebody else's.
    StrangeName,
    /// Uploads that were given up are kept under way.
    KeptUpload,
    /// Some requests are never answered.
    Silence,
    /// The operator's report counts one object twice.
    CountedTwice,
    /// Quotas are twice as high as the operator was told.
    DoubleQuota,
    /// Leases end three days after the day that the operator was told.
    LongLease,
    /// Three more uploads run at once than the operator was told.
    ManyTasks,
    /// Nothing stays in the bin, whatever the operator was told.
    EmptyBin,
    /// Nothing is held, whatever the operator was told.
    NoHold,
    /// Some commands are done twice.
    Twice,
    /// A clock that is set back takes the catalog's day along.
    DayGoesBack,
    /// The disk forgets a part of its journal between two recoveries.
    ForgottenRecord,
    /// Something panics.
    Panic,
}

impl Mutation {
    /// All planted bugs, each with the id of the invariant that it must break.
    pub const ALL: [(Self, &'static str); 17] = [
        (Self::LyingSync, "recovery"),
        (Self::LostDelete, "acknowledged"),
        (Self::EarlyAck, "acknowledged"),
        (Self::WrongByte, "acknowledged"),
        (Self::StrangeName, "I1"),
        (Self::CountedTwice, "I2"),
        (Self::DoubleQuota, "I3"),
        (Self::ManyTasks, "I4"),
        (Self::LongLease, "I5"),
        (Self::EmptyBin, "I7"),
        (Self::NoHold, "I8"),
        (Self::KeptUpload, "reservations"),
        (Self::Silence, "progress"),
        (Self::Twice, "events"),
        (Self::DayGoesBack, "calendar"),
        (Self::ForgottenRecord, "recovery"),
        (Self::Panic, "panics"),
    ];

    /// What becomes of an operator's command.
    pub(crate) fn command(self, command: Command) -> Command {
        match command {
            Command::Tenant(name, TenantCommand::Add(contract)) => {
                Command::Tenant(name, TenantCommand::Add(self.contract(contract)))
            }
            Command::Tenant(name, TenantCommand::Set(change)) => {
                Command::Tenant(name, TenantCommand::Set(self.change(change)))
            }
            Command::Repository(RepositoryCommand::Add {
                tenant,
                name,
                quota,
                hold_days,
                min_copies,
            }) => {
                let (quota, hold_days) = (self.quota(quota), self.hold(hold_days));
                let add = RepositoryCommand::Add {
                    tenant,
                    name,
                    quota,
                    hold_days,
                    min_copies,
                };
                Command::Repository(add)
            }
            Command::Repository(RepositoryCommand::Set {
                tenant,
                name,
                quota,
                hold_days,
                min_copies,
            }) => {
                let quota = quota.map(|quota| self.quota(quota));
                let hold_days = hold_days.map(|days| self.hold(days));
                let set = RepositoryCommand::Set {
                    tenant,
                    name,
                    quota,
                    hold_days,
                    min_copies,
                };
                Command::Repository(set)
            }
            other => other,
        }
    }

    /// What becomes of the figures on their way to the operator.
    pub(crate) fn report(self, mut report: Report) -> Report {
        if self == Self::CountedTwice && report.total.objects > 0 {
            report.total.live += Size::bytes(300);
            report.total.objects += 1;
        }
        report
    }

    fn contract(self, mut contract: Contract) -> Contract {
        match self {
            Self::LongLease => contract.lease = contract.lease.map(|day| day.plus(3)),
            Self::ManyTasks => contract.tasks += 3,
            Self::EmptyBin | Self::NoHold => contract.bin_days = 0,
            _ => {}
        }
        contract
    }

    fn change(self, mut change: ContractChange) -> ContractChange {
        match self {
            Self::LongLease => change.lease = change.lease.map(|day| day.map(|day| day.plus(3))),
            Self::ManyTasks => change.tasks = change.tasks.map(|tasks| tasks + 3),
            Self::EmptyBin | Self::NoHold => change.bin_days = change.bin_days.map(|_| 0),
            _ => {}
        }
        change
    }

    fn quota(self, quota: Size) -> Size {
        if self == Self::DoubleQuota {
            quota + quota
        } else {
            quota
        }
    }

    fn hold(self, days: u32) -> u32 {
        if matches!(self, Self::NoHold | Self::EmptyBin) {
            0
        } else {
            days
        }
    }
}
