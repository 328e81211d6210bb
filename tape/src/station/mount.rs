//! A cartridge on its way into a drive, in it, and back home.

use std::sync::Arc;

use holdfast_actors::ports::Pending;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::drive::{Loan, Purpose};

use super::Devices;
use super::arm::Elements;
use super::drive::Spindle;
use super::seats::{Lent, Seat};
use crate::format;
use crate::ports::{Failed, Mount, Work};
use crate::smc::{self, Kind};

/// A cartridge in a drive that is lent.
pub(super) struct Mounted {
    devices: Arc<Devices>,
    number: usize,
    /// Until it is at home again.
    lent: Option<Lent>,
    loan: Loan,
    slot: Element,
    is_worm: bool,
    /// It is being carried home: whoever drops it now gives the drive back as it is.
    is_leaving: bool,
}

/// Has a cartridge put into the best drive, and made ready.
pub(super) async fn mount(
    devices: Arc<Devices>,
    slot: Element,
    purpose: Purpose,
) -> Result<Mounted, Failed> {
    let number = choose(&devices.arm.elements().await?, &devices.seats, slot);
    let number = number.ok_or_else(|| Failed::Other("no drive is in service".to_owned()))?;
    let mut mounted = lend(&devices, number, (slot, purpose)).await?;
    match mounted.fill().await {
        Ok(is_worm) => mounted.is_worm = is_worm,
        Err(failed) => {
            // Why it was not filled is more than that it could not be emptied.
            let _ = mounted.go_home().await;
            return Err(failed);
        }
    }
    Ok(mounted)
}

async fn lend(
    devices: &Arc<Devices>,
    number: usize,
    (slot, purpose): (Element, Purpose),
) -> Result<Mounted, Failed> {
    let lent = devices.seat(number)?.acquire(purpose).await?;
    let loan = lent.loan();
    Ok(Mounted {
        devices: Arc::clone(devices),
        number,
        lent: Some(lent),
        loan,
        slot,
        is_worm: false,
        is_leaving: false,
    })
}

/// Gets what is in a drive home, wherever it came from; refused while anybody wants the drive.
pub(super) async fn unload(devices: Arc<Devices>, number: usize) -> Result<(), Failed> {
    let seat = devices.seat(number)?;
    if seat.queue() > 0 {
        let told = format!("drive {number} is lent: wait until whoever has it is done");
        return Err(Failed::Other(told));
    }
    let elements = devices.arm.elements().await?;
    let drive = element(&elements, seat).filter(|drive| drive.full);
    let home = drive.and_then(|drive| home(&elements, drive));
    let Some(home) = home else {
        return Err(Failed::Other(
            "there is no cartridge in the drive".to_owned(),
        ));
    };
    let lent = lend(&devices, number, (home, Purpose::Care)).await?;
    lent.go_home().await
}

/// The element of a drive, if the robot has it.
fn element<'a>(elements: &'a Elements, seat: &Seat) -> Option<&'a smc::Element> {
    let mut drives = elements.iter().filter(|one| one.kind == Kind::Drive);
    drives.find(|one| one.address.0 == seat.at.0)
}

/// Where what is in a drive goes: to where it came from, or to a free slot if nobody knows that, or
/// somebody put another one there meanwhile.
fn home(elements: &Elements, drive: &smc::Element) -> Option<Element> {
    let free = |one: &&smc::Element| one.kind == Kind::Slot && !one.full;
    let mut slots = elements.iter().filter(free);
    let own = slots.clone().find(|one| Some(one.address) == drive.source);
    let found = own.or_else(|| slots.next()).map(|one| one.address);
    found.or(drive.source).map(|at| Element(at.0))
}

fn came_from(element: &smc::Element, slot: Element) -> bool {
    element.full && element.source.is_some_and(|source| source.0 == slot.0)
}

