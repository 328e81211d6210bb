//! A node that keeps the register: its journal, its shell, its way to the others.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::journal::{self, Options, Recovered};
use holdfast_actors::kernel::{Machine, NodeId, Timestamp};
use holdfast_actors::ports::{Journal, Pending, Ports};
use holdfast_actors::shell::{self, Directory, Fault, Path};
use tokio::sync::oneshot;

use super::Flaw;
use super::hands::{Message, ReplicaHands};
use super::history::History;
use super::invariants::progress;
use super::machine::Replica;
use super::word::Record;
use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::fleet::{Main, Program, Stand};
use crate::index::Index;
use crate::plan::End;
use crate::witness::{self, Looker};

/// A size that lets journals of a run have several segments.
const SEGMENT: u64 = 64 << 10;

/// One replica over all its lives.
pub(super) struct ReplicaNode {
    pub(super) node: NodeId,
    pub(super) replicas: Vec<NodeId>,
    pub(super) flaw: Option<Flaw>,
    pub(super) disk: Disk,
    pub(super) latency: Duration,
    pub(super) dice: Dice,
    pub(super) history: History,
    pub(super) witness: Looker,
}

impl Program for ReplicaNode {
    fn live(&mut self, stand: Stand) -> Option<Main> {
        let dice = stand.dice.fork("disk");
        self.disk.set_pace(self.latency, dice, stand.yields.clone());
        let machine = Replica::new(self.node, self.replicas.clone(), self.flaw);
        let (disk, history) = (self.disk.clone(), self.history.clone());
        let directory = Arc::new(Directory::default());
        witness::seat_at(&directory, &self.witness, self.node.to_string(), stand.time);
        Some(Box::pin(async move {
            let (node, time) = (stand.link.node(), stand.time);
            if let Err(fault) = serve(machine, disk, directory, stand).await {
                let now = time.world();
                history.say(now, format_args!("{node} fails: {fault}"));
                if !fault.0.contains("planted") {
                    let story = format_args!("{node} failed: {fault}");
                    history.pages().breach(progress::ID, now, story);
                }
            }
        }))
    }

    fn over(&mut self, end: Option<End>) {
        match end.unwrap_or(End::Kill) {
            End::Power => self.disk.crash(&mut self.dice),
            End::Kill => self.disk.kill(),
        }
        self.disk.set_hanging(false);
        self.disk.set_faults(crate::disk::Faults::default());
    }

    fn disk(&self) -> Option<&Disk> {
        Some(&self.disk)
    }
}

/// The journal as the register sees it.
struct Log(journal::Handle);

impl Journal for Log {
    fn append(&self, body: Bytes) -> Pending<Result<(), Fault>> {
        let appended = self.0.append(body);
        Box::pin(async move { appended.await.map(|_| ()) })
    }
}

/// Serves until something fails.
async fn serve(
    mut machine: Replica,
    disk: Disk,
    directory: Arc<Directory>,
    stand: Stand,
) -> Result<(), Fault> {
    let ports = Ports {
        clock: Arc::new(Clock::starting_at(Timestamp::from_millis(1))),
        entropy: Arc::new(Entropy::new(stand.dice.fork("entropy"))),
        disk: disk.port(),
        index: Index::default().port(),
        directory,
    };
    let recovered = recover(&disk).await?;
    restore(&mut machine, &recovered.records);
    let position = recovered.position;
    let (failed, failure) = oneshot::channel();
    let on_failure = Box::new(move |fault: Fault| drop(failed.send(fault)));
    let options = Options {
        segment_bytes: SEGMENT,
    };
    let path = Path::node();
    let at = path.child("journal");
    let journal = journal::start(at, position, options, ports.clone(), None, on_failure);
    let journal: Arc<dyn Journal> = Arc::new(Log(journal.await.map_err(|error| of(&error))?));
    let link = Arc::clone(&stand.link);
    let hands = ReplicaHands { link, journal };
    let register = shell::spawn(path.child("register"), machine, hands, ports, None);
    let register = register.await.map_err(|error| of(&error))?;
    let gone = |gone| Fault(format!("the register: {gone}"));
    register.tell(Message::Begin).map_err(gone)?;
    let listen = async {
        while let Some(arrival) = stand.link.receive().await {
            register.tell(Message::Arrived(arrival)).map_err(gone)?;
        }
        Ok(())
    };
    tokio::select! {
        biased;
        failure = failure => {
            Err(failure.unwrap_or_else(|_| Fault("the journal is gone".to_owned())))
        }
        told = listen => told,
    }
}

/// What a replica's disk holds.
pub(super) async fn recover(disk: &Disk) -> Result<Recovered, Fault> {
    let recovered = journal::recover(disk.port().as_ref()).await;
    recovered.map_err(|error| of(&error))
}

/// Applies what was durable.
pub(super) fn restore(machine: &mut Replica, records: &[journal::Record]) {
    for record in records {
        match Record::decode(&record.body) {
            Some(Record::Kept(_)) if machine.is_forgetful() => {}
            Some(record) => machine.apply(&record),
            None => {}
        }
    }
}

fn of(error: &dyn std::error::Error) -> Fault {
    Fault::of(error)
}
