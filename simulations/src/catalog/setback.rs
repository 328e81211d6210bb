//! A voter whose disk is set back, where just that could lose what was agreed on.
//!
//! A majority agrees on commands that the others do not hear of; a voter of it comes back with an
//! older disk, and then the rest of that majority is gone. Those who are left are a majority too,
//! and none of them has what was agreed on: so nobody may lead until somebody is back who has it.

use std::collections::BTreeSet;

use holdfast_actors::kernel::NodeId;

use super::book::Image;
use super::run::World;
use crate::plan::End;
use crate::trace::Micros;

const SECOND: Micros = 1_000_000;
/// How long a voter is up before its disk has changed enough, and how long commands are then agreed
/// on that not all hear of.
const WORK: Micros = 2 * SECOND;
/// Longer than it takes a voter to ask all others.
const ASKED: Micros = 3 * SECOND;
/// Longer than an election takes.
const ELECTED: Micros = 4 * SECOND;

impl World {
    /// Sets back the disk of a voter that follows, if one leads all the while.
    pub(super) fn set_back(&mut self) {
        let Some(leader) = self.leader() else {
            return;
        };
        let others = self.nodes.iter().copied().filter(|node| *node != leader);
        let others: Vec<NodeId> = others.collect();
        // Of the majority are the leader, the voter, and as many more as it takes.
        let (majority, rest) = others.split_at(self.nodes.len() / 2);
        let Some(voter) = majority.first().copied() else {
            return;
        };
        let keepers: BTreeSet<NodeId> = majority[1..].iter().copied().chain([leader]).collect();
        self.restart(voter, Image::Taken);
        self.pass(WORK);
        self.cut(rest, &keepers);
        self.cut(rest, &[voter].into());
        self.pass(WORK);
        if self.leader() != Some(leader) {
            return;
        }
        self.fleet.network.heal(self.fleet.now());
        self.cut(rest, &keepers);
        self.restart(voter, Image::Restored);
        self.pass(ASKED);
        for keeper in &keepers {
            self.fleet.crash(*keeper, Some(End::Kill));
        }
        self.pass(ELECTED);
        let forgot = self.book.pages().forgot.contains(&voter);
        self.nodes.retain(|node| *node != voter || !forgot);
    }

    /// Who leads in the newest term that anybody knows of.
    fn leader(&self) -> Option<NodeId> {
        let pages = self.book.pages();
        let (_, leaders) = pages.leaders.last_key_value()?;
        leaders.first().copied()
    }

    fn restart(&mut self, node: NodeId, image: Image) {
        let now = self.fleet.now();
        self.book
            .say(now, format_args!("{node}: its disk is {image:?}"));
        self.fleet.crash(node, Some(End::Kill));
        self.book.pages().images.insert(node, image);
        self.fleet.start(node);
    }

    fn pass(&mut self, time: Micros) {
        let then = self.fleet.now() + time;
        self.timetable.run_until(&mut self.fleet, then);
    }

    /// These do not hear each other any more.
    fn cut(&self, some: &[NodeId], others: &BTreeSet<NodeId>) {
        let now = self.fleet.now();
        for (one, other) in some
            .iter()
            .flat_map(|one| others.iter().map(move |it| (one, it)))
        {
            self.fleet.network.cut(*one, *other, now);
            self.fleet.network.cut(*other, *one, now);
        }
    }
}
