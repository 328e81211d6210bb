//! A tenant that writes small objects all the time: when it was told that one is safe, and that all
//! of these are there at the end.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::node::{Login, Stopwatch};
use crate::nodes::PATIENCE;
use crate::wire::{Wire, name};

/// Between two writes.
const PAUSE: Duration = Duration::from_millis(25);
/// For so many seconds writes are watched after something was cut off: longer than leases last.
const SETTLED: f64 = 4.0;
/// How long a write may take before it is tried again.
const SILENCE: Duration = Duration::from_secs(2);
/// Longer than a gateway holds a request, and than a dead node is dialled behind that.
const PATIENT: Duration = Duration::from_secs(15);

/// One write.
#[derive(Clone, Debug)]
struct Beat {
    /// In seconds.
    begun: f64,
    ended: f64,
    object: String,
    /// What became of it: nothing if it was acknowledged.
    refused: Option<String>,
}

/// Writes until it is told to end.
pub(crate) struct Pulse {
    watch: Stopwatch,
    wire: Wire,
    beats: Mutex<Vec<Beat>>,
    ended: AtomicBool,
}

/// Ends somebody's work, also when the one who watches fails.
pub(crate) struct Ending<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Pulse {
    /// One that writes to `pulse` by this login.
    pub(crate) fn new(login: &Login) -> Self {
        Self {
            watch: Stopwatch::start(),
            wire: Wire::new(login).within(SILENCE),
            beats: Mutex::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// One that waits for what a gateway says that has waited itself.
    pub(crate) fn patient(login: &Login) -> Self {
        Self {
            wire: Wire::new(login).within(PATIENT),
            ..Self::new(login)
        }
    }

    /// Ends it when this goes.
    pub(crate) fn ending(&self) -> Ending<'_> {
        Ending(&self.ended)
    }

    /// Now, as all its instants.
    pub(crate) fn now(&self) -> f64 {
        self.watch.seconds()
    }

    /// Writes, again and again.
    pub(crate) fn beat(&self) {
        for number in 0.. {
            if self.ended.load(Ordering::Relaxed) {
                break;
            }
            self.write(format!("beat {number}").as_bytes());
            thread::sleep(PAUSE);
        }
    }

    fn write(&self, bytes: &[u8]) {
        let (object, begun) = (name(bytes), self.now());
        let path = format!("/pulse/data/{object}");
        let refused = match self.wire.attempt("POST", &path, bytes) {
            Ok(reply) if reply.status == 200 => None,
            Ok(reply) => Some(format!("{} {}", reply.status, reply.body)),
            Err(error) => Some(error.to_string()),
        };
        let ended = self.now();
        let beat = Beat {
            begun,
            ended,
            object,
            refused,
        };
        self.beats.lock().unwrap().push(beat);
    }

    /// How long after an instant a write that was begun later was acknowledged. Waits for it.
    pub(crate) fn gap(&self, since: f64) -> f64 {
        let acknowledged = || {
            let beats = self.beats.lock().unwrap();
            let mut later = beats.iter().filter(|it| it.begun > since);
            later
                .find(|beat| beat.refused.is_none())
                .map(|beat| beat.ended - since)
        };
        while self.now() - since < PATIENCE {
            if let Some(gap) = acknowledged() {
                return gap;
            }
            thread::sleep(PAUSE);
        }
        panic!("no write was acknowledged: {:?}", self.last_refusal());
    }

    /// The longest time without an acknowledgement since an instant, once writes succeed again: a
    /// node that is cut off may acknowledge what it had received before.
    pub(crate) fn settled(&self, since: f64) -> f64 {
        let mut last = since;
        let mut longest: f64 = 0.0;
        loop {
            let gap = self.gap(last);
            longest = longest.max(gap);
            last += gap;
            if last - since > SETTLED {
                return longest;
            }
        }
    }

    /// Why the last write failed that did.
    pub(crate) fn last_refusal(&self) -> Option<String> {
        self.refusal(0.0)
    }

    /// The same for writes that were begun after an instant.
    pub(crate) fn refusal(&self, since: f64) -> Option<String> {
        let beats = self.beats.lock().unwrap();
        let later = beats.iter().filter(|beat| beat.begun > since);
        later.rev().find_map(|beat| beat.refused.clone())
    }

    /// How many writes that were begun after an instant are acknowledged.
    pub(crate) fn acknowledged(&self, since: f64) -> usize {
        let beats = self.beats.lock().unwrap();
        let later = beats.iter().filter(|beat| beat.begun > since);
        later.filter(|beat| beat.refused.is_none()).count()
    }

    /// The longest time between two acknowledgements.
    pub(crate) fn longest(&self) -> f64 {
        self.longest_since(0.0)
    }

    /// The same, among those from an instant on.
    pub(crate) fn longest_since(&self, since: f64) -> f64 {
        let beats = self.beats.lock().unwrap();
        let later = beats.iter().filter(|beat| beat.ended > since);
        let acknowledged = later.filter(|beat| beat.refused.is_none());
        let ends: Vec<f64> = acknowledged.map(|beat| beat.ended).collect();
        ends.windows(2)
            .map(|two| two[1] - two[0])
            .fold(0.0, f64::max)
    }

    /// What was acknowledged up to now.
    pub(crate) fn objects(&self) -> Vec<String> {
        let beats = self.beats.lock().unwrap();
        let acknowledged = beats.iter().filter(|beat| beat.refused.is_none());
        acknowledged.map(|beat| beat.object.clone()).collect()
    }

    /// Fails unless all that was acknowledged is there, at another gateway too.
    pub(crate) fn holds_at(&self, port: u16) {
        let wire = self.wire.at(port);
        let list = answered(&wire, "/pulse/data/");
        let objects = self.objects();
        assert!(!objects.is_empty(), "{:?}", self.last_refusal());
        for object in objects {
            assert!(list.contains(&object), "{object} is gone");
        }
    }
}

/// Asks until it is answered, as a client does that is told to try again.
pub(crate) fn answered(wire: &Wire, path: &str) -> String {
    let watch = Stopwatch::start();
    loop {
        let reply = wire.within(SILENCE).attempt("GET", path, b"");
        match reply {
            Ok(reply) if reply.status == 200 => return reply.body,
            reply => assert!(watch.seconds() < PATIENCE, "{path}: {reply:?}"),
        }
        thread::sleep(PAUSE);
    }
}
