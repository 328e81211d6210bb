//! What must always be true, one file each.
//!
//! Some are checked whenever a client or an operator is answered, the others by [`check`]: at every
//! recovery, before anybody else comes in, and at every quiet point, when all clients have stopped.

pub(crate) mod acknowledged;
pub(crate) mod approvals;
pub(crate) mod asserted;
pub(crate) mod bin;
pub(crate) mod calendar;
pub(crate) mod certificate;
pub(crate) mod events;
pub(crate) mod former;
pub(crate) mod holds;
pub(crate) mod panics;
pub(crate) mod progress;
pub(crate) mod purge;
pub(crate) mod quota;
pub(crate) mod recovery;
pub(crate) mod reservations;
pub(crate) mod reserve;
pub(crate) mod rot;
pub(crate) mod shut;
pub(crate) mod space;
pub(crate) mod sums;
pub(crate) mod tasks;
pub(crate) mod undelete;
pub(crate) mod walls;

use holdfast_actors::kernel::RepositoryId;
use holdfast_actors::repository::{Reader, Report, Snapshot};

use crate::world::Scene;

/// One repository as its operator sees it at a quiet point.
pub(crate) struct Seen {
    pub(crate) tenant: usize,
    pub(crate) report: Report,
    pub(crate) snapshot: Snapshot,
    pub(crate) reader: Reader,
}

/// Checks everything that can be checked while nobody works.
pub(crate) async fn check(scene: &Scene, when: &str) {
    let repositories: Vec<(usize, RepositoryId)> = {
        let mut book = scene.ledger.book();
        let now = book.now();
        book.figures.checks += 1;
        book.trace.say(now, format_args!("check {when}"));
        let all = book.accounts.iter().enumerate();
        all.filter_map(|(tenant, account)| Some((tenant, account.served()?)))
            .collect()
    };
    events::check(&mut scene.ledger.book(), &scene.catalog.rows());
    approvals::check(&mut scene.ledger.book(), &scene.catalog.rows());
    purge::check(&mut scene.ledger.book(), scene);
    certificate::check(&mut scene.ledger.book(), &scene.catalog.rows());
    asserted::check(scene);
    for (tenant, id) in repositories {
        let is_rotten = || scene.ledger.book().is_rotten(tenant);
        let is_gone = || scene.ledger.book().accounts[tenant].served() != Some(id);
        if is_rotten() {
            rot::check(scene, tenant, id).await;
            continue;
        }
        let Some(seen) = scene.see(tenant, id).await else {
            if is_gone() || is_rotten() {
                continue;
            }
            scene
                .ledger
                .breach(progress::ID, format_args!("{id} is out of service {when}"));
            continue;
        };
        undelete::begun(&mut scene.ledger.book(), &seen);
        acknowledged::check(scene, &seen).await;
        if is_gone() {
            // Operators go on: it was removed while its objects were read.
            continue;
        }
        sums::check(&mut scene.ledger.book(), &seen);
        reservations::check(&mut scene.ledger.book(), &seen);
        quota::check(&mut scene.ledger.book(), tenant, &seen.report);
        bin::check(scene, &seen).await;
        holds::check(scene, &seen).await;
    }
}
