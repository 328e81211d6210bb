//! A session that is kept awake: somebody answers the target and looks after it while no command
//! is sent.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use super::Session;
use super::wire::Wire;
use crate::scsi::{Answer, Data, Patience, Scsi};

/// How often somebody looks.
const ROUND: Duration = Duration::from_secs(1);

/// A session with a thread of its own, which answers the target's pings and asks after 5 seconds
/// of silence whether it is there. The thread ends with this.
#[derive(Debug)]
pub struct Awake<W: Wire> {
    session: Arc<Mutex<Session<W>>>,
    /// The thread ends when this does.
    _end: Sender<()>,
}

impl<W: Wire + Send + 'static> Awake<W> {
    /// Takes a session.
    #[expect(
        clippy::disallowed_methods,
        reason = "the session blocks, and this adapter keeps it; no machine waits for the thread"
    )]
    pub fn new(session: Session<W>) -> Self {
        let session = Arc::new(Mutex::new(session));
        let (end, ended) = mpsc::channel::<()>();
        let kept = Arc::downgrade(&session);
        std::thread::spawn(move || {
            while ended.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
                let Some(session) = kept.upgrade() else {
                    return;
                };
                // Whoever holds it speaks to the target, and so looks after it.
                match session.try_lock() {
                    Ok(mut session) => session.look_after(),
                    Err(TryLockError::Poisoned(_)) => return,
                    Err(TryLockError::WouldBlock) => {}
                };
            }
        });
        Self { session, _end: end }
    }

    /// Why the session is over; none while it lives.
    #[must_use]
    pub fn over(&self) -> Option<String> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.over().map(str::to_owned)
    }
}

impl<W: Wire> Scsi for Awake<W> {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.execute(cdb, data, patience)
    }
}
