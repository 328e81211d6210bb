//! The demonstration of tape: two tenants go to cartridges of the embedded library, one loses its
//! repository and gets it back, and plain `tar` reads the same cartridges.

mod figures;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use clap::Parser;
use holdfast_actors::kernel::{Date, Size};
use holdfast_actors::names::{RepositoryName, TenantName};
use serde_json::Value;

use super::node::Node;
use super::operator::{self, number};
use super::play::{point, say, title};
use super::stage::Stage;
use super::tenant::Tenant;
use super::tree::{self, Census};
use super::{said, told};
use crate::cli::{Failure, Screen};
use crate::commands::Order;
use crate::commands::repository::{Add, Named, Promises, Repository};
use crate::commands::tenant::Terms;
use figures::{Archived, Figures};

/// What each tenant may hold.
const QUOTA: Size = Size::gib(10);
/// Folders of a repository; what else is on a tape explains it.
const FOLDERS: [&str; 4] = ["keys", "index", "snapshots", "data"];

/// An order about tape, in words.
#[derive(Parser)]
struct Words {
    #[command(subcommand)]
    order: crate::commands::tape::Tape,
}

/// The demonstration on its way.
struct Play<'a> {
    stage: &'a Stage,
    screen: &'a mut Screen,
    node: Node,
    lease: Date,
    figures: Figures,
}

/// A tenant with a tree that was backed up.
struct Firm {
    name: TenantName,
    repository: RepositoryName,
    itself: Tenant,
    tree: PathBuf,
    /// Snapshots, and what was in the tree.
    promised: Vec<(String, Census)>,
}

/// All acts; the figures at the end.
pub(super) fn play(stage: &Stage, screen: &mut Screen) -> Result<Figures, Failure> {
    let place = stage.path.display();
    say(
        screen,
        format_args!("Holdfast shows tape. All files are in {place}."),
    )?;
    let node = Node::found(&stage.path, &stage.leash)?;
    let mut play = Play {
        stage,
        screen,
        node,
        lease: Date::of(stage.moment().0).plus(365),
        figures: Figures::default(),
    };
    play.furnish()?;
    let mut acme = play.firm("acme", 0)?;
    let globex = play.firm("globex", 1)?;
    play.title("Every repository to tape, each tenant on cartridges of its own")?;
    play.archive("weekly")?;
    play.later(&mut acme)?;
    play.archive("daily")?;
    play.lose(&acme)?;
    play.bring_back(&mut acme)?;
    play.read_without(&globex)?;
    play.sum_up()
}

