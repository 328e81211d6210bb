//! The bytes of each version, on disk and between nodes. What is written here stays readable; a
//! change of any of them is a new version.

use expect_test::{Expect, expect};
use holdfast_actors::catalog::command::{Actor, ClusterCommand, Command, LeaseCommand, Submission};
use holdfast_actors::kernel::{NodeId, Timestamp};
use holdfast_actors::schema::{self, Stored};
use openraft::EntryPayload;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};
use openraft::vote::RaftLeaderId;

use super::super::log::Record;
use super::super::memory::Shown;
use super::super::types::{Entry, Kind, LogId, Proposal, Vote};
use super::super::wire::{Request, Response};

type LeaderId = <Kind as openraft::RaftTypeConfig>::LeaderId;

fn place() -> LogId {
    let leader = LeaderId::new(3, 2);
    LogId::new(leader.to_committed(), 9)
}

fn entry() -> Entry {
    let incarnation = 5;
    let wall = Timestamp::from_millis(7);
    let command = LeaseCommand::Acquire { incarnation, wall };
    let submission = Submission {
        client: 4,
        sequence: 6,
        by: Actor::System,
        at: wall,
        command: Command::Cluster(ClusterCommand::Lease(NodeId::new(1), command)),
    };
    let payload = EntryPayload::Normal(Proposal(submission));
    Entry {
        log_id: place(),
        payload,
    }
}

fn vote() -> Vote {
    Vote::new_committed(3, 2)
}

/// The bytes are these, and mean the same when they are read.
#[track_caller]
fn check<T: Stored + std::fmt::Debug>(value: &T, expected: &Expect) {
    let bytes = schema::encode(value);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    expected.assert_eq(&hex);
    let read: T = schema::decode(&bytes).unwrap();
    assert_eq!(format!("{read:?}"), format!("{value:?}"));
}

#[test]
fn the_first_version_of_the_log_stays_readable() {
    check(
        &Record::Entry(entry()),
        &expect!["010003090104060207090201000507"],
    );
    check(&Record::Truncate(Some(place())), &expect!["0101010309"]);
    check(&Record::Purged(place()), &expect!["01020309"]);
    check(&Record::Vote(vote()), &expect!["010303010201"]);
    check(&Record::Committed(None), &expect!["010400"]);
}

#[test]
fn the_first_version_of_what_replicas_say_stays_readable() {
    let append = AppendEntriesRequest {
        vote: vote(),
        prev_log_id: None,
        entries: vec![entry()],
        leader_commit: Some(place()),
    };
    check(
        &Request::Append(append),
        &expect!["010003010201000103090104060207090201000507010309"],
    );
    let ballot = VoteRequest {
        vote: vote(),
        last_log_id: Some(place()),
        leadership_transfer: false,
    };
    check(&Request::Vote(ballot), &expect!["01010301020101030900"]);
    check(&Request::CatchUp, &expect!["0107"]);
    let shown = Shown {
        term: 3,
        last: Some(place()),
    };
    check(
        &Request::Recall { run: 5, shown },
        &expect!["01080503010309"],
    );
    check(
        &Response::Append(AppendEntriesResponse::Conflict),
        &expect!["010002"],
    );
    check(&Response::Wants(300), &expect!["0103fb2c01"]);
    check(&Response::Elsewhere(Some(2)), &expect!["01070102"]);
    check(&Response::Recalled(Some(place())), &expect!["0109010309"]);
    check(&Response::Recalled(None), &expect!["010900"]);
}
