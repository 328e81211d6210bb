//! Several jobs at once, each waited for by a thread: the work itself is done in other processes.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

/// How many processes run at once, if nobody says.
pub(super) fn jobs(wanted: Option<u16>) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    wanted.map_or(cores, usize::from)
}

/// Works on all of `jobs`, so many at once, and tells of each as it ends, with its place. Begins no
/// more once it is told to stop; those that run come to their end, and nobody is told of them.
pub(super) fn each<J: Send, R: Send>(
    at_once: usize,
    jobs: impl Iterator<Item = J> + Send,
    work: impl Fn(J) -> R + Sync,
    mut told: impl FnMut(usize, R) -> ControlFlow<()>,
) {
    let jobs = Mutex::new(jobs.enumerate());
    let stopped = AtomicBool::new(false);
    let (done, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            let (jobs, stopped, work, done) = (&jobs, &stopped, &work, done.clone());
            scope.spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((place, job)) = next else { return };
                    if done.send((place, work(job))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for (place, result) in results {
            if told(place, result).is_break() {
                stopped.store(true, Ordering::Relaxed);
                break;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once() {
        let mut done = vec![0; 100];
        each(
            7,
            0..100,
            |job| job * 2,
            |place, result| {
                assert_eq!(place * 2, result);
                done[place] += 1;
                ControlFlow::Continue(())
            },
        );
        assert!(done.iter().all(|count| *count == 1));
    }

    #[test]
    fn no_more_is_told_after_a_stop() {
        let mut told = 0;
        each(
            3,
            0_u64..,
            |job| job,
            |_, _| {
                told += 1;
                if told == 10 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
        assert_eq!(told, 10);
    }
}