impl Play<'_> {
    fn title(&mut self, line: &str) -> Result<(), Failure> {
        title(self.screen, line)
    }

    fn point(&mut self, line: &str) -> Result<(), Failure> {
        point(self.screen, line)
    }

    /// Gives an order about tape; its rows and what it ends with.
    fn order(&self, words: &[&str]) -> Result<(Vec<Value>, Value), Failure> {
        let words = ["tape"].iter().chain(words);
        let words = Words::try_parse_from(words).map_err(|error| told(&error))?;
        self.node.order(Order::Tape(words.order))
    }

    /// A library of two drives and eight cartridges, a pool, and a job.
    fn furnish(&mut self) -> Result<(), Failure> {
        self.title("A node with a tape library: two drives, eight cartridges, a job for all")?;
        let capacity = ["library", "add", "shelf", "--virtual", "--capacity", "1GiB"];
        self.order(&capacity)?;
        let (cartridges, _) = self.order(&["library", "inventory", "shelf"])?;
        let count = cartridges.len();
        let names: Vec<&str> = cartridges
            .iter()
            .filter_map(|row| row["barcode"].as_str())
            .collect();
        let (first, last) = (names.iter().min(), names.iter().max());
        let line = format!(
            "{count} empty cartridges, {} to {}",
            first.unwrap_or(&"none"),
            last.unwrap_or(&"none")
        );
        self.point(&line)?;
        self.order(&["pool", "add", "gfs"])?;
        let yearly = ["--no-daily", "--yearly", "jan:1"];
        let job = ["job", "add", "all", "--pool", "gfs", "--all"];
        self.order(&[&job[..], &yearly].concat())?;
        self.point("media pool gfs: daily, weekly, monthly, quarterly, yearly")
    }

    /// A tenant that has backed up a tree.
    fn firm(&mut self, name: &str, number: u64) -> Result<Firm, Failure> {
        let (name, repository, itself) = operator::add(&self.node, name, self.lease, QUOTA)?;
        let root = self.stage.at(&format!("{name} tree"));
        tree::plant(&root).map_err(|error| told(&error))?;
        tree::grow(&root, number, 4 << 20).map_err(|error| told(&error))?;
        let mut firm = Firm {
            name,
            repository,
            itself,
            tree: root,
            promised: Vec::new(),
        };
        firm.back_up()?;
        Ok(firm)
    }

    /// Has the job write a set, and says what came on which cartridges.
    fn archive(&mut self, set: &str) -> Result<(), Failure> {
        let (before, begun) = (self.figures.archived.len(), self.stage.seconds());
        self.order(&["job", "run", "all", "--set", set, "--wait"])?;
        let seconds = self.stage.seconds() - begun;
        let (log, _) = self.order(&["job", "log", "all"])?;
        for run in log.iter().skip(before) {
            let text = |key: &str| run[key].as_str().unwrap_or_default().to_owned();
            let cartridges = run["cartridges"].as_array().into_iter().flatten();
            let archived = Archived {
                set: text("set"),
                tenant: text("tenant"),
                objects: number(run, "objects"),
                bytes: number(run, "bytes"),
                cartridges: cartridges
                    .filter_map(|it| it.as_str().map(str::to_owned))
                    .collect(),
                seconds,
            };
            let (size, on) = (Size::bytes(archived.bytes), archived.cartridges.join(", "));
            let line = format!(
                "{} set: {}, {} objects, {size} on {on} in {seconds:.1} s",
                archived.set, archived.tenant, archived.objects
            );
            self.point(&line)?;
            self.figures.archived.push(archived);
        }
        Ok(())
    }

    /// A day later: only what is new goes to tape.
    fn later(&mut self, firm: &mut Firm) -> Result<(), Failure> {
        tree::change(&firm.tree).map_err(|error| told(&error))?;
        firm.back_up().map(|_| ())
    }

    /// Everything of a tenant is deleted, and the bin with it.
    fn lose(&mut self, firm: &Firm) -> Result<(), Failure> {
        self.title("acme's repository is lost")?;
        let terms = Terms {
            bin_days: Some(0),
            ..Terms::default()
        };
        operator::set(&self.node, &firm.name, terms)?;
        let lost = firm.itself.destroy().map_err(|error| told(&error))?;
        self.figures.lost = lost;
        let left = firm.itself.objects().map_err(|error| told(&error))?;
        if !left.is_empty() {
            return Err(said("objects are left, and nothing was lost"));
        }
        self.point(&format!(
            "all {lost} objects deleted, and no bin that reaches back: no backup is left"
        ))
    }

    /// It comes back from tape, and goes on.
    fn bring_back(&mut self, firm: &mut Firm) -> Result<(), Failure> {
        self.title("acme's repository comes back from tape")?;
        let (tenant, repository) = (firm.name.as_str(), firm.repository.as_str());
        let (_, plan) = self.order(&["restore", "plan", tenant, repository])?;
        let loads = plan["loads"].as_array().map_or(0, Vec::len);
        let (objects, size) = (
            number(&plan, "objects"),
            Size::bytes(number(&plan, "bytes")),
        );
        self.point(&format!(
            "planned: {objects} objects, {size}, {loads} cartridge to load"
        ))?;
        let begun = self.stage.seconds();
        self.order(&["restore", "run", tenant, repository, "--original"])?;
        let seconds = self.stage.seconds() - begun;
        let snapshots = firm.itself.snapshots().map_err(|error| told(&error))?;
        self.figures.snapshots = snapshots.len() as u64;
        let all = snapshots.len();
        self.point(&format!(
            "restored in {seconds:.1} s, the tenant shut out meanwhile: {all} snapshots are there"
        ))?;
        firm.compare(self.stage, &mut self.figures)?;
        let bytes = Size::bytes(self.figures.restored);
        self.point(&format!(
            "{bytes} restored from them; every byte is the same"
        ))?;
        let sent = firm.back_up()?;
        self.figures.sent_behind = sent;
        let sent = Size::bytes(sent);
        self.point(&format!(
            "the next backup sends {sent}: it goes on where it was"
        ))
    }

    /// What is on a cartridge without Holdfast: plain tar, then a client's own check.
    fn read_without(&mut self, firm: &Firm) -> Result<(), Failure> {
        self.title("globex's cartridge, read by plain tar")?;
        let weekly = self.figures.archived.iter();
        let mut mine = weekly.filter(|it| it.tenant == firm.name.as_str());
        let cartridge = mine.find_map(|it| it.cartridges.first()).cloned();
        let cartridge = cartridge.ok_or_else(|| said("globex is on no cartridge"))?;
        let (files, folder) = (self.stage.at("tape files"), self.stage.at("untarred"));
        fs::create_dir_all(&folder).map_err(|error| told(&error))?;
        let to = files.display().to_string();
        self.order(&["media", "copy", &cartridge, "--to", &to])?;
        untar(&files, &folder)?;
        let copy = self.stored(firm, &folder)?;
        let count = self.figures.untarred;
        self.point(&format!("{cartridge}: tar brings back {count} files"))?;
        self.figures.check_errors = copy.check().map_err(|error| told(&error))?;
        if self.figures.check_errors > 0 {
            return Err(said("the agent found errors in what tar brought back"));
        }
        let restored = Firm {
            itself: copy,
            tree: firm.tree.clone(),
            name: firm.name.clone(),
            repository: firm.repository.clone(),
            promised: firm.promised.clone(),
        };
        restored.compare(self.stage, &mut self.figures)?;
        self.point("the agent finds no error in them, and every byte is the same")
    }

    /// Puts the files of a repository into a new one, as any copy of files would.
    fn stored(&mut self, firm: &Firm, folder: &Path) -> Result<Tenant, Failure> {
        let name = RepositoryName::parse("from-tape").map_err(|error| told(&error))?;
        let which = Named {
            tenant: firm.name.clone(),
            name: name.clone(),
        };
        let (quota, promises) = (QUOTA, Promises::default());
        let add = Add {
            which,
            quota,
            promises,
        };
        self.node.order(Order::Repository(Repository::Add(add)))?;
        let copy = firm.itself.on(&name);
        for path in below(folder)? {
            let Some(object) = object(&path) else {
                continue;
            };
            let bytes = fs::read(folder.join(&path)).map_err(|error| told(&error))?;
            let stored = copy.put(&object, Bytes::from(bytes));
            stored.map_err(|error| told(&error))?;
            self.figures.untarred += 1;
        }
        Ok(copy)
    }

    fn sum_up(mut self) -> Result<Figures, Failure> {
        self.figures.seconds = self.stage.seconds();
        let Figures {
            seconds,
            archived,
            lost,
            restored,
            untarred,
            ..
        } = &self.figures;
        let (runs, restored) = (archived.len(), Size::bytes(*restored));
        let line = format!(
            "{runs} repositories on tape, {lost} objects lost and back, {restored} restored \
             without a difference, {untarred} files read by tar; {seconds:.1} s"
        );
        self.title("Proved")?;
        self.point(&line)?;
        Ok(self.figures)
    }
}

