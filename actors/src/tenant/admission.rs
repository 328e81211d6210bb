//! The rules at a tenant's door, in their order. The first that refuses gives the answer:
//!
//! 1. the account is gone, or the credential was revoked since the log-in;
//! 2. the tenant is disabled;
//! 3. the lease has ended (R6.31): within the restore grace reading goes on, and locks;
//! 4. it came by a gateway that is not the tenant's (R3.41), or not at this time: one in no pool
//!    takes a tenant with pools while none of its own is there, if that was agreed (R3.42). A
//!    session that came by such a one then goes on by it to its end;
//! 5. the service is in maintenance: sessions opened since then may read (R17.4) and handle locks,
//!    sessions opened before go on until they have stored a snapshot (R17.1);
//! 6. the subtenant is disabled, or gone;
//! 7. there is no such repository, it is another's, the subtenant has no slice of it, or the
//!    credential is for a view of another: one answer for all, by the same look-ups (I1);
//! 8. the credential's scope does not reach so far; nobody deletes a `config`;
//! 9. the node hears no majority of its cluster, and it is not one who only reads and only reads
//!    now: what such a node knows may be old ([`recall`]). Rules 1 to 3 go by the day that the node
//!    itself makes it then, and a tenant with pools may come by a spare gateway, since nobody knows
//!    whether one of its own is there.
//!
//! Rules 1 to 4, 6 and 7 hold for a session as a whole, so a probe meets them too. Maintenance does
//! not refuse a probe: a restore begins with one as a backup does.
//!
//! Handling a lock is reading here: restic takes one even to restore.

use std::time::Duration;

use super::{Contract, Grant, Visit};
use crate::catalog::rows::{Rows, Scope, Subtenant, Tenant};
use crate::gateway::Admitted;
use crate::gateways::Door;
use crate::kernel::{Date, NodeId};
use crate::names::{RepositoryName, SubtenantName};
use crate::object::Kind;
use crate::recall;
use crate::refusal::{Reason, Refusal};
use crate::service::Intent;

/// When to try a spare gateway again: a gateway that is gone holds its lease for no longer.
const SPARE_PAUSE: Duration = Duration::from_secs(2);

/// Whether the visitor's session was open before the maintenance began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seniority {
    /// It was, or there is no maintenance.
    Before,
    /// It was opened during it, or would be now, or its backup was completed during it.
    During,
}

/// What is known of the visitor's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    /// Since when it is open.
    pub(super) seniority: Seniority,
    /// Whether it came by a gateway that took it because none of the tenant's own was there.
    pub(super) by_spare: bool,
}

/// What a request does, as far as the rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Looks and reads.
    Read,
    /// Adds or deletes a lock.
    Lock,
    /// Adds.
    Add,
    /// Deletes.
    Delete,
    /// What nobody may.
    Never,
}

impl Reach {
    const fn of(intent: Intent) -> Self {
        match intent {
            Intent::Probe | Intent::Stat(_) | Intent::List(_) | Intent::Read(_) => Self::Read,
            Intent::Write(Kind::Lock, _) | Intent::Delete(Kind::Lock) => Self::Lock,
            Intent::Write(..) | Intent::Create => Self::Add,
            Intent::Delete(Kind::Config) => Self::Never,
            Intent::Delete(_) => Self::Delete,
        }
    }

    fn is_reading(self) -> bool {
        self <= Self::Lock
    }
}

/// Lets a request in, or says why not.
pub(super) fn decide(contract: &Contract, visit: &Visit, seat: Seat) -> Result<Grant, Refusal> {
    let reach = Reach::of(visit.intent);
    let row = known(contract, visit)?;
    let today = visit.cut_off.map_or(contract.today, |it| it.today);
    if visit.admitted.expires.is_some_and(|last| today > last) {
        return Err(gone());
    }
    standing(today, row)?;
    if is_expired(today, row) && !reach.is_reading() {
        return Err(lease_ended(row));
    }
    let by_spare = seat.by_spare || visit.cut_off.is_some();
    passage(contract.doors.door(visit.gateway), by_spare)?;
    if let (Some(notice), Seniority::During, false) =
        (&contract.maintenance, seat.seniority, reach.is_reading())
    {
        return Err(Refusal::new(Reason::Maintenance, notice.clone()));
    }
    let member = &visit.admitted.subtenant;
    membership(contract, member.as_ref())?;
    let name = RepositoryName::parse(&visit.repository).ok();
    let grant = place(contract, visit, name.as_ref()).ok_or_else(not_found)?;
    scope(visit, reach)?;
    if visit.cut_off.is_some() && !recalls(visit, reach) {
        return Err(recall::refused());
    }
    Ok(grant)
}

/// Whether what may be old is shown: to a login that can delete no data anywhere, which reads.
fn recalls(visit: &Visit, reach: Reach) -> bool {
    reach == Reach::Read && furthest(&visit.admitted) <= Reach::Lock
}

/// Whether a tenant comes in by that door.
fn passage(door: Door, by_spare: bool) -> Result<(), Refusal> {
    match door {
        Door::Own | Door::Spare => Ok(()),
        Door::SpareLater if by_spare => Ok(()),
        Door::SpareLater => Err(Refusal::retry(
            Reason::SpareGateway,
            "this gateway takes this account only while none of the account's own gateways works, \
             and one does; connect to that",
            SPARE_PAUSE,
        )),
        Door::Barred => Err(Refusal::new(
            Reason::WrongGateway,
            "this gateway does not serve this account; connect to the address that the service \
             provider gave for it, or ask the provider for one",
        )),
    }
}

