//! Libraries, and where cartridges are.

use super::super::super::apply;
use super::super::super::command::{
    Actor, ClusterCommand, NewNode, NodeCommand, OperatorCommand, Submission,
};
use super::super::super::rows::{Role, Rows};
use super::*;
use crate::kernel::NodeName;
use crate::tape::changer::{Intent, Record};
use crate::tape::device::{Serial, Target};

fn device(drives: u16, slots: u16, mib: u64) -> Device {
    let capacity = Size::mib(mib);
    Device::Virtual {
        drives,
        slots,
        capacity,
    }
}

fn add(node: Option<u64>, device: Device) -> Command {
    let node = node.map(NodeId::new);
    let add = LibraryCommand::Add { node, device };
    Command::Tape(TapeCommand::Library(name("second"), add))
}

#[test]
fn a_library_has_limits_and_a_name_of_its_own() {
    let mut vault = Vault::open();
    for (drives, slots, mib) in [
        (0, 1, 16),
        (65, 1, 16),
        (1, 0, 16),
        (1, 4_097, 16),
        (1, 1, 15),
    ] {
        let wrong = vault.ann(add(None, device(drives, slots, mib)));
        assert_eq!(why(wrong), "out-of-range");
    }
    assert_eq!(why(vault.ann(add(Some(1), device(1, 1, 16)))), "tape-node");
    vault.ann(add(None, device(1, 1, 16))).unwrap();
    assert_eq!(
        why(vault.ann(add(None, device(1, 1, 16)))),
        "tape-name-taken"
    );
    let unknown = TapeCommand::Library(name("third"), LibraryCommand::Remove);
    assert_eq!(why(vault.ann(Command::Tape(unknown))), "no-library");
}

#[test]
fn a_device_is_in_one_library_and_is_one_thing_in_it() {
    let mut vault = Vault::open();
    let serial = |text: &str| Serial::parse(text).unwrap();
    let mut hang = |called: &str, arm: &str, drives: &[&str]| {
        let device = Device::Scsi {
            changer: serial(arm),
            drives: drives.iter().map(|it| serial(it)).collect(),
        };
        let add = LibraryCommand::Add { node: None, device };
        vault.ann(Command::Tape(TapeCommand::Library(name(called), add)))
    };
    assert_eq!(why(hang("real", "C1", &[])), "out-of-range");
    assert_eq!(why(hang("real", "C1", &["D1", "D1"])), "tape-device-twice");
    assert_eq!(why(hang("real", "C1", &["C1"])), "tape-device-twice");
    hang("real", "C1", &["D1", "D2"]).unwrap();
    assert_eq!(why(hang("other", "C1", &["D3"])), "tape-device-shared");
    assert_eq!(why(hang("other", "C2", &["D2"])), "tape-device-shared");
    hang("other", "C2", &["D3"]).unwrap();
    let mut reach = |called: &str, target: &str| {
        let device = Device::Iscsi {
            portal: "192.0.2.1:3260".parse().unwrap(),
            target: Target::parse(target).unwrap(),
            account: None,
        };
        let add = LibraryCommand::Add { node: None, device };
        vault.ann(Command::Tape(TapeCommand::Library(name(called), add)))
    };
    reach("far", "iqn.a").unwrap();
    assert_eq!(why(reach("farther", "iqn.a")), "tape-device-shared");
    reach("farther", "iqn.b").unwrap();
}

/// Rows of a cluster of node 1 that takes libraries, and node 2 that does not.
struct Cluster(Rows);

impl Cluster {
    fn open() -> Self {
        let mut cluster = Self(Rows::default());
        cluster.0.cluster.minor = 1;
        let (role, uid) = (Role::Admin, Some(7));
        let ann = operator_command(OperatorCommand::Add { role, uid });
        assert_eq!(cluster.give(Actor::System, ann), "done");
        for (id, role) in [(1, TAPE), (2, "storage")] {
            let new = NewNode {
                name: NodeName::parse(&format!("n{id}")).unwrap(),
                addresses: Vec::new(),
                key: [id; 32],
                roles: [role.to_owned()].into(),
                zone: String::new(),
            };
            cluster.node(Actor::System, id.into(), NodeCommand::Add(new));
        }
        cluster
    }

