//! A node that does not run, and is given a catalog: its own after a majority was lost for good, or
//! one from a backup.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_actors::catalog::rows::{NodeState, Rows};
use holdfast_actors::catalog::{self, Home as Anew};
use holdfast_actors::frame::BODY_MAX;
use holdfast_actors::journal::{self, Snapshot, snapshot};
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Clock, Disk};
use holdfast_cluster::extents::{self, Adopted};
use holdfast_cluster::identity::{self, ParcelError};
use holdfast_cluster::raft::anew::{self, Known};
use serde_json::json;
use zeroize::Zeroizing;

use super::failure;
use crate::cli::{Exit, Failure, Screen, is_interactive, typed};
use crate::clock::SystemClock;
use crate::commands::catalog::{Import, Recover};
use crate::disk::Folder;
use crate::home::{CLUSTER, Home, HomeError, Membership};
use crate::secret;

/// The largest backup that is read.
const PARCEL_MAX: u64 = 8 << 30;
/// So many missing extents are named.
const NAMED_MAX: usize = 5;

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let made = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    made.map_err(|error| failure(&error))
}

fn disk(home: &Home) -> Arc<dyn Disk> {
    Arc::new(Folder::new(&home.path))
}

/// Makes the catalog go on from this node alone.
///
/// # Errors
/// When the directory is no node's of a cluster, is in use, or the words are not given.
pub fn recover(data: &Path, recover: &Recover, screen: &mut Screen) -> Result<(), Failure> {
    let home = Home::open(data).map_err(|error| match &error {
        HomeError::NoNode(_) => Failure::new(Exit::NotFound, "not-of-the-cluster", error),
        HomeError::NotEmpty(_)
        | HomeError::Absent(_)
        | HomeError::Newer { .. }
        | HomeError::Membership { .. }
        | HomeError::Held(_)
        | HomeError::Io { .. } => error.into(),
    })?;
    let membership = home.membership().ok_or_else(|| {
        let told = "this node stands alone: there is no majority to lose";
        Failure::new(Exit::Refused, "alone", told)
    })?;
    let (runtime, disk) = (runtime()?, disk(&home));
    let known = runtime.block_on(anew::known(&disk));
    let known = known.map_err(|error| failure(&error))?.ok_or_else(|| {
        let told = "this node never heard of the catalog: recover on one that took part";
        Failure::new(Exit::Refused, "no-catalog", told)
    })?;
    let row = known.rows.cluster.nodes.get(&membership.node);
    if row.is_none_or(|row| row.state == NodeState::Removed) {
        let told = format!("{} is not of the cluster: it was removed", membership.node);
        return Err(Failure::new(Exit::Refused, "removed", told));
    }
    let told = doubts(&known, membership.node);
    let phrase = format!("recover {}", membership.name);
    if recover.confirm.as_ref() != Some(&phrase) {
        if recover.confirm.is_some() || !is_interactive() {
            let told = format!("{told}; add --confirm '{phrase}' to go on");
            return Err(Failure::new(Exit::Refused, "not-confirmed", told));
        }
        typed(&told, &phrase, screen)?;
    }
    let rows = known
        .rows
        .recovered(membership.node, SystemClock::new().now().wall);
    let begun = anew::begin(&disk, membership.node, &rows, Some(&known));
    runtime.block_on(begun).map_err(|error| failure(&error))?;
    let given_up = others(&known.rows, membership.node);
    if screen.json {
        return screen.object(&json!({
            "node": membership.node.to_string(), "known": known.rows.index.raw(),
            "agreed": known.agreed, "given-up": given_up,
        }));
    }
    screen.line(format_args!(
        "node      {} ({})",
        membership.node, membership.name
    ))?;
    screen.line(format_args!("known     command {}", known.rows.index.raw()))?;
    screen.line(format_args!("given up  {}", listed(&given_up)))?;
    screen.remark(format_args!(
        "next: holdfast serve --data {}, then let new nodes in with join tokens",
        data.display()
    ));
    Ok(())
}

/// The other nodes, as sentences name them.
fn others(rows: &Rows, node: NodeId) -> Vec<String> {
    let nodes = rows.cluster.nodes.iter();
    let others = nodes.filter(|(id, row)| **id != node && row.state != NodeState::Removed);
    others
        .map(|(id, row)| format!("{id} ({})", row.name))
        .collect()
}

