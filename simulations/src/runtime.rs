//! The runtime of one life of a node: one thread, time that stands still while anybody works, and
//! seeded dice.

use tokio::runtime::{Builder, RngSeed, Runtime};

use crate::dice::Dice;

const _: () = assert!(
    cfg!(tokio_unstable),
    "never set RUSTFLAGS: .cargo seeds tokio's dice"
);

/// A runtime whose own dice are seeded by a draw from these.
pub(crate) fn paused(dice: &mut Dice) -> Runtime {
    let mut seed = [0; 32];
    dice.fill(&mut seed);
    let mut builder = Builder::new_current_thread();
    let builder = builder
        .enable_time()
        .start_paused(true)
        .rng_seed(RngSeed::from_bytes(&seed));
    #[expect(
        clippy::expect_used,
        reason = "a host that has no memory left cannot simulate"
    )]
    builder
        .build()
        .expect("a runtime without drivers asks the host for nothing")
}
