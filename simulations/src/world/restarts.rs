//! An operator who ends actors, and puts them back in service, as the debug shell does.

use holdfast_actors::names::TenantName;
use holdfast_actors::shell::Path;
use holdfast_actors::{repositories, tenants};

use super::{Scene, pass};
use crate::dice::Dice;
use crate::trace::Micros;

/// How often at most in one life.
const COUNT: u32 = 12;

/// How long somebody may notice: one that fails pauses before it starts again.
const SHAKEN: Micros = 120_000_000;

/// Ends one actor after the other, for a while.
pub(super) async fn restart(scene: Scene, mut dice: Dice) {
    let mut pause = 50;
    for _ in 0..COUNT {
        pass(1 + dice.below(pause)).await;
        // Often at first, and then seldom.
        pause = (pause * 2).min(600_000);
        let (name, id) = {
            let book = scene.ledger.book();
            let account = &book.accounts[dice.below(book.accounts.len() as u64) as usize];
            (account.name.clone(), account.served())
        };
        let (of_tenant, is_failure) = (dice.one_in(2), dice.one_in(2));
        let path = match id {
            Some(id) if !of_tenant => Path::node().child("repositories").child(id),
            _ => Path::node().child("tenants").child(&name),
        };
        {
            let mut book = scene.ledger.book();
            book.shaken = book.now() + SHAKEN;
        }
        let is_there = if is_failure {
            scene.directory.restart(&path)
        } else {
            scene.directory.stop(&path)
        };
        scene
            .ledger
            .say(format_args!("{path} is restarted: {is_there}"));
        if dice.one_in(2) {
            continue;
        }
        // A node that ends restarts nobody.
        let _ = match (TenantName::parse(&name), id) {
            (Ok(name), _) if of_tenant => {
                let again = tenants::Message::Restart(name);
                scene.front.tenants.tell(again).is_ok()
            }
            (_, Some(id)) => {
                let again = repositories::Message::Restart(id);
                scene.front.repositories.tell(again).is_ok()
            }
            _ => false,
        };
    }
}
