//! The demonstration of a cluster: three nodes, tenants at work, one node killed, another cut off,
//! and every byte compared at the end.

mod figures;
mod nodes;
mod pulse;

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use holdfast_actors::kernel::{Date, Rate, Size};
use holdfast_actors::names::{RepositoryName, TenantName};

use super::play::{point, say, title};
use super::stage::Stage;
use super::tenant::Tenant;
use super::tree::{self, Census};
use super::{operator, said, told};
use crate::cli::{Failure, Screen};
use crate::commands::Order;
use crate::commands::repository::{Add, Named, Promises, Repository};
use figures::{Figures, Worked};
use nodes::{Address, Nodes};
use pulse::Pulse;

/// The tenants.
const TENANTS: [&str; 3] = ["acme", "globex", "initech"];
/// What each may hold.
const QUOTA: Size = Size::gib(1);
/// What each backup adds in bytes.
const FILM: usize = 24 << 20;
/// How fast backups may go: slow enough to be met in the middle.
const SLOW: Option<Rate> = Rate::per_second(Size::mib(8));
/// So many writes of each tenant are acknowledged before something is done to a node.
const UNDER_WAY: usize = 5;
/// How long a tenant may wait for another node to take over, in seconds.
const GAP_MAX: f64 = 20.0;
/// How often something is looked at that nobody tells of.
const LOOK: Duration = Duration::from_millis(20);
/// How long the node is cut off at least, in seconds.
const CUT_OFF: f64 = 5.0;

/// The whole of it; the figures at the end.
///
/// # Errors
/// With a sentence about the first thing that was not as promised.
pub(super) fn play(stage: &Stage, screen: &mut Screen) -> Result<Figures, Failure> {
    let place = stage.path.display();
    let line = format!("Holdfast shows a cluster. All files are in {place}.");
    say(screen, line)?;
    let mut nodes = Nodes::found(stage)?;
    let started_in = stage.seconds();
    title(
        screen,
        "Three nodes, joined by tokens, each a process of its own",
    )?;
    for node in &nodes.all {
        let line = format!("{}  takes tenants at {}", node.name, node.node.server);
        point(screen, line)?;
    }
    title(screen, "Three tenants, each at work through any node")?;
    let mut firms = Vec::new();
    for name in TENANTS {
        firms.push(Firm::found(stage, &nodes, name)?);
    }
    let tenants = firms.iter().map(|firm| Worked::of(firm.name.as_str()));
    let mut figures = Figures {
        started_in,
        tenants: tenants.collect(),
        ..Figures::default()
    };
    for at in 0..firms.len() {
        let backup = firms[at].back_up(stage, &nodes.address(at))?;
        point(screen, format_args!("{}: {backup}", firms[at].name))?;
    }

    title(
        screen,
        "kill -9 of the busiest node, in the middle of their backups",
    )?;
    let victim = nodes.busiest()?;
    figures.killed.clone_from(&nodes.all[victim].name);
    let gaps = lose(stage, &mut nodes, (victim, Nodes::kill), &mut firms, screen)?;
    for (worked, gap) in figures.tenants.iter_mut().zip(gaps) {
        worked.gap_of_kill = gap;
    }
    nodes.all[victim].node.restart()?;
    nodes.settle(stage)?;
    point(
        screen,
        format_args!("{} started again, and is at work", figures.killed),
    )?;

    title(screen, "Another node cut off from all others, and healed")?;
    let victim = nodes.busiest_but(victim)?;
    figures.cut_off.clone_from(&nodes.all[victim].name);
    let begun = stage.seconds();
    let gaps = lose(stage, &mut nodes, (victim, Nodes::cut), &mut firms, screen)?;
    for (worked, gap) in figures.tenants.iter_mut().zip(gaps) {
        worked.gap_of_cut = gap;
    }
    while stage.seconds() < begun + CUT_OFF {
        thread::sleep(LOOK);
    }
    nodes.heal(victim)?;
    nodes.settle(stage)?;
    point(
        screen,
        format_args!("{} is back, and at work", figures.cut_off),
    )?;

    prove(stage, &nodes, &firms, &mut figures, screen)?;
    figures.seconds = stage.seconds();
    sum_up(&figures, screen)?;
    Ok(figures)
}

