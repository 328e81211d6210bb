//! A library of the catalog whose devices are behind an iSCSI target that nobody here wrote.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::catalog::command::{Actor, Command, OperatorCommand};
use holdfast_actors::catalog::rows::{Device, Role};
use holdfast_actors::catalog::tape::{LibraryCommand, TapeCommand};
use holdfast_actors::names::{OperatorName, TapeName};
use holdfast_actors::shell::Path;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::device::{Account, SecretFile, Target, User};
use holdfast_actors::tape::drive::Purpose;
use holdfast_tape::format::{BLOCK, Read};
use holdfast_tape::iscsi::{Names, Session, own_name};
use holdfast_tape::ports::{Books as _, Failed, Reach, Station, ask};
use holdfast_tape::station::{self, Local, Site};
use holdfast_tape::threads::Native;
use support::books::{Office, ports};
use tgt::{TARGET, Tgt};

#[path = "support/tgt.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod tgt;

mod support {
    #[expect(dead_code, reason = "other tests use the rest of it")]
    pub(crate) mod books;
}

const SLOT: Element = Element(1000);

async fn open(tgt: &Tgt, account: Option<Account>) -> Result<Arc<dyn Station>, Failed> {
    let device = Device::Iscsi {
        portal: tgt.portal,
        target: Target::parse(TARGET).unwrap(),
        account,
    };
    let (name, ann) = (
        TapeName::parse("far").unwrap(),
        OperatorName::parse("ann").unwrap(),
    );
    let office = Office::default();
    let (role, uid) = (Role::Admin, Some(1));
    let hire = OperatorCommand::Add { role, uid };
    office.order(Actor::System, Command::Operator(ann.clone(), hire))?;
    let add = LibraryCommand::Add { node: None, device };
    let add = TapeCommand::Library(name.clone(), add);
    office.order(Actor::Operator(ann), Command::Tape(add))?;
    let row = office.rows().tape.libraries[&name].clone();
    let site = Site {
        path: Path::node().child("tape").child("far"),
        above: None,
        ports: ports(),
        books: Arc::new(office),
        threads: Arc::new(Native),
    };
    let libraries = "/nowhere".into();
    let reach: Arc<dyn Reach> = Arc::new(Local { libraries });
    station::open(&name, &row, &reach, site).await
}

/// Mounts the cartridge, does something with it, and has it carried home.
async fn with<R: Send + 'static>(
    station: &Arc<dyn Station>,
    work: impl FnOnce(&mut dyn holdfast_tape::format::Medium) -> R + Send + 'static,
) -> R {
    let mut mount = station.mount(SLOT, Purpose::Archive).await.unwrap();
    let done = ask(mount.as_mut(), work).await.unwrap();
    mount.dismount().await.unwrap();
    done
}

#[tokio::test]
async fn a_library_behind_a_target_carries_writes_and_reads() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    let station = open(&tgt, None).await.unwrap();
    let seen = station.inventory().await.unwrap();
    let labels = seen
        .iter()
        .map(|one| one.barcode.as_ref().unwrap().to_string());
    assert_eq!(
        labels.collect::<Vec<_>>(),
        ["VT0001L6", "WRM001LW", "CLN001CU"]
    );
    with(&station, |tape| {
        tape.write(&[7; BLOCK]).unwrap();
        tape.filemark().unwrap();
        tape.flush().unwrap();
    })
    .await;
    let read = with(&station, |tape| tape.read()).await;
    assert_eq!(read, Ok(Read::Block(Bytes::from(vec![7; BLOCK]))));

    // Somebody of our name ends all our sessions: what comes next is reached anew.
    for unit in 1..4 {
        let names = Names {
            initiator: own_name(None),
            target: TARGET.into(),
            session: u16::from(unit) + 1,
            unit,
        };
        drop(Session::connect(tgt.portal, &names).unwrap());
    }
    let read = with(&station, |tape| tape.read()).await;
    assert_eq!(read, Ok(Read::Block(Bytes::from(vec![7; BLOCK]))));
}

#[tokio::test]
async fn a_library_that_wants_a_proof_is_opened_with_the_secret_of_a_file() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    assert!(tgt.admin("--op new --mode account --user north --password backup-to-tape"));
    assert!(tgt.admin("--op bind --mode account --tid 1 --user north"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chap");
    let account = Account {
        user: User::parse("north").unwrap(),
        secret: SecretFile::parse(file.to_str().unwrap()).unwrap(),
    };
    let refused = |opened: Result<_, Failed>| opened.err().unwrap().to_string();
    let told = refused(open(&tgt, Some(account.clone())).await);
    assert!(told.contains("cannot be read"), "{told}");
    std::fs::write(&file, "another-secret\n").unwrap();
    let told = refused(open(&tgt, Some(account.clone())).await);
    assert!(told.contains("name or secret are wrong"), "{told}");
    std::fs::write(&file, "backup-to-tape\n").unwrap();
    let station = open(&tgt, Some(account)).await.unwrap();
    assert_eq!(station.inventory().await.unwrap().len(), 3);
}
