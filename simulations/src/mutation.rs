//! Planted bugs: each changes the world in one way, so that an invariant can be seen to fail. An
//! invariant that catches none of them proves nothing.
//!
//! They change what surrounds the node (its disk, the way to it, what operators' commands become),
//! never the node itself.

mod kinds;
mod liar;
mod service;

use holdfast_actors::catalog::command::{
    ApprovalCommand, Command, Contract, ContractChange, RepositoryCommand, TenantCommand,
};
use holdfast_actors::kernel::{Date, Size};
use holdfast_actors::repository::Report;

pub(crate) use liar::lie;
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
    /// The disk says that all of it is free, whatever lies on it.
    BoastingDisk,
    /// The disk forgets a part of its journal between two recoveries.
    ForgottenRecord,
    /// An actor breaks an invariant of its own.
    Liar,
    /// Certificates are switched too early.
    HastyCertificate,
    /// A node forgets that the catalog knows of a certificate, and the number to tell it under.
    RetoldCertificate,
    /// Files of extents that are emptied stay on the disk.
    KeptExtents,
    /// With the file of an emptied extent, that of the next one goes.
    GreedyRemoval,
    /// A repository is put back to another instant than the operator was told.
    OtherInstant,
    /// A request for a second operator is granted where it was rejected.
    GrantedInstead,
    /// Data may be purged at once, whatever the operator was told.
    NoPurgeHold,
    /// A list without a name has those that were listed before.
    Revenant,
    /// Something panics.
    Panic,
    /// What cannot be read is taken for something else.
    UncheckedRead,
    /// Operators are told that nothing is damaged, whatever reading back has found.
    HiddenDamage,
    /// A replica of the register says that it keeps a value before that is durable.
    EarlyKept,
    /// A read of the register is answered before a majority keeps what was read.
    BareRead,
    /// A majority of the register's replicas is one too small.
    SmallQuorum,
    /// A replica of the register forgets what it kept when it starts again.
    ForgottenTag,
    /// Readers of the catalog do not wait until they have caught up.
    StaleRead,
    /// Some commands for the replicated catalog are acknowledged and not passed on.
    LostWrite,
    /// A node that follows says that it leads the catalog.
    Boaster,
    /// The monotonic clocks of nodes that keep the catalog run too fast.
    FastTicks,
    /// The wall clocks of nodes that keep the catalog leap ahead, and nobody has set them.
    LeapingDay,
    /// A node that keeps the catalog and hears nothing holds on to its lease.
    LongHold,
    /// What reaches a node that keeps the catalog is not always what was sent.
    Garbled,
    /// A voter whose disk was set back is not told what it has forgotten.
    Unrecalled,
    /// A call between nodes that had no answer is made again.
    RetriedUnknown,
    /// A service is given a call of another node twice.
    DoneTwice,
    /// Two answers to another node change places.
    SwappedAnswers,
    /// Calls between nodes wait longer than their time.
    ForgottenDeadline,
    /// Callers of another node are told that nothing was done when nobody knows.
    HiddenDoing,
    /// More calls of a node are under way than was agreed.
    WideWindow,
    /// Who watches an actor of another node does not hear that the connection died.
    DeafWatcher,
    /// What came last on a connection of the link comes once more when it has died.
    RepeatedFrame,
    /// Some frames are taken by the link and not sent.
    SwallowedFrame,
    /// The link takes no frame.
    MuteClass,
    /// A node does not count its starts.
    ForgottenLife,
    /// Who has been an owner of a repository in a cluster believes to be one for ever.
    StaleOwner,
    /// Some uploads to a cluster are acknowledged and not finished.
    ForgottenUpload,
    /// A node of a cluster acknowledges uploads that it cannot store yet, and stores them later.
    HastyGateway,
    /// No node of a cluster gets what is at home there.
    StuckOwner,
    /// Operators of a cluster are told that a node is drained, and it is not.
    ForgottenDrain,
    /// Operators of a cluster are told that a node is removed, and it is not.
    ForgottenRemoval,
    /// One replica of an extent is not what the others are.
    OtherReplica,
    /// Nobody in a cluster sees to copies.
    IdleRepair,
    /// A disk of a cluster rots again where it was mended.
    EndlessRot,
    /// A node of a cluster holds something else of an upload that was cut than was sent.
    OtherPart,
    /// Leases of a cluster's tenants end three days after the day that operators were told.
    LongTenancy,
    /// The monotonic clocks of a cluster's nodes run too fast.
    FastClocks,
    /// The monotonic clock of a cluster's first node runs too slow.
    SlowClock,
    /// A gateway of a cluster lets whoever wants to read in as one who may only read.
    LentLogin,
    /// Some cartridges keep nothing, and say they do.
    LyingTape,
    /// An answer of a tape device that was lost is taken for a good one.
    GuessedPosition,
    /// The robot is told of a move twice.
    RepeatedMove,
    /// Moves of the robot are not noted.
    UnnotedMove,
    /// What is to go to tape of a repository is not all that it shows.
    PartialView,
    /// Archives forget that a cartridge has a key.
    ClearText,
    /// Cartridges may be written over at once, whatever the operator was told.
    HastyReuse,
    /// That a restore is over is never noted.
    EndlessRestore,
}

