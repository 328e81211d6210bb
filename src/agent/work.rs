//! What the agent does with a repository: back up, list, restore, check.

use std::io::BufRead;
use std::path::PathBuf;

use jiff::Timestamp;
use rustic_core::repofile::SnapshotFile;
use rustic_core::{
    BackupOptions, CheckOptions, Excludes, IndexedIds, LocalDestination, LocalSource,
    LocalSourceFilterOptions, LocalSourceSaveOptions, LsOptions, PathList, Repository,
    RestoreOptions, RusticResult, SnapshotOptions,
};
use serde::Serialize;

use holdfast_actors::kernel::Size;

use super::arguments::{BackupArguments, CheckArguments, RestoreArguments, SnapshotsArguments};
use super::failure::{Failure, brief};
use super::opened::Opened;
use super::{Output, source};

/// What a backup came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct BackupResult {
    snapshot: String,
    files: u64,
    files_new: u64,
    files_changed: u64,
    bytes: u64,
    bytes_added: u64,
    bytes_stored: u64,
    unread: u64,
    gateways_changed: u64,
    uploads_resumed: u64,
    seconds: f64,
}

/// One snapshot in a list.
#[derive(Debug, Serialize)]
struct SnapshotLine {
    snapshot: String,
    time: Timestamp,
    host: String,
    paths: Vec<String>,
    tags: Vec<String>,
    files: Option<u64>,
    bytes: Option<u64>,
}

/// What a restore came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct RestoreResult {
    snapshot: String,
    to: PathBuf,
    files: u64,
    bytes: u64,
    bytes_fetched: u64,
    seconds: f64,
}

/// What a check came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct CheckResult {
    errors: Vec<String>,
    warnings: Vec<String>,
    read_data: bool,
    seconds: f64,
}

/// `agent backup`.
pub(super) fn backup(
    arguments: &BackupArguments,
    input: &mut dyn BufRead,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let paths = existing(&arguments.paths)?;
    let (opened, repository) = Opened::new(&arguments.repository, arguments.init, input, output)?;
    let unread = source::Unread::default();
    let snapshot = opened.locked(repository, |repository| {
        let repository = opened.told(repository.to_indexed_ids())?;
        let snapshot = opened.told(archive(&repository, arguments, &paths, &unread))?;
        // The library goes on after some failures; what it saved then is not to be trusted.
        opened.remote.failed().map_or(Ok(snapshot), Err)
    })?;
    let summary = snapshot.summary.unwrap_or_default();
    let (gateways_changed, uploads_resumed) = opened.remote.mended();
    let result = BackupResult {
        snapshot: snapshot.id.to_hex().to_string(),
        files: summary.total_files_processed,
        files_new: summary.files_new,
        files_changed: summary.files_changed,
        bytes: summary.total_bytes_processed,
        bytes_added: summary.data_added,
        bytes_stored: summary.data_added_packed,
        unread: unread.count(),
        gateways_changed,
        uploads_resumed,
        seconds: opened.seconds(),
    };
    output.print(&result, |result, text| {
        let BackupResult {
            snapshot,
            files,
            files_new,
            files_changed,
            ..
        } = result;
        let [bytes, stored] = [result.bytes, result.bytes_stored].map(Size::bytes);
        writeln!(text, "snapshot {snapshot} saved")?;
        writeln!(
            text,
            "{files} files, {files_new} new, {files_changed} changed; {bytes}"
        )?;
        writeln!(text, "{stored} sent in {:.1} s", result.seconds)
    })?;
    match result.unread {
        0 => Ok(()),
        unread => Err(Failure::Incomplete(format!(
            "{unread} files or directories could not be read; the snapshot holds the rest"
        ))),
    }
}

fn archive<S: IndexedIds>(
    repository: &Repository<S>,
    arguments: &BackupArguments,
    paths: &[PathBuf],
    unread: &source::Unread,
) -> RusticResult<SnapshotFile> {
    let mut snapshot = SnapshotOptions::default();
    for tag in &arguments.tag {
        snapshot = snapshot.add_tags(tag)?;
    }
    snapshot.host.clone_from(&arguments.host);
    let mut excludes = Excludes::default();
    excludes.globs = arguments
        .exclude
        .iter()
        .map(|it| format!("!{it}"))
        .collect();
    let filter = LocalSourceFilterOptions::default().one_file_system(arguments.one_file_system);
    let local = LocalSource::new(LocalSourceSaveOptions::default(), &excludes, &filter, paths)?;
    let source = source::Source::new(local, unread.clone());
    let options = BackupOptions::default();
    repository.archive(&options, &source, snapshot.to_snapshot()?, paths)
}

fn existing(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut full = Vec::new();
    for path in paths {
        let found = path.canonicalize().map_err(|cause| {
            Failure::Missing(format!("{} cannot be backed up: {cause}", path.display()))
        })?;
        full.push(found);
    }
    Ok(full.into_iter().collect::<PathList>().merge().paths())
}

