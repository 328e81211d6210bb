//! Threads that take turns, behind the [`Threads`] port: whatever runs on one of them, nothing else
//! of the world runs meanwhile.
//!
//! Beside each thread stands a task of the runtime. Whenever it is polled it lets its thread run,
//! and holds up the runtime until that thread waits for something or ends. So work that blocks in
//! production has its place in the one order of events, and virtual time passes only while all
//! threads wait.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::JoinHandle;

use holdfast_tape::threads::Threads;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// The threads of one life of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<Mutex<Vec<JoinHandle<()>>>>);

/// What a thread says when it lets go.
enum Rest {
    /// It waits to be woken.
    Waits,
    /// It ended.
    Over,
}

/// The thread's end of its turns.
struct Seat {
    go: Receiver<()>,
    rest: Sender<Rest>,
    wakes: Arc<Wakes>,
}

thread_local! {
    /// Set on threads that take turns.
    static SEAT: RefCell<Option<Seat>> = const { RefCell::new(None) };
}

#[derive(Debug, Default)]
struct Wakes(Notify);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

impl Turns {
    /// Waits until all threads have ended, which they do when their runtime is gone.
    pub(crate) fn join(&self) {
        loop {
            let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(thread) = last else { return };
            // One that panicked was counted where panics are.
            let _ = thread.join();
        }
    }
}

impl Threads for Turns {
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread's turns are those of this task, which ends with the runtime"
    )]
    fn start(&self, name: &str, act: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let ((next, go), (rest, rests)) = (channel(), channel());
        let wakes = Arc::new(Wakes::default());
        let (runtime, seat) = (
            Handle::current(),
            Seat {
                go,
                rest,
                wakes: Arc::clone(&wakes),
            },
        );
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || {
            if seat.go.recv().is_err() {
                return;
            }
            let rest = seat.rest.clone();
            SEAT.set(Some(seat));
            let _runtime = runtime.enter();
            act();
            // Nobody waits for it if the life is over.
            let _ = rest.send(Rest::Over);
        })?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(thread);
        tokio::spawn(async move {
            while next.send(()).is_ok() && matches!(rests.recv(), Ok(Rest::Waits)) {
                wakes.0.notified().await;
            }
        });
        Ok(())
    }

    fn block(&self, mut future: Pin<&mut dyn Future<Output = ()>>) {
        SEAT.with_borrow_mut(|held| {
            let Some(seat) = held else { return };
            let waker = Waker::from(Arc::clone(&seat.wakes));
            let mut context = Context::from_waker(&waker);
            loop {
                if let Poll::Ready(()) = future.as_mut().poll(&mut context) {
                    return;
                }
                let lets_go = seat.rest.send(Rest::Waits).is_ok();
                if !lets_go || seat.go.recv().is_err() {
                    break;
                }
            }
            // The life is over: nothing is waited for on this thread any more.
            *held = None;
        });
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test has no shell")]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use holdfast_tape::threads::wait;
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thread_waits_in_virtual_time_and_others_go_on() {
        let turns = Turns::default();
        let (asks, mut asked) = mpsc::unbounded_channel::<oneshot::Sender<u64>>();
        let own = turns.clone();
        let act = move || {
            while let Some(Some(reply)) = wait(&own, asked.recv()) {
                let hour = Duration::from_secs(3_600);
                wait(&own, tokio::time::sleep(hour)).unwrap();
                reply.send(1).unwrap();
            }
        };
        turns.start("thread", Box::new(act)).unwrap();
        let start = tokio::time::Instant::now();
        for hours in 1..4 {
            let (reply, answer) = oneshot::channel();
            asks.send(reply).unwrap();
            assert_eq!(answer.await, Ok(1));
            assert_eq!(start.elapsed().as_secs() / 3_600, hours);
        }
        drop(asks);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        turns.join();
    }

    #[test]
    fn threads_end_with_the_runtime_whatever_they_wait_for() {
        let (turns, ended) = (Turns::default(), Arc::new(AtomicU32::new(0)));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            for number in 0..3 {
                let (own, ended) = (turns.clone(), Arc::clone(&ended));
                let act = move || {
                    for _ in 0..number {
                        let pause = Duration::from_secs(1_000);
                        wait(&own, tokio::time::sleep(pause));
                    }
                    let never = wait(&own, std::future::pending::<()>());
                    assert!(never.is_none());
                    assert!(wait(&own, tokio::time::sleep(Duration::ZERO)).is_none());
                    ended.fetch_add(1, Ordering::Relaxed);
                };
                turns.start("thread", Box::new(act)).unwrap();
            }
            tokio::time::sleep(Duration::from_secs(1_500)).await;
        });
        assert_eq!(ended.load(Ordering::Relaxed), 0);
        drop(runtime);
        turns.join();
        assert_eq!(ended.load(Ordering::Relaxed), 3);
    }
}
