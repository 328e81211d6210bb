//! The catalog on one node: its records lie in the node's journal, its rows go to readers as
//! snapshots. In a cluster another actor stands behind the same [`Catalog`], and no caller notices.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ractor::{ActorCell, SpawnErr};
use tokio::sync::{oneshot, watch};

use super::command::{Actor, Command, Submission};
use super::machine::{Answer, Effect, Event, Keeper};
use super::record::Record;
use super::rows::Rows;
use super::{Outcome, Refused};
use crate::kernel::{Sequence, Ticket, Timestamp};
use crate::ports::{Journal, Pending, Ports};
use crate::shell::{self, Context, Fault, Gone, Handle, Hands, Path};

/// How everybody speaks to the catalog. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    door: Arc<dyn Door>,
    rows: watch::Receiver<Rows>,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Catalog")
    }
}

/// Who decides commands: an actor of this node, or a cluster of them.
pub trait Door: Send + Sync + 'static {
    /// Has a command decided, as [`Catalog::submit`] says.
    fn submit(&self, submission: Submission) -> Pending<Result<(Outcome, Sequence), SubmitError>>;

    /// As [`Catalog::catch_up`] says.
    fn catch_up(&self) -> Pending<Result<(), Gone>>;
}

/// What an actor that keeps a catalog is told.
#[derive(Debug)]
pub enum Message {
    /// Decide this, and answer when it is durable.
    Submit {
        /// What.
        submission: Submission,
        /// Whom to answer.
        reply: oneshot::Sender<Answer>,
    },
}

/// Why a command has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It was refused and changed nothing.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Nobody answered. It may have been done: send it again under its number to know.
    #[error("the catalog does not answer")]
    Gone(#[from] Gone),
}

impl Catalog {
    /// A catalog that is kept behind this door, with the rows as they are seen from here.
    pub fn behind(door: Arc<dyn Door>, rows: watch::Receiver<Rows>) -> Self {
        Self { door, rows }
    }

    /// Submits a command; the outcome, with its place in the log, is durable when it is known, and
    /// in [`Catalog::rows`] already.
    ///
    /// # Errors
    /// When a rule refuses it, or the catalog has ended.
    pub fn submit(
        &self,
        submission: Submission,
    ) -> Pending<Result<(Outcome, Sequence), SubmitError>> {
        self.door.submit(submission)
    }

    /// Submits a command of the node itself. It is not given again, so its answer is not kept.
    ///
    /// # Errors
    /// When a rule refuses it, or the catalog has ended.
    pub fn order(
        &self,
        at: Timestamp,
        command: Command,
    ) -> Pending<Result<(Outcome, Sequence), SubmitError>> {
        self.submit(Submission {
            client: 0,
            sequence: 0,
            by: Actor::System,
            at,
            command,
        })
    }

    /// Waits until [`Catalog::rows`] shows all that anybody in the cluster was told before this was
    /// asked. For rules that may not go by old rows; on one node they are never old.
    ///
    /// # Errors
    /// When nobody can say: the catalog has ended, or no majority of it answers.
    pub fn catch_up(&self) -> Pending<Result<(), Gone>> {
        self.door.catch_up()
    }

    /// The rows as of now; in a cluster as this node knows them, which may be a moment old.
    pub fn rows(&self) -> Rows {
        self.rows.borrow().clone()
    }

    /// The rows as of now and notice of every change. A slow reader sees the newest only.
    pub fn subscribe(&self) -> watch::Receiver<Rows> {
        self.rows.clone()
    }
}

