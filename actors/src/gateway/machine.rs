//! The gateway's decisions; what they are for stands in [`super`].
//!
//! Invariant: at most [`VERIFICATIONS_MAX`] slow verifications run, and every attempt is either
//! held until its start, waits for one of them, or runs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::json;

use super::accounts::{Accounts, Chosen, chosen, generated};
use super::failures::Failures;
use super::{Admitted, Peer, Proof};
use crate::catalog::rows::Rows;
use crate::kernel::{Acts, CredentialId, Instant, Machine, Never, Now, Ticket};
use crate::refusal::{Reason, Refusal};

/// The most slow verifications at once.
pub const VERIFICATIONS_MAX: usize = 2;
/// How long a success is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// The most successes remembered.
const REMEMBERED_MAX: usize = 16_384;
/// The most attempts at once, and of those from one peer, and of callers that share one.
const ATTEMPTS_MAX: usize = 256;
const ATTEMPTS_PER_PEER_MAX: usize = 8;
const CALLERS_MAX: usize = 64;
/// The longest delay that an attempt is held for; beyond it is refused.
const HOLD_MAX: Duration = Duration::from_secs(5);
/// The longest delay by address, and by account.
const PEER_DELAY_MAX: Duration = Duration::from_secs(60);
const ACCOUNT_DELAY_MAX: Duration = Duration::from_secs(2);
/// The most pairs of account and address remembered as having logged in.
const FAMILIAR_MAX: usize = 4096;

/// What the gateway learns.
#[derive(Debug)]
pub enum Event {
    /// The catalog as it is now.
    Rows(Box<Rows>),
    /// Somebody wants to come in.
    Login {
        /// Whom to answer.
        ticket: Ticket,
        /// The user as sent.
        user: String,
        /// What is known of the password.
        proof: Proof,
        /// From where.
        peer: Peer,
    },
    /// A slow verification has ended, with the credential whose password it was.
    Verified(Ticket, Option<CredentialId>),
}

/// What the gateway wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Let them in.
    Admit(Ticket, Admitted),
    /// Do not.
    Refuse(Ticket, Refusal),
    /// Verify the password under this ticket against all of these; against none costs as much as
    /// against one.
    Verify(Ticket, Vec<Chosen>),
}

/// Who may come in.
#[derive(Debug)]
pub struct Gateway {
    accounts: Accounts,
    remembered: BTreeMap<[u8; 32], (Instant, Admitted)>,
    /// The keys of `remembered`, the oldest first.
    ages: VecDeque<(Instant, [u8; 32])>,
    /// By the ticket of the first caller.
    attempts: BTreeMap<Ticket, Attempt>,
    by_proof: BTreeMap<[u8; 32], Ticket>,
    held: BTreeSet<(Instant, Ticket)>,
    waiting: VecDeque<Ticket>,
    running: usize,
    by_peer: Failures<Peer>,
    by_account: Failures<String>,
    /// Which account logged in from where, and when last.
    familiar: BTreeMap<(String, Peer), Instant>,
    admitted: u64,
    refused: u64,
}

/// One guess, however many callers make it at once.
#[derive(Debug)]
struct Attempt {
    user: String,
    peer: Peer,
    key: [u8; 32],
    /// Whether it counts against its account, or comes from where the account is at home.
    counted: bool,
    callers: Vec<Ticket>,
    asked: Vec<Chosen>,
}

impl Machine for Gateway {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Rows(rows) => self.follow(*rows),
            Event::Login {
                ticket,
                user,
                proof,
                peer,
            } => self.login(now.monotonic, ticket, (user, peer), proof, acts),
            Event::Verified(ticket, matched) => self.verified(now.monotonic, ticket, matched, acts),
        }
        self.wake(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        self.held.first().map(|(start, _)| *start)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        while let Some((start, ticket)) = self.held.first().copied()
            && start <= now.monotonic
        {
            self.held.pop_first();
            self.waiting.push_back(ticket);
        }
        while self.running < VERIFICATIONS_MAX
            && let Some(ticket) = self.waiting.pop_front()
            && let Some(attempt) = self.attempts.get_mut(&ticket)
        {
            attempt.asked = chosen(&self.accounts, &attempt.user);
            self.running += 1;
            acts.start(Effect::Verify(ticket, attempt.asked.clone()));
        }
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "accounts": self.accounts.len(),
            "remembered": self.remembered.len(),
            "held": self.held.len(),
            "waiting": self.waiting.len(),
            "verifying": self.running,
            "slowed-addresses": self.by_peer.len(),
            "slowed-accounts": self.by_account.len(),
            "admitted": self.admitted,
            "refused": self.refused,
        })
    }

    fn waits(&self) -> Vec<String> {
        let figures = [
            (self.held.len(), "attempts are held after failures"),
            (self.waiting.len(), "attempts wait for a verification"),
        ];
        let some = figures.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, what)| format!("{count} {what}"))
            .collect()
    }
}

impl Gateway {
    /// A gateway that knows the catalog as of `rows`.
    pub fn new(rows: Rows) -> Self {
        let mut accounts = Accounts::default();
        accounts.follow(rows);
        Self {
            accounts,
            remembered: BTreeMap::new(),
            ages: VecDeque::new(),
            attempts: BTreeMap::new(),
            by_proof: BTreeMap::new(),
            held: BTreeSet::new(),
            waiting: VecDeque::new(),
            running: 0,
            by_peer: Failures::new(PEER_DELAY_MAX),
            by_account: Failures::new(ACCOUNT_DELAY_MAX),
            familiar: BTreeMap::new(),
            admitted: 0,
            refused: 0,
        }
    }

