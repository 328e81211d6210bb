//! One voter, then three, then what becomes of them.

mod forgotten;
mod golden;

use std::time::Duration;

use holdfast_actors::catalog::command::{
    Actor, ClusterCommand, Command, NodeCommand, ServiceCommand, Submission,
};
use holdfast_actors::catalog::{Outcome, Refused, SubmitError};
use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_actors::shell::Path;
use openraft::StorageError;
use openraft::async_runtime::AsyncRuntime;
use openraft::testing::log::{StoreBuilder, Suite};

use super::fixture::{Fleet, Memory, hire, ports, run};
use super::log::Log;
use super::state::State;
use super::{Kind, Tasks};

struct Stores;

impl StoreBuilder<Kind, Log, State, Memory> for Stores {
    async fn build(&self) -> Result<(Memory, Log, State), StorageError<Kind>> {
        let disk = Memory::default();
        let ports = ports(&disk, 1);
        let fails = Box::new(|fault| panic!("{fault}"));
        let path = Path::node().child("log");
        let options = Fleet::options().journal;
        let log = Log::open(path, options, ports.clone(), None, fails).await;
        let state = State::open(ports.disk).await;
        Ok((disk, log.unwrap(), state.unwrap()))
    }
}

#[test]
fn openrafts_own_suite_passes_on_our_log_and_state() {
    run(async {
        let passed = Suite::test_all(Stores).await;
        passed.unwrap_or_else(|error| panic!("{error}"));
    });
}

fn submission(client: u64, sequence: u64, command: Command) -> Submission {
    let (by, at) = (Actor::System, Timestamp::default());
    Submission {
        client,
        sequence,
        by,
        at,
        command,
    }
}

fn certificate(text: &str) -> Command {
    Command::Service(ServiceCommand::CertificateUpdated {
        thumbprint: text.to_owned(),
    })
}

#[test]
fn one_voter_decides_and_remembers_after_another_start() {
    run(async {
        let mut fleet = Fleet::of(1).await;
        let first = fleet.up[&1]
            .catalog()
            .submit(submission(1, 1, hire("ann")))
            .await;
        let (outcome, index) = first.unwrap();
        assert_eq!(outcome, Outcome::Done);
        assert_eq!(fleet.up[&1].catalog().rows().operators.len(), 1);
        fleet.stop(1).await;
        fleet.start(1).await;
        let catalog = fleet.up[&1].catalog();
        let again = catalog.submit(submission(1, 1, hire("ann"))).await;
        assert_eq!(
            again.unwrap(),
            (outcome, index),
            "asked again, answered again"
        );
        let refused = catalog.submit(submission(1, 2, hire("ann"))).await;
        let Err(SubmitError::Refused(Refused::NotAllowed(_))) = refused else {
            panic!("{refused:?}");
        };
    });
}

#[test]
fn any_of_three_takes_commands_and_shows_them_and_one_may_die() {
    run(async {
        let mut fleet = Fleet::of(3).await;
        fleet.three_vote().await;
        for node in 1..=3 {
            fleet
                .order(node, certificate(&format!("from {node}")))
                .await;
            let events = fleet.up[&node].catalog().rows().events;
            let (_, last) = events.get_max().unwrap();
            assert!(last.text.contains(&format!("from {node}")), "{last:?}");
        }
        let leader = fleet.leader().unwrap();
        fleet.stop(leader).await;
        let other = leader % 3 + 1;
        fleet.order(other, certificate("without it")).await;
        let third = other % 3 + 1;
        let catalog = fleet.up[&third].catalog();
        catalog.catch_up().await.unwrap();
        let events = catalog.rows().events;
        assert!(events.get_max().unwrap().1.text.contains("without it"));
    });
}

#[test]
fn who_is_cut_off_answers_nobody_and_learns_what_it_missed_from_a_snapshot() {
    run(async {
        let mut fleet = Fleet::of(3).await;
        fleet.three_vote().await;
        let leader = fleet.leader().unwrap();
        let (cut, other) = (leader % 3 + 1, (leader + 1) % 3 + 1);
        fleet.net.cut(cut, true);
        for number in 0..400 {
            fleet.order(other, certificate(&format!("{number}"))).await;
        }
        let told = fleet.up[&cut].catalog().catch_up().await;
        assert!(told.is_err(), "nobody can say what it missed");
        let images = |it: &Fleet| {
            it.disks[&leader]
                .paths()
                .iter()
                .any(|path| path.contains("state"))
        };
        assert!(images(&fleet), "{:?}", fleet.disks[&leader].paths());
        fleet.net.cut(cut, false);
        let catalog = fleet.up[&cut].catalog();
        catalog.catch_up().await.unwrap();
        let rows = (catalog.rows(), fleet.up[&other].catalog().rows());
        assert_eq!(rows.0.events, rows.1.events);
        let paths = fleet.disks[&cut].paths();
        assert!(
            paths.iter().any(|path| path.ends_with(".snapshot")),
            "{paths:?}"
        );
        // And again from its own disk.
        fleet.stop(cut).await;
        fleet.start(cut).await;
        fleet.order(cut, certificate("back")).await;
    });
}

