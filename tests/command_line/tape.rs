//! Orders about tape over the office and a real catalog, with devices that do nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use holdfast::admin::office::{Held, RunEnd, Tapes};
use holdfast::admin::{Items, Problem, answers};
use holdfast::commands::tape::scan::Scan;
use holdfast::keyring::Keyring;
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::Pending;
use holdfast_actors::tape::{MediaSet, MediumId, SetId};
use holdfast_tape::ports::Mount;
use holdfast_tape::scan::{Device, Kind};
use holdfast_tape::ssc::Erase;
use holdfast_tape::station::{Place, Wanted};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::office::{done, office, refused};

/// Devices that note what they are told.
#[derive(Default)]
pub(crate) struct Shelf {
    told: Arc<Mutex<Vec<String>>>,
    keys: OnceLock<TempDir>,
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

    fn recover(&self, library: &TapeName, _: Items) -> Pending<Result<(), Problem>> {
        self.note(format!("recover {library}"))
    }

    fn door(&self, library: &TapeName) -> Pending<Result<Vec<Place>, Problem>> {
        let told = self.note(format!("door {library}"));
        Box::pin(async move {
            told.await?;
            Ok(Vec::new())
        })
    }

    fn export(&self, library: &TapeName, slots: Vec<Wanted>) -> Pending<Result<(), Problem>> {
        self.note(format!("export {slots:?} of {library}"))
    }

    fn import(&self, library: &TapeName) -> Pending<Result<(), Problem>> {
        self.note(format!("import {library}"))
    }

    fn scan(&self, scan: Scan) -> Pending<Result<Vec<Device>, Problem>> {
        let portal = scan.portal.map(|portal| portal.to_string());
        self.told
            .lock()
            .unwrap()
            .push(format!("scan {}", portal.unwrap_or_default()));
        let device = |kind, serial: &str, element: Option<u16>| Device {
            kind,
            place: "/dev/sg1".to_owned(),
            vendor: "ACME".to_owned(),
            product: "LTO".to_owned(),
            revision: "1".to_owned(),
            serial: serial.to_owned(),
            changer: element.map(|_| "C1".to_owned()),
            element,
            trouble: None,
        };
        let found = vec![
            device(Kind::Changer, "C1", None),
            device(Kind::Drive, "D1", Some(256)),
        ];
        Box::pin(async move { Ok(found) })
    }

    fn run(&self, job: &TapeName, set: MediaSet) -> Pending<Result<RunEnd, Problem>> {
        let told = self.note(format!("run {job} {set}"));
        Box::pin(async move {
            told.await?;
            let (_, end) = oneshot::channel();
            Ok(end)
        })
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

    fn unused(&self, _: MediumId) -> Result<(), Problem> {
        Ok(())
    }

    fn hold(&self, medium: MediumId) -> Pending<Result<Held, Problem>> {
        let told = self.note(format!("hold {medium}"));
        Box::pin(async move {
            told.await?;
            Err(Problem::failed("no tapes"))
        })
    }

    fn serve_drive(
        &self,
        library: &TapeName,
        drive: u16,
        is_on: bool,
    ) -> Pending<Result<(), Problem>> {
        self.note(format!("drive {drive} of {library}: {is_on}"))
    }

    fn unload_drive(&self, library: &TapeName, drive: u16) -> Pending<Result<(), Problem>> {
        self.note(format!("unload {drive} of {library}"))
    }

    fn keyring(&self) -> Keyring {
        let folder = self.keys.get_or_init(|| tempfile::tempdir().unwrap());
        Keyring::open(folder.path().to_owned()).unwrap()
    }

    fn eject(&self, medium: MediumId) -> Pending<Result<(), Problem>> {
        self.note(format!("eject {medium}"))
    }

    fn erase(
        &self,
        medium: MediumId,
        _: Box<dyn Mount>,
        how: Erase,
    ) -> Pending<Result<(), Problem>> {
        self.note(format!("erase {medium} {how:?}"))
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
fn a_pool_names_the_vaults_of_its_sets_and_who_shares_them() {
    let world = office();
    done(&world, "tenant add acme");
    let made = done(&world, "tape class set acme gold");
    assert_eq!(made, json!({ "tenant": "acme", "class": "gold" }));
    assert_eq!(done(&world, "tape class list"), json!([made]));
    done(&world, "tape class set acme");
    assert_eq!(done(&world, "tape class list"), json!([]));
    refused(&world, "tape class set nobody gold", 3, "no-tenant");
    let pool = done(&world, "tape pool add gfs --mix-classes");
    let shares = |pool: &serde_json::Value| (pool["mix"].clone(), pool["mix-classes"].clone());
    assert_eq!(shares(&pool), (json!(false), json!(true)));
    let pool = done(&world, "tape pool set gfs --mix off");
    assert_eq!(shares(&pool), (json!(false), json!(false)));
    refused(
        &world,
        "tape pool set gfs --vault daily=bank",
        3,
        "no-vault",
    );
    let made = done(&world, "tape vault add bank --description box");
    assert_eq!(made["description"], "box");
    let both = "tape pool set gfs --set daily:7d --vault daily=bank";
    assert_eq!(done(&world, both)["vaults"], json!(["daily=bank"]));
    refused(
        &world,
        "tape pool set gfs --vault weekly=bank",
        4,
        "media-set-off",
    );
    refused(&world, "tape vault remove bank", 5, "tape-in-use");
    let none = done(&world, "tape pool set gfs --no-vault daily");
    assert_eq!(none["vaults"], json!([]));
    done(&world, "tape vault remove bank");
    refused(
        &world,
        "tape media move HF0001L8 --vault bank",
        3,
        "no-cartridge",
    );
}

#[test]
fn devices_that_are_found_become_libraries() {
    let world = office();
    let found = done(&world, "tape scan --portal 192.0.2.1:3260");
    let device = json!({
        "kind": "drive", "place": "/dev/sg1", "vendor": "ACME", "product": "LTO",
        "revision": "1", "serial": "D1", "changer": "C1", "element": 256, "trouble": null,
    });
    assert_eq!(found[1], device);
    let listed = world.run(&["tape", "scan"]);
    let titles: Vec<&str> = listed
        .out
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let wanted = "KIND SERIAL VENDOR PRODUCT REVISION CHANGER ELEMENT PLACE TROUBLE";
    assert_eq!(titles.join(" "), wanted);
    let made = done(
        &world,
        "tape library add robot --changer C1 --drive D1 --drive D2",
    );
    assert_eq!(
        (
            &made["device"],
            &made["at"],
            &made["serials"],
            &made["slots"]
        ),
        (
            &json!("scsi"),
            &json!("C1"),
            &json!(["D1", "D2"]),
            &json!(null)
        )
    );
    let again = "tape library add other --changer C2 --drive D2";
    refused(&world, again, 5, "tape-device-shared");
    let far = "tape library add far --portal 192.0.2.1:3260 --target iqn.a --user us \
               --secret-file /etc/chap";
    let made = done(&world, far);
    assert_eq!(made["at"], "iqn.a at 192.0.2.1:3260");
    assert!(!made.to_string().contains("chap"), "{made}");
    done(&world, "operator add vic --role viewer");
    let ran = world.run(&["tape", "scan", "--as", "vic"]);
    assert_eq!(ran.code, 4, "{ran:?}");
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
    let wanted = "NAME POOL SOURCES SCHEDULE ENABLED RUNNING SPEED LAST";
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
