//! Tests of orders about tape: what is typed is what crosses the socket.

use clap::Parser as _;

use crate::cli::{Arguments, Command};
use crate::commands::Order;

fn order(line: &str) -> Result<Order, String> {
    let words = ["holdfast", "tape"].into_iter().chain(line.split(' '));
    let parsed = Arguments::try_parse_from(words).map_err(|error| error.to_string())?;
    let Command::Tape(tape) = parsed.command else {
        return Err(format!("{:?}", parsed.command));
    };
    Ok(Order::Tape(*tape))
}

#[test]
fn orders_cross_the_socket_as_they_were_typed() {
    for line in [
        "library add shelf --virtual --drives 1 --slots 4 --capacity 1GiB --node node-2",
        "library add robot --changer C1 --drive D1 --drive D2",
        "library add far --portal 192.0.2.1:3260 --target iqn.a --user u --secret-file /chap",
        "library list",
        "scan --portal [::1]:3260 --user u --secret-file /chap --node node-2",
        "library inventory shelf",
        "pool add gfs --set daily:14d:append --set yearly:forever --mix --worm --no-free",
        "pool set gfs --mix off --free on",
        "media list --pool gfs --library shelf",
        "media free HF0001L8 --confirm HF0001L8",
        "pool add gfs --mix-classes",
        "pool set gfs --mix classes --vault daily=bank --no-vault weekly",
        "vault add bank --description box",
        "vault remove bank",
        "class set acme gold",
        "class set acme",
        "media move 00000000-0000-0000-0000-0000000000ff HF0001L8 --pool gfs",
        "media move HF0001L8 --vault bank",
        "media move HF0001L8 --no-vault",
        "job add nightly --pool gfs --tenant acme globex --repository acme/main --at 22:30 \
         --no-daily --weekly sat --monthly last-sat --quarterly first:1 --yearly dec:last",
        "job set nightly --daily mon,tue --monthly none --all",
        "job run nightly --set weekly",
        "job log nightly",
        "restore plan acme main --at 2026-05-01T12:00:00Z",
        "restore run acme main --run run-1 --into acme/other --override-quota",
        "restore run acme main --original",
        "restore stop restore-3",
        "drive list",
    ] {
        let order = order(line).unwrap();
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(
            serde_json::from_str::<Order>(&text).unwrap(),
            order,
            "{text}"
        );
    }
}

#[test]
fn orders_that_say_too_little_or_too_much_are_refused() {
    for line in [
        "library add shelf",
        "library add robot --changer C1",
        "library add robot --drive D1",
        "library add robot --changer C1 --drive D1 --virtual",
        "library add robot --changer C1 --drive D1 --slots 4",
        "library add far --portal 192.0.2.1:3260",
        "library add far --portal nowhere --target iqn.a",
        "library add far --portal 192.0.2.1:3260 --target iqn.a --user u",
        "library add far --portal 192.0.2.1:3260 --target disk",
        "library add far --portal 192.0.2.1:3260 --target iqn.a --changer C1 --drive D1",
        "scan --user u --secret-file /chap",
        "scan --portal 192.0.2.1:3260 --user u --secret-file chap",
        "pool add gfs --set daily",
        "pool add gfs --mix --mix-classes",
        "media move HF0001L8 --pool gfs --vault bank",
        "media move HF0001L8 --vault bank --no-vault",
        "media move --vault bank",
        "vault add",
        "job add nightly --all",
        "job add nightly --pool gfs --all --tenant acme",
        "job add nightly --pool gfs --all --daily mon --no-daily",
        "job run nightly --set hourly",
        "restore run acme main",
        "restore run acme main --original --to /tmp/a",
        "restore plan acme main --at 2026-05-01T12:00:00Z --run run-1",
        "media show short",
    ] {
        assert!(order(line).is_err(), "{line}");
    }
}
