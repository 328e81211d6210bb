//! The events people want to know of, by the numbers of 19.4; ours begin at 30000.

use std::time::Duration;

use super::draft::Draft;
use super::rows::{Event, Severity};
use crate::kernel::{Sequence, Timestamp};
use crate::names::TenantName;

/// The most events kept; the oldest go first.
pub(super) const EVENTS_MAX: usize = 65_536;
/// A clock that went further back than this was set, and the event says so.
const APART: Duration = Duration::from_secs(10);
/// The minor version from which on nodes keep the times of events in their order.
const SINCE: u16 = 1;

/// What happened, as a number that does not change from version to version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// Tenant added.
    TenantAdded = 24110,
    /// Password changed by the tenant.
    PasswordChanged = 24114,
    /// Tenant deleted.
    TenantDeleted = 24120,
    /// Quota added: a repository was made.
    QuotaAdded = 24150,
    /// Quota changed.
    QuotaChanged = 24160,
    /// Quota deleted: a repository was removed.
    QuotaDeleted = 24170,
    /// Certificate updated.
    CertificateUpdated = 24180,
    /// Tenant disabled or enabled.
    TenantState = 25000,
    /// Tenant updated.
    TenantUpdated = 25100,
    /// Subtenant added.
    SubtenantAdded = 25200,
    /// Subtenant deleted.
    SubtenantDeleted = 25210,
    /// Subtenant updated.
    SubtenantUpdated = 25220,
    /// Maintenance switched on or off.
    Maintenance = 26510,
    /// A lease ends in 14, 7, 1 or 0 days.
    LeaseWarning = 30000,
    /// A lease ended.
    LeaseEnded = 30001,
    /// The clock jumped by more than a day.
    ClockDoubted = 30010,
    /// An operator confirmed the day.
    ClockConfirmed = 30011,
    /// A second operator is asked for.
    ApprovalRequested = 30020,
    /// A second operator agreed.
    ApprovalGranted = 30021,
    /// An operator said no.
    ApprovalRejected = 30022,
    /// Nobody decided in time.
    ApprovalLapsed = 30023,
    /// Operator added.
    OperatorAdded = 30030,
    /// Operator changed.
    OperatorChanged = 30031,
    /// Operator removed.
    OperatorRemoved = 30032,
    /// A repository's holds or copies changed.
    RepositoryChanged = 30040,
    /// Data was ordered to be destroyed.
    PurgeOrdered = 30041,
    /// Data was destroyed.
    Purged = 30042,
    /// A repository was read back, and is as it was.
    RepositoryVerified = 30043,
    /// A repository was read back, and objects in it are damaged.
    RepositoryDamaged = 30044,
    /// A repository is to show again what it showed at an instant.
    RepositoryRestored = 30045,
    /// An extent stays for an object that cannot be read.
    ExtentKept = 30046,
    /// Login made.
    CredentialAdded = 30050,
    /// Login ended.
    CredentialRevoked = 30051,
    /// A login for a view of the past was made.
    ViewMade = 30052,
    /// A certificate waits to be used.
    CertificatePrepared = 30060,
    /// A node was let into the cluster.
    NodeJoined = 30070,
    /// A node works, works again, or gives away what it has.
    NodeChanged = 30071,
    /// A node is down or was removed.
    NodeLost = 30072,
    /// An operator made a join token.
    JoinTokenMade = 30073,
    /// A node lost replicas of extents, and copies them again.
    ReplicaLost = 30074,
    /// An operator revoked a join token.
    JoinTokenRevoked = 30075,
    /// A node took the place of one that was down.
    NodeReplaced = 30076,
    /// A removed node, a copy or a stranger knocked.
    NodeTurnedAway = 30077,
    /// Copies of a sealed extent differ, and what was wrong is made again.
    ReplicaDiffers = 30078,
    /// No copy of a sealed extent is sound any more.
    LastCopyDamaged = 30079,
    /// The catalog was begun anew from one node after a majority was lost.
    CatalogRecovered = 30080,
    /// The catalog was brought back from a backup of it.
    CatalogImported = 30081,
    /// The disk of a node is full: it gets nothing new.
    NodeFull = 30082,
    /// It has room again.
    NodeHasRoom = 30083,
    /// All nodes speak a newer version by now.
    VersionRaised = 30084,
    /// An operator gave a node another name.
    NodeRenamed = 30085,
    /// An operator read the whole catalog, for a backup of it.
    CatalogExported = 30086,
    /// Somebody showed a join token that lets nobody in, or not any more.
    JoinTokenRefused = 30087,
    /// A pool of gateways was made.
    PoolAdded = 30090,
    /// A pool has other gateways than before.
    PoolChanged = 30091,
    /// A pool was removed.
    PoolRemoved = 30092,
    /// No gateway is left for tenants without a pool.
    EveryGatewayPooled = 30093,
    /// A repository is on tape as of an instant.
    TapeArchived = 10014,
    /// A tape library was made known or forgotten, or has other cartridges than before.
    TapeLibraryChanged = 30100,
    /// A media pool was made or changed.
    TapePoolChanged = 30101,
    /// A tape job was made, changed, enabled or disabled.
    TapeJobChanged = 30102,
    /// A media pool or a tape job was removed.
    TapeRemoved = 30103,
    /// A run of a tape job came to its end.
    TapeJobEnded = 30104,
    /// A run of a tape job waits for a cartridge.
    TapeJobWaits = 30105,
    /// A run of a tape job gave up.
    TapeJobFailed = 30106,
    /// An operator protected, moved or retired a cartridge.
    TapeMediumChanged = 30107,
    /// An operator gave up what is on a cartridge.
    TapeMediumFreed = 30108,
    /// A cartridge is not what it should be, or could not be written.
    TapeMediumTrouble = 30109,
    /// A run of a tape job began.
    TapeJobBegun = 30110,
    /// A cartridge was begun; what was on it is lost.
    TapeMediumBegun = 30111,
    /// A media set was closed.
    TapeSetClosed = 30112,
    /// Somebody asked for a restore from tape.
    TapeRestoreAsked = 30113,
    /// A restore from tape brought all back.
    TapeRestored = 30114,
    /// A restore from tape did not bring all back.
    TapeRestoreFailed = 30115,
}

