//! Who uses the register: one request at a time, of any replica. What is not answered may have
//! been done or not; it is never sent again under the same value.

use std::time::Duration;

use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Arrival;

use super::history::{History, Phase};
use super::word::Word;
use super::{Kept, Value};
use crate::dice::Dice;
use crate::fleet::{Main, Program, Stand};
use crate::plan::End;
use crate::world::pass;

/// How long a client waits for an answer, in trouble and from a core.
const PATIENCE: [Duration; 2] = [Duration::from_millis(400), Duration::from_secs(10)];
/// Values of one client, so that no two clients write the same.
const VALUES: Value = 1_000_000;

/// One client.
pub(super) struct ClientNode {
    pub(super) replicas: Vec<NodeId>,
    /// Milliseconds between two requests at most.
    pub(super) pause: u64,
    /// Once in so many requests is a write.
    pub(super) writes: u64,
    pub(super) history: History,
}

impl Program for ClientNode {
    fn live(&mut self, stand: Stand) -> Option<Main> {
        let dice = stand.dice.fork("client");
        let client = Client {
            replicas: self.replicas.clone(),
            pause: self.pause,
            writes: self.writes,
            history: self.history.clone(),
            stand,
            dice,
            requests: 0,
        };
        Some(Box::pin(client.work()))
    }

    fn over(&mut self, _: Option<End>) {}
}

struct Client {
    replicas: Vec<NodeId>,
    pause: u64,
    writes: u64,
    history: History,
    stand: Stand,
    dice: Dice,
    requests: u64,
}

impl Client {
    async fn work(mut self) {
        let me = self.stand.link.node();
        let (mut has_read, mut has_written) = (false, false);
        loop {
            pass(1 + self.dice.below(self.pause)).await;
            let phase = self.history.pages().phase.clone();
            let in_core = matches!(phase, Phase::Core(_));
            let replicas = match phase {
                Phase::Trouble => self.replicas.clone(),
                Phase::Core(core) => core,
            };
            let replica = replicas[self.dice.below(replicas.len() as u64) as usize];
            let drawn = self.dice.one_in(self.writes);
            // What a core must show is asked for first.
            let writes = if in_core { !has_written } else { drawn };
            if self
                .request(replica, writes, PATIENCE[usize::from(in_core)])
                .await
                .is_some()
                && in_core
            {
                has_written |= writes;
                has_read |= !writes;
                if has_read && has_written {
                    self.history.pages().settled.insert(me);
                }
            }
        }
    }

    async fn request(&mut self, replica: NodeId, writes: bool, patience: Duration) -> Option<Kept> {
        let me = self.stand.link.node();
        self.requests += 1;
        let request = self.requests;
        let value = writes.then(|| me.raw() * VALUES + request);
        let word = match value {
            Some(value) => Word::Write { request, value },
            None => Word::Read { request },
        };
        let number = self.history.begins(me, value, self.stand.time.world());
        let told = match self.stand.link.send(replica, word.encode()) {
            Ok(()) => {
                let answer = self.answer(request, replica);
                tokio::time::timeout(patience, answer).await.ok().flatten()
            }
            Err(_) => None,
        };
        self.history.ends(number, told, self.stand.time.world());
        told
    }

    /// Waits for the answer; none when the connection dies.
    async fn answer(&self, request: u64, replica: NodeId) -> Option<Kept> {
        while let Some(arrival) = self.stand.link.receive().await {
            match arrival {
                Arrival::Frame { body, .. } => match Word::decode(&body) {
                    Some(Word::Done {
                        request: answered,
                        kept,
                    }) if answered == request => return Some(kept),
                    // An answer that comes too late.
                    Some(_) | None => {}
                },
                Arrival::Down(peer) if peer == replica => return None,
                Arrival::Down(_) | Arrival::Room(_) => {}
            }
        }
        None
    }
}
