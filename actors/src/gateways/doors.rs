//! By which gateways a tenant comes in now.

use imbl::OrdMap;

use super::{PoolName, Standing, Terms, standing};
use crate::kernel::NodeId;

/// What decides by which gateways a tenant comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    /// What was agreed with it.
    pub terms: Terms,
    /// The pool of each gateway that is in one.
    pub members: OrdMap<NodeId, PoolName>,
    /// Whether it has pools, and no gateway of theirs is there.
    pub is_cut: bool,
}

/// What a gateway is for a tenant at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// One of its own.
    Own,
    /// One that takes it because none of its own is there.
    Spare,
    /// One that would take it if none of its own were there.
    SpareLater,
    /// One that never takes it.
    Barred,
}

impl Doors {
    /// What a gateway is for the tenant; a node that stands alone has none, and takes everybody.
    pub fn door(&self, gateway: Option<NodeId>) -> Door {
        let Some(gateway) = gateway else {
            return Door::Own;
        };
        match standing(&self.terms, self.members.get(&gateway)) {
            Standing::Own => Door::Own,
            Standing::Spare if self.is_cut => Door::Spare,
            Standing::Spare => Door::SpareLater,
            Standing::Barred => Door::Barred,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{gateways, terms};
    use super::super::{Gateway, offer};
    use super::*;

    /// The doors of a tenant, from what is known of all gateways.
    fn doors(all: &[Gateway], terms: &Terms) -> Doors {
        let pooled = all
            .iter()
            .filter_map(|it| Some((it.node, it.pool.clone()?)));
        let own = |it: &&Gateway| it.pool.as_ref().is_some_and(|it| terms.pools.contains(it));
        Doors {
            terms: terms.clone(),
            members: pooled.collect(),
            is_cut: !terms.pools.is_empty() && !all.iter().filter(own).any(|it| it.is_up),
        }
    }

    proptest! {
        /// Who goes where it is told is let in: by its own at once, by a spare one if none of its
        /// own is there, and by what it is not told of never.
        #[test]
        fn a_tenant_is_let_in_where_it_is_told_to_go_and_nowhere_else(
            all in gateways(), terms in terms(),
        ) {
            let doors = doors(&all, &terms);
            let offers = offer(&all, &terms);
            for gateway in all.iter().filter(|it| it.is_up) {
                let told = offers.iter().find(|it| it.node == gateway.node);
                match (doors.door(Some(gateway.node)), told) {
                    (Door::Own, Some(told)) => prop_assert!(!told.is_spare),
                    (Door::Spare, Some(told)) => {
                        prop_assert!(told.is_spare && offers.iter().all(|it| it.is_spare));
                    }
                    (Door::SpareLater, Some(told)) => {
                        prop_assert!(told.is_spare && offers.iter().any(|it| !it.is_spare));
                    }
                    (Door::Barred, None) => {}
                    odd => prop_assert!(false, "{odd:?}"),
                }
            }
        }

        /// The gateways of a pool that a tenant was not given never take it, whatever is down.
        #[test]
        fn another_pool_is_never_a_way_in(all in gateways(), terms in terms(), is_cut: bool) {
            let doors = Doors { is_cut, ..doors(&all, &terms) };
            for gateway in &all {
                let is_others = gateway.pool.as_ref().is_some_and(|it| !terms.pools.contains(it));
                let is_barred = doors.door(Some(gateway.node)) == Door::Barred;
                prop_assert!(!is_others || is_barred);
            }
        }
    }

    #[test]
    fn a_node_that_stands_alone_takes_everybody() {
        let pools = [PoolName::parse("a").unwrap()].into();
        let doors = Doors {
            terms: Terms {
                pools,
                fails_over: false,
            },
            ..Doors::default()
        };
        assert_eq!(doors.door(None), Door::Own);
        assert_eq!(doors.door(Some(NodeId::new(1))), Door::Barred);
    }
}
