//! What consensus runs on: tokio's tasks and timers, and dice of its own.
//!
//! Election timeouts are drawn at random. The dice are seeded once for each life of a node, from
//! its `Entropy` port, and go down from a task to all that it spawns: nothing is kept per thread or
//! per process, so two nodes in one thread share nothing, and a simulated life repeats.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openraft::async_runtime::AsyncRuntime;
use openraft::{OptionalSend, impls::TokioRuntime};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

tokio::task_local! {
    static DICE: Dice;
}

/// The dice of one life of a node; clones draw from the same stream.
#[derive(Clone, Debug)]
pub(super) struct Dice(Arc<Mutex<ChaCha8Rng>>);

impl Dice {
    pub(super) fn of(seed: [u8; 32]) -> Self {
        Self(Arc::new(Mutex::new(ChaCha8Rng::from_seed(seed))))
    }

    /// Runs something whose tasks draw from these dice.
    pub(super) async fn lend<F: Future>(self, work: F) -> F::Output {
        DICE.scope(self, work).await
    }

    fn fork(&self) -> ChaCha8Rng {
        let mut seed = [0; 32];
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream.fill_bytes(&mut seed);
        ChaCha8Rng::from_seed(seed)
    }
}

/// The runtime of consensus, in production and in simulation alike.
#[derive(Debug)]
pub struct Tasks(TokioRuntime);

impl AsyncRuntime for Tasks {
    type JoinError = <TokioRuntime as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
    type Instant = <TokioRuntime as AsyncRuntime>::Instant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> =
        <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = ChaCha8Rng;
    type Mpsc = <TokioRuntime as AsyncRuntime>::Mpsc;
    type Watch = <TokioRuntime as AsyncRuntime>::Watch;
    type Oneshot = <TokioRuntime as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        match DICE.try_with(Dice::clone) {
            Ok(dice) => TokioRuntime::spawn(dice.lend(future)),
            Err(_) => TokioRuntime::spawn(future),
        }
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(error: &Self::JoinError) -> bool {
        TokioRuntime::is_panic(error)
    }

    fn thread_rng() -> ChaCha8Rng {
        // Whoever was not started with dice draws the same each time, which tests alone do.
        let drawn = DICE.try_with(Dice::fork);
        drawn.unwrap_or_else(|_| ChaCha8Rng::from_seed([0; 32]))
    }

    fn new(threads: usize) -> Self {
        Self(TokioRuntime::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }

    /// At once, on the caller's thread: nothing here blocks, since all disk work is behind a port.
    fn spawn_blocking<F, T>(work: F) -> impl Future<Output = io::Result<T>> + Send
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        std::future::ready(Ok(work()))
    }
}
