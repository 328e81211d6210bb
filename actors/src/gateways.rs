//! Which gateways a tenant may use, and by which of them it goes.
//!
//! A gateway is in one pool at most. A tenant without pools uses those that are in none, a tenant
//! with pools those of its pools. If none of its pools' is there, it uses those in no pool, if it
//! was agreed that it may; never those of a pool that is not its own.

mod doors;
mod itinerary;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::NodeId;

pub use doors::{Door, Doors};
pub use itinerary::{Itinerary, Stop};

/// The most bytes of a pool's name.
const NAME_MAX: usize = 48;
/// What is written where no pool is meant; it names none.
pub const NONE: &str = "none";
/// The label of a node that takes tenants.
pub const GATEWAY: &str = "gateway";

/// The name of a pool of gateways: 1 to 48 of a-z, 0-9 and `-`, and not [`NONE`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PoolName(String);

impl PoolName {
    /// Takes a name in, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(plain);
        (fits && text != NONE).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PoolName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("'{text}' is no name of a pool"))
    }
}

impl From<PoolName> for String {
    fn from(name: PoolName) -> Self {
        name.0
    }
}

/// What was agreed with a tenant about gateways.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Its pools; none for those in no pool.
    pub pools: BTreeSet<PoolName>,
    /// Whether it may use gateways in no pool while all of its pools are down.
    pub fails_over: bool,
}

/// One gateway as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Which node.
    pub node: NodeId,
    /// Its pool, if it is in one.
    pub pool: Option<PoolName>,
    /// Whether it is there.
    pub is_up: bool,
    /// How many clients it has.
    pub load: u64,
}

/// A gateway that a tenant may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Which node.
    pub node: NodeId,
    /// Whether it is for the time when none of the others is there.
    pub is_spare: bool,
}

/// How a tenant stands to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It uses it.
    Own,
    /// It uses it while none of its own is there.
    Spare,
    /// It never does.
    Barred,
}

/// How a tenant stands to a gateway of that pool, or of none.
pub fn standing(terms: &Terms, pool: Option<&PoolName>) -> Standing {
    match pool {
        Some(pool) if terms.pools.contains(pool) => Standing::Own,
        None if terms.pools.is_empty() => Standing::Own,
        None if terms.fails_over => Standing::Spare,
        Some(_) | None => Standing::Barred,
    }
}

/// The gateways that a tenant may use, the best first: of those that are there its own by load,
/// then spare ones.
pub fn offer(gateways: &[Gateway], terms: &Terms) -> Vec<Offer> {
    let usable = gateways.iter().filter(|gateway| gateway.is_up);
    let mut usable: Vec<(bool, u64, NodeId)> = usable
        .filter_map(|gateway| {
            let is_spare = match standing(terms, gateway.pool.as_ref()) {
                Standing::Own => false,
                Standing::Spare => true,
                Standing::Barred => return None,
            };
            Some((is_spare, gateway.load, gateway.node))
        })
        .collect();
    usable.sort_unstable();
    let offer = |(is_spare, _, node)| Offer { node, is_spare };
    usable.into_iter().map(offer).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pool(number: u8) -> PoolName {
        PoolName::parse(&format!("pool-{number}")).unwrap()
    }

    pub(super) fn gateways() -> impl Strategy<Value = Vec<Gateway>> {
        let one = (proptest::option::of(0..3_u8), any::<bool>(), 0..50_u64);
        prop::collection::vec(one, 0..8).prop_map(|all| {
            let numbered = all.into_iter().zip(1..);
            let gateway = |((number, is_up, load), node): ((Option<u8>, bool, u64), u64)| Gateway {
                node: NodeId::new(node),
                pool: number.map(pool),
                is_up,
                load,
            };
            numbered.map(gateway).collect()
        })
    }

    pub(super) fn terms() -> impl Strategy<Value = Terms> {
        let pools = prop::collection::btree_set((0..3_u8).prop_map(pool), 0..3);
        (pools, any::<bool>()).prop_map(|(pools, fails_over)| Terms { pools, fails_over })
    }

    proptest! {
        #[test]
        fn nobody_is_offered_a_pool_that_is_not_theirs(all in gateways(), terms in terms()) {
            for offer in offer(&all, &terms) {
                let gateway = all.iter().find(|it| it.node == offer.node).unwrap();
                prop_assert!(gateway.is_up);
                match &gateway.pool {
                    Some(pool) => prop_assert!(terms.pools.contains(pool) && !offer.is_spare),
                    None if terms.pools.is_empty() => prop_assert!(!offer.is_spare),
                    None => prop_assert!(terms.fails_over && offer.is_spare),
                }
            }
        }

        #[test]
        fn the_best_is_the_least_loaded_and_spare_ones_come_last(
            all in gateways(), terms in terms(),
        ) {
            let offers = offer(&all, &terms);
            let load = |node| all.iter().find(|it| it.node == node).unwrap().load;
            for pair in offers.windows(2) {
                let key = |offer: &Offer| (offer.is_spare, load(offer.node));
                prop_assert!(key(&pair[0]) <= key(&pair[1]));
            }
        }

        #[test]
        fn whoever_may_use_a_gateway_that_is_there_is_offered_it(
            all in gateways(), terms in terms(),
        ) {
            let offers = offer(&all, &terms);
            for gateway in all.iter().filter(|gateway| gateway.is_up) {
                let own = match &gateway.pool {
                    Some(pool) => terms.pools.contains(pool),
                    None => terms.pools.is_empty() || terms.fails_over,
                };
                let is_offered = offers.iter().any(|offer| offer.node == gateway.node);
                prop_assert_eq!(is_offered, own);
            }
        }
    }

    #[test]
    fn a_pool_has_a_plain_name() {
        let name = PoolName::parse("eu-west").unwrap();
        assert_eq!(name.to_string(), "eu-west");
        for bad in ["", "A", "a b", &"a".repeat(49), "a:b", NONE] {
            assert_eq!(PoolName::parse(bad), None, "{bad}");
        }
    }
}
