//! What needs two operators is done once, as it was asked for, when the second one agrees, and not
//! before (2.3).
//!
//! Every contract in the catalog is what operators were told, request by request: what waits, was
//! rejected or lapsed changed nothing. Each request stands there as it was asked for, by whom, and
//! was decided by another. And nothing comes of a request whose tenant or repository is gone, not
//! even for a later one of the same name.

use holdfast_actors::catalog::rows::{Approval, ApprovalState, Rows};
use holdfast_actors::names::{RepositoryName, TenantName};

use crate::ledger::{Account, Book, Request, Verdict};
use crate::office::Wish;

/// The id of this invariant.
pub(crate) const ID: &str = "approvals";

/// The catalog made a request of an order.
pub(crate) fn requested(book: &mut Book, wish: &Wish, id: u64) {
    let request = Request {
        wish: wish.clone(),
        verdict: Verdict::Open,
        in_doubt: false,
        is_void: false,
    };
    if !wish.is_grave() {
        book.breach(ID, format_args!("{wish:?} waits for a second operator"));
    }
    if wish.is_decided() {
        book.requests.insert(id, request);
    }
}

/// A request was granted after what it was about had gone.
pub(crate) fn revived(book: &mut Book, id: u64) {
    let story = format!("request {id} was granted, and what it was about is gone");
    book.breach(ID, format_args!("{story}"));
}

/// Looks at all contracts and requests.
pub(crate) fn check(book: &mut Book, rows: &Rows) {
    let mut wrong = Vec::new();
    for account in &book.accounts {
        wrong.extend(contract(account, rows));
    }
    for (id, request) in book
        .requests
        .iter()
        .filter(|(_, request)| !request.in_doubt)
    {
        // The oldest decided ones are not kept.
        if let Some(row) = rows.approvals.get(id) {
            wrong.extend(decided(*id, request, row));
        }
    }
    for story in wrong {
        book.breach(ID, format_args!("{story}"));
    }
}

/// What is wrong with a request.
fn decided(id: u64, request: &Request, row: &Approval) -> Option<String> {
    let fits = match request.verdict {
        Verdict::Granted => row.state == ApprovalState::Approved,
        Verdict::Rejected => row.state == ApprovalState::Rejected,
        Verdict::Open if request.is_void => row.state != ApprovalState::Approved,
        Verdict::Open => matches!(row.state, ApprovalState::Pending | ApprovalState::Lapsed),
    };
    let alone = row.decided_by.as_ref() == Some(&row.by);
    let told = request.verdict;
    (!fits || alone).then(|| format!("request {id} is {:?}, told was {told:?}", row.state))
}

/// What is wrong with a contract.
fn contract(account: &Account, rows: &Rows) -> Option<String> {
    let name = TenantName::parse(&account.name).ok()?;
    let is_certain = !account.is_leaving && account.has_tenant;
    let row = rows.tenants.get(&name).filter(|_| is_certain)?;
    let differs = |what: &str, is_other: bool| {
        is_other.then(|| format!("{what} of {name} is not what operators were told"))
    };
    let limit = row.bin_limit.map(holdfast_actors::kernel::Size::as_bytes);
    let of_tenant = differs("the lease", account.lease.is_not(&row.lease))
        .or_else(|| differs("the tasks", account.tasks.is_not(&row.tasks)))
        .or_else(|| differs("the bin", account.bin_days.is_not(&row.bin_days)))
        .or_else(|| differs("the bin limit", account.bin_limit.is_not(&limit)))
        .or_else(|| {
            differs(
                "the state",
                account.disabled.is_not(&row.disabled.is_some()),
            )
        });
    let repository = RepositoryName::parse(account.repository).ok()?;
    let kept = rows.repository(row.id, &repository);
    let kept = kept.and_then(|id| rows.repositories.get(&id));
    of_tenant.or_else(|| {
        let kept = kept?;
        let quota = kept.quota.as_bytes();
        differs("the quota", account.quota.is_not(&quota))
            .or_else(|| differs("the hold", account.hold_days.is_not(&kept.hold_days)))
    })
}
