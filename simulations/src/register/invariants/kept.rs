//! Nothing acknowledged is lost: when all power is off, the disks of a majority of the replicas
//! hold what any client was told, or something newer.

use super::super::Kept;
use super::super::history::Pages;
use super::writers;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::register) const ID: &str = "register-kept";

/// What all disks hold; none for one that cannot be read.
pub(in crate::register) fn check(pages: &mut Pages, disks: &[Option<Kept>], now: Micros) {
    let told = pages.requests.iter().filter_map(|request| request.told);
    let told: Vec<Kept> = told.map(|(_, kept)| kept).collect();
    if let Some(last) = told.iter().max_by_key(|kept| kept.tag) {
        let holds = |disk: &&Option<Kept>| disk.is_some_and(|kept| kept.tag >= last.tag);
        let holders = disks.iter().filter(holds).count();
        if holders <= disks.len() / 2 {
            let all = disks.len();
            let story = format_args!("{last:?} was told, and {holders} of {all} disks hold it");
            pages.breach(ID, now, story);
        }
    }
    let mut seen = told.clone();
    seen.extend(disks.iter().flatten());
    writers::compare(pages, &seen, now);
}