/// A tenant with all that it was promised.
struct Firm {
    name: TenantName,
    main: Tenant,
    /// What it writes small objects to.
    pulse: Tenant,
    tree: PathBuf,
    /// Snapshots, and what was in the tree.
    promised: Vec<(String, Census)>,
    /// Small objects that were acknowledged.
    objects: Vec<String>,
}

impl Firm {
    fn found(stage: &Stage, nodes: &Nodes, name: &str) -> Result<Self, Failure> {
        let node = &nodes.all[0].node;
        let lease = Date::of(stage.moment().0).plus(365);
        let (name, _, main) = operator::add(node, name, lease, QUOTA)?;
        let pulse = RepositoryName::parse("pulse").map_err(|error| told(&error))?;
        let which = Named {
            tenant: name.clone(),
            name: pulse.clone(),
        };
        let (quota, promises) = (QUOTA, Promises::default());
        node.order(Order::Repository(Repository::Add(Add {
            which,
            quota,
            promises,
        })))?;
        operator::set(node, &name, operator::throttled(SLOW))?;
        let root = stage.at(&format!("{name} tree"));
        tree::plant(&root).map_err(|error| told(&error))?;
        Ok(Self {
            name,
            pulse: main.on(&pulse),
            main,
            tree: root,
            promised: Vec::new(),
            objects: Vec::new(),
        })
    }

    /// Adds a file that takes a while to upload.
    fn film(&self) -> Result<(), Failure> {
        let number = self.promised.len() as u64;
        let grown = tree::grow(&self.tree, number, FILM);
        grown.map_err(|error| told(&error))
    }

    /// Backs the tree up through one node; what to say of it.
    fn back_up(&mut self, stage: &Stage, gateway: &Address) -> Result<String, Failure> {
        let begun = stage.seconds();
        let through = self.main.through(gateway.pair())?;
        let backup = through.back_up(&self.tree).map_err(|error| told(&error))?;
        let census = Census::take(&self.tree).map_err(|error| told(&error))?;
        self.promised.push((backup.snapshot, census));
        let (bytes, took) = (Size::bytes(backup.bytes), stage.seconds() - begun);
        let (files, gateway) = (backup.files, &gateway.name);
        Ok(format!(
            "{files} files, {bytes} saved through {gateway} in {took:.1} s"
        ))
    }

    /// Looks for all that it was promised.
    fn proved(&self, stage: &Stage, gateway: &Address, worked: &mut Worked) -> Result<(), Failure> {
        let main = self.main.through(gateway.pair())?;
        let there = self.pulse.through(gateway.pair())?.objects();
        let there = there.map_err(|error| told(&error))?;
        let is_gone = |object: &&String| !there.contains(&format!("data/{object}"));
        worked.writes = self.objects.len() as u64;
        worked.lost_writes = self.objects.iter().filter(is_gone).count() as u64;
        worked.check_errors = main.check().map_err(|error| told(&error))?;
        let to = stage.at("restored");
        for (snapshot, census) in &self.promised {
            let restored = main.restore(snapshot, &self.tree, to.clone());
            restored.map_err(|error| told(&error))?;
            let found = Census::take(&to).map_err(|error| told(&error))?;
            worked.backups += 1;
            worked.restored += found.bytes();
            worked.differences += census.differences(&found).len() as u64;
            stage.clear(&to)?;
        }
        Ok(())
    }
}

/// Something that happens to a node.
type Deed = fn(&mut Nodes, usize) -> Result<(), Failure>;

