//! What it would take to bring a run of a media set back, before anybody asks for it.

use std::collections::BTreeSet;

use holdfast_actors::catalog::Refused;
use holdfast_actors::catalog::rows::{Destination, Restore, RestorePart, Rows};
use holdfast_actors::catalog::tape::TapeRefused;
use holdfast_actors::kernel::{NodeId, Size, Timestamp};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::SetId;
use holdfast_tape::format::Object;
use holdfast_tape::ports::Shelf;
use holdfast_tape::restore::plan::{self, Source, Tape};
use holdfast_tape::restore::{Order, order, shelved};

use super::problem;
use crate::admin::Problem;
use crate::admin::answers::{RestorePlan, TapeRun, label};

/// The plan for the run of that name.
///
/// # Errors
/// When there is no such run, or the rows of its cartridges cannot be read.
pub(super) async fn plan(
    rows: &Rows,
    shelf: &dyn Shelf,
    here: Option<NodeId>,
    (set, run): (SetId, String),
) -> Result<RestorePlan, Problem> {
    let row = rows.tape.sets.get(&set);
    let row = row.ok_or_else(|| Refused::from(TapeRefused::NoSet(set)))?;
    let found = row.runs.iter().find(|it| it.name == run);
    let found = found.ok_or_else(|| Refused::from(TapeRefused::NoRun(set, run.clone())))?;
    let order = asked(rows, shelf, here, (set, run)).await?;
    let Some(part) = order.parts.first() else {
        return Err(Refused::from(TapeRefused::NoParts).into());
    };
    let exact = part.count;
    let exact = exact.and_then(|count| plan::guess(&order.tapes, &part.source, count));
    // Without its list, whatever is there of the repository may be of the run.
    let wanted = exact.unwrap_or_else(|| all(&order.tapes, &part.source));
    let plan = plan::plan(&order.tapes, &[(&part.source, &wanted)], &BTreeSet::new());
    let loads = plan.loads.iter().map(|it| label(it.medium, rows));
    Ok(RestorePlan {
        run: TapeRun::of((set, row), found, rows),
        loads: loads.collect(),
        offline: plan.offline.keys().map(|id| rows.tape.place(*id)).collect(),
        lost: plan.lost.len() as u64,
        objects: plan.objects,
        bytes: Size::bytes(plan.bytes),
    })
}

/// What a restore would be that nobody asked for.
async fn asked(
    rows: &Rows,
    shelf: &dyn Shelf,
    here: Option<NodeId>,
    (set, run): (SetId, String),
) -> Result<Order, Problem> {
    let part = RestorePart {
        set,
        run,
        to: Destination::Folder(String::new()),
    };
    let restore = Restore {
        by: String::new(),
        asked: Timestamp::from_millis(0),
        parts: vec![part],
        past_quota: false,
        is_stopping: false,
        begun: None,
        shut: BTreeSet::new(),
        end: None,
    };
    let mut rows = rows.clone();
    let last = rows.tape.restores.keys().next_back();
    let id = last.copied().unwrap_or_default().next();
    rows.tape.restores.insert(id, restore);
    let is_here = |name: &TapeName| {
        let row = rows.tape.libraries.get(name);
        row.is_some_and(|row| row.node == here)
    };
    let known = shelved(&rows, shelf, id).await.map_err(problem)?;
    order(&rows, &known, &is_here, id).map_err(Problem::failed)
}

/// All objects of a repository that are on the cartridges of its set.
fn all(tapes: &[Tape], source: &Source) -> BTreeSet<Object> {
    let tapes = tapes.iter().filter(|tape| tape.set == source.set);
    let rows = tapes.flat_map(|tape| tape.rows.iter());
    let mine = rows.filter(|row| row.path.directory == source.directory);
    let objects = mine.map(|row| row.path.object.clone());
    let is_list = |object: &Object| matches!(object, Object::Run(_));
    objects.filter(|object| !is_list(object)).collect()
}
