//! A repository that an operator puts back to an instant shows exactly what it showed then, in all
//! its parts, but for locks and `config` (9.3); and nothing else of it changes: whoever crashes
//! meanwhile finds all of it put back, or nothing.
//!
//! Instants are noted when nobody works, as far as all of them is certain, and asked for again as
//! long as bin or hold keep what was there.

use holdfast_actors::catalog::command::{Actor, Command, RepositoryCommand, Submission};
use holdfast_actors::catalog::{Outcome, SubmitError};
use holdfast_actors::kernel::{RepositoryId, Sequence, Timestamp};
use holdfast_actors::names::{OperatorName, RepositoryName, TenantName};
use holdfast_actors::object::Kind;
use holdfast_actors::repository::{Message, Moment, Snapshot};

use super::Seen;
use crate::dice::Dice;
use crate::ledger::{Book, Instant, Undoing};
use crate::mutation::Mutation;
use crate::office;
use crate::oracle::{Contents, ShelfId};
use crate::trace::Micros;
use crate::world::Scene;

/// The id of this invariant.
pub(crate) const ID: &str = "undelete";

const DAY: Micros = 86_400_000_000;
/// How long before a look an instant is taken, in milliseconds; nobody has worked for longer.
const BEFORE: u64 = 2_000;
/// The most instants that are kept.
const INSTANTS_MAX: usize = 24;
/// All kinds that an instant has.
const KINDS: [Kind; 4] = [Kind::Data, Kind::Index, Kind::Key, Kind::Snapshot];

/// Nobody works: what every repository shows is noted, and now and then one is put back.
pub(crate) async fn meddle(scene: &Scene, dice: &mut Dice) {
    for (tenant, id) in scene.repositories() {
        if scene.ledger.book().is_rotten(tenant) {
            continue;
        }
        if dice.one_in(2) {
            put_back(scene, tenant, id, dice).await;
        }
        note(scene, tenant, id).await;
    }
}

/// Notes what a repository shows, if that is certain, and shows in the view of that instant too:
/// the node's clock may have been set meanwhile.
async fn note(scene: &Scene, tenant: usize, id: RepositoryId) {
    let Some(seen) = scene.see(tenant, id).await else {
        return;
    };
    let mut book = scene.ledger.book();
    let (Some(wall), Some(shelves)) = (book.highest_wall(), book.contents_of(tenant)) else {
        return;
    };
    let at = Timestamp::from_millis(wall.as_millis().saturating_sub(BEFORE));
    if shows(&book, &seen.snapshot, Moment::At(at), &shelves).is_some() {
        return;
    }
    let (noted, leaps) = (book.now(), book.leaps);
    book.instants.push(Instant {
        tenant,
        repository: id,
        at,
        noted,
        leaps,
        shelves,
    });
    if book.instants.len() > INSTANTS_MAX {
        book.instants.remove(0);
    }
}

async fn put_back(scene: &Scene, tenant: usize, id: RepositoryId, dice: &mut Dice) {
    let Some(instant) = pick(&scene.ledger.book(), tenant, id, dice) else {
        return;
    };
    {
        let mut book = scene.ledger.book();
        let Some(before) = book.contents_of(tenant) else {
            return;
        };
        for (shelf, _) in &before {
            book.oracle.blurs(*shelf);
        }
        let after = instant.shelves.clone();
        book.undoing = Some(Undoing {
            tenant,
            before,
            after,
        });
        book.unknown += 1;
    }
    let answer = order(scene, tenant, instant.at, dice.below(u64::MAX)).await;
    {
        let mut book = scene.ledger.book();
        let now = book.now();
        let told = answer.as_ref().map(|_| ());
        book.trace.say(
            now,
            format_args!("operator puts {id} back to {}: {told:?}", instant.at),
        );
        match answer {
            Ok(_) => {
                book.unknown -= 1;
                book.events += 1;
            }
            Err(SubmitError::Refused(_)) => {
                book.unknown -= 1;
                return;
            }
            // The node ends.
            Err(SubmitError::Gone(_)) => return,
        }
    }
    restore(scene, (tenant, id), &instant).await;
}