#[test]
fn the_log_is_cut_and_segments_go() {
    run(async {
        let mut fleet = Fleet::of(1).await;
        for number in 0..2000 {
            fleet.order(1, certificate(&format!("{number}"))).await;
        }
        Tasks::sleep(Duration::from_secs(1)).await;
        let paths = fleet.disks[&1].paths();
        let segments = paths.iter().filter(|path| path.ends_with(".log")).count();
        assert!(segments < 40, "{segments} segments of 80");
        fleet.stop(1).await;
        fleet.start(1).await;
        fleet.order(1, certificate("more")).await;
        let rows = fleet.up[&1].catalog().rows();
        assert_eq!(
            rows.events.len(),
            2004,
            "and that node 1 joined, works, and speaks as all do"
        );
    });
}

#[test]
fn damage_in_the_middle_of_the_log_is_named_and_nothing_starts() {
    run(async {
        let mut fleet = Fleet::of(1).await;
        for number in 0..20 {
            fleet.order(1, certificate(&format!("{number}"))).await;
        }
        fleet.stop(1).await;
        let paths = fleet.disks[&1].paths();
        let segment = paths.iter().find(|path| path.ends_with(".log")).unwrap();
        fleet.disks[&1].body(segment).lock().unwrap()[200] ^= 1;
        let refused = fleet.try_start(1).await.unwrap_err();
        let text = holdfast_actors::shell::Fault::of(&refused).0;
        assert!(
            text.contains("record #") && text.contains("is damaged"),
            "{text}"
        );
    });
}

#[test]
fn leadership_is_handed_over_when_it_is_asked_for() {
    run(async {
        let fleet = Fleet::of(3).await;
        fleet.three_vote().await;
        let leader = fleet.leader().unwrap();
        let to = leader % 3 + 1;
        Tasks::sleep(Duration::from_secs(1)).await;
        fleet.up[&leader].hand_over(NodeId::new(to)).await.unwrap();
        fleet
            .wait("the other leads", |it| it.leader() == Some(to))
            .await;
    });
}

#[test]
fn five_vote_when_five_are_there_and_one_that_is_removed_goes() {
    run(async {
        let mut fleet = Fleet::of(5).await;
        fleet
            .wait("five vote", |it| it.up[&1].voters().len() == 5)
            .await;
        let remove = ClusterCommand::Node(NodeId::new(5), NodeCommand::Remove);
        fleet.order(1, Command::Cluster(remove)).await;
        fleet.three_vote().await;
        fleet.order(4, certificate("a learner asks")).await;
        Tasks::sleep(Duration::from_secs(3)).await;
        let held = |node: u64| fleet.up[&node].held().borrow().unwrap().until;
        let before = (held(4), held(5));
        Tasks::sleep(Duration::from_secs(3)).await;
        assert!(held(4) > before.0, "renewed");
        assert_eq!(held(5), before.1, "never again");
    });
}

#[test]
fn time_goes_on_with_whoever_leads_and_leases_with_it() {
    run(async {
        let mut fleet = Fleet::of(3).await;
        fleet.three_vote().await;
        let now = |it: &Fleet, node: u64| it.up[&node].catalog().rows().cluster.now;
        let before = now(&fleet, 1);
        Tasks::sleep(Duration::from_secs(20)).await;
        let passed = now(&fleet, 1) - before;
        assert!(passed > Duration::from_secs(19) && passed <= Duration::from_millis(20_250));
        let clock = fleet.up[&1].catalog().rows().clock;
        assert_eq!(clock.today.to_string(), "2026-11-21");
        let leader = fleet.leader().unwrap();
        fleet.stop(leader).await;
        let other = leader % 3 + 1;
        let state = |it: &Fleet| {
            let rows = it.up[&other].catalog().rows();
            rows.cluster.nodes[&NodeId::new(leader)].state.to_string()
        };
        fleet.wait("it is down", |it| state(it) == "down").await;
        fleet.start(leader).await;
        fleet.wait("it is back", |it| state(it) == "active").await;
    });
}
