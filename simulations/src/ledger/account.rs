//! What operators were told of each tenant, and since when.

use std::collections::BTreeMap;

use holdfast_actors::kernel::{CredentialId, Date, Rate, RepositoryId, Size, Space};

use crate::plan;
use crate::trace::Micros;

/// Something that changes by commands: certain but while one of them is not answered.
#[derive(Clone, Debug)]
pub(crate) struct Fact<T> {
    value: T,
    since: Micros,
    in_doubt: bool,
}

impl<T: Clone + PartialEq> Fact<T> {
    /// True from the start.
    pub(crate) const fn new(value: T) -> Self {
        Self {
            value,
            since: 0,
            in_doubt: false,
        }
    }

    /// A command that changes it is under way.
    pub(crate) const fn doubt(&mut self) {
        self.in_doubt = true;
    }

    /// The command changed nothing.
    pub(crate) const fn keep(&mut self) {
        self.in_doubt = false;
    }

    /// It is so from now on.
    pub(crate) fn settle(&mut self, value: T, now: Micros) {
        if self.in_doubt || self.value != value {
            self.since = now;
        }
        self.value = value;
        self.in_doubt = false;
    }

    /// The value, if it had been this before then and was nothing else since.
    pub(crate) fn since(&self, then: Micros) -> Option<&T> {
        (!self.in_doubt && self.since < then).then_some(&self.value)
    }

    /// Whether a command that changes it is not answered yet.
    pub(crate) const fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Whether it is certain, and another than this.
    pub(crate) fn is_not(&self, other: &T) -> bool {
        !self.in_doubt && self.value != *other
    }

    /// The value that was last told.
    pub(crate) const fn last(&self) -> &T {
        &self.value
    }
}

/// One tenant's contract as operators were told.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) repository: &'static str,
    pub(crate) disabled: Fact<bool>,
    pub(crate) lease: Fact<Option<Date>>,
    pub(crate) grace_days: u32,
    pub(crate) bandwidth: Option<Rate>,
    pub(crate) tasks: Fact<u32>,
    pub(crate) quota: Fact<u64>,
    pub(crate) bin_limit: Fact<Option<u64>>,
    pub(crate) bin_days: Fact<u32>,
    pub(crate) hold_days: Fact<u32>,
    pub(crate) repository_id: Option<RepositoryId>,
    /// Whether the tenant is there, as far as operators were told.
    pub(crate) has_tenant: bool,
    /// A command that removes its repository is not answered yet.
    pub(crate) is_leaving: bool,
    /// When its repository was removed, until another is made.
    pub(crate) removed: Option<Micros>,
    pub(crate) purge_hold_days: u32,
    /// Uploads that have a task, by number, with the time of their begin.
    pub(crate) running: BTreeMap<u64, Micros>,
    pub(crate) uploads: u64,
    /// When the last look was, what was charged and reserved then, and what of `index/` was there
    /// for certain.
    pub(crate) charged: Option<(Micros, u64, u64)>,
}

impl Account {
    /// The account of a tenant of the plan.
    pub(crate) fn new(number: usize, tenant: &plan::Tenant, today: Date) -> Self {
        Self {
            name: tenant.called(number),
            repository: if number.is_multiple_of(2) {
                "main"
            } else {
                "side"
            },
            disabled: Fact::new(false),
            lease: Fact::new(tenant.lease_days.map(|days| today.plus(days))),
            grace_days: tenant.grace_days,
            bandwidth: tenant
                .bandwidth_kib
                .and_then(|kib| Rate::per_second(Size::bytes(kib << 10))),
            tasks: Fact::new(tenant.tasks),
            quota: Fact::new(tenant.quota_kib << 10),
            bin_limit: Fact::new(tenant.bin_limit_kib.map(|kib| kib << 10)),
            bin_days: Fact::new(tenant.bin_days),
            hold_days: Fact::new(tenant.hold_days),
            repository_id: None,
            has_tenant: true,
            is_leaving: false,
            removed: None,
            purge_hold_days: tenant.purge_hold_days,
            running: BTreeMap::new(),
            uploads: 0,
            charged: None,
        }
    }

    /// Its repository, while that is certain.
    pub(crate) fn served(&self) -> Option<RepositoryId> {
        self.repository_id.filter(|_| !self.is_leaving)
    }

    /// Nothing is under way any more.
    pub(crate) fn crash(&mut self) {
        self.running.clear();
        self.charged = None;
    }
}

/// A login and what it sees.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) tenant: usize,
    /// As it logs in.
    pub(crate) user: String,
    /// The present password; none until an operator has made one.
    pub(crate) password: Option<String>,
    /// How many passwords there were before.
    pub(crate) passwords: u32,
    pub(crate) credential: Option<CredentialId>,
    /// Set once it is known.
    pub(crate) space: Option<Space>,
    pub(crate) subtenant: bool,
    /// A subtenant's that the system makes.
    pub(crate) managed: bool,
    /// Whether its passwords are chosen.
    pub(crate) chosen: bool,
    pub(crate) clients: u32,
}

impl Shelf {
    /// The shelf of a tenant itself, or of its subtenant.
    pub(crate) fn new(
        tenant: usize,
        name: &str,
        subtenant: bool,
        clients: u32,
        operators: &plan::Operators,
    ) -> Self {
        let user = if subtenant {
            format!("{name}+laptop")
        } else {
            name.to_owned()
        };
        Self {
            tenant,
            user,
            password: None,
            passwords: 0,
            credential: None,
            space: (!subtenant).then_some(Space::TENANT),
            subtenant,
            managed: subtenant && operators.managed,
            chosen: operators.chosen,
            clients,
        }
    }

    /// Its login went with its tenant.
    pub(crate) fn forget(&mut self) {
        if self.credential.take().is_some() {
            self.passwords += 1;
        }
        self.password = None;
        if self.subtenant {
            self.space = None;
        }
    }

    /// The name of its subtenant, if it is one's.
    pub(crate) fn subtenant_name(&self) -> Option<&str> {
        self.user.split_once('+').map(|(_, name)| name)
    }
}
