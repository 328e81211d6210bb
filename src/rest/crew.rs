//! The tasks of one connection. They end with it: nothing of a client's runs when it is gone.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::Executor;
use tokio::task::JoinSet;

/// Where the requests of a connection and the fillers of its bodies run.
#[derive(Clone, Default)]
pub(super) struct Crew(Arc<Mutex<JoinSet<()>>>);

impl Crew {
    /// Runs one more task.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Cuts every task; what they held is dropped soon after.
    pub(super) fn stop(&self) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.abort_all();
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Crew {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}
