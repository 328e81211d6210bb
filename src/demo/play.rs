//! The acts of the demonstration, in order: what is done, what is expected, what is said of it.

mod acts;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use holdfast_actors::kernel::{Date, Size};
use holdfast_actors::names::{RepositoryName, TenantName};

use super::figures::{Compared, Figures, Saved};
use super::node::Node;
use super::stage::Stage;
use super::tenant::{Backup, Tenant};
use super::tree::Census;
use super::{operator, said, told};
use crate::cli::{Failure, Screen};

/// What acme may hold besides a given directory.
const QUOTA: Size = Size::gib(10);
/// What globex may hold: too little for the tree.
const QUOTA_SMALL: Size = Size::mib(2);
/// How much of a path people need to see of differences.
const SHOWN: usize = 3;

/// The demonstration on its way.
pub(super) struct Play<'a> {
    stage: &'a Stage,
    screen: &'a mut Screen,
    node: Node,
    source: Option<PathBuf>,
    tree: PathBuf,
    today: Date,
    acme: (TenantName, RepositoryName, Tenant),
    globex: (TenantName, Tenant),
    /// What to restore at the end, and what it has to be.
    promised: Vec<Promise>,
    figures: Figures,
}

/// A snapshot with what was in its directory.
struct Promise {
    what: String,
    snapshot: String,
    path: PathBuf,
    census: Census,
}

/// The directory that was given, absolute.
pub(super) fn given(source: &Path) -> Result<PathBuf, Failure> {
    let whole = source.canonicalize().ok().filter(|whole| whole.is_dir());
    whole.ok_or_else(|| Failure::usage(format!("{} is not a directory", source.display())))
}

impl<'a> Play<'a> {
    /// Starts the node and adds the tenants.
    pub(super) fn new(
        stage: &'a Stage,
        source: Option<PathBuf>,
        screen: &'a mut Screen,
    ) -> Result<Self, Failure> {
        let mut figures = Figures::default();
        let place = stage.path.display();
        say(
            screen,
            format_args!("Holdfast shows its main job. All files are in {place}."),
        )?;
        let node = Node::found(&stage.path, &stage.leash)?;
        figures.started_in = stage.seconds();
        title(screen, "A node")?;
        let (server, started) = (&node.server, figures.started_in);
        point(
            screen,
            format_args!("serves at {server} after {started:.1} s, TLS only"),
        )?;
        point(
            screen,
            format_args!("clients pin its certificate, SHA-256 {}", node.thumbprint),
        )?;

        let today = Date::of(stage.moment().0);
        let (lease, quota) = (today.plus(365), quota(source.as_deref())?);
        let (acme, repository, acme_itself) = operator::add(&node, "acme", lease, quota)?;
        let (globex, _, globex_itself) = operator::add(&node, "globex", lease, QUOTA_SMALL)?;
        title(
            screen,
            "Two tenants, each with a cloud repository, a quota and a lease",
        )?;
        point(screen, format_args!("{acme}    {quota} until {lease}"))?;
        point(
            screen,
            format_args!("{globex}  {QUOTA_SMALL} until {lease}"),
        )?;
        Ok(Self {
            stage,
            screen,
            node,
            source,
            tree: stage.at("tree"),
            today,
            acme: (acme, repository, acme_itself),
            globex: (globex, globex_itself),
            promised: Vec::new(),
            figures,
        })
    }

    /// All acts; the figures at the end.
    pub(super) fn through(mut self) -> Result<Figures, Failure> {
        self.backups()?;
        self.refusals()?;
        self.theft()?;
        self.kill()?;
        self.proof()?;
        self.figures.seconds = self.stage.seconds();
        self.sum_up()?;
        Ok(self.figures)
    }

    /// Backs a directory up as acme, and remembers what was in it.
    fn save(&mut self, what: &str, path: &Path) -> Result<Backup, Failure> {
        let backup = self
            .acme
            .2
            .back_up(path)
            .map_err(|failure| told(&failure))?;
        self.promise(what, path, &backup)?;
        Ok(backup)
    }

