//! Whole repositories: written to a directory as of an instant, or read back and compared.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holdfast_actors::kernel::{Size, Space, Timestamp};
use holdfast_actors::object::{Hash, Key, Kind};
use holdfast_actors::repository::{Moment, Object, ReadError, Snapshot, Unsound, Visit};
use holdfast_actors::shell::Fault;

use crate::admin::answers::{Findings, Moved};
use crate::admin::{Items, Problem, ProblemClass, Progress};

/// The folders that restic expects even when they are empty.
const FOLDERS: [&str; 5] = ["data", "index", "keys", "locks", "snapshots"];

/// Writes one space as of an instant, as restic lays a repository out on disk. Complete and durable
/// when it returns; a directory with anything in it is refused.
pub(super) async fn export(
    visit: &Visit,
    held: &Snapshot,
    space: Space,
    at: Timestamp,
    to: PathBuf,
    items: &Items,
) -> Result<Moved, Problem> {
    let wrong = |path: &Path, error: &io::Error| {
        Problem::failed(format!("cannot write {}: {error}", path.display()))
    };
    fs::create_dir_all(&to).map_err(|error| wrong(&to, &error))?;
    let mut there = fs::read_dir(&to).map_err(|error| wrong(&to, &error))?;
    if there.next().is_some() {
        let text = format!("{} is not empty; name a directory that is", to.display());
        return Err(Problem::new(ProblemClass::Conflict, "not-empty", text));
    }
    for folder in FOLDERS {
        let folder = to.join(folder);
        fs::create_dir_all(&folder).map_err(|error| wrong(&folder, &error))?;
    }
    let objects: Vec<(Key, Object)> = listed(held, space, at);
    let mut moved = Moved::default();
    for (done, (key, object)) in objects.iter().enumerate() {
        let path = to.join(place(key));
        let mut file = create(&path).map_err(|error| wrong(&path, &error))?;
        let written = copy(visit, (key, *object), |piece| file.write_all(&piece)).await;
        written
            .map_err(|error| unreadable(key, &error))?
            .map_err(|error| wrong(&path, &error))?;
        file.sync_all().map_err(|error| wrong(&path, &error))?;
        moved.objects += 1;
        moved.bytes += object.size;
        progress(items, done, objects.len(), key);
    }
    Ok(moved)
}

/// Reads every object that is live or in the bin, and compares it with its name.
pub(super) async fn verify(visit: &Visit, held: &Snapshot, items: &Items) -> Findings {
    let mut findings = Findings::default();
    let objects: Vec<(Key, Object)> = held.everything().collect();
    for (done, (key, object)) in objects.iter().enumerate() {
        let sound = visit.reader.check(key, *object).await;
        note(&mut findings, (key, object.size), &sound);
        progress(items, done, objects.len(), key);
    }
    findings
}

/// Counts an object that was read back, or could not be.
fn note(findings: &mut Findings, (key, size): (&Key, Size), sound: &Result<(), Unsound>) {
    if let Err(error) = sound {
        let fault = Fault::of(error);
        if error.is_silent() {
            tracing::warn!(?key, error = %fault, "object on silent nodes");
            findings.unread += 1;
            return;
        }
        tracing::error!(?key, error = %fault, "object damaged");
        findings.damaged += 1;
    }
    findings.objects += 1;
    findings.bytes += size;
}

fn listed(held: &Snapshot, space: Space, at: Timestamp) -> Vec<(Key, Object)> {
    let mut objects = Vec::new();
    let config = Key {
        space,
        kind: Kind::Config,
        name: Hash::ZERO,
    };
    objects.extend(
        held.object(&config, Moment::At(at))
            .map(|object| (config, object)),
    );
    for kind in [Kind::Key, Kind::Snapshot, Kind::Index, Kind::Data] {
        let all = held.list(space, kind, Moment::At(at), None);
        objects.extend(all.map(|(name, object)| (Key { space, kind, name }, object)));
    }
    objects
}

/// Where restic keeps an object.
fn place(key: &Key) -> String {
    let name = key.name.to_string();
    match key.kind {
        Kind::Config => "config".to_owned(),
        Kind::Data => format!("data/{}/{name}", &name[..2]),
        Kind::Index | Kind::Key | Kind::Lock | Kind::Snapshot => format!("{}/{name}", key.kind),
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)
}

/// Reads an object piece by piece; stops at the first piece that is not taken.
async fn copy(
    visit: &Visit,
    (key, object): (&Key, Object),
    mut take: impl FnMut(Bytes) -> io::Result<()>,
) -> Result<io::Result<()>, ReadError> {
    let mut body = visit
        .reader
        .open(key, object, 0..object.size.as_bytes())
        .await?;
    while let Some(piece) = body.next().await {
        if let Err(error) = take(piece?) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

fn unreadable(key: &Key, error: &ReadError) -> Problem {
    let message = format!("{key:?} cannot be read: {}", Fault::of(error));
    if error.is_silent() {
        return Problem::unread(message);
    }
    Problem::failed(message)
}

fn progress(items: &Items, done: usize, total: usize, key: &Key) {
    let (done, total) = (done as u64 + 1, total as u64);
    items.progress(Progress {
        done,
        total,
        what: key.kind.to_string(),
    });
}
