//! Who works in a round: the clients of all tenants, as the plan says.

use std::sync::Arc;

use super::life::{Purpose, Stage};
use super::{Scene, pass};
use crate::invariants::progress;
use crate::workload::{Caller, Client};

impl Stage {
    /// Whether a client works at this node in a round; in peace all of them do.
    fn has_here(&self, client: usize, round: usize) -> bool {
        let tour = self.tour.as_ref().filter(|_| self.purpose == Purpose::Work);
        tour.is_none_or(|tour| tour.comes(client, round))
    }

    pub(super) fn clients(&self, scene: &Scene, round: usize) -> Vec<Client> {
        let shelves: Vec<_> = self
            .ledger
            .book()
            .shelves
            .iter()
            .map(|shelf| shelf.clients)
            .collect();
        let (mut clients, mut numbers) = (Vec::new(), 0..);
        for (shelf, count) in shelves.into_iter().enumerate() {
            for number in numbers.by_ref().take(count as usize) {
                if !self.has_here(number, round) {
                    continue;
                }
                let mut dice = self.dice.fork(&format!("client {number} round {round}"));
                let deaf = self.plan.habits.deaf;
                let is_deaf = deaf > 0 && dice.one_in(deaf) && self.purpose == Purpose::Work;
                let (ledger, service) = (self.ledger.clone(), Arc::clone(&scene.service));
                let caller = Caller {
                    number,
                    shelf,
                    ledger,
                    service,
                    is_deaf,
                };
                let mut habits = self.plan.habits.clone();
                if self.purpose == Purpose::Peace {
                    habits = habits.in_peace();
                }
                clients.push(Client {
                    caller,
                    dice,
                    habits,
                });
            }
        }
        clients
    }
}

pub(super) async fn work(mut client: Client) {
    // Who has no login yet waits for one, but not for long.
    for _ in 0..20 {
        if client.has_login() {
            return client.round().await;
        }
        pass(100).await;
    }
}

/// Tries until a backup succeeds.
pub(super) async fn back_up_at_last(mut client: Client) {
    let mut last = String::from("never answered");
    let tried = tokio::time::timeout(progress::PATIENCE, async {
        while let Err(refusal) = client.backup().await {
            last = refusal.to_string();
            pass(1_000).await;
        }
    });
    if tried.await.is_err() {
        let (number, shelf) = (client.caller.number, client.caller.shelf);
        let mut book = client.caller.ledger.book();
        let tenant = book.shelves[shelf].tenant;
        // What has rotted may stay out of service.
        if !book.is_rotten(tenant) {
            progress::stuck(&mut book, number, &last);
        }
    }
}