/// The drive that has the cartridge, else the well one that fewest want, an empty one first.
fn choose(elements: &Elements, seats: &[Seat], slot: Element) -> Option<usize> {
    let has = |seat: &Seat| element(elements, seat).is_some_and(|one| came_from(one, slot));
    if let Some(has) = seats.iter().position(has) {
        return Some(has);
    }
    let well = seats.iter().enumerate().filter(|(_, seat)| seat.is_well());
    let cost = |(number, seat): &(usize, &Seat)| {
        let is_full = element(elements, seat).is_none_or(|drive| drive.full);
        (seat.queue(), is_full, *number)
    };
    well.min_by_key(cost).map(|(number, _)| number)
}

impl Mounted {
    fn seat(&self) -> Result<&Seat, Failed> {
        self.devices.seat(self.number)
    }

    /// Where the drive is, and whether it has the cartridge or another one from that slot.
    async fn place(&self) -> Result<(Element, Option<Element>), Failed> {
        let elements = self.devices.arm.elements().await?;
        let drive = element(&elements, self.seat()?);
        let drive = drive.ok_or_else(|| Failed::Other("the robot has no such drive".to_owned()))?;
        let holds = drive
            .full
            .then(|| home(&elements, drive).unwrap_or(self.slot));
        Ok((Element(drive.address.0), holds))
    }

    /// Gets the cartridge into the drive; says whether it can be written once.
    async fn fill(&self) -> Result<bool, Failed> {
        let (drive, holds) = self.place().await?;
        match holds {
            Some(home) if home == self.slot => {}
            Some(home) => {
                self.on_thread(Spindle::unload).await?;
                self.devices.arm.carry(drive, home).await?;
                self.devices.arm.carry(self.slot, drive).await?;
            }
            None => self.devices.arm.carry(self.slot, drive).await?,
        }
        self.on_thread(Spindle::load).await
    }

    /// Gets the cartridge home, whatever came before.
    async fn empty(&self) -> Result<(), Failed> {
        let (drive, holds) = self.place().await?;
        let Some(home) = holds else {
            return Ok(());
        };
        self.on_thread(Spindle::unload).await?;
        self.devices.arm.carry(drive, home).await
    }

    async fn on_thread<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Spindle, Loan) -> Result<R, format::Fault> + Send + 'static,
    ) -> Result<R, Failed> {
        let (seat, loan) = (self.seat()?, self.loan);
        let done = seat.spindle.ask(move |spindle| act(spindle, loan));
        tokio::select! {
            done = done => {
                let done = done.map_err(|_| Failed::Other("the drive is gone".to_owned()))?;
                done.map_err(|fault| Failed::Other(fault.to_string()))
            }
            failed = seat.hangs() => Err(failed),
        }
    }

    async fn go_home(mut self) -> Result<(), Failed> {
        self.is_leaving = true;
        self.empty().await
    }
}

impl Mount for Mounted {
    fn is_worm(&self) -> bool {
        self.is_worm
    }

    fn work(&mut self, work: Work) -> Pending<Result<(), Failed>> {
        let (devices, number, loan) = (Arc::clone(&self.devices), self.number, self.loan);
        Box::pin(async move {
            let Some(seat) = devices.seats.get(number) else {
                return Err(Failed::Other("the drive is gone".to_owned()));
            };
            let done = seat.spindle.ask(move |spindle| spindle.work(loan, work));
            tokio::select! {
                done = done => done.map_err(|_| Failed::Other("the drive is gone".to_owned())),
                failed = seat.hangs() => Err(failed),
            }
        })
    }

    fn dismount(self: Box<Self>) -> Pending<Result<(), Failed>> {
        Box::pin(self.go_home())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Handle::try_current();
        let (false, Ok(runtime)) = (self.is_leaving, runtime) else {
            return;
        };
        let left = Self {
            devices: Arc::clone(&self.devices),
            number: self.number,
            lent: self.lent.take(),
            loan: self.loan,
            slot: self.slot,
            is_worm: self.is_worm,
            is_leaving: true,
        };
        // Nobody waits for it any more, and the loan keeps others away meanwhile.
        drop(runtime.spawn(async move {
            if let Err(failed) = left.go_home().await {
                tracing::warn!(%failed, "a cartridge that nobody wants stays in its drive");
            }
        }));
    }
}
