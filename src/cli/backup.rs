//! The catalog into a file: fetched from the node, encrypted here, so that the passphrase stays
//! with who typed it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_cluster::identity;
use serde_json::Value;
use zeroize::Zeroizing;

use super::failure::{Exit, Failure};
use super::present::Desk;
use super::screen::Screen;
use crate::commands::Order;
use crate::commands::catalog::Export;
use crate::entropy::SystemEntropy;
use crate::{secret, whole};

/// Writes the catalog of a node's cluster into a file.
pub(super) fn export(desk: &Desk, export: &Export, screen: &mut Screen) -> Result<(), Failure> {
    let to_screen = secret::is_stdin(&export.file);
    if !to_screen && export.file.exists() {
        let told = format!(
            "{} is there already; name a new file",
            export.file.display()
        );
        return Err(Failure::new(Exit::Conflict, "exists", told));
    }
    let passphrase = secret::chosen(
        export.passphrase_file.as_deref(),
        "Passphrase for the backup",
        identity::PASSPHRASE_MIN,
    );
    let passphrase = passphrase.map_err(Failure::usage)?;
    let (rows, mut done) = desk.fetched(Order::Catalog)?;
    let bytes = whole(&rows, &done)?;
    let parcel = identity::pack(&bytes, &passphrase, &SystemEntropy);
    let parcel = parcel.map_err(|error| Failure::other("failed", error))?;
    if to_screen {
        let written = screen.out().write_all(&parcel);
        return written
            .and_then(|()| screen.out().flush())
            .map_err(|error| {
                Failure::other("io", format!("the backup cannot be written: {error}"))
            });
    }
    whole::keep(&export.file, &parcel).map_err(|error| {
        let told = format!("{}: {error}", export.file.display());
        Failure::other("io", told)
    })?;
    done["length"] = Value::from(parcel.len());
    done["file"] = Value::from(export.file.display().to_string());
    if screen.json {
        return screen.object(&done);
    }
    for key in [
        "file",
        "length",
        "command",
        "tenants",
        "repositories",
        "extents",
    ] {
        let shown = done[key].as_str().map(str::to_owned);
        let shown = shown.unwrap_or_else(|| done[key].to_string());
        screen.line(format_args!("{key:<12}  {shown}"))?;
    }
    Ok(())
}

/// The pieces put together.
fn whole(rows: &[Value], done: &Value) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    for row in rows {
        let piece = row.as_str().and_then(|piece| STANDARD.decode(piece).ok());
        let piece = piece.ok_or_else(|| Failure::other("malformed", "a piece is no piece"))?;
        bytes.extend(&Zeroizing::new(piece)[..]);
    }
    if done["length"].as_u64() == Some(bytes.len() as u64) {
        return Ok(bytes);
    }
    Err(Failure::other(
        "malformed",
        "the node did not send all of its catalog",
    ))
}
