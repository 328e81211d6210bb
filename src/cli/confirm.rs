//! Orders that may lose something: what is to be typed before they are done.
//!
//! The node says what may be lost and which words confirm it. At a terminal they are asked for;
//! programs give them with `--confirm`.

use std::io::{self, BufRead, Read};

use super::failure::Failure;
use super::screen::Screen;
use super::{is_interactive, present};
use crate::commands::Order;
use crate::commands::cluster::Node;
use crate::commands::pool::{PHRASE, Pool};
use crate::commands::tape::Tape;
use crate::commands::tape::media::Media;

/// The most bytes that are read of what is typed.
const TYPED_MAX: u64 = 1024;

/// The word of a failure that wants to be confirmed.
const REASON: &str = "not-confirmed";

/// Gives an order about a node; asks for its words if they are wanted.
pub(super) fn node(
    desk: &present::Desk,
    mut order: Node,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let told = match desk.order(Order::Node(order.clone()), screen) {
        Err(failure) if failure.reason == REASON && is_interactive() => failure,
        done => return done,
    };
    let (confirm, phrase) = match &mut order {
        Node::Remove(removal) => {
            let phrase = removal.phrase();
            (&mut removal.confirm, phrase)
        }
        Node::Replace(replacement) => {
            let phrase = replacement.phrase();
            (&mut replacement.confirm, phrase)
        }
        Node::List | Node::Show(_) | Node::Drain(_) | Node::Undrain(_) | Node::Rename(_) => {
            return Err(told);
        }
    };
    *confirm = Some(typed(&told.message, &phrase, screen)?);
    desk.order(Order::Node(order), screen)
}

/// The same for an order about a pool.
pub(super) fn pool(
    desk: &present::Desk,
    mut order: Pool,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let told = match desk.order(Order::Pool(order.clone()), screen) {
        Err(failure) if failure.reason == REASON && is_interactive() => failure,
        done => return done,
    };
    let confirm = match &mut order {
        Pool::Create(new) => &mut new.confirm,
        Pool::Add(more) => &mut more.confirm,
        Pool::List | Pool::Show(_) | Pool::Remove(_) | Pool::Take(_) => return Err(told),
    };
    *confirm = Some(typed(&told.message, PHRASE, screen)?);
    desk.order(Order::Pool(order), screen)
}

/// The same for an order about tape: the barcode is typed before what is on a cartridge is lost.
pub(super) fn tape(
    desk: &present::Desk,
    mut order: Tape,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let told = match desk.order(Order::Tape(order.clone()), screen) {
        Err(failure) if failure.reason == REASON && is_interactive() => failure,
        done => return done,
    };
    let (medium, confirm) = if let Tape::Media(Media::Free(free)) = &mut order {
        (&free.medium, &mut free.confirm)
    } else if let Tape::Media(Media::Erase(erase)) = &mut order {
        (&erase.medium, &mut erase.confirm)
    } else {
        return Err(told);
    };
    *confirm = Some(typed(&told.message, &medium.to_string(), screen)?);
    desk.order(Order::Tape(order), screen)
}

/// What somebody types who was told what may be lost.
///
/// # Errors
/// When nobody types it.
pub(crate) fn typed(told: &str, phrase: &str, screen: &mut Screen) -> Result<String, Failure> {
    screen.remark(told);
    screen.remark(format_args!("type '{phrase}' to go on:"));
    let mut line = String::new();
    let read = io::stdin().lock().take(TYPED_MAX).read_line(&mut line);
    read.map_err(|error| Failure::usage(format!("the terminal: {error}")))?;
    match line.trim() {
        typed if typed == phrase => Ok(phrase.to_owned()),
        _ => Err(Failure::new(
            super::Exit::Refused,
            REASON,
            "it was not confirmed, and nothing was done",
        )),
    }
}
