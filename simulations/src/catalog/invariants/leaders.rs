//! At most one node leads in a term.

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::catalog) const ID: &str = "catalog-leaders";

/// Somebody says that it leads in this term.
pub(in crate::catalog) fn check(pages: &mut Pages, term: u64, now: Micros) {
    let leaders = pages.leaders.get(&term).cloned().unwrap_or_default();
    if leaders.len() > 1 {
        pages.breach(ID, now, format_args!("{leaders:?} lead in term {term}"));
    }
}
