//! An office over a real catalog, with the rest of a node as simple as it can be.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use holdfast::admin::books::CatalogBooks;
use holdfast::admin::office::{Books, FIRST, Member, Office, Services};
use holdfast::admin::{Items, Operations, Problem, ProblemClass, Progress, answers};
use holdfast::clock::SystemClock;
use holdfast::commands::credential::Secret;
use holdfast::commands::values::{Moment, Month};
use holdfast::entropy::SystemEntropy;
use holdfast_actors::catalog::command::{Actor, Command, OperatorCommand};
use holdfast_actors::catalog::rows::{Role, Rows};
use holdfast_actors::catalog::{self, Keeper};
use holdfast_actors::kernel::{RepositoryId, Size, Timestamp};
use holdfast_actors::names::{OperatorName, TenantName};
use holdfast_actors::ports::{Journal, Pending, Ports};
use holdfast_actors::shell::{Directory, Fault, Path};

use super::tape::Shelf;

/// A journal that keeps nothing, at once.
pub(crate) struct Nothing;

impl Journal for Nothing {
    fn append(&self, _: Bytes) -> Pending<Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
}

/// Of this repository objects lie on silent nodes; of any other one is damaged.
const UNREAD: RepositoryId = RepositoryId::new(1);

/// What lies outside of the catalog, as simple as it can be.
pub(crate) struct Simple {
    pub(crate) member: Option<Member>,
}

impl Services for Simple {
    fn member(&self) -> Result<Option<Member>, Problem> {
        Ok(self.member)
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(1_795_255_200_000)
    }

    fn revive(&self, path: &Path) -> bool {
        path.as_str() == "node/tenants/broken"
    }

    fn node(&self) -> answers::Node {
        answers::Node {
            node: "berlin-1".to_owned(),
            version: "0".to_owned(),
            listen: vec!["127.0.0.1:8443".to_owned()],
            metrics: None,
            thumbprint: "ab".repeat(32),
            free: Some(Size::gib(100)),
            reserve: Some(Size::mib(256)),
            reads_as_of: None,
        }
    }

    fn figures(&self, _: RepositoryId) -> Pending<Result<answers::Figures, Problem>> {
        let figures = answers::Figures {
            used: Size::mib(3),
            charged: Size::mib(4),
            stored: Size::mib(5),
            reclaimable: Size::mib(1),
            bin: Size::mib(2),
            objects: 17,
        };
        Box::pin(async move { Ok(figures) })
    }

    fn bin(&self, _: RepositoryId) -> Pending<Result<answers::BinContent, Problem>> {
        let content = answers::BinContent {
            objects: 3,
            bin: Size::mib(2),
            charged: Size::ZERO,
            oldest: None,
            reach: Moment(Timestamp::from_millis(0)),
        };
        Box::pin(async move { Ok(content) })
    }

    fn viewable(&self, _: RepositoryId, at: Timestamp) -> Pending<Result<(), Problem>> {
        let beyond = at < Timestamp::from_millis(1_000_000);
        Box::pin(async move {
            let problem = Problem::new(ProblemClass::Refused, "beyond-bin", "too long ago");
            if beyond { Err(problem) } else { Ok(()) }
        })
    }

    fn export(
        &self,
        _: RepositoryId,
        _: Timestamp,
        to: PathBuf,
        items: Items,
    ) -> Pending<Result<answers::Moved, Problem>> {
        assert!(to.is_absolute());
        items.progress(Progress {
            done: 1,
            total: 2,
            what: "acme/main".to_owned(),
        });
        Box::pin(async { Ok(answers::Moved::default()) })
    }

    fn restore(&self, _: RepositoryId, _: Timestamp) -> Pending<Result<answers::Moved, Problem>> {
        Box::pin(async { Ok(answers::Moved::default()) })
    }

    fn verify(&self, id: RepositoryId, _: Items) -> Pending<Result<answers::Findings, Problem>> {
        let found = if id == UNREAD {
            answers::Findings {
                unread: 2,
                ..answers::Findings::default()
            }
        } else {
            answers::Findings {
                damaged: 1,
                ..answers::Findings::default()
            }
        };
        Box::pin(async move { Ok(found) })
    }

    fn usage(&self, month: Month) -> Pending<Result<Vec<answers::Usage>, Problem>> {
        let usage = answers::Usage {
            tenant: TenantName::parse("acme").unwrap(),
            month,
            byte_seconds: Some(answers::ByteSeconds(u128::from(u64::MAX) * 1024)),
        };
        Box::pin(async { Ok(vec![usage]) })
    }

    fn certificate(&self) -> Pending<Result<answers::Certificate, Problem>> {
        let now = Moment(Timestamp::from_millis(0));
        let certificate = answers::Certificate {
            thumbprint: "ab".repeat(32),
            subject: "CN=berlin-1".to_owned(),
            names: vec!["localhost".to_owned()],
            not_before: now,
            not_after: now,
            self_signed: true,
            next: None,
            switch: None,
            pem: "-----BEGIN CERTIFICATE-----\n".to_owned(),
        };
        Box::pin(async { Ok(certificate) })
    }

    fn import_certificate(
        &self,
        pem: Secret,
        _: Actor,
    ) -> Pending<Result<answers::Certificate, Problem>> {
        assert_eq!(pem.expose(), "chain\n\nkey\n");
        self.certificate()
    }

    fn rotate_certificate(&self, _: Actor) -> Pending<Result<answers::Certificate, Problem>> {
        self.certificate()
    }
}

/// The office of a node that stands alone, furnished.
pub(crate) async fn furnish() -> Arc<dyn Operations> {
    furnish_as(None, Vec::new()).await
}

/// The office, furnished, with these commands of the system done.
pub(crate) async fn furnish_as(member: Option<Member>, done: Vec<Command>) -> Arc<dyn Operations> {
    let directory = Arc::new(Directory::default());
    let ports = Ports {
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SystemEntropy),
        disk: holdfast_simulations::disk::Disk::default().port(),
        index: holdfast_simulations::index::Index::default().port(),
        directory: Arc::clone(&directory),
    };
    let path = Path::node().child("catalog");
    let keeper = Keeper::new(Rows::default());
    let catalog = catalog::start(path, keeper, Arc::new(Nothing), ports.clone(), None);
    let catalog = catalog.await.unwrap();
    let books = CatalogBooks::new(catalog, Arc::clone(&ports.clock), &*ports.entropy);
    let first = OperatorCommand::Add {
        role: Role::Admin,
        uid: Some(rustix::process::getuid().as_raw()),
    };
    let first = Command::Operator(OperatorName::parse(FIRST).unwrap(), first);
    books.submit(Actor::System, first).await.unwrap();
    for command in done {
        books.submit(Actor::System, command).await.unwrap();
    }
    Arc::new(Office {
        books: Arc::new(books),
        services: Arc::new(Simple { member }),
        tapes: Arc::new(Shelf::default()),
        directory,
        entropy: ports.entropy,
        others: None,
    })
}