    /// Remembers what was in a directory that has been backed up.
    fn promise(&mut self, what: &str, path: &Path, backup: &Backup) -> Result<(), Failure> {
        let census = Census::take(path);
        let census = census.map_err(|error| said(&format!("{}: {error}", path.display())))?;
        self.figures.backups.push(Saved::of(what, backup));
        self.promised.push(Promise {
            what: what.to_owned(),
            snapshot: backup.snapshot.clone(),
            path: path.to_owned(),
            census,
        });
        Ok(())
    }

    /// Restores a snapshot and compares every byte with what was backed up.
    fn keep_promise(&mut self, at: usize) -> Result<(), Failure> {
        let Promise {
            what,
            snapshot,
            path,
            census,
        } = &self.promised[at];
        let to = self.stage.at("restored");
        let restored = self.acme.2.restore(snapshot, path, to.clone());
        let restored = restored.map_err(|failure| told(&failure))?;
        let found = Census::take(&to).map_err(|error| told(&error))?;
        let differences = census.differences(&found);
        let (files, bytes, seconds) = (found.files(), found.bytes(), restored.seconds);
        let shown = Size::bytes(bytes);
        let line = format!("{what}: {files} files, {shown} restored in {seconds:.1} s");
        if !differences.is_empty() {
            let names = differences
                .iter()
                .take(SHOWN)
                .map(|path| path.display().to_string());
            let names: Vec<String> = names.collect();
            let (count, names) = (differences.len(), names.join(", "));
            return Err(said(&format!("{line}, and {count} paths differ: {names}")));
        }
        self.figures.restores.push(Compared {
            what: what.clone(),
            files,
            bytes,
            differences: 0,
            seconds,
        });
        point(self.screen, format_args!("{line}; every byte is the same"))?;
        self.stage.clear(&to)
    }

    fn objects(&self) -> Result<BTreeSet<String>, Failure> {
        self.acme.2.objects().map_err(|failure| told(&failure))
    }

    fn sum_up(&mut self) -> Result<(), Failure> {
        let Figures {
            seconds,
            backups,
            restores,
            refusals,
            theft,
            kill,
            ..
        } = &self.figures;
        let restored: u64 = restores.iter().map(|restore| restore.bytes).sum();
        let line = format!(
            "{} backups, {} restores ({}, no difference), {} refusals, {} objects stolen and \
             recovered, {} acknowledged objects and {} lost by kill -9; {seconds:.1} s",
            backups.len(),
            restores.len(),
            Size::bytes(restored),
            refusals.len(),
            theft.recovered,
            kill.acknowledged_objects,
            kill.lost_objects,
        );
        title(self.screen, "Proved")?;
        point(self.screen, line)?;
        if self.stage.kept {
            let data = self.stage.at("node");
            let data = data.display();
            say(
                self.screen,
                format_args!("\nKept: holdfast serve --data {data}"),
            )?;
        }
        Ok(())
    }
}

/// Enough for the demonstration's own tree, and for the given one.
fn quota(source: Option<&Path>) -> Result<Size, Failure> {
    let Some(source) = source else {
        return Ok(QUOTA);
    };
    let census = Census::take(source);
    let census = census.map_err(|error| said(&format!("{}: {error}", source.display())))?;
    let gib = census.bytes() / Size::gib(1).as_bytes() * 2;
    Ok(QUOTA + Size::gib(gib))
}

/// Says a line to people.
pub(super) fn say(screen: &mut Screen, line: impl Display) -> Result<(), Failure> {
    if screen.json {
        Ok(())
    } else {
        screen.line(line)
    }
}

/// Says what comes.
pub(super) fn title(screen: &mut Screen, line: impl Display) -> Result<(), Failure> {
    say(screen, format_args!("\n{line}"))
}

/// Says what came.
pub(super) fn point(screen: &mut Screen, line: impl Display) -> Result<(), Failure> {
    say(screen, format_args!("  {line}"))
}
