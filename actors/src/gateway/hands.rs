//! The hands of the gateway: they hold passwords while an attempt lasts, and nobody else does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::machine::{Effect, Event, Gateway};
use super::{Admitted, Chosen, Peer, Proof};
use crate::catalog::rows::Rows;
use crate::kernel::{CredentialId, Never, Ticket};
use crate::ports::{Entropy, Passwords, Pending};
use crate::refusal::Refusal;
use crate::service::{Login, Secret};
use crate::shell::{Context, Fault, Hands};

/// The longest user in bytes: two names and a plus. A longer one is nobody's.
const USER_MAX: usize = 257;
/// The longest password in bytes that is verified; a longer one is nobody's.
const PASSWORD_MAX: usize = 1024;

/// What the gateway is told.
#[derive(Debug)]
pub enum Message {
    /// The catalog has changed.
    Rows(Box<Rows>),
    /// Somebody wants to come in.
    Login(Login, oneshot::Sender<Result<Admitted, Refusal>>),
    /// A verification has ended.
    Verified(Ticket, Option<CredentialId>),
}

/// Belongs to the one gateway of a node.
pub struct GatewayHands {
    passwords: Arc<dyn Passwords>,
    key: Zeroizing<[u8; 32]>,
    last_ticket: Ticket,
    callers: BTreeMap<Ticket, (Secret, oneshot::Sender<Result<Admitted, Refusal>>)>,
}

impl fmt::Debug for GatewayHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayHands({} callers)", self.callers.len())
    }
}

impl GatewayHands {
    /// Hands with a key of their own, drawn from `entropy`.
    pub fn new(passwords: Arc<dyn Passwords>, entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        entropy.fill(key.as_mut_slice());
        Self {
            passwords,
            key,
            last_ticket: Ticket::default(),
            callers: BTreeMap::new(),
        }
    }

    fn proof(&self, user: &str, password: &Secret) -> Proof {
        let digest = Sha256::digest(password.expose());
        let keyed = Sha256::new()
            .chain_update(self.key.as_slice())
            .chain_update((user.len() as u64).to_le_bytes())
            .chain_update(user)
            .chain_update(digest);
        Proof::new(keyed.finalize().into(), digest.into())
    }

    fn login(&mut self, login: Login, reply: oneshot::Sender<Result<Admitted, Refusal>>) -> Event {
        self.last_ticket = self.last_ticket.next();
        let ticket = self.last_ticket;
        let proof = self.proof(&login.user, &login.password);
        let is_short = login.password.expose().len() <= PASSWORD_MAX;
        // A password that is too long costs what a wrong one does.
        let kept = if is_short {
            login.password
        } else {
            Secret::new(String::new())
        };
        self.callers.insert(ticket, (kept, reply));
        let is_name = login.user.len() <= USER_MAX;
        Event::Login {
            ticket,
            user: if is_name { login.user } else { String::new() },
            proof,
            peer: Peer::from(login.peer),
        }
    }

    fn verify(&self, ticket: Ticket, chosen: Vec<Chosen>) -> Pending<Message> {
        let passwords = Arc::clone(&self.passwords);
        let password = self
            .callers
            .get(&ticket)
            .map(|(password, _)| password.clone());
        Box::pin(async move {
            let password = password.unwrap_or_else(|| Secret::new(String::new()));
            let password = password.expose().as_bytes();
            let mut matched = None;
            for one in &chosen {
                if passwords.verify(Some(&one.kept), password).await {
                    matched = Some(one.credential);
                }
            }
            if chosen.is_empty() {
                passwords.verify(None, password).await;
            }
            Message::Verified(ticket, matched)
        })
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<Admitted, Refusal>) {
        if let Some((_, reply)) = self.callers.remove(&ticket) {
            // The caller may have gone.
            let _ = reply.send(answer);
        }
    }
}

impl Hands for GatewayHands {
    type Machine = Gateway;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Rows(rows) => Event::Rows(rows),
            Message::Login(login, reply) => self.login(login, reply),
            Message::Verified(ticket, matched) => Event::Verified(ticket, matched),
        })
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Admit(ticket, admitted) => self.answer(ticket, Ok(admitted)),
            Effect::Refuse(ticket, refusal) => self.answer(ticket, Err(refusal)),
            Effect::Verify(ticket, chosen) => return Ok(Some(self.verify(ticket, chosen))),
        }
        Ok(None)
    }
}
