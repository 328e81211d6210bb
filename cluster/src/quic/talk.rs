//! A connection that serves: one task writes and reads until it is dead.

use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use quinn::{Connection, ReadError, RecvStream, SendStream, WriteError};
use tokio::sync::Notify;

use super::end::End;
use super::frame::Decoder;
use super::lane::Lane;
use super::pair::Way;

/// Pieces of the stream that are taken at once.
const PIECES: usize = 32;

/// Both ways of a connection.
pub(super) struct Streams {
    pub(super) send: SendStream,
    pub(super) receive: RecvStream,
    /// What came in one piece with the greeting.
    pub(super) rest: Vec<u8>,
}

/// The place of a connection in its lane.
pub(super) struct Seat {
    pub(super) lane: Arc<Lane>,
    pub(super) peer: NodeId,
    pub(super) way: Way,
    pub(super) bell: Arc<Notify>,
}

/// Serves until the connection is dead, tells the lane, and says why.
pub(super) async fn talk(seat: Seat, connection: &Connection, streams: Streams) -> End {
    let Streams {
        send,
        receive,
        rest,
    } = streams;
    let end = tokio::select! {
        biased;
        end = read(&seat, receive, &rest) => end,
        end = write(&seat, send) => end,
    };
    // The connection's own reason says more than that a stream broke off.
    let end = match (connection.close_reason(), end) {
        (Some(quinn::ConnectionError::LocallyClosed) | None, end) => end,
        (Some(reason), _) => End::from(reason),
    };
    connection.close(end.code(), end.to_string().as_bytes());
    seat.lane.died(seat.peer, seat.way);
    end
}

async fn write(seat: &Seat, mut stream: SendStream) -> End {
    while let Some(mut batch) = seat.lane.batch(seat.peer, seat.way) {
        if batch.is_empty() {
            seat.bell.notified().await;
        } else if let Err(error) = stream.write_all_chunks(&mut batch.chunks).await {
            return match error {
                WriteError::ConnectionLost(reason) => End::from(reason),
                WriteError::Stopped(_) | WriteError::ClosedStream | WriteError::ZeroRttRejected => {
                    End::Broken(error.to_string())
                }
            };
        }
    }
    End::Superseded
}

async fn read(seat: &Seat, mut stream: RecvStream, rest: &[u8]) -> End {
    let (mut decoder, mut items) = (Decoder::default(), Vec::new());
    let mut pieces = [const { Bytes::new() }; PIECES];
    if let Err(error) = decoder.feed(rest, &mut items) {
        return End::Broken(error.to_string());
    }
    loop {
        match seat.lane.arrived(seat.peer, seat.way, &mut items) {
            Ok(true) => {}
            Ok(false) => return End::Superseded,
            Err(abuse) => return End::Broken(abuse.to_string()),
        }
        let count = match stream.read_chunks(&mut pieces).await {
            Ok(Some(count)) => count,
            Ok(None) => return End::Broken("it ended its stream".to_owned()),
            Err(ReadError::ConnectionLost(reason)) => return End::from(reason),
            Err(error) => return End::Broken(error.to_string()),
        };
        for piece in &mut pieces[..count] {
            let piece = std::mem::take(piece);
            if let Err(error) = decoder.feed(&piece, &mut items) {
                return End::Broken(error.to_string());
            }
        }
    }
}
