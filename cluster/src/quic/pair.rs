//! Which connection two nodes use, for one class of frames: decided here, alike at both ends.
//!
//! Each end may dial, also both at once, and each may believe that the other is still connected
//! when it is not. An attempt to connect has a number, which rises for as long as a process lives.
//!
//! - If both dial at once, the attempt of the lower node wins. The lower parks what the higher
//!   offers until it knows how its own attempt ends: where only one way is open, that way serves.
//! - Who answers says up to which of its own attempts it has given up. So an attempt that comes
//!   late is told from one made because the connection died, and only the latter ends one.
//!
//! Invariant: while nothing fails, nobody is told that a connection died.

use super::hello::Life;

/// One connection, as this end knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// This node's attempt of this number.
    Dialled(u64),
    /// The peer dialled; the number is given out at this end.
    Offered(u64),
}

/// A connection that the peer offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) way: Way,
    /// The number of the peer's attempt.
    pub(super) attempt: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// There is something to send.
    Wanted,
    /// The peer dialled and has greeted.
    Offered(Offer, Life),
    /// The peer turned away from what it offered, or that connection died.
    Withdrawn(Way),
    /// The peer has answered: it takes this node's attempt, and has given up its own up to one.
    Answered {
        attempt: u64,
        given_up: u64,
        life: Life,
    },
    /// This node's attempt came to nothing.
    Failed { attempt: u64 },
    /// The connection in use is dead.
    Died(Way),
    /// Whoever sends frames has learnt of one death.
    Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Connect, under this number.
    Dial { attempt: u64 },
    /// Use this connection. If the peer offered it, answer that all attempts up to one are given
    /// up.
    Use { way: Way, given_up: u64 },
    /// Close what was never used: another connection serves.
    Decline(Way),
    /// Close what was in use: the peer has begun anew.
    End(Way),
    /// Say that the connection died: all that is under way is lost.
    Down,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Dialling {
        parked: Option<Offer>,
    },
    Up(Way),
}

/// One end of a pair.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    is_lower: bool,
    state: State,
    /// The last attempt of this node.
    attempt: u64,
    /// The peer's attempts up to this one are over, in this life of it.
    over: u64,
    life: Life,
    /// Deaths that were not heard of yet.
    untold: u32,
}

impl Pair {
    /// `is_lower` says whether this node's number is lower than the peer's.
    pub(super) fn new(is_lower: bool) -> Self {
        Self {
            is_lower,
            ..Self::default()
        }
    }

    /// Whether what is sent now belongs to a connection that died: the sender does not know yet.
    pub(super) const fn sends_in_vain(&self) -> bool {
        self.untold > 0
    }

    pub(super) fn step(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Wanted if self.state == State::Idle && self.untold == 0 => {
                self.attempt += 1;
                self.state = State::Dialling { parked: None };
                let attempt = self.attempt;
                effects.push(Effect::Dial { attempt });
            }
            Event::Wanted => {}
            Event::Offered(offer, life) => self.offered(offer, life, effects),
            Event::Withdrawn(way) => self.withdrawn(way),
            Event::Answered {
                attempt,
                given_up,
                life,
            } => self.answered(attempt, given_up, life, effects),
            Event::Failed { attempt } => self.failed(attempt, effects),
            Event::Died(way) if self.state == State::Up(way) => {
                self.state = State::Idle;
                self.down(effects);
            }
            Event::Died(_) => {}
            Event::Told => self.untold = self.untold.saturating_sub(1),
        }
    }

    fn offered(&mut self, offer: Offer, life: Life, effects: &mut Vec<Effect>) {
        self.meet(life);
        if offer.attempt <= self.over {
            effects.push(Effect::Decline(offer.way));
            return;
        }
        match self.state {
            State::Dialling { parked } if self.is_lower => {
                effects.extend(parked.map(|offer| Effect::Decline(offer.way)));
                self.state = State::Dialling {
                    parked: Some(offer),
                };
            }
            State::Idle | State::Dialling { .. } => self.take(offer, effects),
            State::Up(way) => {
                effects.push(Effect::End(way));
                self.down(effects);
                self.take(offer, effects);
            }
        }
    }

    fn withdrawn(&mut self, way: Way) {
        if let State::Dialling { parked } = &mut self.state {
            *parked = parked.filter(|offer| offer.way != way);
        }
    }

    fn answered(&mut self, attempt: u64, given_up: u64, life: Life, effects: &mut Vec<Effect>) {
        let way = Way::Dialled(attempt);
        let parked = match self.state {
            State::Dialling { parked } if attempt == self.attempt => parked,
            State::Dialling { .. } | State::Idle | State::Up(_) => {
                effects.push(Effect::Decline(way));
                return;
            }
        };
        self.meet(life);
        self.over = self.over.max(given_up);
        match parked {
            // Made after the peer had answered: what it answered is dead to it.
            Some(offer) if offer.attempt > self.over => {
                effects.push(Effect::Decline(way));
                self.take(offer, effects);
            }
            parked => {
                effects.extend(parked.map(|offer| Effect::Decline(offer.way)));
                self.state = State::Up(way);
                let given_up = self.attempt;
                effects.push(Effect::Use { way, given_up });
            }
        }
    }

    fn failed(&mut self, attempt: u64, effects: &mut Vec<Effect>) {
        match self.state {
            State::Dialling { parked } if attempt == self.attempt => match parked {
                Some(offer) => self.take(offer, effects),
                None => {
                    self.state = State::Idle;
                    self.down(effects);
                }
            },
            State::Dialling { .. } | State::Idle | State::Up(_) => {}
        }
    }

    fn take(&mut self, offer: Offer, effects: &mut Vec<Effect>) {
        self.over = offer.attempt;
        let (way, given_up) = (offer.way, self.attempt);
        self.state = State::Up(way);
        effects.push(Effect::Use { way, given_up });
    }

    fn down(&mut self, effects: &mut Vec<Effect>) {
        self.untold += 1;
        effects.push(Effect::Down);
    }

    /// A new run of the peer counts its attempts from the start.
    fn meet(&mut self, life: Life) {
        if self.life != life {
            self.life = life;
            self.over = 0;
        }
    }
}

#[cfg(test)]
mod tests;