/// Starts the catalog of one node, and returns once its clock has been looked at.
///
/// # Errors
/// When it ends before that.
pub async fn start(
    path: Path,
    keeper: Keeper,
    journal: Arc<dyn Journal>,
    ports: Ports,
    supervisor: Option<ActorCell>,
) -> Result<Catalog, SpawnErr> {
    let (publish, mut rows) = watch::channel(keeper.rows().clone());
    let hands = Clerk {
        journal,
        publish,
        waiting: BTreeMap::new(),
        last: Ticket::default(),
    };
    let actor = shell::spawn(path, keeper, hands, ports, supervisor).await?;
    // Before its first tick nobody knows which day it is.
    let ticked = rows.changed().await;
    ticked.map_err(|_| SpawnErr::StartupFailed(Box::new(Gone)))?;
    Ok(Catalog::behind(Arc::new(actor), rows))
}

impl Door for Handle<Message> {
    fn submit(&self, submission: Submission) -> Pending<Result<(Outcome, Sequence), SubmitError>> {
        let answer = self.ask(|reply| Message::Submit { submission, reply });
        Box::pin(async move { Ok(answer.await??) })
    }

    fn catch_up(&self) -> Pending<Result<(), Gone>> {
        Box::pin(async { Ok(()) })
    }
}

/// Writes records down, answers callers, hands out rows.
struct Clerk {
    journal: Arc<dyn Journal>,
    publish: watch::Sender<Rows>,
    waiting: BTreeMap<Ticket, oneshot::Sender<Answer>>,
    last: Ticket,
}