/// `agent snapshots`.
pub(super) fn snapshots(
    arguments: &SnapshotsArguments,
    input: &mut dyn BufRead,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let (opened, repository) = Opened::new(&arguments.repository, false, input, output)?;
    let mut snapshots = opened.told(repository.get_matching_snapshots(|snapshot| {
        let host = arguments.host.as_ref();
        let tag = arguments.tag.as_ref();
        host.is_none_or(|host| *host == snapshot.hostname)
            && tag.is_none_or(|tag| snapshot.tags.contains(tag))
    }))?;
    snapshots.sort_by_key(|snapshot| snapshot.time.timestamp());
    let lines: Vec<SnapshotLine> = snapshots.into_iter().map(line).collect();
    output.print(&lines, |lines, text| {
        for line in lines {
            let SnapshotLine {
                snapshot,
                time,
                host,
                paths,
                ..
            } = line;
            let size = line
                .bytes
                .map_or_else(|| "-".into(), |it| Size::bytes(it).to_string());
            let (id, paths) = (&snapshot[..8], paths.join(" "));
            writeln!(text, "{id}  {time:.0}  {host:16}  {size:>10}  {paths}")?;
        }
        writeln!(text, "{} snapshots", lines.len())
    })
}

fn line(snapshot: SnapshotFile) -> SnapshotLine {
    let summary = snapshot.summary.as_ref();
    SnapshotLine {
        snapshot: snapshot.id.to_hex().to_string(),
        time: snapshot.time.timestamp(),
        files: summary.map(|summary| summary.total_files_processed),
        bytes: summary.map(|summary| summary.total_bytes_processed),
        paths: snapshot.paths.iter().cloned().collect(),
        tags: snapshot.tags.iter().cloned().collect(),
        host: snapshot.hostname,
    }
}

/// `agent restore`.
pub(super) fn restore(
    arguments: &RestoreArguments,
    input: &mut dyn BufRead,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    // With a slash at its end the library takes it for a directory, even for a single file.
    let to = format!("{}/", arguments.to.display());
    let (opened, repository) = Opened::new(&arguments.repository, false, input, output)?;
    let (id, inside) = arguments
        .snapshot
        .split_once(':')
        .unwrap_or((&arguments.snapshot, ""));
    let result = opened.locked(repository, |repository| {
        let snapshot = opened.told(repository.get_snapshot_from_str(id, |_| true))?;
        let repository = opened.told(repository.to_indexed())?;
        let restored = || {
            let node = repository.node_from_snapshot_and_path(&snapshot, inside)?;
            let entries = repository.ls(&node, &LsOptions::default())?;
            let root = rustix::process::geteuid().is_root();
            let options = RestoreOptions::default()
                .no_ownership(!root)
                .verify_existing(arguments.verify);
            let target = LocalDestination::new(&to, true, !node.is_dir())?;
            let plan = repository.prepare_restore(&options, entries.clone(), &target, false)?;
            let (stats, fetched, there) = (plan.stats, plan.restore_size, plan.matched_size);
            repository.restore(plan, &options, entries, &target)?;
            let files = stats.files;
            Ok(RestoreResult {
                snapshot: snapshot.id.to_hex().to_string(),
                to: arguments.to.clone(),
                files: files.restore + files.modify + files.unchanged + files.verified,
                bytes: fetched + there,
                bytes_fetched: fetched,
                seconds: opened.seconds(),
            })
        };
        let result = opened.told(restored())?;
        opened.remote.failed().map_or(Ok(result), Err)
    })?;
    output.print(&result, |result, text| {
        let RestoreResult {
            files, seconds, to, ..
        } = result;
        let bytes = Size::bytes(result.bytes);
        let to = to.display();
        writeln!(
            text,
            "{files} files, {bytes} restored to {to} in {seconds:.1} s"
        )
    })
}

/// `agent check`.
pub(super) fn check(
    arguments: &CheckArguments,
    input: &mut dyn BufRead,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let (opened, repository) = Opened::new(&arguments.repository, false, input, output)?;
    let options = CheckOptions::default().read_data(arguments.read_data);
    let found = opened.locked(repository, |repository| {
        let found = opened.told(repository.check(options))?;
        // A server that went away is no damage.
        match opened.remote.failed() {
            Some(failure @ Failure::Unreachable { .. }) => Err(failure),
            Some(_) | None => Ok(found),
        }
    })?;
    // The library does not let its levels be named, only shown.
    let of = |wanted: &str| {
        let those = found
            .0
            .iter()
            .filter(|(level, _)| format!("{level:?}") == wanted);
        those
            .map(|(_, finding)| brief(&finding.to_string()))
            .collect::<Vec<_>>()
    };
    let result = CheckResult {
        errors: of("Error"),
        warnings: of("Warn"),
        read_data: arguments.read_data,
        seconds: opened.seconds(),
    };
    output.print(&result, |result, text| {
        let (errors, warnings) = (result.errors.len(), result.warnings.len());
        let depth = if result.read_data {
            "every byte"
        } else {
            "the structure"
        };
        writeln!(
            text,
            "{depth} checked: {errors} errors, {warnings} warnings"
        )
    })?;
    match result.errors.len() {
        0 => Ok(()),
        errors => Err(Failure::Repository(format!(
            "the check found {errors} errors"
        ))),
    }
}