/// Their names as one text.
fn listed(nodes: &[String]) -> String {
    match nodes {
        [] => "nobody: it has no other node".to_owned(),
        nodes => nodes.join(", "),
    }
}

/// What going on from here may lose.
fn doubts(known: &Known, node: NodeId) -> String {
    let mut only = (0, 0);
    for (extent, replicas) in &known.rows.cluster.replicas {
        let is_sealed = known
            .rows
            .extents
            .get(extent)
            .is_some_and(|it| it.sealed.is_some());
        if !replicas.whole.contains(&node) {
            only.0 += 1;
            only.1 += u64::from(is_sealed);
        }
    }
    let voters: Vec<String> = known.voters.iter().map(ToString::to_string).collect();
    format!(
        "this node knows the catalog up to command {}, of which {} were agreed on as far as it \
         heard; what the voters ({}) agreed on behind that is lost; {} extents have no copy here, \
         {} of them sealed, and what is in them is lost; given up for good, and refused if they \
         return: {}",
        known.rows.index.raw(),
        known.agreed,
        voters.join(", "),
        only.0,
        only.1,
        listed(&others(&known.rows, node))
    )
}

/// Brings a catalog back from a file into a node that never ran.
///
/// # Errors
/// When the node has a catalog, the file is none that the passphrase opens, or extents are missing.
pub fn import(data: &Path, import: &Import, screen: &mut Screen) -> Result<(), Failure> {
    let home = Home::open(data)?;
    let (runtime, disk) = (runtime()?, disk(&home));
    runtime.block_on(empty(&home, &disk))?;
    let rows = unpacked(import)?;
    let looked = runtime.block_on(extents::look(&disk, &rows));
    let adopted = looked.map_err(|error| failure(&error))?;
    if !adopted.missing.is_empty() && !import.partial {
        return Err(missing(&adopted));
    }
    let now = SystemClock::new().now().wall;
    let written = match home.membership() {
        None => runtime.block_on(alone(&disk, &rows.imported(None, adopted.last, now))),
        Some(membership) => {
            let anew = Anew {
                node: membership.node,
                row: own(&home, membership)?,
                extents: adopted.sound.keys().copied().collect(),
            };
            let rows = rows.imported(Some(&anew), adopted.last, now);
            runtime.block_on(founded(&disk, membership.node, &rows, &adopted))
        }
    };
    written?;
    tell(data, &rows, &adopted, screen)
}

/// Refuses a node that has a catalog already.
async fn empty(home: &Home, disk: &Arc<dyn Disk>) -> Result<(), Failure> {
    let is_empty = match home.membership() {
        Some(membership) if !membership.is_founder() => {
            let told = "this node joined a cluster, which has a catalog; import into a new one";
            return Err(Failure::new(Exit::Conflict, "not-empty", told));
        }
        Some(_) => {
            let known = anew::known(disk).await.map_err(|error| failure(&error))?;
            known.is_none()
        }
        None => {
            let journal = journal::recover(disk.as_ref()).await;
            let journal = journal.map_err(|error| failure(&error))?;
            journal.snapshot.is_none() && journal.records.is_empty()
        }
    };
    if is_empty {
        return Ok(());
    }
    let told = "this node has a catalog; import into one that was made and never started";
    Err(Failure::new(Exit::Conflict, "not-empty", told))
}

/// The rows in the file.
fn unpacked(import: &Import) -> Result<Rows, Failure> {
    let name = import.file.display();
    let mut parcel = Vec::new();
    let read = if secret::is_stdin(&import.file) {
        io::stdin().take(PARCEL_MAX).read_to_end(&mut parcel)
    } else {
        let opened = fs::File::open(&import.file);
        opened.and_then(|file| file.take(PARCEL_MAX).read_to_end(&mut parcel))
    };
    read.map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    let passphrase = match &import.passphrase_file {
        Some(file) => {
            let line = secret::line(file, &mut io::stdin().lock());
            line.map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?
        }
        None if io::stdin().is_terminal() => asked()?,
        None => {
            let told = "there is no terminal to ask for the passphrase; add --passphrase-file FILE";
            return Err(Failure::usage(told));
        }
    };
    let opened = identity::unpack(&parcel, &passphrase).map_err(|error| {
        let reason = match error {
            ParcelError::Wrong | ParcelError::Passphrase(_) => "wrong-passphrase",
            ParcelError::Newer(_) => "newer-format",
            ParcelError::Other => "no-backup",
            ParcelError::Cut { .. } | ParcelError::Damaged => "damaged",
        };
        Failure::new(Exit::Refused, reason, format!("{name}: {error}"))
    })?;
    catalog::restore(&opened).map_err(|error| {
        let told = format!("{name}: {error}");
        Failure::new(Exit::Refused, "newer-format", told)
    })
}

