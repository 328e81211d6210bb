//! How long a drive and an arm take: a pure model, in microseconds of a virtual clock.

use std::time::Duration;

/// The figures of one generation of drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Threading a tape until it is ready.
    pub load: Duration,
    /// Rewound tape until it can be taken.
    pub unload: Duration,
    /// Winding once along the whole tape.
    pub whole_length: Duration,
    /// Ways along the tape, every second one backwards.
    pub wraps: u64,
    /// Bytes in a second when streaming.
    pub rate: u64,
    /// Bytes in a second below which it stops, winds back and starts again.
    pub slowest: u64,
    /// How long that takes. No vendor says it: an estimate.
    pub hitch: Duration,
    /// Bytes of a tape, uncompressed.
    pub native: u64,
}

/// LTO-7, full height.
pub const LTO_7: Profile = Profile {
    load: Duration::from_secs(15),
    unload: Duration::from_secs(20),
    whole_length: Duration::from_secs(103),
    wraps: 112,
    rate: 300_000_000,
    slowest: 101_000_000,
    hitch: Duration::from_secs(3),
    native: 6_000_000_000_000,
};

/// LTO-8, full height.
pub const LTO_8: Profile = Profile {
    load: Duration::from_secs(15),
    unload: Duration::from_secs(24),
    whole_length: Duration::from_secs(109),
    wraps: 208,
    rate: 360_000_000,
    slowest: 112_000_000,
    hitch: Duration::from_secs(3),
    native: 12_000_000_000_000,
};

/// LTO-9, full height.
pub const LTO_9: Profile = Profile {
    load: Duration::from_secs(17),
    unload: Duration::from_secs(30),
    whole_length: Duration::from_millis(86_250),
    wraps: 280,
    rate: 400_000_000,
    slowest: 177_000_000,
    hitch: Duration::from_secs(3),
    native: 18_000_000_000_000,
};

/// The figures of the tape that a sticker names; those of LTO-9 if it says nothing that is known.
#[must_use]
pub fn profile(sticker: &str) -> Profile {
    match sticker.get(6..) {
        Some("L7" | "LX") => LTO_7,
        Some("L8" | "LY") => LTO_8,
        _ => LTO_9,
    }
}

/// How far along the tape a place is, in bytes of one way: odd ways run backwards.
#[must_use]
pub fn along(profile: &Profile, capacity: u64, place: u64) -> u64 {
    let wrap = wrap(profile, capacity);
    match (place / wrap % 2, place % wrap) {
        (0, part) => part,
        (_, part) => wrap - part,
    }
}

fn wrap(profile: &Profile, capacity: u64) -> u64 {
    (capacity / profile.wraps.max(1)).max(1)
}

/// Something that takes time. Places are bytes of tape before the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Reading or writing so many bytes.
    Stream {
        /// How many.
        bytes: u64,
    },
    /// From one place to another.
    Locate {
        /// Where the head is.
        from: u64,
        /// Where it goes.
        to: u64,
    },
    /// To the beginning.
    Rewind {
        /// Where the head is.
        from: u64,
    },
    /// Threading.
    Load,
    /// Unthreading, rewound.
    Unload,
    /// Over so many elements, there and put down.
    Move {
        /// How many.
        elements: u64,
    },
    /// Looking into so many elements.
    Inventory {
        /// How many.
        elements: u64,
    },
}

/// How long it takes on a tape of `capacity` bytes.
#[must_use]
pub fn cost(profile: &Profile, capacity: u64, work: Work) -> Duration {
    let wrap = wrap(profile, capacity);
    let along = |place| along(profile, capacity, place);
    let wind = |length: u64| {
        let whole = profile.whole_length.as_micros();
        let micros = whole * u128::from(length) / u128::from(wrap);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    };
    match work {
        Work::Stream { bytes } => {
            let micros = u128::from(bytes) * 1_000_000 / u128::from(profile.rate.max(1));
            Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
        }
        Work::Locate { from, to } if from == to => Duration::ZERO,
        Work::Locate { from, to } => {
            let other_wrap = u64::from(from / wrap != to / wrap) * 1_500;
            Duration::from_millis(3_000 + other_wrap) + wind(along(from).abs_diff(along(to)))
        }
        Work::Rewind { from } => Duration::from_secs(2) + wind(along(from)),
        Work::Load => profile.load,
        Work::Unload => profile.unload,
        Work::Move { elements } => Duration::from_millis(10_000 + elements * 150),
        Work::Inventory { elements } => Duration::from_secs(2 * elements),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAPE: u64 = 18_000_000_000_000;

    #[test]
    fn places_of_two_ways_beside_each_other_are_near() {
        let wrap = TAPE / 280;
        let near = Work::Locate {
            from: wrap - 1_000_000,
            to: wrap + 1_000_000,
        };
        assert_eq!(cost(&LTO_9, TAPE, near), Duration::from_millis(4_500));
        let far = Work::Locate { from: 0, to: wrap };
        assert_eq!(cost(&LTO_9, TAPE, far), Duration::from_millis(90_750));
    }

    #[test]
    fn an_average_locate_takes_about_45_seconds() {
        let sum: Duration = (0..280)
            .map(|way| TAPE / 280 * way + TAPE / 560)
            .map(|to| cost(&LTO_9, TAPE, Work::Locate { from: 0, to }))
            .sum();
        assert!((44..=49).contains(&(sum / 280).as_secs()), "{sum:?}");
    }

    #[test]
    fn filling_a_tape_takes_twelve_and_a_half_hours() {
        let hours = cost(&LTO_9, TAPE, Work::Stream { bytes: TAPE });
        assert_eq!(hours, Duration::from_secs(45_000));
    }
}
