//! A library of four cartridges in memory, and the catalog that knows it.

use std::sync::Arc;

use holdfast_actors::catalog::rows::Device;
use holdfast_actors::catalog::tape::{LibraryCommand, TapeCommand};
use holdfast_actors::kernel::Size;
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::Ports;
use holdfast_actors::shell::Path;
use holdfast_actors::tape::changer::{Element, Intent, Record};
use holdfast_tape::format::BLOCK;
use holdfast_tape::library::{Cartridge, FIRST_SLOT, Kind, Library, Plan, Shared};
use holdfast_tape::ports::{Books as _, Station};
use holdfast_tape::station::{self, Site};

use super::books::{Office, ports};

pub(crate) const SLOT: Element = Element(FIRST_SLOT);

pub(crate) fn name() -> TapeName {
    TapeName::parse("robot").unwrap()
}

/// A library, and the catalog that knows it.
pub(crate) struct House {
    pub(crate) office: Arc<Office>,
    pub(crate) shared: Shared,
    pub(crate) ports: Ports,
}

impl House {
    pub(crate) fn new(drives: usize, plan: Plan) -> Self {
        let size = holdfast_tape::library::Size {
            drives,
            slots: 4,
            doors: 1,
        };
        let mut library = Library::new(size, plan);
        for number in 0..4 {
            let cartridge = Cartridge::empty(&format!("HF000{number}L9"), Kind::Data, 64 << 20);
            assert!(library.insert(FIRST_SLOT + number, cartridge).is_none());
        }
        Self {
            office: Arc::default(),
            shared: Shared::new(library),
            ports: ports(),
        }
    }

    pub(crate) fn site(&self) -> Site {
        Site {
            path: Path::node().child("tape").child("robot"),
            above: None,
            ports: self.ports.clone(),
            books: Arc::clone(&self.office) as _,
            threads: Arc::new(holdfast_tape::threads::Native),
        }
    }

    pub(crate) async fn open(&self, drives: u16) -> Arc<dyn Station> {
        let device = Device::Virtual {
            drives,
            slots: 4,
            capacity: Size::mib(64),
        };
        let add = LibraryCommand::Add { node: None, device };
        let add = TapeCommand::Library(name(), add);
        let ann = holdfast_actors::catalog::command::Actor::Operator(
            holdfast_actors::names::OperatorName::parse("ann").unwrap(),
        );
        let role = holdfast_actors::catalog::rows::Role::Admin;
        let hire = holdfast_actors::catalog::command::OperatorCommand::Add { role, uid: Some(1) };
        use holdfast_actors::catalog::command::{Actor, Command};
        let Actor::Operator(who) = ann.clone() else {
            unreachable!()
        };
        // Both are there already when it is opened again.
        let _ = self
            .office
            .order(Actor::System, Command::Operator(who, hire));
        let _ = self.office.order(ann, Command::Tape(add));
        let intent = self.intent();
        station::over(
            &name(),
            intent.as_ref(),
            (self.shared.clone(), drives),
            self.site(),
        )
        .await
        .unwrap()
    }

    pub(crate) fn intent(&self) -> Option<Intent> {
        let rows = self.office.rows();
        rows.tape.libraries.get(&name())?.intent.clone()
    }
}

pub(crate) fn block(fill: u8) -> Vec<u8> {
    vec![fill; BLOCK]
}

/// Which of these notes say what is meant; the others, that it is settled.
pub(crate) fn meant(commands: &[TapeCommand]) -> Vec<bool> {
    let meant = commands.iter().map(|command| {
        let TapeCommand::Library(_, LibraryCommand::Noted(record)) = command else {
            panic!("{command:?}");
        };
        *record != Record::Settled
    });
    meant.collect()
}
