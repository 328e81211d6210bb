//! A library of reels, of which any may be worn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use holdfast_actors::catalog::tape::Seen;
use holdfast_actors::kernel::{Instant, Now, Timestamp};
use holdfast_actors::ports::{Clock, Entropy, Pending};
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::Purpose;

use super::world::ready;
use crate::format::{Fault, Medium, Read, Reel, Space as Way, Written};
use crate::ports::{Failed, Mount, Station, Work};

/// A cartridge, and how many more orders to write it takes before it fails.
pub(super) struct Slot {
    pub(super) reel: Reel,
    pub(super) fails_after: Option<usize>,
    pub(super) writes: usize,
}

#[derive(Default)]
pub(super) struct Shop {
    pub(super) slots: Mutex<BTreeMap<u16, Arc<Mutex<Slot>>>>,
    pub(super) mounts: Mutex<usize>,
}

struct Drive(Arc<Mutex<Slot>>);

struct Worn<'a>(&'a mut Slot);

impl Worn<'_> {
    fn count(&mut self) -> Result<(), Fault> {
        self.0.writes += 1;
        match &mut self.0.fails_after {
            Some(0) => Err(Fault::Failed("worn".to_owned())),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Medium for Worn<'_> {
    fn write(&mut self, block: &[u8]) -> Result<Written, Fault> {
        self.count()?;
        self.0.reel.write(block)
    }
    fn filemark(&mut self) -> Result<Written, Fault> {
        self.count()?;
        self.0.reel.filemark()
    }
    fn flush(&mut self) -> Result<(), Fault> {
        self.count()?;
        self.0.reel.flush()
    }
    fn position(&mut self) -> Result<Option<u64>, Fault> {
        self.0.reel.position()
    }
    fn locate(&mut self, address: u64) -> Result<(), Fault> {
        self.0.reel.locate(address)
    }
    fn rewind(&mut self) -> Result<(), Fault> {
        self.0.reel.rewind()
    }
    fn space(&mut self, way: Way) -> Result<(), Fault> {
        self.0.reel.space(way)
    }
    fn read(&mut self) -> Result<Read, Fault> {
        self.0.reel.read()
    }
}

impl Mount for Drive {
    fn is_worm(&self) -> bool {
        false
    }

    fn work(&mut self, work: Work) -> Pending<Result<(), Failed>> {
        work(&mut Worn(&mut self.0.lock().unwrap()));
        ready(Ok(()))
    }

    fn dismount(self: Box<Self>) -> Pending<Result<(), Failed>> {
        ready(Ok(()))
    }
}

impl Station for Shop {
    fn inventory(&self) -> Pending<Result<Vec<Seen>, Failed>> {
        unreachable!("an archive asks the catalog")
    }

    fn elements(&self) -> Pending<Result<Vec<crate::smc::Element>, Failed>> {
        unreachable!("nobody asks")
    }

    fn serve(&self, _: usize, _: bool) -> Pending<Result<(), Failed>> {
        unreachable!("nobody asks")
    }

    fn unload(&self, _: usize) -> Pending<Result<(), Failed>> {
        unreachable!("nobody asks")
    }

    fn carry(&self, _: Element, _: Element) -> Pending<Result<(), Failed>> {
        unreachable!("nobody asks")
    }

    fn mount(&self, slot: Element, _: Purpose) -> Pending<Result<Box<dyn Mount>, Failed>> {
        *self.mounts.lock().unwrap() += 1;
        let slot = Arc::clone(&self.slots.lock().unwrap()[&slot.0]);
        slot.lock().unwrap().reel.rewind().unwrap();
        ready(Ok(Box::new(Drive(slot))))
    }
}

/// A clock that stands still.
pub(super) struct Still;

impl Clock for Still {
    fn now(&self) -> Now {
        Now {
            monotonic: Instant::default(),
            wall: Timestamp::default(),
        }
    }
}

/// What is drawn, counted.
pub(super) struct Counted(pub(super) Mutex<u128>);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let mut last = self.0.lock().unwrap();
        *last += 1;
        let drawn = last.to_le_bytes().into_iter().cycle();
        bytes
            .iter_mut()
            .zip(drawn)
            .for_each(|(to, from)| *to = from);
    }
}
