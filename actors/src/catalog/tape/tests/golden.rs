//! The bytes of rows and commands about tapes, which later versions read.

use std::fmt::Write as _;

use expect_test::expect;

use super::super::super::command::{Actor, Submission};
use super::super::super::record::Record;
use super::super::super::rows::Rows;
use super::*;
use crate::kernel::Sequence;
use crate::schema;
use crate::tape::changer;
use crate::tape::device::{Account, SecretFile, Serial, Target, User};
use crate::tape::job::Occasion;

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(48) {
        for byte in line {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_first_version_of_the_rows_stays_readable() {
    let mut vault = Vault::open();
    vault.written(9, MediaSet::Daily, 1);
    vault.system(set(9, SetCommand::Run(run("r1", 5)))).unwrap();
    vault.ran(9, "r1").unwrap();
    vault.close(9);
    let (objects, damaged) = (3, 0);
    let verified = MediumCommand::Verified { objects, damaged };
    vault.ann(medium(1, verified)).unwrap();
    vault.identify(3, said(99));
    vault.system(job(jobs::began())).unwrap();
    vaults::keeps(&mut vault);
    classes::shared(&mut vault, 7);
    let rows = Rows {
        tape: vault.0.rows().tape.clone(),
        ..Rows::default()
    };
    let bytes = snapshot(&rows);
    assert_eq!(restore(&bytes).unwrap(), rows);
    expect![[r#"
        0a0000000000000000000000000000000000000000000000000000000000000000000000000000000105726f626f7400
        000204fc00000004fd00698cfda10100000001036766730300000500010e0101011c000201fb6e01000301fb6e010004
        02000102fd00698cfda1010000040101084846303030314c3900030101fb3851fd00698cfda101000001030100010000
        00000105726f626f740101090101031e0000000000000000000000000000000000000000000000000000000000000000
        0201084846303030324c390001000001000000000105726f626f74020000000000000000000000000000000000000000
        000000000000000000000000000000000301084846303030334c3900020163000001000000000105726f626f74030000
        000000000000000000000000000000000000000000000000000000000000000000000401084846303030344c39000100
        000000000000000000000000000000000000000000000000000000000000000000000000000000000000000207030100
        0000fd00698cfda101000000000903000101000101fd00698cfda101000001fb2a5101027231076e696768746c790204
        41636d65046d61696e05031e01fd00698cfda101000001076e696768746c790001000367667300070001020304050600
        0000000101fb2a510100fb2a51fd00698cfda101000000000000fd00698cfda1010000000101fd00698cfda101000003
        00000000000001047361666500fd00698cfda1010000010404736166650103000473616665010104676f6c6401070467
        6f6c64
    "#]].assert_eq(&hex(&bytes));
}

fn commands() -> Vec<Command> {
    let device = Device::Virtual {
        drives: 2,
        slots: 4,
        capacity: Size::mib(64),
    };
    let serial = |text| Serial::parse(text).unwrap();
    let scsi = Device::Scsi {
        changer: serial("CHG1"),
        drives: [serial("DRV1"), serial("DRV2")].into_iter().collect(),
    };
    let account = Account {
        user: User::parse("us").unwrap(),
        secret: SecretFile::parse("/chap").unwrap(),
    };
    let iscsi = |account| Device::Iscsi {
        portal: "192.0.2.1:3260".parse().unwrap(),
        target: Target::parse("iqn.a").unwrap(),
        account,
    };
    let hung = |device| library(LibraryCommand::Add { node: None, device });
    let node = Some(NodeId::new(1));
    let schedule = Schedule {
        weekly: Some(Weekday::Friday),
        ..Schedule::default()
    };
    let changed = |schedule| JobCommand::Set {
        description: None,
        sources: Some(vec![Source::All, Source::Tenant(1)]),
        schedule: Some(schedule),
    };
    vec![
        library(LibraryCommand::Add { node, device }),
        library(LibraryCommand::Remove),
        library(LibraryCommand::Noted(changer::Record::Settled)),
        library(LibraryCommand::Inventory(vec![seen(1, Some(barcode(1)))])),
        set_pool(sets(&[MediaSet::Daily], 7)),
        pool(MediaPoolCommand::Remove),
        job(changed(schedule)),
        job(JobCommand::Enable(true)),
        job(JobCommand::Remove),
        job(jobs::began()),
        job(JobCommand::Notify(MediaSet::Daily, Occasion::Failed)),
        medium(1, MediumCommand::Identified(said(1))),
        medium(1, MediumCommand::Failed),
        medium(1, MediumCommand::Protect(true)),
        medium(1, MediumCommand::MarkFree),
        medium(1, MediumCommand::Move(Some(name("gfs")))),
        medium(1, MediumCommand::Retire),
        hung(scsi),
        hung(iscsi(None)),
        hung(iscsi(Some(account))),
        library(LibraryCommand::Export([MediumId::new(1)].into())),
        library(LibraryCommand::Import),
        medium(
            1,
            MediumCommand::Verified {
                objects: 3,
                damaged: 1,
            },
        ),
        medium(1, MediumCommand::Erase(said(1))),
    ]
}

fn of_vaults() -> Vec<Command> {
    vec![
        medium(1, MediumCommand::Vault(Some(name("safe")))),
        pool(MediaPoolCommand::Vaults(
            [
                (MediaSet::Daily, Some(name("safe"))),
                (MediaSet::Weekly, None),
            ]
            .into(),
        )),
        vaults::safe(VaultCommand::Add {
            description: "a".to_owned(),
        }),
        vaults::safe(VaultCommand::Remove),
        Command::Tape(TapeCommand::Class(1, Some(name("gold")))),
    ]
}

fn of_sets() -> Vec<Command> {
    let class = SetCommand::Share {
        pool: PoolId::new(3),
        set: MediaSet::Daily,
        class: name("gold"),
        one: None,
    };
    let open = SetCommand::Open {
        pool: PoolId::new(3),
        set: MediaSet::Yearly,
        owner: Some(1),
        one: Some(RepositoryId::new(2)),
    };
    let (number, head) = (MediumId::new(1), head(3));
    vec![
        set(9, open),
        set(9, class),
        set(9, found::told(7, 1, 1)),
        set(
            9,
            SetCommand::Begin {
                medium: number,
                label: BLANK,
            },
        ),
        set(9, SetCommand::Run(run("r1", 5))),
        set(
            9,
            SetCommand::Committed {
                medium: number,
                head,
            },
        ),
        set(
            9,
            SetCommand::Ran {
                run: "r1".to_owned(),
            },
        ),
        set(9, SetCommand::Full { medium: number }),
        set(9, SetCommand::Close),
    ]
}

#[test]
fn the_first_versions_of_commands_stay_readable() {
    let mut text = String::new();
    let all = [commands(), of_vaults(), of_sets()];
    for command in all.into_iter().flatten() {
        let submission = Submission {
            client: 0,
            sequence: 0,
            by: Actor::System,
            at: Timestamp::default(),
            command,
        };
        let index = Sequence::default();
        let record = Record { index, submission };
        let bytes = record.encode();
        assert_eq!(schema::decode::<Record>(&bytes).unwrap(), record);
        text.push_str(&hex(&bytes));
    }
    expect![[r#"
        0100000002000b0005726f626f74000101000204fc00000004
        0100000002000b0005726f626f7401
        0100000002000b0005726f626f740201
        0100000002000b0005726f626f7403010101084846303030314c3901
        0100000002000b010367667301000001010001070100
        0100000002000b010367667302
        0100000002000b02076e696768746c79010001020001010100000104000000
        0100000002000b02076e696768746c790201
        0100000002000b02076e696768746c7903
        0100000002000b02076e696768746c790401fb2a510100fb2a51fd00698cfda101000000000000
        0100000002000b02076e696768746c79050003
        0100000002000b0301000101000000
        0100000002000b030101
        0100000002000b03010201
        0100000002000b030103
        0100000002000b0301040103676673
        0100000002000b030105
        0100000002000b0005726f626f7400000104434847310204445256310444525632
        0100000002000b0005726f626f7400000200c0000201fbbc0c0569716e2e6100
        0100000002000b0005726f626f7400000200c0000201fbbc0c0569716e2e6101027573052f63686170
        0100000002000b0005726f626f74040101
        0100000002000b0005726f626f7405
        0100000002000b0301060301
        0100000002000b0301070101000000
        0100000002000b030109010473616665
        0100000002000b01036766730402000104736166650100
        0100000002000b070473616665000161
        0100000002000b07047361666501
        0100000002000b08010104676f6c64
        0100000002000b040900030401010102
        0100000002000b040907030004676f6c6400
        0100000002000b0409080701046c6f737400010441636d65000102031e00000000000000000000000000000000000000
        0000000000000000000000000000090001027231076e696768746c79020441636d65046d61696e01031e0105
        0100000002000b0409010100000000
        0100000002000b040902027231076e696768746c79020441636d65046d61696e05031e00
        0100000002000b04090301031e0000000000000000000000000000000000000000000000000000000000000000
        0100000002000b040904027231
        0100000002000b04090501
        0100000002000b040906
    "#]]
    .assert_eq(&text);
}