fn asked() -> Result<Zeroizing<String>, Failure> {
    let line = secret::prompt("Passphrase of the backup");
    line.map_err(|error| Failure::usage(format!("the terminal: {error}")))
}

/// The node's own row, for the key that it has.
fn own(home: &Home, membership: &Membership) -> Result<catalog::command::NewNode, Failure> {
    let folder = identity::Folder::open(&home.path.join(CLUSTER))?;
    let certificate = folder.node()?;
    let certificate = certificate.ok_or_else(|| {
        Failure::other(
            "no-identity",
            "this node of a cluster has lost its key; make it anew",
        )
    })?;
    Ok(membership.row(&certificate.hash()))
}

fn missing(adopted: &Adopted) -> Failure {
    let named: Vec<String> = adopted
        .missing
        .iter()
        .take(NAMED_MAX)
        .map(|(extent, why)| format!("{extent} ({why})"))
        .collect();
    let told = format!(
        "{} of {} extents are not whole in the node's directory: {}{}; bring them there, or add \
         --partial to lose what is in them",
        adopted.missing.len(),
        adopted.missing.len() + adopted.sound.len(),
        named.join(", "),
        if adopted.missing.len() > NAMED_MAX {
            ", …"
        } else {
            ""
        }
    );
    Failure::new(Exit::Refused, "extents-missing", told)
}

/// Writes the catalog of a node that stands alone.
async fn alone(disk: &Arc<dyn Disk>, rows: &Rows) -> Result<(), Failure> {
    let whole = catalog::snapshot(rows);
    let pieces = (0..whole.len()).step_by(BODY_MAX);
    let parts: Vec<Bytes> = pieces
        .map(|at| whole.slice(at..whole.len().min(at + BODY_MAX)))
        .collect();
    let through = rows.index;
    let written = snapshot::found(disk.as_ref(), Snapshot { through, parts });
    written.await.map_err(|error| failure(&error))
}

/// Writes that of the first node of a cluster.
async fn founded(
    disk: &Arc<dyn Disk>,
    node: NodeId,
    rows: &Rows,
    adopted: &Adopted,
) -> Result<(), Failure> {
    let noted = extents::note(disk, rows, adopted).await;
    noted.map_err(|error| failure(&error))?;
    let begun = anew::begin(disk, node, rows, None).await;
    begun.map_err(|error| failure(&error))
}

fn tell(data: &Path, rows: &Rows, adopted: &Adopted, screen: &mut Screen) -> Result<(), Failure> {
    let bytes: u64 = adopted.sound.values().sum();
    if screen.json {
        return screen.object(&json!({
            "command": rows.index.raw(), "tenants": rows.tenants.len(),
            "repositories": rows.repositories.len(), "extents": adopted.sound.len(),
            "bytes": bytes, "missing": adopted.missing.len(), "unknown": adopted.unknown,
        }));
    }
    screen.line(format_args!("command       {}", rows.index.raw()))?;
    screen.line(format_args!("tenants       {}", rows.tenants.len()))?;
    screen.line(format_args!("repositories  {}", rows.repositories.len()))?;
    screen.line(format_args!(
        "extents       {} checked, {bytes} bytes",
        adopted.sound.len()
    ))?;
    screen.line(format_args!("missing       {}", adopted.missing.len()))?;
    screen.line(format_args!("unknown       {}", adopted.unknown))?;
    screen.remark(format_args!(
        "next: holdfast serve --data {}",
        data.display()
    ));
    Ok(())
}
