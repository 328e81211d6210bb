//! How long the agent goes on trying, and how it pauses meanwhile.

use std::time::Duration;

/// The first pause between two tries; each later one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause between two tries, even if the server asks for more.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A server that says for so long that it cannot is worth leaving, if there is another.
const WORN: Duration = Duration::from_secs(3);

/// The patience of one request.
#[derive(Debug)]
pub(super) struct Patience {
    waited: Duration,
    pause: Duration,
    moved: usize,
}

impl Patience {
    /// All of it is left.
    pub(super) const fn fresh() -> Self {
        Self {
            waited: Duration::ZERO,
            pause: PAUSE_FIRST,
            moved: 0,
        }
    }

    /// Whether another of so many gateways may be tried at once: each once between two pauses.
    pub(super) const fn may_move(&mut self, known: usize) -> bool {
        self.moved += 1;
        self.moved < known
    }

    /// Whether it has gone on for long without anything being reached.
    pub(super) fn is_worn(&self) -> bool {
        self.waited >= WORN
    }

    /// Pauses, as long as the server `wanted` at least; false if that is enough of it.
    pub(super) async fn pause(&mut self, limit: Duration, wanted: Duration) -> bool {
        if self.waited >= limit {
            return false;
        }
        let next = self.pause.max(wanted).min(PAUSE_MAX);
        wait(next).await;
        self.moved = 0;
        self.waited += next;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }

    /// Something was reached meanwhile.
    pub(super) const fn renew(&mut self) {
        *self = Self::fresh();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the agent is a program of its own: it has no shell whose deadline it could arm"
)]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}
