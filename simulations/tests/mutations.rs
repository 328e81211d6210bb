//! Every invariant is seen to fail: for each planted bug, in how many of 100 seeds it is caught.

use holdfast_simulations::mutation::Mutation;
use holdfast_simulations::plan::Plan;
use holdfast_simulations::world::{Options, run};

#[test]
fn tally() {
    for (mutation, invariant) in Mutation::ALL {
        let mut caught = 0;
        let mut other = 0;
        for seed in 0..20 {
            let options = Options {
                mutation: Some(mutation),
                keeps_lines: false,
            };
            let v = run(&Plan::from_seed(seed), options);
            caught += u32::from(v.breaks(invariant));
            other += u32::from(!v.breaks(invariant) && !v.is_good());
        }
        println!("{mutation:?}: {caught} of 20 break {invariant}, {other} something else");
    }
}
