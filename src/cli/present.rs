//! Gives orders to the node, and shows its answers: which columns, in which order, for each.

mod columns;
mod tape;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;

use holdfast_actors::names::OperatorName;
use serde_json::Value;

use super::failure::Failure;
use super::layout::{self, Column, printable};
use super::progress::Progress;
use super::screen::Screen;
use super::status;
use crate::admin::client::{self, Part};
use crate::admin::protocol::{Call, VERSION};
use crate::commands::bin::Bin;
use crate::commands::certificate::Certificate;
use crate::commands::cluster::{JoinToken, Node, Tokens};
use crate::commands::credential::Credential;
use crate::commands::operator::{Approval, Operator};
use crate::commands::pool::Pool;
use crate::commands::repository::Repository;
use crate::commands::shell::Look;
use crate::commands::subtenant::Subtenant;
use crate::commands::tenant::Tenant;
use crate::commands::{Events, Order};
use crate::inspect;
use columns::{
    APPROVALS, BIN, CERTIFICATE, CLOCK, CREDENTIALS, EVENTS, MAINTENANCE, MOVED, NODE, NODES,
    OPERATOR, PENDING, POOL, POOLS, REPOSITORY, REPOSITORY_FIGURES, SUBTENANT, TENANT, TENANTS,
    TOKENS, USAGE, VERIFIED,
};

/// Where orders are given from.
pub(super) struct Desk {
    /// The data directory of the node.
    pub(super) data: PathBuf,
    /// As whom.
    pub(super) operator: Option<OperatorName>,
}

