//! The stream of bytes to a target, and its clock.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant as Moment};

use holdfast_actors::kernel::Instant;

use super::Refused;
use super::pdu::{BODY_FIRST, Head, Message, Splitter};

/// A stream of bytes, with a clock to give up by.
pub trait Wire {
    /// The time, counted from any beginning.
    fn now(&self) -> Instant;

    /// Waits until there are bytes, and takes at most as many as there is room for. None when
    /// the stream has ended.
    ///
    /// # Errors
    /// `TimedOut` when nothing came until then; otherwise the stream is broken.
    fn receive(&mut self, room: &mut [u8], until: Instant) -> io::Result<usize>;

    /// Sends all of them.
    ///
    /// # Errors
    /// When they were not taken until then; the stream is broken.
    fn send(&mut self, bytes: &[u8], until: Instant) -> io::Result<()>;
}

/// A connection.
#[derive(Debug)]
pub struct Tcp {
    stream: TcpStream,
    began: Moment,
}

impl Tcp {
    /// Connects, in so much time at most.
    ///
    /// # Errors
    /// When nobody is there.
    #[expect(
        clippy::disallowed_methods,
        reason = "a connection measures its own patience, as its timeouts do"
    )]
    pub fn connect(portal: SocketAddr, limit: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&portal, limit)?;
        stream.set_nodelay(true)?;
        let began = Moment::now();
        Ok(Self { stream, began })
    }

    /// What is left until then; an error when that is nothing.
    fn left(&self, until: Instant) -> io::Result<Duration> {
        let left = self.now().until(until);
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(left),
        }
    }
}

/// Sockets say it in two ways.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() == io::ErrorKind::WouldBlock {
        true => io::ErrorKind::TimedOut.into(),
        false => error,
    }
}

impl Wire for Tcp {
    fn now(&self) -> Instant {
        let micros = self.began.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn receive(&mut self, room: &mut [u8], until: Instant) -> io::Result<usize> {
        loop {
            self.stream.set_read_timeout(Some(self.left(until)?))?;
            match self.stream.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome.map_err(timed_out),
            }
        }
    }

    fn send(&mut self, bytes: &[u8], until: Instant) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.stream.set_write_timeout(Some(self.left(until)?))?;
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(timed_out(error)),
            }
        }
        Ok(())
    }
}

/// A stream that carries messages.
#[derive(Debug)]
pub(super) struct Line<W> {
    pub(super) wire: W,
    splitter: Splitter,
}

impl<W: Wire> Line<W> {
    pub(super) fn new(wire: W) -> Self {
        let splitter = Splitter::new(BODY_FIRST);
        Self { wire, splitter }
    }

    /// From now on bodies are at most this long.
    pub(super) fn allow(&mut self, longest: usize) {
        self.splitter.allow(longest);
    }

    pub(super) fn now(&self) -> Instant {
        self.wire.now()
    }

    pub(super) fn send(&mut self, head: Head, body: &[u8], until: Instant) -> Result<(), Refused> {
        Ok(self.wire.send(&head.encode(body), until)?)
    }

    /// The next message; none when it did not come whole until then.
    pub(super) fn receive(&mut self, until: Instant) -> Result<Option<Message>, Refused> {
        while self.now() < until {
            let count = match self.wire.receive(self.splitter.room(), until) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
                Err(error) => return Err(error.into()),
            };
            if let Some(message) = self.splitter.filled(count)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}
