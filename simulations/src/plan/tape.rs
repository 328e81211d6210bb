//! What seeds draw for a node with a tape library.

use serde::{Deserialize, Serialize};

use super::{DAY, End, Faults, Life, Loss, Plan};
use crate::dice::Dice;

/// Cartridges hold as little as a label, an index and some objects take.
const CAPACITY_KIB: [u64; 3] = [9 << 10, 14 << 10, 24 << 10];

/// A tape library, and what is done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tape {
    /// Drives.
    pub drives: u16,
    /// Cartridges at first.
    pub cartridges: u16,
    /// Of each cartridge.
    pub capacity_kib: u64,
    /// The power of the library fails with that of the node.
    pub one_plug: bool,
    /// Things that go wrong in the library, in each life.
    pub faults: u64,
    /// Tenants, each with one repository.
    pub tenants: u64,
    /// Seconds between two things that people do, at most.
    pub pause: u64,
    /// Days for which daily sets keep what they have; 0 for as long as there is room.
    pub keep_days: u32,
    /// All tenants may share a media set.
    pub mixes: bool,
    /// Next runs go behind the last ones on the same cartridge.
    pub appends: bool,
    /// People take cartridges out, put others in, and change their minds about them.
    pub meddles: bool,
    /// Runs are brought back.
    pub restores: bool,
    /// What is written is encrypted, with one key or another.
    #[serde(default)]
    pub encrypts: bool,
    /// Days for which what was deleted stays: none, and only a pin keeps it.
    #[serde(default)]
    pub hold_days: u32,
}

impl Plan {
    /// The plan of a seed for a node with a tape library.
    pub fn tape(seed: u64) -> Self {
        let mut plan = Self::sound(seed);
        let dice = Dice::of_seed(seed).fork("tape");
        let mut shape = dice.fork("shape");
        plan.wall = 20_500 * DAY + shape.below(DAY);
        plan.tenants.clear();
        plan.tape = Some(Tape {
            drives: 1 + shape.below(2) as u16,
            cartridges: 4 + shape.below(9) as u16,
            capacity_kib: CAPACITY_KIB[shape.below(3) as usize],
            one_plug: shape.one_in(2),
            faults: [0, 0, 2, 6][shape.below(4) as usize],
            tenants: 1 + shape.below(3),
            pause: [60, 600, 7_200, 40_000][shape.below(4) as usize],
            keep_days: [0, 1, 14][shape.below(3) as usize],
            mixes: shape.one_in(3),
            appends: !shape.one_in(3),
            meddles: shape.one_in(2),
            restores: !shape.one_in(3),
            encrypts: shape.one_in(2),
            hold_days: [0, 0, 30][shape.below(3) as usize],
        });
        let lives = 1 + shape.below(4);
        plan.lives = (0..lives)
            .map(|number| life(&mut dice.fork(&format!("life {number}"))))
            .collect();
        plan
    }
}

/// From the first command on up to days later.
fn life(dice: &mut Dice) -> Life {
    let cut = 1_000 << dice.below(19);
    Life {
        rounds: vec![0],
        cut: Some(cut + dice.below(cut)),
        end: if dice.one_in(2) {
            End::Kill
        } else {
            End::Power
        },
        off: dice.below(20_000),
        index: Loss::None,
        faults: Faults::default(),
        steps: Vec::new(),
    }
}