impl Code {
    /// The number.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Deletions are warnings, as are things to look at; others inform (19.4).
    pub const fn severity(self) -> Severity {
        match self {
            Self::TenantDeleted
            | Self::QuotaDeleted
            | Self::SubtenantDeleted
            | Self::LeaseWarning
            | Self::ApprovalLapsed
            | Self::OperatorRemoved
            | Self::PurgeOrdered
            | Self::NodeLost
            | Self::ReplicaLost
            | Self::ReplicaDiffers
            | Self::NodeTurnedAway
            | Self::JoinTokenRefused
            | Self::NodeFull
            | Self::PoolRemoved
            | Self::EveryGatewayPooled
            | Self::TapeRemoved
            | Self::TapeJobWaits
            | Self::TapeMediumFreed
            | Self::TapeMediumTrouble
            | Self::Purged => Severity::Warning,
            Self::LeaseEnded
            | Self::ClockDoubted
            | Self::RepositoryDamaged
            | Self::LastCopyDamaged
            | Self::CatalogRecovered
            | Self::CatalogImported
            | Self::TapeJobFailed
            | Self::TapeRestoreFailed
            | Self::ExtentKept => Severity::Error,
            Self::TenantAdded
            | Self::PasswordChanged
            | Self::QuotaAdded
            | Self::QuotaChanged
            | Self::CertificateUpdated
            | Self::TenantState
            | Self::TenantUpdated
            | Self::SubtenantAdded
            | Self::SubtenantUpdated
            | Self::Maintenance
            | Self::ClockConfirmed
            | Self::ApprovalRequested
            | Self::ApprovalGranted
            | Self::ApprovalRejected
            | Self::OperatorAdded
            | Self::OperatorChanged
            | Self::RepositoryChanged
            | Self::RepositoryVerified
            | Self::RepositoryRestored
            | Self::CredentialAdded
            | Self::CredentialRevoked
            | Self::ViewMade
            | Self::NodeJoined
            | Self::NodeChanged
            | Self::JoinTokenMade
            | Self::JoinTokenRevoked
            | Self::NodeReplaced
            | Self::NodeHasRoom
            | Self::CatalogExported
            | Self::PoolAdded
            | Self::PoolChanged
            | Self::VersionRaised
            | Self::NodeRenamed
            | Self::TapeArchived
            | Self::TapeLibraryChanged
            | Self::TapePoolChanged
            | Self::TapeJobChanged
            | Self::TapeJobBegun
            | Self::TapeJobEnded
            | Self::TapeMediumBegun
            | Self::TapeSetClosed
            | Self::TapeMediumChanged
            | Self::TapeRestoreAsked
            | Self::TapeRestored
            | Self::CertificatePrepared => Severity::Information,
        }
    }
}

