//! Orders about where cartridges are, and who may share them: pools, vaults and tape classes.

use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::{MediumCommand, TapeCommand, TapeRefused, VaultCommand};
use holdfast_actors::names::{TapeName, TenantName};
use holdfast_actors::tape::MediumId;

use super::super::super::{Items, Problem, answers};
use super::super::repositories::tenant_id;
use super::super::speaker::Speaker;
use super::super::{Answer, Office, value};
use super::{medium_id, medium_of, refused};
use crate::commands::tape::Named;
use crate::commands::tape::class::Class;
use crate::commands::tape::media::Move;
use crate::commands::tape::vault::Vault;

impl Office {
    pub(super) async fn vault(&self, by: &Speaker, order: Vault, items: &Items) -> Answer {
        match order {
            Vault::Add(add) => {
                let description = add.description.unwrap_or_default();
                let name = add.name;
                let add = TapeCommand::Vault(name.clone(), VaultCommand::Add { description });
                self.submit_and_show(by, Command::Tape(add), |rows| vault_of(rows, &name))
                    .await
            }
            Vault::List => {
                let rows = self.books.rows();
                for name in rows.tape.vaults.keys() {
                    items.send(&vault_of(&rows, name)?).await?;
                }
                value(&())
            }
            Vault::Remove(Named { name }) => {
                let remove = TapeCommand::Vault(name, VaultCommand::Remove);
                self.submit_and_settle(by, Command::Tape(remove)).await
            }
        }
    }

    pub(super) async fn class(&self, by: &Speaker, order: Class, items: &Items) -> Answer {
        let rows = self.books.rows();
        match order {
            Class::Set(set) => {
                let id = tenant_id(&rows, &set.tenant)?;
                let command = Command::Tape(TapeCommand::Class(id, set.class));
                let show = |rows: &Rows| class_of(rows, &set.tenant);
                self.submit_and_show(by, command, show).await
            }
            Class::List => {
                let is_of = |id| rows.tape.classes.contains_key(id);
                let tenants = rows.tenants.iter().filter(|(_, row)| is_of(&row.id));
                for (name, _) in tenants {
                    items.send(&class_of(&rows, name)?).await?;
                }
                value(&())
            }
        }
    }

    /// One after the other; those before one that is refused have moved.
    pub(super) async fn move_media(&self, by: &Speaker, order: Move, items: &Items) -> Answer {
        let rows = self.books.rows();
        let media = order.media.iter().map(|medium| medium_id(&rows, medium));
        let media: Vec<MediumId> = media.collect::<Result<_, _>>()?;
        let command = match (order.vault, order.no_vault) {
            (None, false) => MediumCommand::Move(order.pool),
            (vault, _) => MediumCommand::Vault(vault),
        };
        for medium in media {
            self.tapes.unused(medium)?;
            let command = TapeCommand::Medium(medium, command.clone());
            self.submit(by, Command::Tape(command)).await?;
            let shown = medium_of(&self.books.rows(), medium)?;
            items.send(&shown.cartridge).await?;
        }
        value(&())
    }
}

fn vault_of(rows: &Rows, name: &TapeName) -> Result<answers::Vault, Problem> {
    let row = rows.tape.vaults.get(name);
    let row = row.ok_or_else(|| refused(TapeRefused::NoVault(name.clone())))?;
    Ok(answers::Vault::of(name, row, rows))
}

fn class_of(rows: &Rows, name: &TenantName) -> Result<answers::TapeClass, Problem> {
    let id = tenant_id(rows, name)?;
    Ok(answers::TapeClass {
        tenant: name.clone(),
        class: rows.tape.classes.get(&id).cloned(),
    })
}