/// Does something to a node while all tenants back up and write; the gap that each of them saw.
fn lose(
    stage: &Stage,
    nodes: &mut Nodes,
    (victim, deed): (usize, Deed),
    firms: &mut [Firm],
    screen: &mut Screen,
) -> Result<Vec<f64>, Failure> {
    let gateways = nodes.addresses_but(victim);
    let mut pulses = Vec::new();
    for firm in firms.iter() {
        firm.film()?;
        pulses.push(Pulse::new(
            stage,
            &firm.pulse,
            firm.objects.len(),
            &gateways,
        )?);
    }
    let gaps = thread::scope(|scope| {
        for pulse in &pulses {
            scope.spawn(|| pulse.beat());
        }
        let mut backups = Vec::new();
        for (firm, gateway) in firms.iter_mut().zip(gateways.iter().cycle()) {
            backups.push(scope.spawn(move || firm.back_up(stage, gateway)));
        }
        let is_early = || backups.iter().all(|backup| !backup.is_finished());
        let gaps = strike(stage, nodes, (victim, deed), &pulses, &is_early);
        // Backups end by themselves, whatever happened above.
        let mut saved = Ok(());
        for backup in backups {
            let ended = backup.join().map_err(|_| said("a backup panicked"));
            saved = saved.and(ended.and_then(|ended| ended.map(|_| ())));
        }
        pulses.iter().for_each(Pulse::end);
        gaps.and_then(|gaps| saved.map(|()| gaps))
    })?;
    let name = nodes.all[victim].name.clone();
    for ((firm, pulse), gap) in firms.iter_mut().zip(&pulses).zip(&gaps) {
        firm.objects.extend(pulse.objects());
        let line = format!(
            "{}: acknowledged again {gap:.2} s after {name} was lost",
            firm.name
        );
        point(screen, line)?;
    }
    point(
        screen,
        "their backups, which were told of nothing, went on and are saved",
    )?;
    Ok(gaps)
}

/// Waits until all are at work, does it, and waits until all are again.
fn strike(
    stage: &Stage,
    nodes: &mut Nodes,
    (victim, deed): (usize, Deed),
    pulses: &[Pulse<'_>],
    is_early: &dyn Fn() -> bool,
) -> Result<Vec<f64>, Failure> {
    let begun = stage.seconds();
    while pulses.iter().any(|pulse| pulse.since(begun) < UNDER_WAY) {
        if stage.seconds() - begun > GAP_MAX {
            return Err(said("the tenants do not get to work"));
        }
        thread::sleep(LOOK);
    }
    if !is_early() {
        return Err(said("the backups were not met in their middle"));
    }
    let lost = stage.seconds();
    deed(nodes, victim)?;
    pulses
        .iter()
        .map(|pulse| pulse.gap(lost, GAP_MAX))
        .collect()
}

/// Reads everything back through whichever node, and compares.
fn prove(
    stage: &Stage,
    nodes: &Nodes,
    firms: &[Firm],
    figures: &mut Figures,
    screen: &mut Screen,
) -> Result<(), Failure> {
    title(
        screen,
        "Everything read back by the tenants, decrypted and compared",
    )?;
    for (at, (firm, worked)) in firms.iter().zip(&mut figures.tenants).enumerate() {
        let address = nodes.address(at);
        firm.proved(stage, &address, worked)?;
        let Worked {
            writes,
            backups,
            restored,
            ..
        } = *worked;
        let (name, gateway, restored) = (&firm.name, &address.name, Size::bytes(restored));
        let line = format!(
            "{name}: {backups} backups, {restored}, through {gateway}: every byte is the same; \
             all {writes} small objects are there"
        );
        point(screen, line)?;
        if worked.differences + worked.lost_writes + worked.check_errors > 0 {
            return Err(said(&format!("{name} lost something: {worked:?}")));
        }
    }
    Ok(())
}

fn sum_up(figures: &Figures, screen: &mut Screen) -> Result<(), Failure> {
    title(screen, "Proved")?;
    let worst = |gap: fn(&Worked) -> f64| figures.tenants.iter().map(gap).fold(0.0, f64::max);
    let sum = |count: fn(&Worked) -> u64| figures.tenants.iter().map(count).sum::<u64>();
    let line = format!(
        "{} backups restored ({}, no difference), {} small objects acknowledged and {} lost; the \
         longest gap {:.2} s after kill -9 and {:.2} s after the cut; {:.1} s",
        sum(|it| it.backups),
        Size::bytes(sum(|it| it.restored)),
        sum(|it| it.writes),
        sum(|it| it.lost_writes),
        worst(|it| it.gap_of_kill),
        worst(|it| it.gap_of_cut),
        figures.seconds,
    );
    point(screen, line)
}