    fn give(&mut self, by: Actor, command: Command) -> &'static str {
        let submission = Submission {
            client: 0,
            sequence: 0,
            by,
            at: Timestamp::default(),
            command,
        };
        let (rows, answer) = apply(&self.0, self.0.index.next(), &submission);
        self.0 = rows;
        why(answer.map(|(outcome, _)| outcome))
    }

    fn node(&mut self, by: Actor, id: u64, command: NodeCommand) {
        let command = ClusterCommand::Node(NodeId::new(id), command);
        assert_eq!(self.give(by, Command::Cluster(command)), "done");
    }

    fn ann(&mut self, command: Command) -> &'static str {
        self.give(operator("ann"), command)
    }

    /// With a cartridge in the library.
    fn with_library() -> Self {
        let mut cluster = Self::open();
        assert_eq!(cluster.ann(add(Some(1), device(1, 1, 16))), "done");
        let seen = LibraryCommand::Inventory(vec![seen(1, Some(barcode(1)))]);
        let inventory = TapeCommand::Library(name("second"), seen);
        assert_eq!(
            cluster.give(Actor::System, Command::Tape(inventory)),
            "done"
        );
        assert!(cluster.is_online());
        cluster
    }

    fn is_online(&self) -> bool {
        let row = &self.0.tape.media[&MediumId::new(1)];
        assert_eq!(row.slot.is_some(), row.medium.is_online);
        row.medium.is_online
    }
}

fn operator_command(command: OperatorCommand) -> Command {
    let name = crate::names::OperatorName::parse("ann").unwrap();
    Command::Operator(name, command)
}

#[test]
fn in_a_cluster_a_library_hangs_on_a_node_that_takes_some() {
    let mut cluster = Cluster::open();
    assert_eq!(cluster.ann(add(None, device(1, 1, 16))), "tape-node");
    assert_eq!(
        cluster.ann(add(Some(2), device(1, 1, 16))),
        "not-a-tape-node"
    );
    assert_eq!(cluster.ann(add(Some(3), device(1, 1, 16))), "no-node");
    assert_eq!(cluster.ann(add(Some(1), device(1, 1, 16))), "done");
    // Whoever cannot read it comes from before there were tapes.
    cluster.0.cluster.minor = 0;
    assert_eq!(cluster.ann(add(Some(1), device(1, 1, 16))), "version-held");
}

#[test]
fn the_cartridges_of_a_node_that_is_gone_are_off_line() {
    let mut cluster = Cluster::with_library();
    let roles = Some(["storage".to_owned()].into());
    let set = NodeCommand::Set {
        addresses: None,
        key: None,
        roles,
        zone: None,
    };
    cluster.node(operator("ann"), 1, set);
    assert!(!cluster.is_online(), "it takes no libraries any more");

    let mut cluster = Cluster::with_library();
    let intent = Record::Meant(Intent::default());
    let noted = TapeCommand::Library(name("second"), LibraryCommand::Noted(intent));
    cluster.give(Actor::System, Command::Tape(noted));
    let remove = Command::Tape(TapeCommand::Library(name("second"), LibraryCommand::Remove));
    assert_eq!(cluster.ann(remove.clone()), "arm-moving");
    cluster.node(operator("ann"), 1, NodeCommand::Remove);
    assert!(!cluster.is_online());
    assert_eq!(cluster.ann(remove), "done");

    let rows = Cluster::with_library().0;
    let kept = rows.recovered(NodeId::new(1), Timestamp::default());
    assert!(Cluster(kept).is_online());
    let lost = rows.recovered(NodeId::new(2), Timestamp::default());
    assert!(!Cluster(lost).is_online());
    let imported = rows.imported(None, 0, Timestamp::default());
    assert!(imported.tape.libraries.is_empty());
    assert!(!Cluster(imported).is_online());
}

