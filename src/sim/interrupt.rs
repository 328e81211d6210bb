//! An interrupt from the terminal: the processes of the pool end at once, and whoever began them
//! says what there was until then.
//!
//! Signals belong to a process and not to a part of it, so this state does too.

use std::collections::BTreeSet;
use std::io;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// An interrupt came.
static CAME: AtomicBool = AtomicBool::new(false);

/// The processes that run, none of which was waited for: their numbers are theirs alone.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// From now on an interrupt ends the processes of the pool and not this one.
///
/// # Errors
/// When the system does not let it listen; an interrupt ends this process then, as usual.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing else may wait for a signal while the pool's threads wait for processes"
)]
pub(super) fn listen() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut interrupts = {
        let _entered = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    std::thread::spawn(move || {
        if runtime.block_on(interrupts.recv()).is_some() {
            CAME.store(true, Ordering::SeqCst);
            for process in running().iter().filter_map(|raw| Pid::from_raw(*raw)) {
                // One that ended by itself meanwhile is what was wanted.
                let _ = kill_process(process, Signal::KILL);
            }
        }
    });
    Ok(())
}

/// Whether an interrupt came.
pub(super) fn came() -> bool {
    CAME.load(Ordering::SeqCst)
}

/// A process that ends when an interrupt comes, until this is dropped. Before anybody waits for the
/// process this must be: its number is another's afterwards.
pub(super) struct Ends(Option<i32>);

impl Ends {
    pub(super) fn on_interrupt(child: &mut Child) -> Self {
        let pid = i32::try_from(child.id()).ok();
        running().extend(pid);
        if came() {
            // It began too late to be among those that were ended.
            let _ = child.kill();
        }
        Self(pid)
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(pid) = &self.0 {
            running().remove(pid);
        }
    }
}

fn running() -> MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
