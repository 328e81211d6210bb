//! What there is before anything happens: tenants, a library, a pool and a job. Whoever comes back
//! after a crash goes on with it.

use holdfast_actors::catalog::command::{
    Actor, Command, Contract, OperatorCommand, RepositoryCommand, TenantCommand,
};
use holdfast_actors::catalog::rows::{Device, Mixing, Role, Source};
use holdfast_actors::catalog::tape::{
    JobCommand, KeyCommand, LibraryCommand, MediaPoolCommand, TapeCommand,
};
use holdfast_actors::kernel::Size;
use holdfast_actors::names::{OperatorName, RepositoryName, TapeName, TenantName};
use holdfast_actors::object::Kind;
use holdfast_actors::tape::MediaSet;
use holdfast_actors::tape::key::Wrapped;
use holdfast_actors::tape::pool::{Retention, SetRules};
use holdfast_actors::tape::schedule::{Schedule, Weekday};

use super::{Desk, JOB, LIBRARY, OPERATOR, POOL, tape};
use crate::dice::Dice;
use crate::mutation::Mutation;
use crate::tape::judge::KEYS;
use crate::tape::robot::SLOTS;

impl Desk {
    /// Makes what is not there yet; none if the node does not answer.
    pub(super) async fn set_up(&self, dice: &mut Dice) -> Option<()> {
        self.hire().await?;
        for number in 1..=self.shape.tenants {
            self.welcome(number, dice).await?;
        }
        let rows = self.rows();
        let (library, pool, job) = (tape(LIBRARY)?, tape(POOL)?, tape(JOB)?);
        if !rows.tape.libraries.contains_key(&library) {
            let device = Device::Virtual {
                drives: self.shape.drives,
                slots: SLOTS,
                capacity: Size::mib(64),
            };
            let add = LibraryCommand::Add { node: None, device };
            self.tape(TapeCommand::Library(library, add)).await;
        }
        if !rows.tape.pools.contains_key(&pool) {
            self.tape(TapeCommand::Pool(pool.clone(), self.pool()))
                .await;
        }
        if self.shape.encrypts && rows.tape.keys.is_empty() {
            self.forge(pool.clone()).await;
        }
        if !rows.tape.jobs.contains_key(&job) {
            let add = JobCommand::Add {
                description: String::new(),
                sources: vec![Source::All],
                pool,
                schedule: Schedule {
                    at_minutes: 120,
                    daily: Weekday::ALL.into(),
                    weekly: Some(Weekday::Sunday),
                    ..Schedule::default()
                },
            };
            self.tape(TapeCommand::Job(job.clone(), add)).await;
            let enable = JobCommand::Enable(true);
            self.tape(TapeCommand::Job(job, enable)).await;
        }
        if self.rows().tape.media.is_empty() {
            self.inventory().await;
        }
        Some(())
    }

    /// Makes the keys, and has the pool use the first.
    async fn forge(&self, pool: TapeName) {
        for id in KEYS {
            let wrapped = Wrapped {
                name: "passphrase".to_owned(),
                text: "-----BEGIN AGE ENCRYPTED FILE-----\n".to_owned(),
            };
            let add = KeyCommand::Add {
                description: String::new(),
                wrapped: vec![wrapped],
            };
            self.tape(TapeCommand::Key(id, add)).await;
        }
        let encrypt = MediaPoolCommand::Encrypt(Some(KEYS[0]));
        self.tape(TapeCommand::Pool(pool, encrypt)).await;
    }

    async fn hire(&self) -> Option<()> {
        let name = OperatorName::parse(OPERATOR).ok()?;
        if !self.rows().operators.contains_key(&name) {
            let (role, uid) = (Role::Admin, Some(1));
            let add = OperatorCommand::Add { role, uid };
            self.submit(Actor::System, Command::Operator(name, add))
                .await;
        }
        Some(())
    }

    async fn welcome(&self, number: u64, dice: &mut Dice) -> Option<()> {
        let tenant = TenantName::parse(&format!("tenant-{number}")).ok()?;
        let name = RepositoryName::parse("main").ok()?;
        if self.rows().tenants.get(&tenant).is_none() {
            let contract = Contract {
                bin_days: self.shape.hold_days,
                ..Contract::default()
            };
            let add = TenantCommand::Add(contract);
            self.order(Command::Tenant(tenant.clone(), add)).await;
        }
        if self.rows().repositories.len() < number as usize {
            let add = RepositoryCommand::Add {
                tenant,
                name,
                quota: Size::gib(1),
                hold_days: self.shape.hold_days,
                min_copies: 1,
            };
            self.order(Command::Repository(add)).await;
        }
        let rows = self.rows();
        let id = rows.repositories.keys().nth(number as usize - 1).copied()?;
        if !self.shop().knows(id) {
            self.store(id, Kind::Config, dice).await;
            self.store(id, Kind::Key, dice).await;
        }
        Some(())
    }

    fn pool(&self) -> MediaPoolCommand {
        let days = match self.mutation {
            Some(Mutation::HastyReuse) => 0,
            _ => self.shape.keep_days,
        };
        let retention = match days {
            0 => Retention::None,
            days => Retention::Days(days),
        };
        let rules = |set| SetRules {
            retention,
            appends: self.shape.appends && set == MediaSet::Daily,
        };
        MediaPoolCommand::Add {
            description: String::new(),
            is_worm: false,
            takes_free: true,
            sets: [MediaSet::Daily, MediaSet::Weekly]
                .map(|set| (set, rules(set)))
                .into(),
            mixing: match self.shape.mixes {
                true => Mixing::All,
                false => Mixing::Never,
            },
        }
    }
}
