//! The node's side of the admin socket: admits peers, reads orders, writes answers. It knows no
//! command and decides nothing but who is admitted.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::ports::Pending;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::protocol::{ANSWER_MAX, Call, Line, ORDER_MAX, Problem, ProblemClass, Progress};
use super::socket::Folder;
use super::{Caller, Operations};
use crate::commands::Order;

/// Orders carried out at once; those who follow events hold one each.
const CALLS_MAX: usize = 64;
/// How long a peer may take to send its order, and to take a line of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the node shows that it lives while it works.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// Lines that wait for the peer before the work waits too.
const LINES_MAX: usize = 16;
/// How long a listener that cannot accept rests before it tries again.
const REST: Duration = Duration::from_millis(100);

/// The node's end of the socket.
pub struct Door {
    listener: UnixListener,
    folder: Folder,
    welcome: Welcome,
}

/// Who is admitted.
#[derive(Clone, Copy, Debug)]
struct Welcome {
    /// The owner of the data directory, and root.
    owner: u32,
    /// Whoever else the mode of the socket lets through.
    shared: bool,
}

impl Welcome {
    /// Whether a user is root or the owner.
    const fn owns(self, uid: u32) -> bool {
        uid == 0 || uid == self.owner
    }

    const fn admits(self, uid: u32) -> bool {
        self.shared || self.owns(uid)
    }
}

impl Door {
    /// Listens in the data directory, whose lock the caller holds. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the directory cannot be opened or written.
    pub fn open(data: &Path) -> io::Result<Self> {
        let folder = Folder::open(data)?;
        let owner = folder.owner()?;
        let listener = UnixListener::from_std(folder.listen()?)?;
        Ok(Self {
            listener,
            folder,
            welcome: Welcome {
                owner,
                shared: false,
            },
        })
    }

    /// Lets the members of a group come through as well, by its number. The data directory can be
    /// passed through by them from then on; nothing else in it is open to them.
    ///
    /// # Errors
    /// When the operating system does not let this process give files to that group.
    pub fn share(mut self, group: u32) -> io::Result<Self> {
        self.folder.share(group)?;
        self.welcome.shared = true;
        Ok(self)
    }

    /// Answers until `stop` resolves; then cuts what still runs and takes the socket's name away.
    pub async fn serve(self, operations: Arc<dyn Operations>, mut stop: Pending<()>) {
        let mut calls = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                Some(_) = calls.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let full = calls.len() >= CALLS_MAX;
                    let operations = Arc::clone(&operations);
                    calls.spawn(answer(stream, self.welcome, full, operations));
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin socket cannot accept");
                    // Nothing is awaited here but the end of the rest.
                    drop(timeout(REST, std::future::pending::<()>()).await);
                }
            }
        }
        calls.shutdown().await;
        if let Err(error) = self.folder.remove() {
            tracing::warn!(%error, "the admin socket's name stays");
        }
    }
}

/// Where the rows of a list and the progress go while an order is carried out.
#[derive(Clone, Debug)]
pub struct Items(mpsc::Sender<Line>);

/// The caller hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller hung up")]
pub struct HungUp;

impl From<HungUp> for Problem {
    fn from(gone: HungUp) -> Self {
        Self::new(ProblemClass::Failed, "hung-up", gone)
    }
}

impl Items {
    /// Where lines go in, and where they come out again.
    pub fn pipe() -> (Self, mpsc::Receiver<Line>) {
        let (sender, lines) = mpsc::channel(LINES_MAX);
        (Self(sender), lines)
    }

    /// Sends one row, and waits while the caller is slow.
    ///
    /// # Errors
    /// When the caller hung up.
    pub async fn send<T: Serialize + Sync>(&self, row: &T) -> Result<(), HungUp> {
        // Rows are plain structs with text keys; only those fail to become JSON that are not.
        let value = serde_json::to_value(row).map_err(|_| HungUp)?;
        self.0.send(Line::Item(value)).await.map_err(|_| HungUp)
    }

    /// Says how far the work is; dropped while the caller is slow.
    pub fn progress(&self, progress: Progress) {
        // A full channel means that the caller has not even seen the last one.
        drop(self.0.try_send(Line::Progress(progress)));
    }
}