/// How an answer is shown to people.
#[derive(Clone, Copy)]
enum Form {
    /// Rows: a table of these columns.
    Table(&'static [Column]),
    /// Rows as they come, each by itself.
    Stream(fn(&Value) -> String),
    /// Rows, all at once.
    Rows(fn(&[Value]) -> String),
    /// One thing: a record of these columns.
    Record(&'static [Column]),
    /// One thing with the repositories in it.
    Tenant,
    /// One thing, in its own way.
    Whole(fn(&Value) -> String),
    /// One thing, the same text whatever is wanted.
    Text(&'static str),
    /// How the node is, with its cluster.
    Status,
    /// A secret: alone on its line, with a remark beside it.
    Password,
    /// A token: the same.
    Token,
}

impl Desk {
    /// Has an order carried out and shows the answer.
    pub(super) fn order(&self, order: Order, screen: &mut Screen) -> Result<(), Failure> {
        self.shown(order, screen).map(|_| ())
    }

    /// Shows how the node is; with `check` it fails if something needs attention.
    pub(super) fn status(&self, check: bool, screen: &mut Screen) -> Result<(), Failure> {
        let status = self.shown(Order::Status, screen)?;
        if check {
            status::checked(&status)
        } else {
            Ok(())
        }
    }

    /// Has an order carried out and hands back its rows and its end, unshown.
    pub(super) fn fetched(&self, order: Order) -> Result<(Vec<Value>, Value), Failure> {
        let call = Call {
            version: VERSION,
            operator: self.operator.clone(),
            command: order,
        };
        let mut rows = Vec::new();
        let mut each = |part| {
            if let Part::Item(row) = part {
                rows.push(row);
            }
            ControlFlow::Continue(())
        };
        match client::call(&self.data, &call, &mut each) {
            Ok(done) => Ok((rows, done.unwrap_or_default())),
            Err(error) => Err(Failure::of_call(&error, &self.data)),
        }
    }

    /// Has an order carried out, shows the answer, and hands back the end of it.
    fn shown(&self, order: Order, screen: &mut Screen) -> Result<Value, Failure> {
        let form = form(&order);
        let call = Call {
            version: VERSION,
            operator: self.operator.clone(),
            command: order,
        };
        let mut rows = Vec::new();
        let mut failure = None;
        let mut progress = Progress::new(!screen.json);
        let mut each = |part| {
            let shown = match part {
                Part::Progress(at) => {
                    progress.advance(at.done, at.total, &at.what);
                    Ok(())
                }
                Part::Item(row) => {
                    if let Form::Stream(spell) = form {
                        match screen.json {
                            true => screen.object(&row),
                            false => screen.line(spell(&row)),
                        }
                    } else {
                        rows.push(row);
                        Ok(())
                    }
                }
            };
            match shown {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let answer = client::call(&self.data, &call, &mut each);
        progress.clear();
        if let Some(failure) = failure {
            return Err(failure);
        }
        for missing in missing(&rows) {
            screen.remark(format_args!("figures are missing: {missing}"));
        }
        let failed = answer.as_ref().is_err();
        // What was found before a failure is worth seeing: repositories before the damaged one.
        if !failed || !rows.is_empty() {
            let mut done = answer.as_ref().ok().cloned().flatten().unwrap_or_default();
            let waits = pending(&done);
            if let Some(id) = waits {
                done["grant"] = Value::from(self.grant(id));
            }
            show(form, &rows, &done, screen)?;
            if let Some(id) = waits {
                return Err(Failure::pending(id));
            }
        }
        match answer {
            Ok(done) => Ok(done.unwrap_or_default()),
            Err(error) => Err(Failure::of_call(&error, &self.data)),
        }
    }

    /// What another operator types to agree to a request.
    fn grant(&self, id: u64) -> String {
        let data = quoted(&self.data.display().to_string());
        format!("holdfast --data {data} approval grant {id}")
    }
}

fn show(form: Form, rows: &[Value], done: &Value, screen: &mut Screen) -> Result<(), Failure> {
    match form {
        Form::Text(key) => screen.text(done[key].as_str().unwrap_or_default()),
        Form::Stream(_) => Ok(()),
        Form::Table(_) | Form::Rows(_) if screen.json => screen.object(&rows),
        Form::Table(columns) => screen.text(&layout::table(columns, rows)),
        Form::Rows(spell) => screen.text(&spell(rows)),
        _ if screen.json => screen.object(done),
        _ if pending(done).is_some() => screen.text(&layout::record(PENDING, done)),
        _ if done["state"] == "done" => screen.line("done"),
        Form::Record(columns) => screen.text(&layout::record(columns, done)),
        Form::Whole(spell) => screen.text(&spell(done)),
        Form::Tenant => {
            screen.text(&layout::record(TENANT, done))?;
            let repositories = done["repositories"].as_array();
            let table = layout::table(REPOSITORY_FIGURES, repositories.map_or(&[], Vec::as_slice));
            if table.is_empty() {
                return Ok(());
            }
            screen.line("")?;
            screen.text(&table)
        }
        Form::Status => screen.text(&status::shown(done)),
        Form::Token => {
            let expires = done["expires"].as_str().unwrap_or_default();
            screen.remark(format_args!(
                "shown this once; lets one node in until {expires}:"
            ));
            screen.line(done["token"].as_str().unwrap_or_default())
        }
        Form::Password => match done["password"].as_str() {
            Some(password) => {
                screen.remark("the password, shown this once:");
                screen.line(password)
            }
            None => screen.line("done"),
        },
    }
}

/// Why figures are missing, each reason once.
fn missing(rows: &[Value]) -> BTreeSet<String> {
    let without_actors = rows.iter().filter(|row| row.get("node").is_none());
    let missing = without_actors.filter_map(|row| row["missing"].as_str());
    missing.map(printable).collect()
}

/// The request that an order became, if it waits for a second operator.
fn pending(done: &Value) -> Option<u64> {
    let waits = done["state"] == "pending";
    waits.then(|| done["approval"].as_u64()).flatten()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+,:@".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn form(order: &Order) -> Form {
    match order {
        Order::Tenant(Tenant::List) => Form::Table(TENANTS),
        Order::Tenant(Tenant::Show(_)) => Form::Tenant,
        Order::Tenant(_) => Form::Record(TENANT),
        Order::Subtenant(Subtenant::List(_)) => Form::Table(SUBTENANT),
        Order::Subtenant(_) => Form::Record(SUBTENANT),
        Order::Password(_) | Order::Bin(Bin::View(_)) => Form::Password,
        Order::Credential(Credential::List(_)) => Form::Table(CREDENTIALS),
        Order::Credential(Credential::Revoke(_)) => Form::Record(CREDENTIALS),
        Order::Operator(Operator::List) => Form::Table(OPERATOR),
        Order::Operator(_) => Form::Record(OPERATOR),
        Order::Approval(Approval::List) => Form::Table(APPROVALS),
        Order::Approval(_) => Form::Record(APPROVALS),
        Order::Repository(Repository::List(_)) => Form::Table(REPOSITORY_FIGURES),
        Order::Repository(_) => Form::Record(REPOSITORY),
        Order::Bin(Bin::List(_)) => Form::Table(BIN),
        Order::Bin(Bin::Export(_) | Bin::Restore(_)) => Form::Record(MOVED),
        Order::JoinToken(JoinToken {
            tokens: Some(Tokens::List),
            ..
        }) => Form::Table(TOKENS),
        Order::JoinToken(JoinToken {
            tokens: Some(Tokens::Revoke(_)),
            ..
        }) => Form::Record(&[]),
        Order::JoinToken(JoinToken { tokens: None, .. }) => Form::Token,
        Order::Node(Node::List) => Form::Table(NODES),
        Order::Node(_) => Form::Record(NODE),
        Order::Pool(Pool::List) => Form::Table(POOLS),
        Order::Pool(_) => Form::Record(POOL),
        Order::Tape(order) => tape::form(order),
        Order::Usage(_) => Form::Table(USAGE),
        Order::Verify(_) => Form::Table(VERIFIED),
        Order::Events(Events { follow: true, .. }) => Form::Stream(layout::event),
        Order::Events(_) => Form::Table(EVENTS),
        Order::Maintenance(_) => Form::Record(MAINTENANCE),
        Order::Clock(_) => Form::Record(CLOCK),
        Order::Certificate(Certificate::Show(show)) if show.pem => Form::Text("pem"),
        Order::Certificate(_) => Form::Record(CERTIFICATE),
        Order::Catalog => Form::Record(&[]),
        Order::Status => Form::Status,
        Order::Shell(Look::Tree(_)) => Form::Rows(inspect::tree),
        Order::Shell(Look::Trace(_)) => Form::Rows(inspect::trace),
        Order::Shell(Look::Why(_)) => Form::Rows(inspect::waits),
        Order::Shell(Look::Sessions) => Form::Rows(inspect::sessions),
        Order::Shell(Look::Watch(_)) => Form::Stream(inspect::state_now),
        Order::Shell(Look::Show(_)) => Form::Whole(inspect::state),
        Order::Shell(Look::Stop(_) | Look::Restart(_)) => Form::Record(&[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_to_grant_can_be_pasted() {
        let grant = |data: &str| {
            let desk = Desk {
                data: PathBuf::from(data),
                operator: None,
            };
            desk.grant(7)
        };
        let plain = "holdfast --data /srv/holdfast approval grant 7";
        assert_eq!(grant("/srv/holdfast"), plain);
        let spaced = r"holdfast --data '/srv/it'\''s here' approval grant 7";
        assert_eq!(grant("/srv/it's here"), spaced);
    }
}
