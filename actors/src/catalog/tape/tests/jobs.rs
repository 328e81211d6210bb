//! Media pools and tape jobs.

use expect_test::expect;

use super::*;
use crate::kernel::{Act, Acts, Machine as _, Now};
use crate::tape::job::{Event, Job, Occasion};

/// A run of a job that is due every day.
pub(super) fn began() -> JobCommand {
    let schedule = Schedule {
        daily: Weekday::ALL.into(),
        ..Schedule::default()
    };
    let mut job = Job::new(schedule);
    let wall = Timestamp::parse("2026-11-21T10:00:00Z").unwrap();
    let now = Now {
        wall,
        ..Now::default()
    };
    let mut acts = Acts::default();
    job.step(now, Event::Enabled(true), &mut acts);
    let mut kept = acts.into_iter().filter_map(|act| match act {
        Act::Persist(state) => Some(state),
        Act::Show(_) | Act::Start(_) => None,
    });
    JobCommand::Keep(Box::new(kept.next_back().unwrap()))
}

fn schedule(schedule: Schedule) -> Command {
    job(JobCommand::Set {
        description: None,
        sources: None,
        schedule: Some(schedule),
    })
}

#[test]
fn a_job_writes_only_sets_that_its_pool_has() {
    let mut vault = Vault::open();
    let used = vault.ann(set_pool(sets(&[MediaSet::Weekly], 7)));
    let used = used.unwrap_err();
    assert_eq!(
        used.to_string(),
        "media pool 'gfs' is used by tape job 'nightly'"
    );
    vault.open_set(9, MediaSet::Yearly);
    assert_eq!(
        why(vault.ann(set_pool(sets(&[MediaSet::Daily], 7)))),
        "tape-in-use"
    );
    vault.close(9);
    vault.ann(set_pool(sets(&[MediaSet::Daily], 7))).unwrap();
    assert_eq!(
        why(vault.opens(9, MediaSet::Yearly, Some(1), None)),
        "media-set-off"
    );
    let weekly = Schedule {
        weekly: Some(Weekday::Friday),
        ..Schedule::default()
    };
    let off = vault.ann(schedule(weekly)).unwrap_err();
    assert_eq!(
        off.to_string(),
        "media pool 'gfs' has no weekly set; switch it on with 'tape pool set'"
    );
    assert_eq!(
        why(vault.ann(schedule(Schedule::default()))),
        "no-tape-days"
    );
    let late = Schedule {
        at_minutes: 1440,
        daily: Weekday::ALL.into(),
        ..Schedule::default()
    };
    assert_eq!(why(vault.ann(schedule(late))), "out-of-range");
}

#[test]
fn a_pool_has_sets_and_stays_while_it_is_used() {
    let mut vault = Vault::open();
    assert_eq!(why(vault.ann(set_pool(BTreeMap::new()))), "no-media-sets");
    for days in [0, 36_501] {
        let wrong = vault.ann(set_pool(sets(&[MediaSet::Daily], days)));
        assert_eq!(why(wrong), "out-of-range");
    }
    vault.written(9, MediaSet::Daily, 1);
    let remove = || pool(MediaPoolCommand::Remove);
    assert_eq!(why(vault.ann(remove())), "tape-in-use", "by a job");
    vault.ann(job(JobCommand::Remove)).unwrap();
    assert_eq!(why(vault.ann(remove())), "tape-in-use", "by a cartridge");
    vault.ann(medium(1, MediumCommand::MarkFree)).unwrap();
    vault.ann(medium(1, MediumCommand::Move(None))).unwrap();
    vault.open_set(10, MediaSet::Daily);
    vault.ann(remove()).unwrap();
    assert!(vault.0.rows().tape.sets.is_empty());
    assert_eq!(why(vault.ann(remove())), "no-media-pool");
}

