//! A script on the simulated node.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::catalog::Outcome;
use holdfast_actors::catalog::command::{
    Actor, Command, Contract, ContractChange, CredentialCommand, NewCredential, OperatorCommand,
    RepositoryCommand, Submission, TenantCommand,
};
use holdfast_actors::catalog::rows::{Role, Scope, Verifier};
use holdfast_actors::kernel::{Date, Size, Timestamp};
use holdfast_actors::names::{OperatorName, RepositoryName, TenantName};
use holdfast_actors::node::Node;
use holdfast_actors::object::{Hash, Kind};
use holdfast_actors::ports::{self, Ports};
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::{Entry, Found, Intent, Login, PIECE_MAX, Part, Secret, Service};
use holdfast_actors::shell::Directory;
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, RngSeed};

use super::{Ask, Order, QUOTA, Step, Who, name};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::index::Index;
use crate::passwords::Cheap;
use crate::world::pass;

/// What the simulated node answers to each request of a script: `done`, with what was asked for
/// behind it, or `refused` with the word for it.
///
/// # Errors
/// With a sentence when an order of the operator is not carried out.
pub fn simulated(steps: &[Step]) -> Result<Vec<String>, String> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .rng_seed(RngSeed::from_bytes(b"script"))
        .build()
        .map_err(|error| error.to_string())?;
    let (disk, index) = (Disk::default(), Index::default());
    let ran = runtime.block_on(async {
        let mut stage = Stage::set(&disk, &index).await?;
        let mut answers = Vec::new();
        for step in steps {
            match step {
                Step::Order(order) => stage.order(*order).await?,
                Step::Ask(who, repository, ask) => {
                    let answer = stage.ask(*who, repository, ask).await;
                    answers.push(
                        answer.unwrap_or_else(|refusal| format!("refused {}", refusal.reason)),
                    );
                }
            }
        }
        Ok(answers)
    });
    disk.kill();
    ran
}

/// A node with its tenants.
struct Stage {
    node: Node,
    clock: Arc<Clock>,
    sequence: u64,
    passwords: BTreeMap<Who, String>,
}

impl Stage {
    async fn set(disk: &Disk, index: &Index) -> Result<Self, String> {
        let start = Timestamp::parse("2026-02-16T10:00:00Z").unwrap_or_default();
        let clock = Arc::new(Clock::starting_at(start));
        let shared: Arc<dyn ports::Clock> = clock.clone();
        let ports = Ports {
            clock: shared,
            entropy: Arc::new(Entropy::new(Dice::of_seed(0).fork("script"))),
            disk: disk.port(),
            index: index.port(),
            directory: Arc::new(Directory::default()),
        };
        let node = Node::start(ports, Arc::new(Cheap)).await;
        let mut stage = Self {
            node: node.map_err(|error| error.to_string())?,
            clock,
            sequence: 0,
            passwords: BTreeMap::new(),
        };
        let (role, uid) = (Role::Admin, None);
        stage
            .give(Command::Operator(
                operator()?,
                OperatorCommand::Add { role, uid },
            ))
            .await?;
        for (tenant, repository) in [("acme", "main"), ("bob", "side")] {
            let tenant = tenant_name(tenant)?;
            let add = TenantCommand::Add(Contract::default());
            stage.give(Command::Tenant(tenant.clone(), add)).await?;
            let add = RepositoryCommand::Add {
                tenant,
                name: repository_name(repository)?,
                quota: Size::bytes(QUOTA),
                hold_days: 0,
                min_copies: 1,
            };
            stage.give(Command::Repository(add)).await?;
        }
        for (who, scope) in [
            (Who::Acme, Scope::Full),
            (Who::Appender, Scope::Append),
            (Who::Reader, Scope::Read),
            (Who::Bob, Scope::Full),
        ] {
            stage.admit(who, scope).await?;
        }
        pass(1_000).await;
        Ok(stage)
    }

    async fn admit(&mut self, who: Who, scope: Scope) -> Result<(), String> {
        let password = format!("the password of {who:?}");
        let credential = NewCredential {
            tenant: tenant_name(who.user())?,
            subtenant: None,
            scope,
            verifier: Verifier::Generated(Sha256::digest(&password).into()),
            expires: None,
            label: String::new(),
            view: None,
        };
        self.passwords.insert(who, password);
        self.give(Command::Credential(CredentialCommand::Add(credential)))
            .await
            .map(drop)
    }

