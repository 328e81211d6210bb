//! Listings of which each node has a part: every row that is due is there, with a mark where its
//! figures could not be had.

use std::collections::BTreeMap;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::kernel::NodeId;
use serde_json::{Value, json};

use super::super::{Problem, answers};
use super::gather::Share;
use super::repositories::{owner, shown};
use super::route::named;
use super::{Office, value};
use crate::commands::bin::Bin;
use crate::commands::repository::Repository;
use crate::commands::{Order, Usage, bin, repository};

/// A row that is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Due {
    /// Which it is.
    pub(super) key: String,
    /// The node that has its figures.
    pub(super) home: Option<NodeId>,
    /// The row without them.
    pub(super) bare: Value,
}

/// What tells one row from another.
type Key = fn(&Value) -> String;

impl Office {
    /// The rows of an order that several nodes have a part of.
    pub(super) fn merged(
        &self,
        order: &Order,
        shares: &BTreeMap<NodeId, Share>,
    ) -> Result<Vec<Value>, Problem> {
        let rows = self.books.rows();
        let (due, key): (_, Key) = if let Order::Usage(usage) = order {
            (self.usages(usage, &rows)?, |row| spelled(&row["tenant"]))
        } else if let Order::Bin(Bin::List(of)) = order {
            (self.bins(of, &rows)?, |row| {
                let (tenant, name) = (spelled(&row["tenant"]), spelled(&row["repository"]));
                format!("{tenant}/{name}")
            })
        } else if let Order::Repository(Repository::List(of)) = order {
            (self.repositories(of, &rows)?, |row| spelled(&row["id"]))
        } else {
            return Err(Problem::failed("that is no listing of several nodes"));
        };
        Ok(merged(due, key, shares, &rows))
    }

    fn usages(&self, order: &Usage, rows: &Rows) -> Result<Vec<Due>, Problem> {
        let month = self.month(order);
        let due = |tenant: &holdfast_actors::names::TenantName| {
            let bare = answers::Usage {
                tenant: tenant.clone(),
                month,
                byte_seconds: None,
            };
            Ok(Due {
                key: tenant.to_string(),
                home: rows.home(tenant),
                bare: value(&bare)?,
            })
        };
        rows.tenants.keys().map(due).collect()
    }

    fn bins(&self, of: &bin::Of, rows: &Rows) -> Result<Vec<Due>, Problem> {
        let chosen = self.chosen(&of.tenant, &of.repository)?.into_iter();
        let due = chosen.map(|(_, tenant, name)| Due {
            key: format!("{tenant}/{name}"),
            home: rows.home(&tenant),
            bare: json!({ "tenant": tenant, "repository": name }),
        });
        Ok(due.collect())
    }

    fn repositories(&self, of: &repository::Of, rows: &Rows) -> Result<Vec<Due>, Problem> {
        let mut due = Vec::new();
        for (id, ..) in self.chosen(&of.tenant, &None)? {
            let Some(row) = rows.repositories.get(&id) else {
                continue;
            };
            due.push(Due {
                key: id.raw().to_string(),
                home: owner(rows, row).and_then(|tenant| rows.home(&tenant)),
                bare: value(&shown(rows, id, row, None))?,
            });
        }
        Ok(due)
    }
}

/// A value that tells a row from others, as text.
fn spelled(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// All rows that are due, in their order: as a node sent them, or without figures and with why.
/// A row that several nodes sent is that of its home, if that sent one.
pub(super) fn merged(
    due: Vec<Due>,
    key: Key,
    shares: &BTreeMap<NodeId, Share>,
    rows: &Rows,
) -> Vec<Value> {
    let mut found: BTreeMap<String, BTreeMap<NodeId, &Value>> = BTreeMap::new();
    for (node, share) in shares {
        for row in &share.rows {
            found.entry(key(row)).or_default().insert(*node, row);
        }
    }
    let row = |due: Due| {
        let sent = found.get(&due.key);
        let home = sent.and_then(|sent| sent.get(&due.home?));
        let any = || sent.and_then(|sent| sent.values().next());
        if let Some(row) = home.or_else(any) {
            return (*row).clone();
        }
        let mut bare = due.bare;
        bare["missing"] = Value::from(why(due.home, shares, rows));
        bare
    };
    due.into_iter().map(row).collect()
}

/// Why there is no row of that node.
fn why(home: Option<NodeId>, shares: &BTreeMap<NodeId, Share>, rows: &Rows) -> String {
    let Some(home) = home else {
        return "no node can serve the tenant now".to_owned();
    };
    match shares.get(&home).map(|share| &share.end) {
        Some(Err(problem)) => problem.message.clone(),
        Some(Ok(_)) | None => {
            let home = named(rows, home);
            format!("the tenant is moving to {home}; try again")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Problem;
    use super::*;

    fn due(key: &str, home: Option<u64>) -> Due {
        Due {
            key: key.to_owned(),
            home: home.map(NodeId::new),
            bare: json!({ "id": key }),
        }
    }

    fn share(rows: &[(&str, u64)], end: Result<(), &str>) -> Share {
        let row = |(id, used): &(&str, u64)| json!({ "id": id, "used": used });
        Share {
            rows: rows.iter().map(row).collect(),
            end: end.map(|()| Value::Null).map_err(Problem::failed),
        }
    }

    fn list(due: Vec<Due>, shares: Vec<(u64, Share)>) -> Vec<Value> {
        let key = |row: &Value| row["id"].as_str().unwrap_or_default().to_owned();
        let shares = shares.into_iter().map(|(id, it)| (NodeId::new(id), it));
        merged(due, key, &shares.collect(), &Rows::default())
    }

    #[test]
    fn every_row_that_is_due_is_listed_once_and_in_order() {
        let shares = vec![
            (1, share(&[("b", 1), ("x", 9)], Ok(()))),
            (2, share(&[("a", 2), ("b", 3)], Ok(()))),
        ];
        let listed = list(vec![due("a", Some(2)), due("b", Some(1))], shares);
        let wanted = json!([{ "id": "a", "used": 2 }, { "id": "b", "used": 1 }]);
        assert_eq!(Value::from(listed), wanted, "and what is not due is not");
    }

    #[test]
    fn a_row_that_could_not_be_had_says_why_and_has_no_figure() {
        let shares = vec![
            (1, share(&[("a", 1)], Err("n1 is silent"))),
            (2, share(&[], Ok(()))),
        ];
        let due = vec![
            due("a", Some(1)),
            due("b", Some(1)),
            due("c", Some(2)),
            due("d", None),
        ];
        let listed = list(due, shares);
        let missing: Vec<_> = listed.iter().map(|row| row["missing"].as_str()).collect();
        assert_eq!(missing[..2], [None, Some("n1 is silent")]);
        assert!(missing[2].unwrap().contains("moving to node-2"));
        assert!(missing[3].unwrap().contains("no node"));
        assert!(listed.iter().skip(1).all(|row| row.get("used").is_none()));
    }
}