impl Hands for Clerk {
    type Machine = Keeper;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        let Message::Submit { submission, reply } = message;
        self.last = self.last.next();
        self.waiting.insert(self.last, reply);
        Some(Event::Submit {
            ticket: self.last,
            submission,
        })
    }

    fn persist(&mut self, record: Record, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        self.journal.append(record.encode())
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Answer { ticket, answer } => {
                if let Some(reply) = self.waiting.remove(&ticket) {
                    // Whoever asked may have gone; what was done is done.
                    let _ = reply.send(answer);
                }
            }
            Effect::Publish(rows) => drop(self.publish.send_replace(*rows)),
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::super::command::{Actor, Command, OperatorCommand, ServiceCommand};
    use super::super::rows::Role;
    use super::*;
    use crate::kernel::{Instant, Now, Timestamp};
    use crate::names::OperatorName;
    use crate::ports::{Change, Clock, Disk, Entries, Entropy, File, Index, Storage};

    /// A journal whose appends are durable when the test says so.
    #[derive(Default)]
    struct Slow {
        bodies: Mutex<Vec<Bytes>>,
        open: Mutex<Vec<oneshot::Sender<()>>>,
        holding: Mutex<bool>,
    }

    impl Journal for Slow {
        fn append(&self, body: Bytes) -> Pending<Result<(), Fault>> {
            self.bodies.lock().unwrap().push(body);
            let (done, durable) = oneshot::channel();
            if *self.holding.lock().unwrap() {
                self.open.lock().unwrap().push(done);
            } else {
                done.send(()).unwrap();
            }
            Box::pin(async move {
                durable
                    .await
                    .map_err(|_| Fault("the disk is gone".to_owned()))
            })
        }
    }

    /// Ports that nothing here may use but for the time, which stands still.
    struct Nothing;

    impl Clock for Nothing {
        fn now(&self) -> Now {
            let wall = Timestamp::parse("2026-11-21T10:00:00Z").unwrap();
            Now {
                wall,
                monotonic: Instant::default(),
            }
        }
    }

    impl Entropy for Nothing {
        fn fill(&self, _: &mut [u8]) {}
    }

    fn nothing<T: Send + 'static>() -> Pending<io::Result<T>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    impl Disk for Nothing {
        fn create(&self, _: &str) -> Pending<io::Result<Arc<dyn File>>> {
            nothing()
        }
        fn open(&self, _: &str) -> Pending<io::Result<Arc<dyn File>>> {
            nothing()
        }
        fn list(&self, _: &str) -> Pending<io::Result<Vec<String>>> {
            nothing()
        }
        fn rename(&self, _: &str, _: &str) -> Pending<io::Result<()>> {
            nothing()
        }
        fn remove(&self, _: &str) -> Pending<io::Result<()>> {
            nothing()
        }
        fn sync_folder(&self, _: &str) -> Pending<io::Result<()>> {
            nothing()
        }
        fn storage(&self) -> Option<Storage> {
            None
        }
    }

    impl Index for Nothing {
        fn get(&self, _: &[u8]) -> Pending<io::Result<Option<Vec<u8>>>> {
            nothing()
        }
        fn scan(&self, _: &[u8], _: &[u8], _: usize) -> Pending<io::Result<Entries>> {
            nothing()
        }
        fn apply(&self, _: Vec<Change>) -> Pending<io::Result<()>> {
            nothing()
        }
        fn flush(&self) -> Pending<io::Result<()>> {
            nothing()
        }
    }

    async fn catalog(journal: &Arc<Slow>) -> Catalog {
        let ports = Ports {
            clock: Arc::new(Nothing),
            entropy: Arc::new(Nothing),
            disk: Arc::new(Nothing),
            index: Arc::new(Nothing),
            directory: Arc::default(),
        };
        let bodies = journal.bodies.lock().unwrap().clone();
        let keeper = Keeper::recover(None, bodies).unwrap();
        let journal = Arc::clone(journal) as Arc<dyn Journal>;
        start(Path::from("node/catalog"), keeper, journal, ports, None)
            .await
            .unwrap()
    }

    fn add_ann(sequence: u64) -> Submission {
        let role = Role::Admin;
        let name = OperatorName::parse("ann").unwrap();
        Submission {
            client: 1,
            sequence,
            by: Actor::System,
            at: Timestamp::default(),
            command: Command::Operator(name, OperatorCommand::Add { role, uid: Some(0) }),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outcome_is_known_when_it_is_durable_and_in_the_rows_by_then() {
        let journal = Arc::new(Slow::default());
        let catalog = catalog(&journal).await;
        *journal.holding.lock().unwrap() = true;
        let mut changes = catalog.subscribe();
        let mut answer = catalog.submit(add_ann(1));
        tokio::select! {
            biased;
            _ = &mut answer => panic!("answered before the disk had it"),
            // Paused time goes on only when nobody has anything to do.
            () = tokio::time::advance(std::time::Duration::from_secs(1)) => {}
        }
        assert!(catalog.rows().operators.is_empty());
        while journal.open.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        for done in journal.open.lock().unwrap().drain(..) {
            done.send(()).unwrap();
        }
        let (outcome, index) = answer.await.unwrap();
        assert_eq!((outcome, index), (Outcome::Done, Sequence::new(2)));
        assert_eq!(catalog.rows().operators.len(), 1);
        assert!(changes.changed().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_acknowledged_is_there_after_another_start() {
        let journal = Arc::new(Slow::default());
        let first = catalog(&journal).await;
        let answer = first.submit(add_ann(1)).await.unwrap();
        let second = catalog(&journal).await;
        assert_eq!(second.rows().operators, first.rows().operators);
        assert_eq!(
            second.submit(add_ann(1)).await.unwrap(),
            answer,
            "asked again, answered again"
        );
        let refused = second.submit(add_ann(2)).await;
        assert!(matches!(
            refused,
            Err(SubmitError::Refused(Refused::NotAllowed(_)))
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_journal_that_fails_ends_the_catalog_and_nobody_is_answered() {
        let journal = Arc::new(Slow::default());
        let catalog = catalog(&journal).await;
        *journal.holding.lock().unwrap() = true;
        let command = Command::Service(ServiceCommand::CertificateUpdated {
            thumbprint: "ab".to_owned(),
        });
        let answer = catalog.submit(Submission {
            command,
            ..add_ann(1)
        });
        while journal.open.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        journal.open.lock().unwrap().clear();
        assert!(matches!(answer.await, Err(SubmitError::Gone(_))));
    }
}
