//! One thread that owns one device.

use std::sync::mpsc;

use tokio::sync::oneshot;

type Task<T> = Box<dyn FnOnce(&mut T) + Send>;

/// The way to a thread that does one thing at a time. The thread ends behind its last task when
/// all ways to it are gone.
pub(super) struct Worker<T> {
    tasks: mpsc::Sender<Task<T>>,
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
    pub(super) fn start(name: &str, mut own: T) -> std::io::Result<Self> {
        let (tasks, work) = mpsc::channel::<Task<T>>();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Ok(task) = work.recv() {
                    task(&mut own);
                }
            })?;
        Ok(Self { tasks })
    }

    /// Has the thread do something behind all that it was given before.
    pub(super) fn ask<R: Send + 'static>(
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

/// Does something once on a thread that nobody waits for.
pub(super) fn aside(name: &str, act: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let named = std::thread::Builder::new().name(name.to_owned());
    named.spawn(act).map(drop)
}