/// Has the repository put back, and looks at what it shows then.
async fn restore(scene: &Scene, (tenant, id): (usize, RepositoryId), instant: &Instant) {
    let to = match scene.mutation {
        Some(Mutation::OtherInstant) => Timestamp::from_millis(instant.at.as_millis() - 3_600_000),
        _ => instant.at,
    };
    let Some(visit) = scene.visit(id).await else {
        return;
    };
    let restore = |reply| Message::Restore(to, reply);
    let is_done = matches!(visit.repository.ask(restore).await, Ok(Ok(())));
    let Some(seen) = scene.see(tenant, id).await else {
        return;
    };
    let mut book = scene.ledger.book();
    if book.accounts[tenant].served() != Some(id) {
        book.undoing = None;
        return;
    }
    if !is_done {
        // A full disk refuses it, for one.
        begun(&mut book, &seen);
        return;
    }
    book.figures.views += 1;
    let shown = shows(&book, &seen.snapshot, Moment::Now, &instant.shelves);
    if let Some(other) = shown.filter(|_| !book.is_rotten(tenant)) {
        let story = format!("{id} was put back to {} and {other}", instant.at);
        book.breach(ID, format_args!("{story}"));
    }
    for (shelf, contents) in &instant.shelves {
        book.oracle.shows(*shelf, contents);
    }
    book.undoing = None;
}

/// An instant to which a repository can be put back: all that was deleted since is still kept.
fn pick(book: &Book, tenant: usize, id: RepositoryId, dice: &mut Dice) -> Option<Instant> {
    let (now, leaps, account) = (book.now(), book.leaps, &book.accounts[tenant]);
    let is_kept = |instant: &&Instant| {
        let (bin, hold) = (
            account.bin_days.since(instant.noted),
            account.hold_days.since(instant.noted),
        );
        let age = now - instant.noted + (leaps - instant.leaps);
        let days = bin.zip(hold).map_or(0, |(bin, hold)| *bin.max(hold));
        instant.repository == id && age < u64::from(days) * DAY
    };
    let all: Vec<&Instant> = book.instants.iter().filter(is_kept).collect();
    let at = dice.below(all.len() as u64) as usize;
    all.get(at).map(|instant| (*instant).clone())
}

/// Gives the command that goes before: it is the event.
async fn order(
    scene: &Scene,
    tenant: usize,
    to: Timestamp,
    client: u64,
) -> Result<(Outcome, Sequence), SubmitError> {
    let names = {
        let book = scene.ledger.book();
        let account = &book.accounts[tenant];
        let names = TenantName::parse(&account.name)
            .ok()
            .zip(RepositoryName::parse(account.repository).ok());
        names.zip(OperatorName::parse(office::NAME).ok())
    };
    let Some(((tenant, name), operator)) = names else {
        return Err(SubmitError::Gone(holdfast_actors::shell::Gone));
    };
    let reason = None;
    let submission = Submission {
        client,
        sequence: 1,
        by: Actor::Operator(operator),
        at: scene.office.wall(),
        command: Command::Repository(RepositoryCommand::Restore {
            tenant,
            name,
            to,
            reason,
        }),
    };
    scene.catalog.submit(submission).await
}

/// What a snapshot shows otherwise than this, at a moment.
fn shows(
    book: &Book,
    snapshot: &Snapshot,
    moment: Moment,
    shelves: &[(ShelfId, Contents)],
) -> Option<String> {
    for (shelf, contents) in shelves {
        let row = &book.shelves[*shelf];
        let Some(space) = row.space else { continue };
        let mut count = 0;
        for kind in KINDS {
            for (name, object) in snapshot.list(space, kind, moment, None) {
                let known = contents.get(&(kind, name)).map(|(size, _)| *size);
                if known != Some(object.size.as_bytes()) {
                    return Some(format!("{} shows {kind}/{name:?}", row.user));
                }
                count += 1;
            }
        }
        if count != contents.len() {
            let all = contents.len();
            return Some(format!("{} shows {count} of {all} objects", row.user));
        }
    }
    None
}

/// What was begun and not answered as done was done whole, or not at all.
pub(crate) fn begun(book: &mut Book, seen: &Seen) {
    let undoing = book
        .undoing
        .take_if(|undoing| undoing.tenant == seen.tenant);
    let Some(undoing) = undoing else { return };
    let before = shows(book, &seen.snapshot, Moment::Now, &undoing.before);
    let after = shows(book, &seen.snapshot, Moment::Now, &undoing.after);
    if let (Some(before), Some(after)) = (before, after) {
        let story = format!("half put back: not as before, {before}; not as after, {after}");
        book.breach(ID, format_args!("{story}"));
    }
}
