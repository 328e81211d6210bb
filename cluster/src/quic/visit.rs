//! Newcomers: who has no certificate yet, and asks to be let in. Such a connection carries one
//! petition and one answer and never becomes a link.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use quinn::Connection;
use quinn::crypto::rustls::HandshakeData;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::end::End;
use super::endpoint::Shared;
use crate::join::{ALPN, Admits, Answer, EXPORTER, PETITION_MAX, Petition};

/// Petitions that are decided at once; each may wait for the catalog.
const AT_ONCE: usize = 4;
/// How long a petition may take to be decided.
const DECIDE: Duration = Duration::from_secs(15);

/// Who lets newcomers in.
pub(super) struct Visits {
    admits: Arc<dyn Admits>,
    seats: Semaphore,
}

impl Visits {
    pub(super) fn new(admits: Arc<dyn Admits>) -> Self {
        let seats = Semaphore::new(AT_ONCE);
        Self { admits, seats }
    }

    async fn answer(&self, connection: &Connection, petition: &[u8]) -> Answer {
        let Ok(_seat) = self.seats.try_acquire() else {
            return Answer::refused("busy", "several nodes join at this moment; try again");
        };
        let mut binding = [0; 32];
        let bound = connection.export_keying_material(&mut binding, EXPORTER, b"");
        if bound.is_err() {
            return Answer::refused("failed", "the session has no key");
        }
        let petition = match Petition::open(petition, &binding) {
            Ok(petition) => petition,
            Err(bad) => return Answer::refused("malformed", bad),
        };
        let decided = timeout(DECIDE, self.admits.admit(petition)).await;
        let late = "the catalog did not decide in time; try again with the same token";
        decided.unwrap_or_else(|_| Answer::refused("unavailable", late))
    }
}

/// Whether this is one; only where somebody lets newcomers in is their protocol spoken at all.
pub(super) fn is_newcomer(connection: &Connection) -> bool {
    let data = connection.handshake_data();
    let data = data.and_then(|data| data.downcast::<HandshakeData>().ok());
    data.is_some_and(|data| data.protocol.as_deref() == Some(ALPN))
}

/// Reads the petition.
pub(super) async fn hear(connection: &Connection) -> Result<Vec<u8>, End> {
    let mut receive = connection.accept_uni().await?;
    let read = receive.read_to_end(PETITION_MAX).await;
    read.map_err(|error| End::Broken(error.to_string()))
}

/// Has it decided, and answers.
pub(super) async fn serve(shared: &Shared, connection: &Connection, petition: &[u8]) {
    let Some(visits) = &shared.visits else { return };
    let answer = visits.answer(connection, petition).await;
    if let Answer::Refused { sentence, .. } = &answer {
        let end = End::Refused(sentence.clone());
        shared.refused(None, Some(connection.remote_address()), &end);
    }
    let told = timeout(shared.pace.greeting, tell(connection, &answer)).await;
    if told.is_err() {
        tracing::debug!(node = %shared.node, "a newcomer did not hear its answer out");
    }
    connection.close(End::Leaving.code(), b"");
}

/// Sends the answer, and waits until the newcomer has it and hangs up.
async fn tell(connection: &Connection, answer: &Answer) {
    let gone = |error: &dyn Display| tracing::debug!(%error, "a newcomer is gone");
    let mut send = match connection.open_uni().await {
        Ok(send) => send,
        Err(error) => return gone(&error),
    };
    if let Err(error) = send.write_all(&answer.encode()).await {
        return gone(&error);
    }
    if let Err(error) = send.finish() {
        return gone(&error);
    }
    connection.closed().await;
}
