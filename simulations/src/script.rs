//! A script of one client's requests and an operator's orders, and what the simulated node answers
//! to each. A real process that is given the same script must give the same answers.

mod stage;

use holdfast_actors::object::{Hash, Kind};
use sha2::{Digest, Sha256};

pub use stage::simulated;

/// One thing that happens in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Somebody asks for something in a repository.
    Ask(Who, &'static str, Ask),
    /// The operator changes something.
    Order(Order),
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The tenant `acme`, whose repository is `main`.
    Acme,
    /// The same, who may only add.
    Appender,
    /// The same, who may only read.
    Reader,
    /// The tenant `bob`, whose repository is `side`.
    Bob,
    /// Somebody who calls himself `acme` and does not know the password.
    Stranger,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// That the repository be there.
    Create,
    /// How large an object is.
    Stat(Kind, &'static str),
    /// How many objects there are.
    List(Kind),
    /// What is in an object.
    Read(Kind, &'static str),
    /// To keep an object with this content.
    Store(Kind, String),
    /// To keep this under the name of something else.
    Misname(Kind, &'static str, &'static str),
    /// To delete an object.
    Delete(Kind, &'static str),
}

/// What the operator changes, always of `acme`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The tenant is disabled, or enabled again.
    Disabled(bool),
    /// The last day of its lease.
    Lease(&'static str),
    /// The quota of its repository, in bytes.
    Quota(u64),
}

/// The quota of both repositories at first, in bytes.
pub const QUOTA: u64 = 1 << 20;

/// A request, of whom, in which repository.
type Asked = (Who, &'static str, Ask);

/// A script in which each answer of the service comes at least once that does not hang on load.
pub fn whole() -> Vec<Step> {
    use Ask::{List, Read, Store};
    use Kind::Data;
    use Who::{Acme, Bob};
    let text = str::to_owned;
    let large = || Store(Data, "large ".repeat(150_000));
    let mut steps = asks(own());
    steps.extend(asks(others()));
    steps.push(Step::Order(Order::Quota(4 << 20)));
    steps.extend(asks(vec![(Acme, "main", large())]));
    steps.push(Step::Order(Order::Disabled(true)));
    steps.extend(asks(vec![
        (Acme, "main", List(Data)),
        (Bob, "side", List(Data)),
    ]));
    steps.push(Step::Order(Order::Disabled(false)));
    steps.extend(asks(vec![(Acme, "main", List(Data))]));
    steps.push(Step::Order(Order::Lease("2020-01-31")));
    steps.extend(asks(vec![
        (Acme, "main", Store(Data, text("too late"))),
        (Acme, "main", Read(Data, "a pack")),
    ]));
    steps.push(Step::Order(Order::Lease("2999-12-31")));
    steps.extend(asks(vec![
        (Acme, "main", Store(Data, text("in time"))),
        (Acme, "main", List(Data)),
    ]));
    steps
}

fn asks(asked: Vec<Asked>) -> Vec<Step> {
    let step = |(who, repository, ask)| Step::Ask(who, repository, ask);
    asked.into_iter().map(step).collect()
}

/// What a tenant asks for in its own repository, and where it has none.
fn own() -> Vec<Asked> {
    use Ask::{Create, Delete, List, Misname, Read, Stat, Store};
    use Kind::{Config, Data, Index, Key, Lock, Snapshot};
    use Who::{Acme, Bob, Stranger};
    let text = str::to_owned;
    vec![
        (Acme, "main", Create),
        (Acme, "elsewhere", Create),
        (Bob, "main", Create),
        (Stranger, "main", Create),
        (Acme, "main", Stat(Config, "config")),
        (Acme, "main", Store(Key, text("a key"))),
        (Acme, "main", Store(Config, text("config"))),
        (Acme, "main", Store(Config, text("config"))),
        (Acme, "main", Store(Config, text("another"))),
        (Acme, "main", Stat(Config, "config")),
        (Acme, "main", Read(Config, "config")),
        (Acme, "main", Delete(Config, "config")),
        (Acme, "main", List(Key)),
        (Acme, "main", Store(Lock, text("a lock"))),
        (Acme, "main", Store(Data, text("a pack"))),
        (Acme, "main", Store(Data, text("a pack"))),
        (Acme, "main", Store(Data, "long ".repeat(120_000))),
        (Acme, "main", Misname(Data, "a pack", "no pack")),
        (Acme, "main", Stat(Data, "a pack")),
        (Acme, "main", Stat(Data, "no pack")),
        (Acme, "main", Read(Data, "a pack")),
        (Acme, "main", Read(Data, "no pack")),
        (Acme, "main", List(Data)),
        (Acme, "main", Store(Index, text("an index"))),
        (Acme, "main", Store(Snapshot, text("a snapshot"))),
        (Acme, "main", Store(Data, "large ".repeat(150_000))),
    ]
}

/// What others ask for, and logins that may not do everything.
fn others() -> Vec<Asked> {
    use Ask::{Delete, List, Read, Store};
    use Kind::{Data, Lock, Snapshot};
    use Who::{Acme, Appender, Bob, Reader};
    let text = str::to_owned;
    vec![
        (Bob, "side", List(Data)),
        (Bob, "main", Read(Data, "a pack")),
        (Bob, "side", Read(Data, "a pack")),
        (Reader, "main", Read(Snapshot, "a snapshot")),
        (Reader, "main", Store(Data, text("more"))),
        (Reader, "main", Store(Lock, text("my lock"))),
        (Reader, "main", Delete(Lock, "my lock")),
        (Appender, "main", Store(Data, text("more"))),
        (Appender, "main", Delete(Data, "more")),
        (Appender, "main", Delete(Lock, "a lock")),
        (Acme, "main", List(Lock)),
        (Acme, "main", Delete(Data, "more")),
        (Acme, "main", Delete(Data, "more")),
        (Acme, "main", Read(Data, "more")),
        (Acme, "main", List(Data)),
    ]
}

/// The name of an object of a kind with this content.
pub fn name(kind: Kind, content: &str) -> Hash {
    if kind == Kind::Config {
        return Hash::ZERO;
    }
    Hash::new(Sha256::digest(content).into())
}

impl Who {
    /// As whom they log in.
    pub const fn user(self) -> &'static str {
        match self {
            Self::Acme | Self::Appender | Self::Reader | Self::Stranger => "acme",
            Self::Bob => "bob",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_meets_most_answers_of_the_service() {
        let answers = simulated(&whole()).unwrap();
        let again = simulated(&whole()).unwrap();
        assert_eq!(answers, again);
        for answer in [
            "done",
            "done 6",
            "done a pack",
            "done 2",
            "refused not-found",
            "refused unauthenticated",
            "refused exists",
            "refused bad-hash",
            "refused scope",
            "refused quota-exceeded",
            "refused disabled",
            "refused lease-expired",
        ] {
            assert!(
                answers.iter().any(|given| given == answer),
                "{answer}: {answers:?}"
            );
        }
    }
}
