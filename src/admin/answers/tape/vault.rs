//! The shapes of vaults and tape classes.

use holdfast_actors::catalog::rows::{self, Rows};
use holdfast_actors::names::{TapeName, TenantName};
use serde::Serialize;

use crate::commands::values::Moment;

/// A place for cartridges that are off line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Vault {
    /// Its name.
    pub name: TapeName,
    /// The cartridges in it.
    pub cartridges: Vec<String>,
    /// The media sets that export into it, as `gfs/daily`.
    pub sets: Vec<String>,
    /// When it was made known.
    pub made: Moment,
    /// Free text of the operator.
    pub description: String,
}

impl Vault {
    /// The vault as the rows have it.
    pub fn of(name: &TapeName, row: &rows::Vault, rows: &Rows) -> Self {
        let inside = rows.tape.vaulted.iter().filter(|(_, it)| *it == name);
        let inside = inside.map(|(id, _)| super::label(*id, rows));
        let rules = rows.tape.vault_of.iter().filter(|(_, it)| *it == name);
        let sets = rules.filter_map(|((pool, set), _)| {
            let (pool, _) = rows.tape.pool(*pool)?;
            Some(format!("{pool}/{set}"))
        });
        Self {
            name: name.clone(),
            cartridges: inside.collect(),
            sets: sets.collect(),
            made: Moment(row.made),
            description: row.description.clone(),
        }
    }
}

/// Of which tape class a tenant is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TapeClass {
    /// The tenant.
    pub tenant: TenantName,
    /// Its class; none if it shares media sets with nobody.
    pub class: Option<TapeName>,
}