impl Draft<'_> {
    /// When something happened: not before what is written down already, where the clocks of two
    /// nodes are no further apart than clocks are that somebody sets right all the time.
    fn moment(&self) -> Timestamp {
        let last = self.rows.events.get_max().map(|(_, event)| event.at);
        // Whoever cannot know the rule must come to the same rows.
        let known = last.filter(|_| self.rows.cluster.has(SINCE));
        let close = known.filter(|last| last.since(self.at) <= APART);
        close.map_or(self.at, |last| last.max(self.at))
    }

    /// Writes an event down, behind all others.
    pub(super) fn event(
        &mut self,
        code: Code,
        tenant: Option<&TenantName>,
        text: String,
        reason: Option<&str>,
    ) {
        let agreed = self.agreed.map(|name| format!("agreed by operator {name}"));
        let parts: Vec<&str> = reason.into_iter().chain(agreed.as_deref()).collect();
        let event = Event {
            at: self.moment(),
            code: code.number(),
            severity: code.severity(),
            actor: self.by.to_string(),
            tenant: tenant.cloned(),
            text,
            reason: (!parts.is_empty()).then(|| parts.join("; ")),
        };
        let events = &mut self.rows.events;
        let next = events
            .get_max()
            .map_or(Sequence::new(1), |(at, _)| at.next());
        events.insert(next, event);
        if events.len() > EVENTS_MAX
            && let Some((oldest, _)) = events.get_min().cloned()
        {
            events.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::apply;
    use super::super::command::{Actor, ClusterCommand, Command, NewNode, NodeCommand, Submission};
    use super::super::rows::Rows;
    use super::*;
    use crate::kernel::{NodeId, NodeName};

    /// The times of the events of nodes that join, each by a clock of its own.
    fn times(rows: &Rows, clocks: &[u64]) -> Vec<u64> {
        let mut rows = rows.clone();
        for (number, clock) in (1_u8..).zip(clocks) {
            let new = NewNode {
                name: NodeName::parse(&format!("n{number}")).unwrap(),
                addresses: Vec::new(),
                key: [number; 32],
                roles: Default::default(),
                zone: String::new(),
            };
            let add = ClusterCommand::Node(NodeId::new(number.into()), NodeCommand::Add(new));
            let submission = Submission {
                client: 0,
                sequence: 0,
                by: Actor::System,
                at: Timestamp::from_millis(*clock),
                command: Command::Cluster(add),
            };
            rows = apply(&rows, rows.index.next(), &submission).0;
        }
        let events = rows.events.values();
        events.map(|event| event.at.as_millis()).collect()
    }

    #[test]
    fn clocks_that_are_a_little_apart_do_not_put_events_out_of_order() {
        let mut rows = Rows::default();
        rows.cluster.minor = 1;
        let clocks = [50_000, 49_950, 50_010, 40_010, 60_000];
        let kept = [50_000, 50_000, 50_010, 50_010, 60_000];
        assert_eq!(times(&rows, &clocks), kept);
        // One that was set is believed.
        assert_eq!(
            times(&rows, &[90_000, 50_000, 50_001]),
            [90_000, 50_000, 50_001]
        );
        // A node that cannot know the rule must come to the same rows.
        rows.cluster.minor = 0;
        assert_eq!(times(&rows, &clocks)[1..], clocks[1..]);
    }
}
