//! The hands of a session: they tell its tenant how it went.

use super::{Effect, Event, Report, Session};
use crate::kernel::Never;
use crate::ports::Pending;
use crate::shell::{Context, Fault, Handle, Hands};
use crate::tenant::{Message, SessionId};

/// Belongs to one session of one tenant.
#[derive(Debug)]
pub struct SessionHands {
    id: SessionId,
    tenant: Handle<Message>,
}

impl SessionHands {
    /// Hands that report to `tenant` under `id`.
    pub const fn new(id: SessionId, tenant: Handle<Message>) -> Self {
        Self { id, tenant }
    }

    fn close(&self, report: Report, context: &Context<Self>) {
        // A tenant that is gone has no use for the report.
        let _ = self.tenant.tell(Message::SessionClosed(self.id, report));
        context.myself.stop();
    }
}

impl Hands for SessionHands {
    type Machine = Session;
    type Message = Event;

    fn admit(&mut self, message: Event, _: &Context<Self>) -> Option<Event> {
        Some(message)
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Event>>, Fault> {
        match effect {
            Effect::Close(report) => self.close(report, context),
        }
        Ok(None)
    }
}
