//! Orders about tape over the office and a real catalog, with devices that do nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use holdfast::admin::office::Tapes;
use holdfast::admin::{Items, Problem, answers};
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::Pending;
use holdfast_actors::tape::{MediaSet, MediumId, SetId};
use serde_json::json;

use super::office::{done, office, refused};

/// Devices that note what they are told.
#[derive(Default)]
pub(crate) struct Shelf {
    told: Arc<Mutex<Vec<String>>>,
}

impl Shelf {
    fn note(&self, told: String) -> Pending<Result<(), Problem>> {
        self.told.lock().unwrap().push(told);
        Box::pin(async { Ok(()) })
    }
}

impl Tapes for Shelf {
    fn inventory(&self, library: &TapeName) -> Pending<Result<(), Problem>> {
        self.note(format!("inventory {library}"))
    }

    fn run(&self, job: &TapeName, set: MediaSet) -> Pending<Result<(), Problem>> {
        self.note(format!("run {job} {set}"))
    }

    fn stop(&self, job: &TapeName) -> Pending<Result<(), Problem>> {
        self.note(format!("stop {job}"))
    }

    fn verify(
        &self,
        medium: MediumId,
        _: Items,
    ) -> Pending<Result<answers::CartridgeFound, Problem>> {
        let told = self.note(format!("verify {medium}"));
        Box::pin(async move {
            told.await?;
            Err(Problem::failed("no tapes"))
        })
    }

    fn copy(
        &self,
        medium: MediumId,
        to: PathBuf,
        _: Items,
    ) -> Pending<Result<answers::CartridgeCopied, Problem>> {
        let told = self.note(format!("copy {medium} to {}", to.display()));
        Box::pin(async move {
            told.await?;
            Err(Problem::failed("no tapes"))
        })
    }

    fn plan(&self, _: SetId, _: String) -> Pending<Result<answers::RestorePlan, Problem>> {
        Box::pin(async { Err(Problem::failed("no tapes")) })
    }
}

#[test]
fn a_library_and_a_pool_are_made_shown_changed_and_removed() {
    let world = office();
    let made = done(&world, "tape library add shelf --virtual --drives 1");
    assert_eq!(
        (&made["drives"], &made["slots"], &made["capacity"]),
        (&json!(1), &json!(8), &json!(100u64 << 30))
    );
    assert_eq!(done(&world, "tape library list"), json!([made]));
    assert_eq!(done(&world, "tape library inventory shelf"), json!([]));
    let pool = done(&world, "tape pool add gfs");
    let usual = json!([
        "daily:14d:append",
        "weekly:28d",
        "monthly:366d",
        "quarterly:366d",
        "yearly:forever",
    ]);
    assert_eq!((&pool["sets"], &pool["mix"]), (&usual, &json!(false)));
    let set = done(
        &world,
        "tape pool set gfs --set weekly:7d --mix on --free off",
    );
    assert_eq!(
        (&set["sets"], &set["mix"], &set["free"]),
        (&json!(["weekly:7d"]), &json!(true), &json!(false))
    );
    refused(&world, "tape pool set gfs", 2, "usage");
    refused(&world, "tape pool show-not", 2, "usage");
    refused(&world, "tape library show no", 3, "no-library");
    refused(&world, "tape media list --pool no", 3, "no-media-pool");
    refused(&world, "tape media show HF0001L8", 3, "no-cartridge");
    done(&world, "tape pool remove gfs");
    done(&world, "tape library remove shelf");
    assert_eq!(done(&world, "tape library list"), json!([]));
}

#[test]
fn a_job_says_what_when_and_where_to() {
    let world = office();
    done(&world, "tenant add acme");
    done(&world, "repository add acme main --quota 10GiB");
    done(&world, "tape pool add gfs");
    let add = "tape job add nightly --pool gfs --tenant acme --repository acme/main --at 22:30 \
               --monthly last-sat";
    let made = done(&world, add);
    assert_eq!(made["sources"], json!(["acme", "acme/main"]));
    let schedule = json!([
        "at 22:30",
        "daily mon,tue,wed,thu,fri,sat,sun",
        "monthly last-sat"
    ]);
    assert_eq!(made["schedule"], schedule);
    assert_eq!(made["enabled"], true, "who makes a job wants it to run");
    done(&world, "tape job disable nightly");
    refused(&world, "tape job run nightly", 4, "tape-job-disabled");
    done(&world, "tape job enable nightly");
    let set = done(&world, "tape job set nightly --no-daily --weekly sun");
    assert_eq!(
        set["schedule"],
        json!(["at 22:30", "weekly sun", "monthly last-sat"])
    );
    done(&world, "tape job run nightly");
    done(&world, "tape job stop nightly");
    refused(&world, "tape job show other", 3, "no-tape-job");
    refused(
        &world,
        "tape job add other --pool gfs --tenant no",
        3,
        "no-tenant",
    );
    assert_eq!(done(&world, "tape job log nightly"), json!([]));
    let listed = world.run(&["tape", "job", "list"]);
    let titles = listed.out.lines().next().unwrap_or_default();
    let titles: Vec<&str> = titles.split_whitespace().collect();
    let wanted = "NAME POOL SOURCES SCHEDULE ENABLED RUNNING LAST";
    assert_eq!(titles.join(" "), wanted);
    done(&world, "tape job remove nightly");
}

#[test]
fn who_handles_media_runs_jobs_and_changes_no_pool() {
    let world = office();
    done(&world, "tape library add shelf --virtual");
    done(&world, "operator add tom --role tape-operator");
    done(&world, "operator add vic --role viewer");
    for (who, code) in [("tom", 0), ("vic", 4)] {
        let ran = world.run(&["tape", "library", "inventory", "shelf", "--as", who]);
        assert_eq!(ran.code, code, "{who}: {ran:?}");
        let ran = world.run(&["tape", "pool", "add", "gfs", "--as", who]);
        assert_eq!(ran.code, 4, "{who}: {ran:?}");
        let ran = world.run(&["tape", "library", "list", "--as", who]);
        assert_eq!(ran.code, 0, "{who}: {ran:?}");
    }
}

#[test]
fn what_is_not_on_tape_is_not_restored() {
    let world = office();
    done(&world, "tenant add acme");
    let run = "tape restore run acme main";
    refused(&world, &format!("{run} --original"), 3, "no-tape-run");
    refused(
        &world,
        &format!("{run} --to /tmp/x --run r"),
        3,
        "no-tape-run",
    );
    refused(&world, "tape restore plan acme main", 3, "no-tape-run");
    refused(&world, "tape restore stop 1", 3, "no-restore");
    assert_eq!(done(&world, "tape restore list"), json!([]));
    assert_eq!(done(&world, "tape drive list"), json!([]));
}
