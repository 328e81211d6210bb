//! Our initiator against a target that nobody here wrote: who we are, what there is, and what is
//! known when the way breaks.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use holdfast_tape::exchange::Failure;
use holdfast_tape::iscsi::{Account, Awake, Portal, Refused, Session, Tcp, discover};
use holdfast_tape::scan::{self, Caller, Kind};
use holdfast_tape::scsi::Scsi;
use holdfast_tape::smc::Changer;
use holdfast_tape::ssc::{Drive, Read};

use tgt::{CHANGER, TARGET, Tgt, names};

#[path = "support/tgt.rs"]
mod tgt;

#[test]
fn targets_are_found_where_they_are() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    let targets = discover(tgt.portal, &names(0), None).expect("targets");
    let portals = targets.get(TARGET).expect("ours");
    let addresses: Vec<_> = portals.iter().map(Portal::address).collect();
    assert_eq!((targets.len(), addresses), (1, vec![Some(tgt.portal)]));
}

#[test]
fn a_target_that_wants_a_proof_gets_the_right_one() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    let secret = "backup-to-tape";
    let account = format!("--op new --mode account --user north --password {secret}");
    assert!(tgt.admin(&account));
    assert!(tgt.admin("--op bind --mode account --tid 1 --user north"));
    let refused = |outcome: Result<Session<Tcp>, Refused>| match outcome {
        Ok(_) => "in".to_owned(),
        Err(refused) => refused.to_string(),
    };
    let no = "the target refused the login: name or secret are wrong, or the target wants some \
        (0201)";
    assert_eq!(refused(Session::connect(tgt.portal, &names(1))), no);
    for (name, tried) in [("north", "another-secret"), ("south", secret)] {
        let account = Account::new(name, tried).expect("an account");
        assert_eq!(refused(Session::prove(tgt.portal, &names(1), &account)), no);
    }
    let account = Account::new("north", secret).expect("an account");
    let session = Session::prove(tgt.portal, &names(1), &account).expect("a session");
    let mut drive = Drive::new(Awake::new(session));
    assert_eq!(drive.identity().expect("who").serial, "DRV00001");
}

#[test]
fn sessions_of_other_numbers_live_beside_each_other() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    let mut one = Drive::new(tgt.session(1));
    let mut two = Drive::new(tgt.session(2));
    assert_eq!(one.identity().expect("who").serial, "DRV00001");
    assert_eq!(two.identity().expect("who").serial, "DRV00002");
    // The same number again ends the elder one, whose commands are lost then.
    let mut again = Drive::new(tgt.session(1));
    assert_eq!(again.identity().expect("who").serial, "DRV00001");
    assert!(matches!(one.identity(), Err(Failure::Lost(_))));
    assert_eq!(two.identity().expect("who").serial, "DRV00002");
}

/// Where the way breaks at the next WRITE: it does not, behind it, before it.
const WHOLE: u8 = 0;
const BEHIND: u8 = 1;
const BEFORE: u8 = 2;

/// A way to the target that breaks when it is told to.
struct Way {
    portal: SocketAddr,
    breaks: Arc<AtomicU8>,
}

impl Way {
    /// It carries one connection.
    #[expect(
        clippy::disallowed_methods,
        reason = "both directions of blocking sockets need threads of their own"
    )]
    fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let portal = listener.local_addr().expect("an address");
        let breaks = Arc::new(AtomicU8::new(WHOLE));
        let told = Arc::clone(&breaks);
        std::thread::spawn(move || {
            let (here, _) = listener.accept().expect("somebody");
            let there = TcpStream::connect(target).expect("the target");
            let (mut from, mut to) = (
                there.try_clone().expect("one"),
                here.try_clone().expect("two"),
            );
            let swallow = Arc::clone(&told);
            let answers = std::thread::spawn(move || {
                while let Some(message) = message(&mut from) {
                    // The answer to the write is swallowed, and the way broken then.
                    if swallow.load(Ordering::SeqCst) == BEHIND {
                        if message[0] & 0x3f == 0x21 {
                            break;
                        }
                        // What the target asks for belongs to the command, not to its answer.
                        if message[0] & 0x3f != 0x31 {
                            continue;
                        }
                    }
                    if to.write_all(&message).is_err() {
                        break;
                    }
                }
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            });
            let (mut from, mut to) = (here, there);
            while let Some(message) = message(&mut from) {
                let is_write = message[0] & 0x3f == 1 && message[32] == 0x0a;
                if is_write && told.load(Ordering::SeqCst) == BEFORE {
                    break;
                }
                if to.write_all(&message).is_err() {
                    break;
                }
            }
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            answers.join().expect("the answers");
        });
        Self { portal, breaks }
    }
}