    async fn order(&mut self, order: Order) -> Result<(), String> {
        let tenant = tenant_name("acme")?;
        let change = |change| TenantCommand::Set(change);
        let command = match order {
            Order::Disabled(true) => {
                let reason = "unpaid".to_owned();
                Command::Tenant(tenant, TenantCommand::Disable { reason })
            }
            Order::Disabled(false) => Command::Tenant(tenant, TenantCommand::Enable),
            Order::Lease(day) => {
                let day = Date::parse(day).map_err(|error| error.to_string())?;
                let lease = Some(Some(day));
                let changed = ContractChange {
                    lease,
                    ..ContractChange::default()
                };
                Command::Tenant(tenant, change(changed))
            }
            Order::Quota(bytes) => Command::Repository(RepositoryCommand::Set {
                tenant,
                name: repository_name("main")?,
                quota: Some(Size::bytes(bytes)),
                hold_days: None,
                min_copies: None,
            }),
        };
        self.give(command).await?;
        // News travel.
        pass(1_000).await;
        Ok(())
    }

    async fn give(&mut self, command: Command) -> Result<Outcome, String> {
        self.sequence += 1;
        let by = if matches!(command, Command::Operator(..)) {
            Actor::System
        } else {
            Actor::Operator(operator()?)
        };
        let at = ports::Clock::now(&*self.clock).wall;
        let submission = Submission {
            client: 1,
            sequence: self.sequence,
            by,
            at,
            command,
        };
        let told = self.node.catalog.submit(submission).await;
        told.map(|(outcome, _)| outcome)
            .map_err(|error| format!("{error:?}"))
    }

    async fn ask(&self, who: Who, repository: &str, ask: &Ask) -> Result<String, Refusal> {
        let login = Login {
            user: who.user().to_owned(),
            password: Secret::new(self.passwords.get(&who).cloned().unwrap_or_default()),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            gateway: None,
        };
        let intent = ask.intent();
        let entry = self
            .node
            .front
            .enter(login, repository.to_owned(), intent)
            .await?;
        let missing = || Refusal::new(Reason::NotFound, "there is no such object");
        match ask {
            Ask::Create => Ok("done".to_owned()),
            Ask::Stat(kind, content) => {
                let size = entry.stat(*kind, name(*kind, content)).await?;
                Ok(format!("done {}", size.ok_or_else(missing)?.as_bytes()))
            }
            Ask::List(kind) => {
                let (mut listing, mut count) = (entry.list(*kind).await?, 0);
                while let Some(batch) = listing.next().await {
                    count += batch?.len();
                }
                Ok(format!("done {count}"))
            }
            Ask::Read(kind, content) => {
                let found = entry.read(*kind, name(*kind, content), Part::Whole).await?;
                let Found::Body { mut pieces, .. } = found else {
                    return Err(missing());
                };
                let mut read = Vec::new();
                while let Some(piece) = pieces.next().await {
                    read.extend_from_slice(&piece?);
                }
                Ok(format!("done {}", String::from_utf8_lossy(&read)))
            }
            Ask::Store(kind, content) => {
                store(entry.as_ref(), *kind, name(*kind, content), content).await
            }
            Ask::Misname(kind, called, content) => {
                store(entry.as_ref(), *kind, name(*kind, called), content).await
            }
            Ask::Delete(kind, content) => {
                entry.delete(*kind, name(*kind, content)).await?;
                Ok("done".to_owned())
            }
        }
    }
}

async fn store(
    entry: &dyn Entry,
    kind: Kind,
    name: Hash,
    content: &str,
) -> Result<String, Refusal> {
    let mut left = Bytes::from(content.to_owned());
    let mut upload = entry
        .begin(kind, name, Size::bytes(left.len() as u64))
        .await?;
    let hash = Hash::new(Sha256::digest(&left).into());
    while !left.is_empty() {
        upload
            .write(left.split_to(left.len().min(PIECE_MAX)))
            .await?;
    }
    upload.finish(hash).await?;
    Ok("done".to_owned())
}

impl Ask {
    fn intent(&self) -> Intent {
        let size = |content: &str| Size::bytes(content.len() as u64);
        match self {
            Self::Create => Intent::Create,
            Self::Stat(Kind::Config, _) => Intent::Probe,
            Self::Stat(kind, _) => Intent::Stat(*kind),
            Self::List(kind) => Intent::List(*kind),
            Self::Read(kind, _) => Intent::Read(*kind),
            Self::Store(kind, content) => Intent::Write(*kind, size(content)),
            Self::Misname(kind, _, content) => Intent::Write(*kind, size(content)),
            Self::Delete(kind, _) => Intent::Delete(*kind),
        }
    }
}

fn operator() -> Result<OperatorName, String> {
    OperatorName::parse("ann").map_err(|error| error.to_string())
}

fn tenant_name(name: &str) -> Result<TenantName, String> {
    TenantName::parse(name).map_err(|error| error.to_string())
}

fn repository_name(name: &str) -> Result<RepositoryName, String> {
    RepositoryName::parse(name).map_err(|error| error.to_string())
}
