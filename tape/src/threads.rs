//! Threads for what blocks: a thread that owns one device and does one thing at a time.
//!
//! Where threads come from is a port, so that a simulation can let them take turns: whoever runs on
//! such a thread waits for others by [`wait`] alone.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::sync::{mpsc, oneshot};

/// Where threads come from.
pub trait Threads: Send + Sync + 'static {
    /// Does something on a thread of this name, which ends with it.
    ///
    /// # Errors
    /// When there is no thread to be had.
    fn start(&self, name: &str, act: Box<dyn FnOnce() + Send>) -> io::Result<()>;

    /// Blocks the thread that calls, which was started here, until the future is ready, or nobody
    /// is left who could make it so.
    fn block(&self, future: Pin<&mut dyn Future<Output = ()>>);
}

/// Blocks the thread that calls, one of these, until the future is ready. `None` if it never will
/// be.
pub fn wait<T>(threads: &dyn Threads, future: impl Future<Output = T>) -> Option<T> {
    let mut came = None;
    {
        let whole = pin!(async { came = Some(future.await) });
        threads.block(whole);
    }
    came
}

/// The threads of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct Native;

impl Threads for Native {
    fn start(&self, name: &str, act: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let named = thread::Builder::new().name(name.to_owned());
        named.spawn(act).map(drop)
    }

    fn block(&self, mut future: Pin<&mut dyn Future<Output = ()>>) {
        let waker = Waker::from(Arc::new(Parked(thread::current())));
        let mut context = Context::from_waker(&waker);
        while future.as_mut().poll(&mut context) == Poll::Pending {
            thread::park();
        }
    }
}

/// A thread that waits.
struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

type Task<T> = Box<dyn FnOnce(&mut T) + Send>;

/// The way to a thread that does one thing at a time. The thread ends behind its last task when
/// all ways to it are gone.
pub(crate) struct Worker<T> {
    tasks: mpsc::UnboundedSender<Task<T>>,
}

impl<T> Clone for Worker<T> {
    fn clone(&self) -> Self {
        Self {
            tasks: self.tasks.clone(),
        }
    }
}

impl<T: Send + 'static> Worker<T> {
    /// Starts a thread with this name that owns this.
    pub(crate) fn start(threads: &Arc<dyn Threads>, name: &str, mut own: T) -> io::Result<Self> {
        let (tasks, mut work) = mpsc::unbounded_channel::<Task<T>>();
        let waits = Arc::clone(threads);
        let all = move || {
            while let Some(Some(task)) = wait(waits.as_ref(), work.recv()) {
                task(&mut own);
            }
        };
        threads.start(name, Box::new(all))?;
        Ok(Self { tasks })
    }

    /// Has the thread do something behind all that it was given before.
    pub(crate) fn ask<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> oneshot::Receiver<R> {
        let (done, answer) = oneshot::channel();
        let task = Box::new(move |own: &mut T| {
            // Whoever asked may have gone away.
            let _ = done.send(work(own));
        });
        // The thread ends only when nobody can ask any more.
        let _ = self.tasks.send(task);
        answer
    }
}
