//! The hands of the tenants' supervisor: they start and stop tenants, pass visitors on, and hand
//! each tenant its contract when it changes.

use std::collections::BTreeMap;
use std::fmt;

use ractor::ActorCell;
use tokio::sync::oneshot;

use super::Tenants;
use super::contracts::{Contracts, Touched};
use crate::catalog::rows::Rows;
use crate::kernel::{Never, Ticket};
use crate::names::TenantName;
use crate::ports::Pending;
use crate::refusal::Refusal;
use crate::shell::{self, Context, End, Fault, Gone, Handle, Hands};
use crate::supervision::{Effect, Event, Outcome};
use crate::tenant::{self, Permit, SessionSink, Tenant, TenantHands, Visit};

/// What the supervisor is told.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the rows are a handful of pointers, moved once for each change of the catalog"
)]
pub enum Message {
    /// The catalog has changed.
    Rows(Rows),
    /// Somebody stands at a tenant's door.
    Enter(Box<Visit>, Door),
    /// A tenant runs, or could not be started.
    Started(TenantName, Option<Handle<tenant::Message>>),
    /// A tenant has seen so many visitors and has none now.
    Idle(TenantName, u64),
    /// A tenant's actor is gone.
    Ended(TenantName, Outcome),
    /// An operator wants a tenant back in service.
    Restart(TenantName),
}

/// Whom to let in.
pub type Door = oneshot::Sender<Result<Permit, Refusal>>;

/// Belongs to the one supervisor of tenants.
pub struct TenantsHands {
    contracts: Contracts,
    sink: SessionSink,
    last_ticket: Ticket,
    visitors: BTreeMap<Ticket, (Box<Visit>, Door)>,
    running: BTreeMap<TenantName, Handle<tenant::Message>>,
}

impl fmt::Debug for TenantsHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantsHands({} running)", self.running.len())
    }
}

impl TenantsHands {
    /// Hands that know the catalog as of `rows` and send the ends of sessions to `sink`.
    pub fn new(rows: Rows, sink: SessionSink) -> Self {
        let mut contracts = Contracts::default();
        contracts.follow(rows);
        Self {
            contracts,
            sink,
            last_ticket: Ticket::default(),
            visitors: BTreeMap::new(),
            running: BTreeMap::new(),
        }
    }

    fn follow(&mut self, rows: Rows) {
        let touched = self.contracts.follow(rows);
        for (name, handle) in &self.running {
            let is_touched = match &touched {
                Touched::All => true,
                Touched::Some(names) => names.contains(name),
            };
            if is_touched {
                // One that has just ended gets it when it is started again.
                let _ = self.hand_contract(name, handle);
            }
        }
    }

    fn hand_contract(
        &self,
        name: &TenantName,
        handle: &Handle<tenant::Message>,
    ) -> Result<(), Gone> {
        let contract = Box::new(self.contracts.of(name));
        handle.tell(tenant::Message::Contract(contract))
    }

    fn spawn(&self, name: TenantName, context: &Context<Self>) -> Pending<Message> {
        let now = context.ports.clock.now();
        let machine = Tenant::new(name.clone(), self.contracts.of(&name), now);
        let sink = SessionSink::clone(&self.sink);
        let hands = TenantHands::new(name.clone(), context.myself.clone(), sink);
        let path = context.path.child(&name);
        let ports = context.ports.clone();
        let supervisor = context.myself.cell();
        Box::pin(async move {
            let spawned = shell::spawn(path, machine, hands, ports, Some(supervisor)).await;
            Message::Started(name, spawned.ok())
        })
    }

    fn pass(&mut self, name: &TenantName, ticket: Ticket) {
        let Some((visit, door)) = self.visitors.remove(&ticket) else {
            return;
        };
        // If the tenant has just ended, the door is dropped and its caller told so.
        if let Some(handle) = self.running.get(name) {
            let _ = handle.tell(tenant::Message::Enter(visit, door));
        }
    }
}

impl Hands for TenantsHands {
    type Machine = Tenants;
    type Message = Message;

    fn admit(&mut self, message: Message, context: &Context<Self>) -> Option<Event<TenantName>> {
        match message {
            Message::Rows(rows) => {
                self.follow(rows);
                None
            }
            Message::Enter(visit, door) => {
                self.last_ticket = self.last_ticket.next();
                let ticket = self.last_ticket;
                let key = visit.admitted.tenant.clone();
                self.visitors.insert(ticket, (visit, door));
                Some(Event::Wanted { key, ticket })
            }
            Message::Started(name, Some(handle)) => {
                // The catalog may have changed since the spawn began; and a tenant that failed
                // before it was known here has nobody else to say so.
                if self.hand_contract(&name, &handle).is_err() {
                    return Some(Event::Ended(name, Outcome::Failed));
                }
                self.running.insert(name.clone(), handle);
                Some(Event::Started(name))
            }
            Message::Started(name, None) => Some(Event::Ended(name, Outcome::Failed)),
            Message::Idle(key, seen) => Some(Event::Idle { key, seen }),
            Message::Ended(name, outcome) => {
                self.running.remove(&name);
                Some(Event::Ended(name, outcome))
            }
            Message::Restart(name) => {
                let path = context.path.child(&name);
                context.ports.directory.give_up(path, false);
                Some(Event::Restart(name))
            }
        }
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect<TenantName>,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Spawn(name) => return Ok(Some(self.spawn(name, context))),
            Effect::Pass(name, ticket) => self.pass(&name, ticket),
            Effect::Refuse(_, ticket) => {
                if let Some((_, door)) = self.visitors.remove(&ticket) {
                    // The caller may have gone.
                    let _ = door.send(Err(tenant::unavailable()));
                }
            }
            Effect::Stop(name) => {
                if let Some(handle) = self.running.get(&name) {
                    handle.stop();
                }
            }
            // Nothing is kept for it.
            Effect::Rest(_) => {}
            Effect::GiveUp(name) => {
                tracing::error!(tenant = %name, "tenant out of service");
                let path = context.path.child(&name);
                context.ports.directory.give_up(path, true);
            }
        }
        Ok(None)
    }

    fn ended(&mut self, child: &ActorCell, end: End) -> Option<Message> {
        let is_child = |handle: &Handle<_>| handle.cell().get_id() == child.get_id();
        let (name, _) = self.running.iter().find(|(_, handle)| is_child(handle))?;
        let outcome = match end {
            End::Stopped => Outcome::Stopped,
            End::Failed(_) => Outcome::Failed,
        };
        Some(Message::Ended(name.clone(), outcome))
    }
}
