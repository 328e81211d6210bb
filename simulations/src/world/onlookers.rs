//! Who looks on while clients work, and compares what the node says of itself.

use super::{Scene, pass};
use crate::dice::Dice;
use crate::invariants::{calendar, quota};

/// Follows the catalog's day.
pub(super) async fn watch(scene: Scene) {
    let mut news = scene.catalog.subscribe();
    loop {
        let today = news.borrow_and_update().clock.today;
        calendar::seen(&mut scene.ledger.book(), today);
        if news.changed().await.is_err() {
            return;
        }
    }
}

/// Asks for the figures now and then.
pub(super) async fn audit(scene: Scene, mut dice: Dice) {
    let mut pause = 8;
    loop {
        pass(1 + dice.below(pause)).await;
        // Often at first, and seldom when nothing happens for hours.
        pause = (pause + pause / 8 + 1).min(1_200_000);
        let ids: Vec<_> = {
            let book = scene.ledger.book();
            book.accounts
                .iter()
                .map(|account| account.served())
                .collect()
        };
        for (tenant, id) in ids.into_iter().enumerate() {
            let Some(id) = id else { continue };
            if let Some(report) = scene.report(id).await {
                quota::check(&mut scene.ledger.book(), tenant, &report);
            }
        }
    }
}
