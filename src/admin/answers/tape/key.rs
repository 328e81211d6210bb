//! The shape of keys of cartridges.

use holdfast_actors::catalog::rows::{self, Rows};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::KeyId;
use serde::Serialize;

use crate::commands::values::Moment;

/// A key that cartridges are encrypted with.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TapeKey {
    /// Its id.
    pub id: String,
    /// For what it was wrapped: `passphrase`, `recipients`.
    pub wrapped: Vec<String>,
    /// Whether the node that was asked has it open.
    pub open: bool,
    /// The pools that use it for what they begin.
    pub pools: Vec<TapeName>,
    /// How many cartridges are encrypted with it.
    pub cartridges: usize,
    /// When it was made or taken in.
    pub made: Moment,
    /// Free text of the operator.
    pub description: String,
}

impl TapeKey {
    /// The key as the rows have it.
    pub fn of(id: KeyId, row: &rows::TapeKey, rows: &Rows, open: bool) -> Self {
        let tape = &rows.tape;
        let pools = tape.encrypting.iter().filter(|(_, key)| **key == id);
        let pools = pools.filter_map(|(pool, _)| Some(tape.pool(*pool)?.0.clone()));
        Self {
            id: id.to_string(),
            wrapped: row.wrapped.iter().map(|it| it.name.clone()).collect(),
            open,
            pools: pools.collect(),
            cartridges: tape.encrypted.values().filter(|key| **key == id).count(),
            made: Moment(row.made),
            description: row.description.clone(),
        }
    }
}
