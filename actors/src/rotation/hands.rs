//! The hands of the rotation: the store, and the catalog that is told.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Certificates, Effect, Event, Rotation};
use crate::catalog::Catalog;
use crate::catalog::command::{Actor, Command, ServiceCommand, Submission};
use crate::kernel::{Never, Timestamp};
use crate::ports::Pending;
use crate::shell::{Context, Fault, Hands};

/// What the rotation is told.
#[derive(Debug)]
pub enum Message {
    /// Somebody changed the store, or it came to what was wanted of it.
    Look,
    /// What was wanted failed.
    Failed(Fault),
}

/// Belongs to the one rotation of a node.
pub struct RotationHands {
    store: Arc<Mutex<dyn Certificates>>,
    catalog: Catalog,
}

impl std::fmt::Debug for RotationHands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RotationHands")
    }
}

impl RotationHands {
    /// Hands that switch this store and tell this catalog.
    pub fn new<C: Certificates>(store: Arc<Mutex<C>>, catalog: Catalog) -> Self {
        Self { store, catalog }
    }

    fn switch(&self, due: Timestamp) -> Message {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        match store.switch(due) {
            Ok(()) => Message::Look,
            Err(fault) => Message::Failed(fault),
        }
    }

    fn announce(&self, context: &Context<Self>) -> Pending<Message> {
        let store = Arc::clone(&self.store);
        let locked = store.lock().unwrap_or_else(PoisonError::into_inner);
        let (thumbprint, client) = locked.served();
        drop(locked);
        let told = self.catalog.submit(Submission {
            // Drawn from the certificate: told again after a crash, it is answered and not done.
            client,
            sequence: 1,
            by: Actor::System,
            at: context.ports.clock.now().wall,
            command: Command::Service(ServiceCommand::CertificateUpdated {
                thumbprint: thumbprint.clone(),
            }),
        });
        Box::pin(async move {
            if let Err(error) = told.await {
                return Message::Failed(Fault::of(&error));
            }
            let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
            match store.told(&thumbprint) {
                Ok(()) => Message::Look,
                Err(fault) => Message::Failed(fault),
            }
        })
    }
}

impl Hands for RotationHands {
    type Machine = Rotation;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Look => {
                let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
                Event::Stands(store.standing())
            }
            Message::Failed(fault) => {
                tracing::error!(error = %fault, "the certificate was not switched; trying again");
                Event::Failed
            }
        })
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        Ok(Some(match effect {
            Effect::Switch(due) => Box::pin(std::future::ready(self.switch(due))),
            Effect::Announce => self.announce(context),
        }))
    }
}
