//! The hands of a tenant: they keep reply ports and revocation lines, and start its sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ractor::ActorCell;
use tokio::sync::{oneshot, watch};

use super::permit::Permit;
use super::{Contract, Effect, Event, Grant, PermitId, SessionEnd, SessionId, Tenant, Visit};
use crate::kernel::{Never, Size, Ticket};
use crate::names::TenantName;
use crate::ports::Pending;
use crate::refusal::Refusal;
use crate::session::{self, Direction, Outcome, Party, Report, Session, SessionHands};
use crate::shell::{self, Context, End, Fault, Handle, Hands};
use crate::tenants;

/// Where the ends of sessions go: to the catalog, as commands.
pub type SessionSink = Arc<dyn Fn(SessionEnd) + Send + Sync>;

/// What a tenant is told.
#[derive(Debug)]
pub enum Message {
    /// The catalog says this of it now.
    Contract(Box<Contract>),
    /// Somebody stands at the door.
    Enter(Box<Visit>, oneshot::Sender<Result<Permit, Refusal>>),
    /// A permit asks for a task.
    Task(PermitId, Direction, Size, Answer),
    /// A permit asks to move bytes.
    Charge(PermitId, Direction, Size, Answer),
    /// A permit is over.
    Leave(PermitId, Outcome),
    /// A session runs, or could not be started.
    SessionOpened(SessionId, Option<Handle<session::Event>>),
    /// A session has closed by itself.
    SessionClosed(SessionId, Report),
    /// A session's actor is gone; its report may still be on the way.
    SessionStopped(SessionId),
    /// A session's actor is gone, and no report is on the way any more.
    SessionLost(SessionId),
}

/// Whom to tell whether they may go on.
pub type Answer = oneshot::Sender<Result<(), Refusal>>;

/// Belongs to one tenant.
pub struct TenantHands {
    name: TenantName,
    supervisor: Handle<tenants::Message>,
    sink: SessionSink,
    last_ticket: Ticket,
    doors: BTreeMap<Ticket, oneshot::Sender<Result<Permit, Refusal>>>,
    answers: BTreeMap<Ticket, Answer>,
    permits: BTreeMap<PermitId, watch::Sender<Option<Refusal>>>,
    sessions: BTreeMap<SessionId, Line>,
}

/// The line to a session.
enum Line {
    /// It is being started; what to tell it then.
    Opening(Vec<session::Event>),
    Open(Handle<session::Event>),
}

impl fmt::Debug for TenantHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantHands({})", self.name)
    }
}