#[test]
fn what_a_job_archives_is_there() {
    let mut vault = Vault::open();
    let from = |sources| {
        job(JobCommand::Set {
            description: None,
            sources: Some(sources),
            schedule: None,
        })
    };
    assert_eq!(why(vault.ann(from(Vec::new()))), "no-tape-sources");
    assert_eq!(why(vault.ann(from(vec![Source::Tenant(77)]))), "no-tenant");
    let repository = Source::Repository(RepositoryId::new(77));
    assert_eq!(why(vault.ann(from(vec![repository]))), "no-repository");
    assert_eq!(why(vault.ann(from(vec![Source::All; 4_097]))), "too-many");
    let repository = Source::Repository(RepositoryId::new(2));
    vault
        .ann(from(vec![Source::Tenant(1), repository]))
        .unwrap();
    // What is gone since is in nobody's way.
    vault
        .ann(super::super::super::fixture::remove_tenant("Acme"))
        .unwrap();
    vault.ann(job(JobCommand::Enable(true))).unwrap();
    assert!(vault.0.rows().tape.jobs[&name("nightly")].is_enabled);
}

#[test]
fn what_a_run_reads_is_pinned_from_its_view_until_it_is_done_or_nobody_goes_on() {
    let mut vault = Vault::open();
    let pin = |vault: &Vault| {
        let at = vault.0.rows().tape.pinned(RepositoryId::new(2));
        at.map(Timestamp::as_millis)
    };
    vault.system(job(began())).unwrap();
    vault.written(9, MediaSet::Daily, 1);
    assert_eq!(pin(&vault), None);
    let begin = |name: &str, view| set(9, SetCommand::Run(run(name, view)));
    vault.system(begin("r1", 5)).unwrap();
    vault.system(begin("r1", 5)).unwrap();
    assert_eq!(pin(&vault), Some(5));
    let other = Run {
        job: name("other"),
        ..run("r2", 3)
    };
    vault.system(set(9, SetCommand::Run(other))).unwrap();
    assert_eq!(pin(&vault), Some(3), "the elder of two");
    vault.ran(9, "r2").unwrap();
    assert_eq!(pin(&vault), Some(5));
    vault.ran(9, "r1").unwrap();
    assert_eq!(pin(&vault), None);
    vault.system(begin("r3", 7)).unwrap();
    vault.system(job(began())).unwrap();
    assert_eq!(pin(&vault), Some(7), "the job goes on");
    vault.system(job(JobCommand::Keep(Box::default()))).unwrap();
    assert_eq!(pin(&vault), None, "the job gave up");
    assert!(vault.0.rows().tape.pins.is_empty());
}

#[test]
fn people_hear_how_runs_go() {
    let mut vault = Vault::open();
    vault.system(job(began())).unwrap();
    vault.system(job(began())).unwrap();
    assert_eq!(why(vault.ann(job(JobCommand::Remove))), "tape-in-use");
    for occasion in [
        Occasion::WaitingForTape,
        Occasion::Success,
        Occasion::Nothing,
        Occasion::Dropped,
        Occasion::Stopped,
        Occasion::Failed,
        Occasion::NeedsKey(KeyId::new(5)),
    ] {
        let notify = JobCommand::Notify(MediaSet::Daily, occasion);
        vault.system(job(notify)).unwrap();
    }
    vault.system(job(JobCommand::Keep(Box::default()))).unwrap();
    vault.ann(job(JobCommand::Remove)).unwrap();
    assert_eq!(why(vault.ann(job(JobCommand::Remove))), "no-tape-job");
    expect![[r#"
        30102 system, -: tape job nightly, daily set: a run begins
        30105 system, -: tape job nightly, daily set: it waits for a cartridge that may be written, for 72 hours; put one in and take an inventory
        30104 system, -: tape job nightly, daily set: all of it is on tape
        30104 system, -: tape job nightly, daily set: there was nothing new all day
        30104 system, -: tape job nightly, daily set: it made place for an elder set
        30104 system, -: tape job nightly, daily set: an operator stopped it
        30106 system, -: tape job nightly, daily set: it gave up; the log of the node says why
        30105 system, -: tape job nightly, daily set: its node does not have key 00000000-0000-0000-0000-000000000005 open: 'tape key open 00000000-0000-0000-0000-000000000005'
        30103 operator ann, -: tape job nightly removed; what it wrote stays on tape
    "#]].assert_eq(&vault.0.events());
}
