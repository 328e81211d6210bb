//! Each act: backups, refusals, a theft, a kill, the proof.

use std::collections::BTreeSet;
use std::thread;

use holdfast_actors::kernel::{Date, Rate, Size};

use super::{Play, point, title};
use crate::cli::Failure;
use crate::demo::figures::{Kill, Refused, Saved, Theft, Verified};
use crate::demo::operator::{self, Held};
use crate::demo::tenant::{Backup, refused};
use crate::demo::{said, told, tree};

/// What the third backup adds in bytes: more than two packs of 32 MiB, so that one is stored and
/// seconds pass before all are.
const FILM: usize = 80 << 20;
/// How fast the third backup may go: slow enough to be met in the middle.
const SLOW: Option<Rate> = Rate::per_second(Size::mib(8));
/// So many bytes of objects without an acknowledgement are "in the middle".
const MIDDLE: u64 = 2 << 20;
/// How long the middle of an upload may be in coming, in seconds.
const MIDDLE_WITHIN: f64 = 90.0;

impl Play<'_> {
    /// A tree, the same with changes, and a given directory twice.
    pub(super) fn backups(&mut self) -> Result<(), Failure> {
        title(
            self.screen,
            "Backups by acme: encrypted by the tenant, stored by the node",
        )?;
        let root = self.tree.clone();
        tree::plant(&root).map_err(|error| told(&error))?;
        self.back_up_and_tell("the tree", &root)?;
        tree::change(&root).map_err(|error| told(&error))?;
        self.back_up_and_tell("the tree a day later", &root)?;
        if let Some(source) = self.source.clone() {
            self.back_up_and_tell("the given directory", &source)?;
            self.back_up_and_tell("the given directory again", &source)?;
        }
        Ok(())
    }

    fn back_up_and_tell(&mut self, what: &str, path: &std::path::Path) -> Result<(), Failure> {
        let backup = self.save(what, path)?;
        self.tell(&Saved::of(what, &backup))
    }

    fn tell(&mut self, saved: &Saved) -> Result<(), Failure> {
        let Saved {
            what,
            files,
            files_new,
            files_changed,
            seconds,
            ..
        } = saved;
        let [bytes, sent] = [saved.bytes, saved.sent].map(Size::bytes);
        let line = format!(
            "{what}: {files} files, {bytes}; {files_new} new, {files_changed} changed; \
             {sent} sent in {seconds:.1} s"
        );
        point(self.screen, line)
    }

    /// A tenant over its quota, and behind its lease.
    pub(super) fn refusals(&mut self) -> Result<(), Failure> {
        title(self.screen, "Refusals for globex")?;
        let (name, globex) = self.globex.clone();
        let refusal = refused(globex.back_up(&self.tree), "quota-exceeded")?;
        self.refuse("over the quota", Refused::of("quota", refusal))?;

        let yesterday = Date::from_days(self.today.days().saturating_sub(1));
        operator::set(&self.node, &name, operator::leased(yesterday))?;
        let refusal = refused(globex.back_up(&self.tree), "lease-expired")?;
        self.refuse(
            "behind the lease, to back up",
            Refused::of("lease", refusal),
        )?;
        let refusal = refused(globex.snapshots(), "lease-expired")?;
        self.refuse("behind the lease, to read", Refused::of("lease", refusal))?;

        operator::set(&self.node, &name, operator::leased(self.today))?;
        let snapshots = globex.snapshots().map_err(|failure| told(&failure))?;
        if !snapshots.is_empty() {
            return Err(said("a backup over the quota left a snapshot behind"));
        }
        point(
            self.screen,
            "the lease extended to today: served again at once",
        )
    }

    fn refuse(&mut self, when: &str, refused: Refused) -> Result<(), Failure> {
        let line = format!("{when}: {} ({})", refused.sentence, refused.reason);
        self.figures.refusals.push(refused);
        point(self.screen, line)
    }

    /// Somebody with the tenant's password deletes all there is, and the SP brings it back.
    pub(super) fn theft(&mut self) -> Result<(), Failure> {
        title(self.screen, "A thief with acme's password")?;
        let (name, repository, acme) = self.acme.clone();
        let before = self.objects()?;
        let at = self.stage.moment();
        let deleted = acme.destroy().map_err(|failure| told(&failure))?;
        let left = self.objects()?.len() as u64;
        if left != 0 || deleted == 0 {
            return Err(said(&format!(
                "the thief deleted {deleted} objects and left {left}"
            )));
        }
        let (kept, bin_bytes) = operator::in_bin(&self.node, &name)?;
        let size = Size::bytes(bin_bytes);
        point(
            self.screen,
            format_args!("deletes all {deleted} objects: acme sees no backup"),
        )?;
        point(
            self.screen,
            format_args!("the bin holds {kept} objects, {size}"),
        )?;

        let (recovered, _) = operator::undelete(&self.node, &name, &repository, at)?;
        if self.objects()? != before {
            return Err(said(
                "what came back from the bin is not what was there before",
            ));
        }
        point(
            self.screen,
            format_args!("the SP brings {recovered} objects back, as of {at}"),
        )?;
        self.figures.theft = Theft {
            deleted,
            left,
            bin_bytes,
            recovered,
        };
        self.keep_promise(1)
    }

    /// The node is killed while a backup runs, and the backup goes on.
    pub(super) fn kill(&mut self) -> Result<(), Failure> {
        title(self.screen, "kill -9 in the middle of an upload")?;
        let root = self.tree.clone();
        tree::grow(&root, 0, FILM).map_err(|error| told(&error))?;
        operator::set(&self.node, &self.acme.0, operator::throttled(SLOW))?;
        let before = (self.objects()?, operator::held(&self.node, &self.acme.0)?);
        let acme = self.acme.2.clone();
        let backup = thread::scope(|scope| {
            let upload = scope.spawn(|| acme.back_up(&root));
            let met = self.meet(&before, &|| upload.is_finished());
            let gone_on = met.and_then(|met| self.cut(&met));
            // The agent ends its tries by itself, whatever happened above.
            let backup = upload.join().map_err(|_| said("the agent panicked"))?;
            let backup = backup.map_err(|failure| told(&failure))?;
            gone_on.map(|()| backup)
        })?;
        self.finished(&root, &backup)
    }

    /// Waits for the middle of the upload; what is acknowledged there.
    fn meet(
        &mut self,
        before: &(BTreeSet<String>, Held),
        finished: &dyn Fn() -> bool,
    ) -> Result<BTreeSet<String>, Failure> {
        let (objects, idle) = before;
        let until = self.stage.seconds() + MIDDLE_WITHIN;
        while self.stage.seconds() < until && !finished() {
            let held = operator::held(&self.node, &self.acme.0)?;
            let idle = idle.stored.saturating_sub(idle.used);
            let unacknowledged = held.stored.saturating_sub(held.used).saturating_sub(idle);
            let running = operator::running(&self.node)?;
            if running == 0 || unacknowledged < MIDDLE {
                continue;
            }
            let acknowledged = self.objects()?;
            if acknowledged.len() > objects.len() && !finished() {
                self.figures.kill = Kill {
                    uploads_running: running,
                    unacknowledged,
                    acknowledged_objects: acknowledged.len() as u64,
                    ..Kill::default()
                };
                return Ok(acknowledged);
            }
        }
        Err(said("the upload was not met in its middle"))
    }

    /// Kills the node, starts it again, and looks for what was acknowledged.
    fn cut(&mut self, acknowledged: &BTreeSet<String>) -> Result<(), Failure> {
        self.node.kill()?;
        let half = Size::bytes(self.figures.kill.unacknowledged);
        let count = acknowledged.len();
        let line = format!("killed: {count} objects acknowledged, {half} of another received");
        point(self.screen, line)?;
        let before = self.stage.seconds();
        self.node.restart()?;
        let restarted_in = self.stage.seconds() - before;
        let there = self.objects()?;
        let lost = acknowledged.difference(&there).count() as u64;
        self.figures.kill.restarted_in = restarted_in;
        self.figures.kill.lost_objects = lost;
        if lost > 0 {
            return Err(said(&format!("the kill lost {lost} acknowledged objects")));
        }
        let line = format!("started again in {restarted_in:.1} s: all {count} are there");
        point(self.screen, line)?;
        operator::set(&self.node, &self.acme.0, operator::throttled(None))
    }

    fn finished(&mut self, root: &std::path::Path, backup: &Backup) -> Result<(), Failure> {
        let what = "the tree with a film";
        self.promise(what, root, backup)?;
        point(
            self.screen,
            "the agent, which was told of nothing, went on by itself",
        )?;
        self.tell(&Saved::of(what, backup))
    }

    /// The node reads back what it has, the tenant what it stored.
    pub(super) fn proof(&mut self) -> Result<(), Failure> {
        title(self.screen, "Everything read back")?;
        let (objects, bytes, damaged) = operator::verify(&self.node)?;
        if damaged > 0 || objects == 0 {
            return Err(said(&format!(
                "the node verified {objects} objects, {damaged} damaged"
            )));
        }
        self.figures.verified = Verified {
            objects,
            bytes,
            damaged,
        };
        let bytes = Size::bytes(bytes);
        point(
            self.screen,
            format_args!("by the node: {objects} objects, {bytes}, none damaged"),
        )?;
        let errors = self.acme.2.check().map_err(|failure| told(&failure))?;
        self.figures.check_errors = errors;
        point(
            self.screen,
            format_args!("by the agent, decrypted: {errors} errors"),
        )?;
        for at in 0..self.promised.len() {
            self.keep_promise(at)?;
        }
        self.figures.events = operator::events(&self.node)?;
        let events = self.figures.events;
        point(
            self.screen,
            format_args!("the node wrote down {events} events of all this"),
        )
    }
}
