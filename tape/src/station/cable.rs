//! The way to one device, which is laid anew when it broke.
//!
//! Nothing is sent again by that: what was lost on the old way stays lost, and only at the
//! beginning of something new anybody asks for a new one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::tape::changer::Element;

use crate::exchange;
use crate::library::{FIRST_DRIVE, Port, Shared, Unit};
use crate::ports::Failed;
use crate::scsi::{Answer, Data, Patience, Scsi};

/// A transport to one device, as an adapter makes it.
pub trait Way: Scsi + Send {
    /// It broke, and carries nothing any more.
    fn is_over(&self) -> bool;

    /// What ends a command that hangs, from another thread. It may hang as well.
    fn reset(&self) -> Reset;
}

/// Ends a command that hangs.
pub type Reset = Arc<dyn Fn() + Send + Sync>;

/// Lays a way to a device; may take half a minute.
pub type Connect = Box<dyn Fn() -> Result<Box<dyn Way>, Failed> + Send + Sync>;

/// The way to one device, whoever uses it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cable(Arc<Inside>);

struct Inside {
    connect: Connect,
    way: Mutex<Box<dyn Way>>,
    /// Beside the way, which is held by whoever hangs.
    reset: Mutex<Reset>,
}

impl fmt::Debug for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cable")
    }
}

fn held<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cable {
    /// Lays it.
    pub(super) fn lay(connect: Connect) -> Result<Self, Failed> {
        let way = connect()?;
        let reset = Mutex::new(way.reset());
        let way = Mutex::new(way);
        Ok(Self(Arc::new(Inside {
            connect,
            way,
            reset,
        })))
    }

    /// Asks the device whether it is there, takes what it wants attention for, and lays the way
    /// anew if it broke. Says whether it is new.
    pub(super) fn reach(&mut self) -> bool {
        // Whether it is ready shows in what it is asked next.
        let _ = exchange::ready(self);
        let is_new = self.renew();
        if is_new {
            let _ = exchange::ready(self);
        }
        is_new
    }

    /// Lays it anew if it broke; says whether it did. If it cannot, it stays broken: whatever is
    /// sent is lost.
    fn renew(&self) -> bool {
        let mut way = held(&self.0.way);
        if !way.is_over() {
            return false;
        }
        match (self.0.connect)() {
            Ok(new) => {
                *held(&self.0.reset) = new.reset();
                *way = new;
                true
            }
            Err(failed) => {
                tracing::warn!(%failed, "a tape device is not reached again");
                false
            }
        }
    }

    /// Ends a command that hangs.
    pub(super) fn reset(&self) {
        let reset = Arc::clone(&held(&self.0.reset));
        reset();
    }
}

impl Scsi for Cable {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        held(&self.0.way).execute(cdb, data, patience)
    }
}

/// The devices of one library.
pub struct Fleet {
    /// The arm.
    pub changer: Connect,
    /// The drives, and where the arm finds them.
    pub drives: Vec<(Element, Connect)>,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a changer and {} drives", self.drives.len())
    }
}

/// A way to a device of an embedded library, which never breaks.
struct Embedded {
    port: Port,
    library: Shared,
    unit: Unit,
}

impl Scsi for Embedded {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, patience: Patience) -> Answer {
        self.port.execute(cdb, data, patience)
    }
}

impl Way for Embedded {
    fn is_over(&self) -> bool {
        false
    }

    fn reset(&self) -> Reset {
        let (library, unit) = (self.library.clone(), self.unit);
        Arc::new(move || library.with(|library| library.reset(unit)))
    }
}

/// An embedded library with so many drives.
impl From<(Shared, u16)> for Fleet {
    fn from((library, drives): (Shared, u16)) -> Self {
        let connect = |unit: Unit| -> Connect {
            let library = library.clone();
            Box::new(move || {
                Ok(Box::new(Embedded {
                    port: library.port(unit),
                    library: library.clone(),
                    unit,
                }))
            })
        };
        let place = |number: u16| (Element(FIRST_DRIVE + number), Unit::Drive(number.into()));
        Self {
            changer: connect(Unit::Changer),
            drives: (0..drives)
                .map(place)
                .map(|(at, unit)| (at, connect(unit)))
                .collect(),
        }
    }
}