impl Firm {
    /// Backs the tree up; the bytes that were sent.
    fn back_up(&mut self) -> Result<u64, Failure> {
        let backup = self.itself.back_up(&self.tree);
        let backup = backup.map_err(|error| told(&error))?;
        let census = Census::take(&self.tree).map_err(|error| told(&error))?;
        self.promised.push((backup.snapshot, census));
        Ok(backup.bytes_stored)
    }

    /// Restores each snapshot, and compares every byte.
    fn compare(&self, stage: &Stage, figures: &mut Figures) -> Result<(), Failure> {
        let to = stage.at("restored");
        for (snapshot, census) in &self.promised {
            let restored = self.itself.restore(snapshot, &self.tree, to.clone());
            restored.map_err(|error| told(&error))?;
            let found = Census::take(&to).map_err(|error| told(&error))?;
            figures.restored += found.bytes();
            let differences = census.differences(&found).len() as u64;
            figures.differences += differences;
            if differences > 0 {
                return Err(said(&format!("{differences} paths differ")));
            }
            stage.clear(&to)?;
        }
        Ok(())
    }
}

/// Takes all files of a tape apart, in order.
fn untar(files: &Path, to: &Path) -> Result<(), Failure> {
    for file in below(files)? {
        let mut tar = Command::new("tar");
        tar.args(["-b", "512", "--warning=no-unknown-keyword", "-xf"]);
        let done = tar.arg(files.join(&file)).arg("-C").arg(to).output();
        let done = done.map_err(|error| told(&error))?;
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr);
            return Err(said(&format!("tar reads {file}: {why}")));
        }
    }
    Ok(())
}

/// What the protocol calls the object in a file; none for a file that is none.
fn object(path: &str) -> Option<String> {
    if path == "config" {
        return Some(path.to_owned());
    }
    let (folder, rest) = path.split_once('/')?;
    let (_, name) = path.rsplit_once('/')?;
    let is_object = FOLDERS.contains(&folder) && !rest.is_empty();
    is_object.then(|| format!("{folder}/{name}"))
}

/// The paths of all files below a folder, in order.
fn below(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut paths = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(at) = folders.pop() {
        let entries = fs::read_dir(folder.join(&at)).map_err(|error| told(&error))?;
        for entry in entries {
            let entry = entry.map_err(|error| told(&error))?;
            let path = at.join(entry.file_name());
            match entry.file_type().map_err(|error| told(&error))?.is_dir() {
                true => folders.push(path),
                false => paths.push(path.display().to_string()),
            }
        }
    }
    paths.sort();
    Ok(paths)
}