#[test]
fn a_library_that_is_forgotten_leaves_its_cartridges_off_line() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    let meant = LibraryCommand::Noted(Record::Meant(Intent::default()));
    vault.system(library(meant)).unwrap();
    assert_eq!(
        why(vault.ann(library(LibraryCommand::Remove))),
        "arm-moving"
    );
    let settled = LibraryCommand::Noted(Record::Settled);
    vault.system(library(settled)).unwrap();
    let keep = jobs::began();
    vault.system(job(keep)).unwrap();
    assert_eq!(
        why(vault.ann(library(LibraryCommand::Remove))),
        "tape-in-use"
    );
    let keep = JobCommand::Keep(Box::default());
    vault.system(job(keep)).unwrap();
    vault.ann(library(LibraryCommand::Remove)).unwrap();
    let rows = &vault.0.rows().tape;
    assert!(
        rows.media
            .values()
            .all(|row| row.slot.is_none() && !row.medium.is_online)
    );
    assert!(matches!(vault.content(1), Content::Written(_)));
}

#[test]
fn an_inventory_knows_cartridges_by_barcode_and_uses_no_twins() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.0.events();
    // Two changed their places, one is gone, one is new.
    let worm = Barcode::parse("HF0007LZ").unwrap();
    vault.sees(vec![
        seen(2, Some(barcode(1))),
        seen(1, Some(barcode(2))),
        seen(7, Some(worm)),
        seen(4, Some(barcode(4))),
    ]);
    let slots = [1, 2, 3, 4, 7].map(|id| vault.slot(id));
    assert_eq!(slots, [Some(2), Some(1), None, Some(4), Some(7)]);
    assert!(!vault.row(3).medium.is_online);
    assert_eq!(vault.content(7), Content::Unrecognized);
    assert_eq!(vault.row(7).medium.kind, Kind::Worm);
    assert!(matches!(vault.content(1), Content::Written(_)));
    assert_eq!(
        vault.0.events(),
        "30100 system, -: tape library robot has 4 cartridges: 1 new, 0 back, 1 gone\n"
    );
    vault.sees(vec![
        seen(1, Some(barcode(4))),
        seen(2, Some(barcode(1))),
        seen(3, Some(barcode(4))),
    ]);
    assert_eq!([1, 4].map(|id| vault.slot(id)), [Some(2), None]);
    let told = vault.0.events();
    assert!(
        told.contains("two cartridges with the barcode HF0004L9"),
        "{told}"
    );
    vault.inventory(&[1, 2, 3, 4]);
    assert_eq!(
        [1, 2, 3, 4].map(|id| vault.slot(id)),
        [Some(1), Some(2), Some(3), Some(4)]
    );
    assert!(vault.row(3).medium.is_online);
}

#[test]
fn of_two_for_one_slot_neither_is_used() {
    let mut vault = Vault::open();
    vault.sees(vec![
        seen(1, Some(barcode(1))),
        seen(1, Some(barcode(2))),
        seen(3, Some(barcode(3))),
    ]);
    assert_eq!([1, 2, 3].map(|id| vault.slot(id)), [None, None, Some(3)]);
    let told = vault.0.events();
    assert!(told.contains("two cartridges for slot 1"), "{told}");
}

#[test]
fn one_without_a_barcode_is_known_by_the_place_where_it_was() {
    let mut vault = Vault::open();
    let new = |slot, new| Seen {
        new: MediumId::new(new),
        ..seen(slot, None)
    };
    vault.sees(vec![new(5, 50), new(6, 60)]);
    vault.identify(50, BLANK);
    vault.sees(vec![new(5, 51), new(7, 70)]);
    let slots = [50, 51, 60, 70].map(|id| vault.slot(id));
    assert_eq!(slots, [Some(5), None, None, Some(7)]);
    assert_eq!(vault.content(50), Content::Empty);
    let again = LibraryCommand::Inventory(vec![new(8, 50)]);
    assert_eq!(why(vault.system(library(again))), "number-taken");
}
