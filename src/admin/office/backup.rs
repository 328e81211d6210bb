//! The catalog as a whole, for whoever keeps it elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_actors::catalog::command::{Command, ServiceCommand};
use holdfast_actors::catalog::{self, Deed};
use serde_json::json;

use super::super::Items;
use super::speaker::Speaker;
use super::{Answer, Office, value};

/// Bytes of one piece.
const PIECE: usize = 1 << 20;

impl Office {
    /// Sends all rows, piece by piece, with all that was confirmed before they were asked for: they
    /// are read behind a command of their own, which leaves an event. They hold no password, but
    /// what passwords are checked by; whoever gets them encrypts them before they are written down.
    pub(super) async fn catalog(&self, by: &Speaker, items: &Items) -> Answer {
        by.may(&self.books.rows(), Deed::Backup)?;
        let exported = Command::Service(ServiceCommand::Exported);
        self.submit(by, exported).await?;
        let rows = self.books.rows();
        let whole = catalog::snapshot(&rows);
        for piece in whole.chunks(PIECE) {
            items.send(&STANDARD.encode(piece)).await?;
        }
        value(&json!({
            "command": rows.index.raw(), "tenants": rows.tenants.len(),
            "repositories": rows.repositories.len(), "extents": rows.extents.len(),
            "length": whole.len(),
        }))
    }
}
