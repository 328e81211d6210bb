//! The way to one drive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_actors::shell::{self, Gone, Handle};
use holdfast_actors::tape::Drive;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::{Health, Loan, Purpose, Refused};
use tokio::sync::{mpsc, watch};

use super::Site;
use super::arm::unstarted;
use super::cable::Cable;
use super::drive::{DriveHands, Held, Message, Spindle};
use crate::ports::Failed;
use crate::threads::Worker;

/// So long the thread of a drive may take to say that nothing hangs.
const THREAD_MAX: Duration = Duration::from_secs(5);

/// One drive: its machine, its thread, and how many want it.
pub(super) struct Seat {
    /// Where the arm finds it.
    pub(super) at: Element,
    machine: Handle<Message>,
    pub(super) spindle: Worker<Spindle>,
    health: watch::Receiver<Health>,
    wanted: Arc<AtomicUsize>,
}

/// Counts one who wants a drive or has it.
struct Wanted(Arc<AtomicUsize>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A drive that is lent.
pub(super) struct Lent {
    held: Held,
    _wanted: Wanted,
}

impl Lent {
    pub(super) fn loan(&self) -> Loan {
        self.held.loan
    }
}

impl Seat {
    pub(super) async fn start(
        number: usize,
        (at, cable): (Element, Cable),
        site: &Site,
    ) -> Result<Self, Failed> {
        let (verdicts, told) = mpsc::unbounded_channel();
        let (health, seen) = watch::channel(Health::Well);
        let hands = DriveHands::new((verdicts, health), cable.clone(), &site.threads);
        let path = site.path.child(format!("drive-{number}"));
        let (ports, above) = (site.ports.clone(), site.above.clone());
        let machine = shell::spawn(path, Drive::default(), hands, ports, above).await;
        let machine = machine.map_err(|error| unstarted(&error))?;
        let spindle = Spindle {
            machine: machine.clone(),
            verdicts: told,
            threads: Arc::clone(&site.threads),
            cable,
            mounted: None,
        };
        let spindle = Worker::start(&site.threads, &format!("tape-drive-{number}"), spindle);
        Ok(Self {
            at,
            machine,
            spindle: spindle.map_err(|error| unstarted(&error))?,
            health: seen,
            wanted: Arc::default(),
        })
    }

    pub(super) fn stop(&self) {
        self.machine.stop();
    }

    pub(super) fn is_well(&self) -> bool {
        // An actor that ended says nothing any more.
        self.health.has_changed().is_ok() && *self.health.borrow() == Health::Well
    }

    /// How many want it, whoever has it included.
    pub(super) fn queue(&self) -> usize {
        self.wanted.load(Ordering::Relaxed)
    }

    pub(super) async fn acquire(&self, purpose: Purpose) -> Result<Lent, Failed> {
        self.wanted.fetch_add(1, Ordering::Relaxed);
        let wanted = Wanted(Arc::clone(&self.wanted));
        let lent = self.machine.ask(|reply| Message::Acquire(purpose, reply));
        let gone = |Gone| Failed::Other("the drive is out of service".to_owned());
        Ok(Lent {
            held: lent.await.map_err(gone)??,
            _wanted: wanted,
        })
    }

    /// Puts it into service, if its thread answers, or takes it out.
    pub(super) async fn serve(&self, is_on: bool) -> Result<(), Failed> {
        if is_on {
            let answers = tokio::time::timeout(THREAD_MAX, self.spindle.ask(|_| ()));
            if !matches!(answers.await, Ok(Ok(()))) {
                let told = "the drive does not answer yet: what hangs must end first, or its power";
                return Err(Failed::Other(told.to_owned()));
            }
        }
        let gone = || Failed::Other("the drive's actor has ended".to_owned());
        let told = self.machine.tell(Message::Serve(is_on));
        told.map_err(|_| gone())?;
        let mut health = self.health.clone();
        let seen = health.wait_for(|health| (*health == Health::Well) == is_on);
        seen.await.map(|_| ()).map_err(|_| gone())
    }

    /// Resolves when the drive is given up for hung.
    pub(super) async fn hangs(&self) -> Failed {
        let mut health = self.health.clone();
        let hung = |health: &Health| *health == Health::Hung;
        // A drive whose actor ended does not answer either.
        let _ = health.wait_for(hung).await;
        Failed::Drive(Refused::OutOfService(Health::Hung))
    }
}
