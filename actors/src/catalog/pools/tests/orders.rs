//! Any order of commands about pools, tenants and nodes.

use proptest::prelude::*;

use super::super::super::record::{restore, snapshot};
use super::*;

fn command() -> impl Strategy<Value = Command> {
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    let some = || prop::collection::vec(1_u64..11, 0..4);
    let pools = move || prop::collection::vec(name(), 0..3);
    let id = || (1_u64..11).prop_map(NodeId::new);
    let about = |name: &str, command| Command::Pool(pool(name), command);
    let node = |id, command| Command::Cluster(ClusterCommand::Node(id, command));
    prop_oneof![
        3 => (name(), some()).prop_map(move |(name, some)| about(name, create(&some))),
        3 => (name(), some()).prop_map(move |(name, some)| {
            about(name, PoolCommand::Add { nodes: nodes(&some) })
        }),
        2 => (name(), id()).prop_map(move |(name, node)| about(name, PoolCommand::Take { node })),
        1 => name().prop_map(move |name| about(name, PoolCommand::Remove)),
        2 => (name(), pools(), any::<bool>())
            .prop_map(|(name, pools, over)| add_tenant(name, terms(&pools, over))),
        2 => (name(), pools()).prop_map(|(name, pools)| set_pools(name, &pools)),
        1 => name().prop_map(remove_tenant),
        1 => id().prop_map(move |id| node(id, NodeCommand::Remove)),
        1 => (id(), id()).prop_map(move |(id, with)| node(id, NodeCommand::Replace { with })),
        1 => (id(), any::<bool>()).prop_map(move |(id, is_gateway)| {
            let role = if is_gateway { GATEWAY } else { "storage" };
            let roles = Some([role.to_owned()].into());
            node(id, NodeCommand::Set { addresses: None, key: None, roles, zone: None })
        }),
    ]
}

proptest! {
    #[test]
    fn no_order_of_commands_names_what_is_not_there_or_leaves_a_new_tenant_without_a_gateway(
        commands in prop::collection::vec(command(), 1..60),
    ) {
        let mut log = Log::of(10);
        for command in commands {
            let before = log.rows.clone();
            let done = log.ann(command.clone()).is_ok();
            let automatic = |rows: &Rows| rows.unpooled_tenants().cloned().collect::<BTreeSet<_>>();
            if done && before.is_all_pooled() {
                let (old, new) = (automatic(&before), automatic(&log.rows));
                prop_assert!(new.is_subset(&old), "{command:?}");
            }
        }
        prop_assert_eq!(restore(&snapshot(&log.rows)).unwrap(), log.rows);
    }
}