/// One whole message as it travels.
fn message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = vec![0; 48];
    from.read_exact(&mut message).ok()?;
    let length =
        usize::from(message[5]) << 16 | usize::from(message[6]) << 8 | usize::from(message[7]);
    let rest = usize::from(message[4]) * 4 + length.next_multiple_of(4);
    message.resize(48 + rest, 0);
    from.read_exact(&mut message[48..]).ok()?;
    Some(message)
}

/// How many blocks of this length are on the tape, each with its number in its first byte.
fn blocks(drive: &mut Drive<impl Scsi>, length: usize) -> u8 {
    // The new session wants attention first.
    let _ = drive.ready();
    drive.any_length().expect("set");
    drive.rewind().expect("at the beginning");
    let mut buffer = vec![0; length];
    let mut count = 0;
    while drive.read(&mut buffer) == Ok(Read::Block(length)) {
        assert_eq!(buffer[0], count);
        count += 1;
    }
    count
}

#[test]
fn a_write_whose_answer_is_lost_is_on_tape_once_or_not_at_all() {
    const LENGTH: usize = 256 << 10;
    for (breaks, on_tape) in [(BEHIND, 4), (BEFORE, 3)] {
        let Some(tgt) = Tgt::start() else {
            return;
        };
        let mut changer = Changer::new(tgt.session(CHANGER));
        changer.ready().1.expect("ready");
        let rows = changer.rows().expect("rows");
        let (slot, place) = (rows.slots.first, rows.drives.first);
        changer.carry(&rows, slot, place).expect("carried");
        let way = Way::to(tgt.portal);
        let session = Session::connect(way.portal, &names(1)).expect("a session");
        let mut drive = Drive::new(session);
        let _ = drive.ready();
        drive.any_length().expect("set");
        let mut block = vec![0; LENGTH];
        for number in 0..3 {
            block[0] = number;
            drive.write(&block).expect("written");
        }
        way.breaks.store(breaks, Ordering::SeqCst);
        block[0] = 3;
        // The outcome is unknown, and stays so for whoever asks this session again.
        for _ in 0..2 {
            let outcome = drive.write(&block);
            assert!(matches!(outcome, Err(Failure::Lost(_))), "{outcome:?}");
        }
        drop(drive);
        let mut drive = Drive::new(tgt.session(1));
        assert_eq!(blocks(&mut drive, LENGTH), on_tape);
    }
}

#[test]
fn a_portal_tells_which_drive_stands_where_in_which_changer() {
    let Some(tgt) = Tgt::start() else {
        return;
    };
    let caller = Caller {
        portal: tgt.portal,
        initiator: names(0).initiator,
        account: None,
    };
    let found = scan::portal(&caller).expect("what there is");
    let told: Vec<_> = found
        .iter()
        .map(|it| (it.kind, it.serial.as_str(), it.element))
        .collect();
    // It cuts the last of what it tells of its elements: who the last drive is.
    assert_eq!(
        told,
        [
            (Kind::Changer, "CHG00001", None),
            (Kind::Drive, "DRV00001", Some(256)),
            (Kind::Drive, "DRV00002", None),
        ]
    );
    assert!(found.iter().all(|it| it.trouble.is_none()));
    let place = format!("{TARGET} unit 3 at {}", tgt.portal);
    assert_eq!(found[0].place, place);
    assert_eq!(found[1].changer.as_deref(), Some("CHG00001"));

    // A second target, which lets nobody in, hides nothing; alone it says why.
    let (user, other) = (
        "--op new --mode account --user n --password not-told-to-us",
        "iqn.z",
    );
    assert!(tgt.admin(user));
    assert!(tgt.admin(&format!("--op new --mode target --tid 2 -T {other}")));
    assert!(tgt.admin("--op bind --mode target --tid 2 -I 127.0.0.1"));
    assert!(tgt.admin("--op bind --mode account --tid 2 --user n"));
    assert_eq!(scan::portal(&caller).expect("what there is"), found);
    assert!(tgt.admin("--op bind --mode account --tid 1 --user n"));
    assert!(scan::portal(&caller).is_err());
}