/// Serves one connection from its first to its last byte.
async fn answer(stream: UnixStream, welcome: Welcome, full: bool, operations: Arc<dyn Operations>) {
    let admitted = stream.peer_cred().map(|peer| peer.uid());
    let (from, mut to) = stream.into_split();
    let uid = match admitted {
        Ok(uid) if welcome.admits(uid) => uid,
        Ok(uid) => {
            tracing::warn!(uid, "a stranger at the admin socket");
            let message = "only root and the owner of the data directory give orders here";
            let problem = Problem::new(ProblemClass::Refused, "not-allowed", message);
            return end(&mut to, Err(problem)).await;
        }
        Err(error) => {
            tracing::warn!(%error, "the kernel does not say who a peer is");
            return;
        }
    };
    if full {
        let message = format!("{CALLS_MAX} orders are being carried out already; try again");
        let problem = Problem::new(ProblemClass::Refused, "busy", message);
        return end(&mut to, Err(problem)).await;
    }
    let mut from = BufReader::new(from);
    let order = match timeout(PATIENCE, read_order(&mut from)).await {
        Ok(Ok(line)) => Call::parse(&line),
        Ok(Err(Some(problem))) => Err(problem),
        Ok(Err(None)) | Err(_) => return,
    };
    match order {
        Ok(call) => {
            let caller = Caller {
                uid,
                owns: welcome.owns(uid),
                operator: call.operator,
            };
            carry_out(caller, call.command, from, to, operations).await;
        }
        Err(problem) => end(&mut to, Err(problem)).await,
    }
}

/// The line of the order; no problem to tell if the peer is gone.
async fn read_order(from: &mut BufReader<OwnedReadHalf>) -> Result<Vec<u8>, Option<Problem>> {
    let mut line = Vec::new();
    let most = ORDER_MAX as u64 + 1;
    let read = from.take(most).read_until(b'\n', &mut line).await;
    read.map_err(|_| None)?;
    match line.pop() {
        Some(b'\n') => Ok(line),
        Some(_) if line.len() >= ORDER_MAX => {
            let message = format!("the order has more than {ORDER_MAX} bytes");
            Err(Some(Problem::new(ProblemClass::Usage, "too-long", message)))
        }
        _ => Err(None),
    }
}

async fn carry_out(
    caller: Caller,
    order: Order,
    mut from: BufReader<OwnedReadHalf>,
    mut to: OwnedWriteHalf,
    operations: Arc<dyn Operations>,
) {
    let (items, mut lines) = Items::pipe();
    let mut work = operations.perform(caller, order, items);
    let mut sign_of_life = tokio::time::interval(SIGN_OF_LIFE);
    let mut rest = [0; 1];
    let result = loop {
        let line = tokio::select! {
            biased;
            Some(line) = lines.recv() => rendered(&line),
            result = &mut work => break result,
            // The peer says nothing behind its order; what can be read is its end.
            _ = from.read(&mut rest) => return,
            _ = sign_of_life.tick() => Ok(b"\n".to_vec()),
        };
        match line {
            Ok(line) if write(&mut to, &line).await => {}
            Ok(_) => return,
            Err(problem) => break Err(problem),
        }
    };
    while let Ok(line) = lines.try_recv() {
        match rendered(&line) {
            Ok(line) if write(&mut to, &line).await => {}
            Ok(_) => return,
            Err(problem) => return end(&mut to, Err(problem)).await,
        }
    }
    end(&mut to, result).await;
}

async fn end(to: &mut OwnedWriteHalf, result: Result<serde_json::Value, Problem>) {
    let line = result.map_or_else(Line::Error, Line::Done);
    let line = rendered(&line).or_else(|problem| rendered(&Line::Error(problem)));
    if let Ok(line) = line {
        write(to, &line).await;
    }
}

fn rendered(line: &Line) -> Result<Vec<u8>, Problem> {
    let mut bytes = serde_json::to_vec(line).map_err(Problem::failed)?;
    bytes.push(b'\n');
    if bytes.len() > ANSWER_MAX {
        return Err(Problem::failed("the answer is too long for one line"));
    }
    Ok(bytes)
}

/// Whether the peer took the line.
async fn write(to: &mut OwnedWriteHalf, line: &[u8]) -> bool {
    matches!(timeout(PATIENCE, to.write_all(line)).await, Ok(Ok(())))
}
