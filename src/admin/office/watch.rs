//! Orders about the service as a whole: its events, its day, its notice, its certificate.

use std::ops::Bound;

use holdfast_actors::catalog::Deed;
use holdfast_actors::catalog::command::{ClockCommand, Command, ServiceCommand};
use holdfast_actors::kernel::Sequence;

use super::super::{Items, Problem, ProblemClass, answers};
use super::speaker::Speaker;
use super::{Answer, Office, value};
use crate::commands::Events;
use crate::commands::certificate::Certificate;
use crate::commands::service::{Clock, Maintenance};

impl Office {
    pub(super) async fn events(&self, order: Events, items: &Items) -> Answer {
        let mut seen: Option<Sequence> = None;
        loop {
            // Asked for before the rows are read, so that no change falls between.
            let changed = self.books.changed();
            let rows = self.books.rows();
            let from = seen.map_or(Bound::Unbounded, Bound::Excluded);
            for (sequence, row) in rows.events.range((from, Bound::Unbounded)) {
                seen = Some(*sequence);
                if order.tenant.is_none() || order.tenant == row.tenant {
                    items.send(&answers::Event::of(*sequence, row)).await?;
                }
            }
            if !order.follow {
                return value(&());
            }
            changed.await;
        }
    }

    pub(super) async fn maintenance(&self, by: &Speaker, order: Maintenance) -> Answer {
        let notice = match order {
            Maintenance::On(notice) => Some(Some(notice.text)),
            Maintenance::Off => Some(None),
            Maintenance::Status => None,
        };
        if let Some(notice) = notice {
            let command = Command::Service(ServiceCommand::Maintenance(notice));
            self.submit(by, command).await?;
        }
        let text = self.books.rows().maintenance.clone();
        value(&answers::Maintenance {
            maintenance: text.is_some(),
            text,
        })
    }

    pub(super) async fn clock(&self, by: &Speaker, order: Clock) -> Answer {
        if let Clock::Confirm(confirm) = order {
            let today = confirm.today.0;
            let command = Command::Clock(ClockCommand::Confirm { today });
            self.submit(by, command).await?;
        }
        let wall = self.services.wall();
        value(&answers::Clock::of(&self.books.rows(), wall))
    }

    pub(super) async fn certificate(&self, by: &Speaker, order: Certificate) -> Answer {
        let shown = match order {
            Certificate::Show(_) => self.services.certificate().await?,
            Certificate::Import(import) => {
                by.may(&self.books.rows(), Deed::Certify)?;
                let missing =
                    || Problem::new(ProblemClass::Usage, "usage", "there is no certificate");
                let pem = import.pem.ok_or_else(missing)?;
                self.services.import_certificate(pem, by.actor()).await?
            }
            Certificate::Rotate => {
                by.may(&self.books.rows(), Deed::Certify)?;
                self.services.rotate_certificate(by.actor()).await?
            }
        };
        value(&shown)
    }
}
