//! A tenant's restic at work, what it was told is saved, and the proof that it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::node::{Login, noise, plant, saved, text};
use crate::nodes::Cluster;
use crate::pulse::{Ending, answered};
use crate::wire::Wire;

/// How long one run of restic may take, in seconds.
const LIMIT: u32 = 300;
/// What restic says when it could not begin.
const FIRST: &str = "unable to open config file: ";
/// So many runs may not have been able to begin.
const BEGINNINGS: usize = 20;
/// So many snapshots are restored at the end.
const RESTORED: usize = 2;

/// One tenant's tree, and its snapshots.
pub(crate) struct Work {
    tree: PathBuf,
    like: PathBuf,
    /// Bytes that do not compress in every version of the tree.
    bulk: usize,
    saved: Mutex<Vec<(u64, String)>>,
    ended: AtomicBool,
    beginnings: AtomicUsize,
}

impl Work {
    /// Prepares the repository, by restic's own means.
    pub(crate) fn begin(cluster: &Cluster, login: &Login, bulk: usize) -> Self {
        login.init();
        Self {
            tree: cluster.path(&format!("tree of {}", login.user)),
            like: cluster.path(&format!("what {} had", login.user)),
            bulk,
            saved: Mutex::default(),
            ended: AtomicBool::new(false),
            beginnings: AtomicUsize::new(0),
        }
    }

    /// Ends a loop of it when this goes.
    pub(crate) fn ending(&self) -> Ending<'_> {
        Ending(&self.ended)
    }

    fn plant(&self, tree: &Path, version: u64) {
        plant(tree, version);
        if self.bulk > 0 {
            fs::write(tree.join("bulk"), noise(version, self.bulk)).unwrap();
        }
    }

    /// Backs up the next version of the tree, which has to succeed once it has begun.
    pub(crate) fn back_up(&self, login: &Login) {
        let version = self.saved.lock().unwrap().len() as u64 + 1;
        self.plant(&self.tree, version);
        let words = ["backup", "--json", text(&self.tree)];
        let mut said = login.restic_with(LIMIT, &words, &[]);
        // The one request that restic does not repeat is its first.
        while said.code != 0 && said.err.contains(FIRST) && self.again() {
            said = login.restic_with(LIMIT, &words, &[]);
        }
        let said = said.good();
        self.saved.lock().unwrap().push((version, saved(&said)));
    }

    /// Whether a run that could not begin is begun again.
    fn again(&self) -> bool {
        let began = self.beginnings.fetch_add(1, Ordering::Relaxed);
        eprintln!("NOT BEGUN: a run of restic, the {}th", began + 1);
        began < BEGINNINGS
    }

    /// Backs up version after version through gateway after gateway.
    pub(crate) fn back_up_always(&self, gateways: &[Login]) {
        for gateway in gateways.iter().cycle() {
            if self.ended.load(Ordering::Relaxed) {
                break;
            }
            self.back_up(gateway);
        }
    }

    /// How many snapshots were reported saved.
    pub(crate) fn count(&self) -> usize {
        self.saved.lock().unwrap().len()
    }

    /// Fails unless all that restic reported saved is listed by every gateway, checks clean and is
    /// restored to the byte.
    pub(crate) fn holds(&self, cluster: &Cluster, tenant: &str) {
        let saved = self.saved.lock().unwrap().clone();
        assert!(!saved.is_empty(), "nothing was saved");
        let gateways = cluster.running();
        for at in &gateways {
            let wire = Wire::new(&cluster.login(tenant, *at));
            let list = answered(&wire, "/main/snapshots/");
            for (version, snapshot) in &saved {
                let is_there = list.contains(&format!("\"{snapshot}"));
                assert!(is_there, "version {version}, {snapshot} is gone");
            }
        }
        let login = |number: usize| cluster.login(tenant, gateways[number % gateways.len()]);
        login(0).whole();
        let step = saved.len().div_ceil(RESTORED);
        for (number, (version, snapshot)) in saved.iter().rev().step_by(step).enumerate() {
            self.plant(&self.like, *version);
            login(number + 1).restores(snapshot, &self.tree, &self.like);
        }
    }
}
