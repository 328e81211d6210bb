//! The operating system's chance, behind the [`Entropy`] port.

use holdfast_actors::ports::Entropy;
use rand::TryRng;
use rand::rngs::SysRng;

/// Draws from the operating system, each time anew, so that nothing can be guessed from a copy of
/// this process's memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Linux answers once it has booted; ids and passwords made without chance are worse than
        // none, so the process must not go on.
        SysRng
            .try_fill_bytes(bytes)
            .expect("the operating system has random numbers");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use holdfast_actors::ports::conformance;

    use super::*;

    #[tokio::test]
    async fn the_systems_chance_keeps_the_promises_of_the_port() {
        conformance::entropy(Arc::new(SystemEntropy)).await;
    }
}