    fn follow(&mut self, rows: Rows) {
        let stale = self.accounts.follow(rows);
        if !stale.is_empty() {
            self.remembered
                .retain(|_, (_, admitted)| !stale.covers(admitted));
        }
    }

    fn login(
        &mut self,
        now: Instant,
        ticket: Ticket,
        (user, peer): (String, Peer),
        proof: Proof,
        acts: &mut Acts<Self>,
    ) {
        if let Some((until, admitted)) = self.remembered.get(&proof.key)
            && now < *until
        {
            self.admitted += 1;
            return acts.show(Effect::Admit(ticket, admitted.clone()));
        }
        if let Some(credential) = generated(&self.accounts, &user, &proof)
            && let Some(admitted) = self.accounts.admitted(credential)
        {
            return self.admit(now, &[ticket], proof.key, admitted, acts);
        }
        if let Some(first) = self.by_proof.get(&proof.key)
            && let Some(attempt) = self.attempts.get_mut(first)
            && attempt.callers.len() < CALLERS_MAX
        {
            return attempt.callers.push(ticket);
        }
        match self.start(now, &user, peer) {
            Err(refusal) => {
                self.refused += 1;
                acts.show(Effect::Refuse(ticket, refusal));
            }
            Ok((start, counted)) => {
                let attempt = Attempt {
                    user,
                    peer,
                    key: proof.key,
                    counted,
                    callers: vec![ticket],
                    asked: Vec::new(),
                };
                self.attempts.insert(ticket, attempt);
                self.by_proof.insert(proof.key, ticket);
                self.held.insert((start, ticket));
            }
        }
    }

    /// When an attempt may start, and whether it was counted against its account: it counts as a
    /// failure until it succeeds.
    fn start(&mut self, now: Instant, user: &str, peer: Peer) -> Result<(Instant, bool), Refusal> {
        let user = user.to_owned();
        let of_peer = self
            .attempts
            .values()
            .filter(|attempt| attempt.peer == peer);
        if self.attempts.len() >= ATTEMPTS_MAX || of_peer.count() >= ATTEMPTS_PER_PEER_MAX {
            let pause = Duration::from_secs(1);
            return Err(Refusal::retry(
                Reason::Busy,
                "too many log-ins at once",
                pause,
            ));
        }
        let by_peer = self.by_peer.due(&peer, now);
        let is_familiar = self.familiar.contains_key(&(user.clone(), peer));
        let by_account = if is_familiar {
            now
        } else {
            self.by_account.due(&user, now)
        };
        let start = by_peer.max(by_account);
        let delay = now.until(start);
        if delay > HOLD_MAX {
            let sentence = "too many log-ins have failed; wait before you try again";
            return Err(Refusal::retry(Reason::TooManyAttempts, sentence, delay));
        }
        self.by_peer.count(&peer, now, start);
        if !is_familiar {
            self.by_account.count(&user, now, start);
        }
        Ok((start, !is_familiar))
    }

    fn verified(
        &mut self,
        now: Instant,
        ticket: Ticket,
        matched: Option<CredentialId>,
        acts: &mut Acts<Self>,
    ) {
        let Some(attempt) = self.attempts.remove(&ticket) else {
            return;
        };
        self.running = self.running.saturating_sub(1);
        if self.by_proof.get(&attempt.key) == Some(&ticket) {
            self.by_proof.remove(&attempt.key);
        }
        // What the catalog said when the verification began may be true no more.
        let current = chosen(&self.accounts, &attempt.user);
        let asked = attempt
            .asked
            .iter()
            .find(|asked| Some(asked.credential) == matched);
        let good = asked.filter(|asked| current.contains(asked));
        match good.and_then(|asked| self.accounts.admitted(asked.credential)) {
            Some(admitted) => {
                self.by_peer.forgive(&attempt.peer, now);
                if attempt.counted {
                    self.by_account.forgive(&attempt.user, now);
                }
                self.admit(now, &attempt.callers, attempt.key, admitted, acts);
                self.remember_home(now, attempt.user, attempt.peer);
            }
            None => {
                for caller in attempt.callers {
                    self.refused += 1;
                    acts.show(Effect::Refuse(caller, wrong()));
                }
            }
        }
    }

    /// An account with a chosen password is at home where that password was right.
    fn remember_home(&mut self, now: Instant, user: String, peer: Peer) {
        self.familiar.insert((user, peer), now);
        if self.familiar.len() > FAMILIAR_MAX {
            let oldest = self.familiar.iter().min_by_key(|(_, at)| **at);
            if let Some(pair) = oldest.map(|(pair, _)| pair.clone()) {
                self.familiar.remove(&pair);
            }
        }
    }

    fn admit(
        &mut self,
        now: Instant,
        callers: &[Ticket],
        key: [u8; 32],
        admitted: Admitted,
        acts: &mut Acts<Self>,
    ) {
        for caller in callers {
            self.admitted += 1;
            acts.show(Effect::Admit(*caller, admitted.clone()));
        }
        let until = now + REMEMBERED;
        self.remembered.insert(key, (until, admitted));
        self.ages.push_back((until, key));
        while let Some((until, key)) = self.ages.front().copied()
            && (until <= now || self.ages.len() > REMEMBERED_MAX)
        {
            self.ages.pop_front();
            if self
                .remembered
                .get(&key)
                .is_some_and(|(kept, _)| *kept <= until)
            {
                self.remembered.remove(&key);
            }
        }
    }
}

/// One answer for a wrong password and for a user that there is not.
fn wrong() -> Refusal {
    Refusal::new(
        Reason::Unauthenticated,
        "the user name or the password is wrong",
    )
}

#[cfg(test)]
mod tests;