/// Whether an account may come to the counter by that gateway, for more than to ask which are its
/// own: rule 4.
///
/// # Errors
/// When it may not.
pub fn gateway(rows: &Rows, admitted: &Admitted, by: Option<NodeId>) -> Result<(), Refusal> {
    passage(rows.doors(admitted.tenant_id).door(by), false)
}

/// Whether an account may come to the counter, where it looks at itself: rules 1, 2, 3 within the
/// grace, and 6.
pub fn account(rows: &Rows, admitted: &Admitted) -> Result<(), Refusal> {
    let tenant = rows.tenants.get(&admitted.tenant);
    let tenant = tenant.filter(|row| row.id == admitted.tenant_id);
    let tenant = tenant.filter(|_| rows.credentials.contains_key(&admitted.credential));
    standing(rows.clock.today, tenant.ok_or_else(gone)?)?;
    let Some(name) = &admitted.subtenant else {
        return Ok(());
    };
    let key = (admitted.tenant.clone(), name.clone());
    member(rows.subtenants.get(&key))
}

/// Whether an account may look at all of its tenant: a subtenant sees itself only, and a view sees
/// one repository.
pub fn tenant_itself(admitted: &Admitted) -> Result<(), Refusal> {
    if admitted.subtenant.is_none() && admitted.view.is_none() {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::Scope,
        "only the tenant itself may do this",
    ))
}

/// Whether nothing at all is allowed to the tenant: its sessions end (I5).
pub(super) fn closed(contract: &Contract) -> Option<Refusal> {
    match &contract.row {
        None => Some(gone()),
        Some(row) => standing(contract.today, row).err(),
    }
}

/// Whether the lease has ended, grace or not.
pub(super) fn lease_end(contract: &Contract) -> Option<Refusal> {
    let row = contract.row.as_ref()?;
    is_expired(contract.today, row).then(|| lease_ended(row))
}

/// Whether a request changes more than locks, which nobody may once the lease has ended.
pub(super) fn writes(intent: Intent) -> bool {
    !Reach::of(intent).is_reading()
}

/// Whether a subtenant may do nothing any more.
pub(super) fn membership(
    contract: &Contract,
    member: Option<&SubtenantName>,
) -> Result<(), Refusal> {
    let Some(name) = member else { return Ok(()) };
    self::member(contract.subtenants.get(name))
}

fn member(row: Option<&Subtenant>) -> Result<(), Refusal> {
    match row {
        None => Err(gone()),
        Some(row) if row.disabled.is_some() => Err(Refusal::new(
            Reason::Disabled,
            "this subtenant is disabled; ask its tenant or the service provider",
        )),
        Some(_) => Ok(()),
    }
}

/// The answer to a login that is valid no more.
pub(super) fn gone() -> Refusal {
    Refusal::new(
        Reason::Unauthenticated,
        "the user name or the password is wrong",
    )
}

/// The answer for a repository that is not there, or not theirs.
pub(super) fn not_found() -> Refusal {
    Refusal::new(Reason::NotFound, "there is no such repository")
}

fn known<'a>(contract: &'a Contract, visit: &Visit) -> Result<&'a Tenant, Refusal> {
    let row = contract.row.as_ref().ok_or_else(gone)?;
    let is_current = row.id == visit.admitted.tenant_id
        && contract.credentials.contains(&visit.admitted.credential);
    if is_current { Ok(row) } else { Err(gone()) }
}

fn standing(today: Date, row: &Tenant) -> Result<(), Refusal> {
    if let Some(why) = &row.disabled {
        let sentence = format!("this account is disabled: {why}");
        return Err(Refusal::new(Reason::Disabled, sentence));
    }
    match row.lease {
        Some(last) if today > last.plus(row.restore_grace) => Err(lease_ended(row)),
        Some(_) | None => Ok(()),
    }
}

fn is_expired(today: Date, row: &Tenant) -> bool {
    row.lease.is_some_and(|last| today > last)
}

fn lease_ended(row: &Tenant) -> Refusal {
    let end = row
        .lease
        .map(|last| format!(" on {last}"))
        .unwrap_or_default();
    Refusal::new(
        Reason::LeaseExpired,
        format!("the lease ended{end}; ask your service provider to extend it"),
    )
}

/// Finds the repository by the tenant's own list alone, so that what is another's is not there.
pub(super) fn place(
    contract: &Contract,
    visit: &Visit,
    name: Option<&RepositoryName>,
) -> Option<Grant> {
    let admitted = &visit.admitted;
    let repository = *contract.repositories.get(name?)?;
    let slice = match &admitted.subtenant {
        Some(member) => *contract.subtenants.get(member)?.slices.get(&repository)?,
        None => None,
    };
    if admitted
        .view
        .is_some_and(|view| view.repository != repository)
    {
        return None;
    }
    Some(Grant {
        repository,
        space: admitted.space,
        slice,
        lease: contract.row.as_ref().and_then(|row| row.lease),
        view: admitted.view,
        recalled: visit.cut_off,
    })
}

/// How far a login reaches at most.
const fn furthest(admitted: &Admitted) -> Reach {
    match (admitted.view, admitted.scope) {
        (Some(_), _) | (None, Scope::Read) => Reach::Lock,
        (None, Scope::Append) => Reach::Add,
        (None, Scope::Full) => Reach::Delete,
    }
}

fn scope(visit: &Visit, reach: Reach) -> Result<(), Refusal> {
    let furthest = furthest(&visit.admitted);
    if reach <= furthest {
        return Ok(());
    }
    let sentence = match (reach, furthest) {
        (Reach::Never, _) => "a config is never deleted; ask your service provider",
        (_, Reach::Read | Reach::Lock) => "this login may only read",
        (_, Reach::Add | Reach::Delete | Reach::Never) => "this login may not delete",
    };
    Err(Refusal::new(Reason::Scope, sentence))
}