impl TenantHands {
    /// Hands of the tenant `name` below `supervisor`.
    pub fn new(name: TenantName, supervisor: Handle<tenants::Message>, sink: SessionSink) -> Self {
        Self {
            name,
            supervisor,
            sink,
            last_ticket: Ticket::default(),
            doors: BTreeMap::new(),
            answers: BTreeMap::new(),
            permits: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.last_ticket = self.last_ticket.next();
        self.last_ticket
    }

    fn keep(&mut self, answer: Answer) -> Ticket {
        let ticket = self.ticket();
        self.answers.insert(ticket, answer);
        ticket
    }

    fn opened(
        &mut self,
        id: SessionId,
        handle: Option<Handle<session::Event>>,
        context: &Context<Self>,
    ) {
        let line = self.sessions.get_mut(&id);
        if let (Some(handle), Some(Line::Opening(events))) = (handle, line) {
            let events = std::mem::take(events);
            let told = events.into_iter().try_for_each(|event| handle.tell(event));
            if told.is_ok() {
                self.sessions.insert(id, Line::Open(handle));
                return;
            }
        }
        // We are alive to say it to ourselves.
        let _ = context.myself.tell(Message::SessionLost(id));
    }

    fn grant(&mut self, ticket: Ticket, id: PermitId, grant: Grant, context: &Context<Self>) {
        let (line, revoked) = watch::channel(None);
        self.permits.insert(id, line);
        let permit = Permit::new(id, grant, context.myself.clone(), revoked);
        // If the caller has gone, the permit is dropped here and says so to us.
        if let Some(door) = self.doors.remove(&ticket) {
            let _ = door.send(Ok(permit));
        }
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<(), Refusal>) {
        // Whoever asked may have gone; their permit's end tells us.
        if let Some(waiting) = self.answers.remove(&ticket) {
            let _ = waiting.send(answer);
        } else if let (Some(door), Err(refusal)) = (self.doors.remove(&ticket), answer) {
            let _ = door.send(Err(refusal));
        }
    }

    fn open(&mut self, id: SessionId, party: Party, context: &Context<Self>) -> Pending<Message> {
        self.sessions.insert(id, Line::Opening(Vec::new()));
        let session = Session::open(party, context.ports.clock.now());
        let hands = SessionHands::new(id, context.myself.clone());
        let path = context.path.child(id);
        let ports = context.ports.clone();
        let supervisor = context.myself.cell();
        Box::pin(async move {
            let spawned = shell::spawn(path, session, hands, ports, Some(supervisor)).await;
            Message::SessionOpened(id, spawned.ok())
        })
    }

    fn tell(&mut self, id: SessionId, event: session::Event) {
        match self.sessions.get_mut(&id) {
            Some(Line::Opening(events)) => events.push(event),
            // One that has closed meanwhile has reported already.
            Some(Line::Open(handle)) => drop(handle.tell(event)),
            None => {}
        }
    }
}

impl Hands for TenantHands {
    type Machine = Tenant;
    type Message = Message;

    fn admit(&mut self, message: Message, context: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Contract(contract) => Event::Contract(contract),
            Message::Enter(visit, door) => {
                let ticket = self.ticket();
                self.doors.insert(ticket, door);
                Event::Enter(ticket, visit)
            }
            Message::Task(permit, direction, size, answer) => {
                Event::Task(self.keep(answer), permit, direction, size)
            }
            Message::Charge(permit, direction, size, answer) => {
                Event::Charge(self.keep(answer), permit, direction, size)
            }
            Message::Leave(permit, outcome) => {
                self.permits.remove(&permit);
                Event::Leave(permit, outcome)
            }
            Message::SessionOpened(id, handle) => {
                self.opened(id, handle, context);
                return None;
            }
            Message::SessionClosed(id, report) => {
                self.sessions.remove(&id)?;
                Event::SessionEnded(id, Some(report))
            }
            Message::SessionStopped(id) => {
                // News of a child overtakes the mailbox, where its report may lie: get in line.
                let _ = context.myself.tell(Message::SessionLost(id));
                return None;
            }
            Message::SessionLost(id) => {
                self.sessions.remove(&id)?;
                Event::SessionEnded(id, None)
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
        match effect {
            Effect::Grant(ticket, permit, grant) => self.grant(ticket, permit, grant, context),
            Effect::Refuse(ticket, refusal) => self.answer(ticket, Err(refusal)),
            Effect::Proceed(ticket) => self.answer(ticket, Ok(())),
            Effect::Revoke(permit, refusal) => {
                if let Some(line) = self.permits.remove(&permit) {
                    line.send_replace(Some(refusal));
                }
            }
            Effect::Open(id, party) => return Ok(Some(self.open(id, party, context))),
            Effect::Tell(id, event) => self.tell(id, event),
            Effect::Record(end) => (self.sink)(*end),
            Effect::Rest(seen) => {
                let name = self.name.clone();
                // A supervisor that is gone takes its tenants with it.
                let _ = self.supervisor.tell(tenants::Message::Idle(name, seen));
            }
        }
        Ok(None)
    }

    fn ended(&mut self, child: &ActorCell, _: End) -> Option<Message> {
        let of_child = |line: &Line| match line {
            Line::Open(handle) => handle.cell().get_id() == child.get_id(),
            Line::Opening(_) => false,
        };
        let id = self.sessions.iter().find(|(_, line)| of_child(line));
        id.map(|(id, _)| Message::SessionStopped(*id))
    }
}
