//! How an open extent is spoken to, and how it writes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Append, Effect, Event, Extent, Sealed, Trouble};
use crate::kernel::{Epoch, ExtentId, Never, RepositoryId, Ticket};
use crate::ports::{File, Pending};
use crate::shell::{self, Context, Fault};

/// What a repository says to its extent.
pub enum Message {
    /// Append the parts at the end; answered when written, or when durable if so asked.
    Append {
        /// The writer's epoch.
        epoch: Epoch,
        /// The extent's end as the writer knows it.
        offset: u64,
        /// The bytes.
        parts: Vec<Bytes>,
        /// Whether to answer only when durable.
        durable: bool,
        /// Whom to answer.
        reply: oneshot::Sender<Result<(), Trouble>>,
    },
    /// Make durable all that was taken so far.
    Settle(oneshot::Sender<Result<(), Trouble>>),
    /// Make all durable and take nothing more.
    Seal(oneshot::Sender<Sealed>),
    /// The write under way ended.
    Written(Result<(), Trouble>),
    /// The sync under way ended.
    Synced(Result<(), Trouble>),
}

/// Where an extent's file lies.
pub fn path(repository: RepositoryId, extent: ExtentId) -> String {
    format!("{}/{:012}.extent", folder(repository), extent.raw())
}

/// Which extent's file has a name; none if it is another file.
pub fn named(name: &str) -> Option<ExtentId> {
    let number = name.strip_suffix(".extent")?;
    number.parse().ok().map(ExtentId::new)
}

/// Where a repository's files lie.
pub fn folder(repository: RepositoryId) -> String {
    format!("extents/{:012}", repository.raw())
}

/// The file, and the callers that are owed an answer.
pub struct Hands {
    file: Arc<dyn File>,
    callers: BTreeMap<Ticket, oneshot::Sender<Result<(), Trouble>>>,
    sealing: BTreeMap<Ticket, oneshot::Sender<Sealed>>,
    tickets: Ticket,
}

impl Hands {
    /// Hands that write to a file.
    pub const fn new(file: Arc<dyn File>) -> Self {
        Self {
            file,
            callers: BTreeMap::new(),
            sealing: BTreeMap::new(),
            tickets: Ticket::new(0),
        }
    }

    fn ticket(&mut self, reply: oneshot::Sender<Result<(), Trouble>>) -> Ticket {
        self.tickets = self.tickets.next();
        self.callers.insert(self.tickets, reply);
        self.tickets
    }
}

impl shell::Hands for Hands {
    type Machine = Extent;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Append {
                epoch,
                offset,
                parts,
                durable,
                reply,
            } => {
                let ticket = self.ticket(reply);
                Event::Append(Append {
                    ticket,
                    epoch,
                    offset,
                    parts,
                    durable,
                })
            }
            Message::Settle(reply) => Event::Settle {
                ticket: self.ticket(reply),
            },
            Message::Seal(reply) => {
                self.tickets = self.tickets.next();
                self.sealing.insert(self.tickets, reply);
                Event::Seal {
                    ticket: self.tickets,
                }
            }
            Message::Written(result) => Event::Written { result },
            Message::Synced(result) => Event::Synced { result },
        })
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Write { offset, parts } => {
                let file = Arc::clone(&self.file);
                Ok(Some(Box::pin(async move {
                    let written = file.write(offset, parts).await;
                    Message::Written(written.map_err(|error| trouble(&error)))
                })))
            }
            Effect::Sync => {
                let file = Arc::clone(&self.file);
                Ok(Some(Box::pin(async move {
                    let synced = file.sync().await;
                    Message::Synced(synced.map_err(|error| trouble(&error)))
                })))
            }
            Effect::Answer { ticket, result } => {
                if let Some(caller) = self.callers.remove(&ticket) {
                    // A caller that went away has given up its upload: nothing depends on this.
                    let _ = caller.send(result);
                }
                Ok(None)
            }
            Effect::Sealed { ticket, sealed } => {
                if let Some(caller) = self.sealing.remove(&ticket) {
                    // A repository that ended recovers, and finds the extent open.
                    let _ = caller.send(sealed);
                }
                Ok(None)
            }
        }
    }
}

/// What a failed write means to a repository.
fn trouble(error: &io::Error) -> Trouble {
    tracing::warn!(%error, "extent write failed");
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    // No disk says so of a file that is open: another node does.
    let short = [
        io::ErrorKind::TimedOut,
        io::ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied,
    ];
    if full.contains(&error.kind()) {
        Trouble::Full
    } else if short.contains(&error.kind()) {
        Trouble::Short
    } else {
        Trouble::Broken
    }
}
