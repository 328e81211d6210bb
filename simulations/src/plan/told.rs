//! What befalls a fleet, in words.

use std::fmt;
use std::time::Duration;

use super::{End, Mishap, Order, Ways};
use crate::fleet::member;
use crate::scenario::units::spelled;

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash {
                node,
                end,
                off,
                again,
                after,
            } => {
                let (node, how) = (member(*node), lost(*end));
                write!(f, "{node} {how}, off for {}", millis(*off))?;
                repeated(f, *again, *after)
            }
            Self::Part { side, ways } => part(f, side, *ways),
            Self::Heal => f.write_str("all cuts and slow links are healed"),
            Self::Kill { one, other } => {
                let (one, other) = (member(*one), member(*other));
                write!(f, "the connection of {one} and {other} dies")
            }
            Self::Forget { node, peer } => {
                let (node, peer) = (member(*node), member(*peer));
                write!(
                    f,
                    "{node} loses its connection to {peer}, which does not notice"
                )
            }
            Self::Slow { one, other, times } => {
                let (one, other) = (member(*one), member(*other));
                write!(
                    f,
                    "between {one} and {other} all takes {times} times as long"
                )
            }
            Self::Sleep { node, millis: long } => {
                write!(f, "{} stands still for {}", member(*node), millis(*long))
            }
            Self::Hang { .. } | Self::Drag { .. } | Self::Disk { .. } | Self::Rot { .. } => {
                self.of_disk(f)
            }
            Self::Order { node, order } => {
                let node = member(*node);
                f.write_str(match order {
                    Order::Join => "operators let in ",
                    Order::Drain => "operators drain ",
                    Order::Undrain => "operators give work again to ",
                    Order::Remove => "operators remove, once it is empty, ",
                    Order::Expel => "operators remove at once ",
                })?;
                write!(f, "{node}")
            }
            Self::Term { tenant, days } => match days {
                Some(days) => write!(
                    f,
                    "operators let the lease of tenant-{tenant} end on day {days}"
                ),
                None => write!(f, "operators let the lease of tenant-{tenant} never end"),
            },
            Self::Step { node, by } => {
                let way = if *by < 0 { "back" } else { "forward" };
                let by = millis(by.unsigned_abs());
                write!(f, "the wall clock of {} steps {way} by {by}", member(*node))
            }
        }
    }
}

impl Mishap {
    /// What befalls a disk; nothing for what befalls something else.
    fn of_disk(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hang { node, millis: long } => {
                let node = member(*node);
                write!(
                    f,
                    "the disk of {node} does not answer for {}",
                    millis(*long)
                )
            }
            Self::Drag { node, times } => {
                let node = member(*node);
                write!(f, "the disk of {node} takes {times} times as long")
            }
            Self::Disk {
                node,
                syncs,
                writes,
                full_kib,
            } => {
                let node = member(*node);
                write!(
                    f,
                    "the disk of {node} fails {syncs} syncs and {writes} writes"
                )?;
                match full_kib {
                    Some(kib) => write!(f, " and holds {kib} KiB"),
                    None => Ok(()),
                }
            }
            Self::Rot {
                node,
                bits,
                sectors,
            } => {
                let node = member(*node);
                write!(
                    f,
                    "on the disk of {node} {bits} bits flip and {sectors} sectors "
                )?;
                f.write_str("hold what belongs elsewhere")
            }
            Self::Crash { .. }
            | Self::Part { .. }
            | Self::Heal
            | Self::Kill { .. }
            | Self::Forget { .. }
            | Self::Slow { .. }
            | Self::Sleep { .. }
            | Self::Order { .. }
            | Self::Term { .. }
            | Self::Step { .. } => Ok(()),
        }
    }
}

const fn lost(end: End) -> &'static str {
    match end {
        End::Power => "loses power",
        End::Kill => "is killed",
    }
}

fn repeated(f: &mut fmt::Formatter<'_>, again: u32, after: u64) -> fmt::Result {
    if again == 0 {
        return Ok(());
    }
    let after = millis(after);
    write!(f, ", and {again} times more {after} after its start")
}

fn part(f: &mut fmt::Formatter<'_>, side: &[u32], ways: Ways) -> fmt::Result {
    let side = side.iter().map(|node| member(*node).to_string());
    let side = side.collect::<Vec<String>>().join(" and ");
    let side = if side.is_empty() { "nobody" } else { &side };
    match ways {
        Ways::Both => write!(f, "{side} cut off from the others"),
        Ways::Out => write!(f, "{side} heard by none of the others"),
        Ways::In => write!(f, "{side} hearing none of the others"),
    }
}

fn millis(millis: u64) -> String {
    spelled(Duration::from_millis(millis))
}