impl Mutation {
    /// All planted bugs, each with the id of the invariant that it must break.
    pub const ALL: [(Self, &'static str); 74] = [
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
        (Self::Liar, "asserted"),
        (Self::HastyCertificate, "certificate"),
        (Self::RetoldCertificate, "certificate"),
        (Self::ForgottenRecord, "recovery"),
        (Self::BoastingDisk, "reserve"),
        (Self::KeptExtents, "space"),
        (Self::GreedyRemoval, "acknowledged"),
        (Self::OtherInstant, "undelete"),
        (Self::GrantedInstead, "approvals"),
        (Self::NoPurgeHold, "purge"),
        (Self::Revenant, "former"),
        (Self::Panic, "panics"),
        (Self::UncheckedRead, "rot"),
        (Self::HiddenDamage, "rot"),
        (Self::EarlyKept, "register-kept"),
        (Self::BareRead, "register-linear"),
        (Self::SmallQuorum, "register-linear"),
        (Self::ForgottenTag, "register-linear"),
        (Self::StaleRead, "catalog-linear"),
        (Self::LostWrite, "catalog-kept"),
        (Self::Boaster, "catalog-leaders"),
        (Self::FastTicks, "catalog-time"),
        (Self::LeapingDay, "catalog-day"),
        (Self::LongHold, "catalog-lease"),
        (Self::Garbled, "catalog-equal"),
        (Self::Unrecalled, "catalog-kept"),
        (Self::RetriedUnknown, "calls-once"),
        (Self::DoneTwice, "calls-once"),
        (Self::SwappedAnswers, "calls-belong"),
        (Self::ForgottenDeadline, "calls-end"),
        (Self::HiddenDoing, "calls-nothing"),
        (Self::WideWindow, "calls-window"),
        (Self::DeafWatcher, "calls-told"),
        (Self::RepeatedFrame, "wire-order"),
        (Self::SwallowedFrame, "wire-complete"),
        (Self::MuteClass, "wire-progress"),
        (Self::ForgottenLife, "wire-welcome"),
        (Self::StaleOwner, "cluster-current"),
        (Self::ForgottenUpload, "cluster-kept"),
        (Self::HastyGateway, "cluster-quorum"),
        (Self::StuckOwner, "cluster-progress"),
        (Self::ForgottenDrain, "cluster-drained"),
        (Self::ForgottenRemoval, "cluster-removed"),
        (Self::OtherReplica, "cluster-equal"),
        (Self::IdleRepair, "cluster-copies"),
        (Self::EndlessRot, "cluster-mended"),
        (Self::OtherPart, "cluster-held"),
        (Self::LongTenancy, "cluster-lease"),
        (Self::FastClocks, "cluster-time"),
        (Self::SlowClock, "cluster-holder"),
        (Self::LentLogin, "cluster-recalled"),
        (Self::LyingTape, "tape-readable"),
        (Self::GuessedPosition, "tape-positions"),
        (Self::RepeatedMove, "tape-moves"),
        (Self::UnnotedMove, "tape-moves"),
        (Self::PartialView, "tape-complete"),
        (Self::ClearText, "tape-encrypted"),
        (Self::HastyReuse, "tape-time"),
        (Self::EndlessRestore, "tape-ends"),
    ];

    /// The planted bug of this name.
    pub fn parse(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter().map(|(mutation, _)| mutation);
        all.find(|mutation| format!("{mutation:?}") == name)
    }

    /// What becomes of an operator's command.
    pub(crate) fn command(self, mut command: Command) -> Command {
        if let Command::Tenant(_, TenantCommand::Add(contract)) = &mut command {
            self.contract(contract);
        } else if let Command::Tenant(_, TenantCommand::Set(change)) = &mut command {
            self.change(change);
        } else if let Command::Repository(RepositoryCommand::Add {
            quota, hold_days, ..
        }) = &mut command
        {
            (*quota, *hold_days) = (self.quota(*quota), self.hold(*hold_days));
        } else if let Command::Repository(RepositoryCommand::Set {
            quota, hold_days, ..
        }) = &mut command
        {
            *quota = quota.map(|quota| self.quota(quota));
            *hold_days = hold_days.map(|days| self.hold(days));
        } else if let Command::Approval(_, decided) = &mut command
            && self == Self::GrantedInstead
        {
            *decided = ApprovalCommand::Grant;
        }
        command
    }

    /// What becomes of the figures on their way to the operator.
    pub(crate) fn report(self, mut report: Report) -> Report {
        if self == Self::CountedTwice && report.total.objects > 0 {
            report.total.live += Size::bytes(300);
            report.total.objects += 1;
        }
        report
    }

    fn contract(self, contract: &mut Contract) {
        contract.lease = contract.lease.map(|day| self.lease(day));
        contract.tasks = self.tasks(contract.tasks);
        contract.bin_days = self.hold(contract.bin_days);
        if self == Self::NoPurgeHold {
            contract.purge_hold = 0;
        }
    }

    fn change(self, change: &mut ContractChange) {
        change.lease = change.lease.map(|lease| lease.map(|day| self.lease(day)));
        change.tasks = change.tasks.map(|tasks| self.tasks(tasks));
        change.bin_days = change.bin_days.map(|days| self.hold(days));
    }

    fn lease(self, day: Date) -> Date {
        if self == Self::LongLease {
            day.plus(3)
        } else {
            day
        }
    }

    fn tasks(self, tasks: u32) -> u32 {
        if self == Self::ManyTasks {
            tasks.saturating_add(3)
        } else {
            tasks
        }
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
