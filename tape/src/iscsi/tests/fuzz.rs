//! Targets that answer garbage: mostly right, and wrong somewhere.

use super::super::*;
use super::fake::Seen;
use super::*;

/// One fault in what a target says.
#[derive(Clone, Debug)]
enum Fault {
    Set(usize, u8),
    Cut(usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => (0..700_usize, any::<u8>()).prop_map(|(at, byte)| Fault::Set(at, byte)),
        1 => (0..700_usize).prop_map(Fault::Cut),
        1 => (0..700_usize, prop::collection::vec(any::<u8>(), 1..60))
            .prop_map(|(at, bytes)| Fault::Insert(at, bytes)),
        1 => (0..700_usize, 0..100_usize).prop_map(|(at, count)| Fault::Repeat(at, count)),
    ]
}

fn spoil(bytes: &mut Vec<u8>, fault: &Fault) {
    match fault {
        Fault::Set(at, byte) => {
            if let Some(place) = bytes.get_mut(*at) {
                *place = *byte;
            }
        }
        Fault::Cut(at) => bytes.truncate(*at),
        Fault::Insert(at, more) => {
            let at = bytes.len().min(*at);
            bytes.splice(at..at, more.iter().copied());
        }
        Fault::Repeat(at, count) => {
            let at = bytes.len().min(*at);
            let again = bytes[at..bytes.len().min(at + count)].to_vec();
            bytes.splice(at..at, again);
        }
    }
}

/// All that a polite target says at the login, a read and a write, as one stream of bytes.
fn conversation() -> Vec<u8> {
    let said = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let copy = std::rc::Rc::clone(&said);
    let fake = Fake::new(move |asked| {
        let answer = match asked.head.opcode() {
            opcode::COMMAND if asked.head.bytes[32] == 8 => {
                let mut data = head(asked, opcode::DATA_IN, &[(1, 0x81)]);
                data.set(40, 0);
                vec![(data, vec![7; 64])]
            }
            opcode::COMMAND => {
                let mut ready = head(asked, opcode::READY, &[]);
                ready.set(20, 9);
                ready.set(40, 8_192);
                ready.set(44, 808);
                vec![(ready, vec![])]
            }
            opcode::DATA_OUT => vec![(head(asked, opcode::RESPONSE, &[]), vec![])],
            _ => polite(asked),
        };
        for (head, body) in &answer {
            copy.borrow_mut().extend(head.encode(body));
        }
        answer
    });
    talk(fake, None);
    said.take()
}

/// Logs in, reads and writes; whatever comes of it.
fn talk(fake: Fake, account: Option<&Account>) -> Vec<Answer> {
    let Ok(mut session) = Session::open(fake, &names(), account) else {
        return Vec::new();
    };
    let mut buffer = [0; 64];
    let read = session.execute(&[8], Data::In(&mut buffer), Patience::Block);
    let write = session.execute(&[10], Data::Out(&[1; 9_000]), Patience::Block);
    session.look_after();
    vec![read, write]
}

/// A target that has said all this before it was asked, and then falls silent or goes away.
fn canned(
    said: Vec<u8>,
    closes: bool,
    piece: usize,
) -> (Fake, std::rc::Rc<std::cell::RefCell<Seen>>) {
    let mut fake = Fake::new(|_| vec![]);
    fake.closes = closes;
    fake.pace = (Duration::from_millis(1), piece);
    fake.seen.borrow_mut().inbox = said;
    let seen = std::rc::Rc::clone(&fake.seen);
    (fake, seen)
}

#[test]
fn the_conversation_that_is_spoilt_is_a_good_one() {
    let (fake, _) = canned(conversation(), true, 1_000);
    let good = Answer::Good { residual: 0 };
    assert_eq!(talk(fake, None), [good.clone(), good]);
}

#[test]
fn a_target_may_go_away_at_any_byte() {
    let whole = conversation();
    for length in 0..whole.len() {
        let (fake, _) = canned(whole[..length].to_vec(), true, 64);
        let answers = talk(fake, None);
        let lost = |answer: &Answer| matches!(answer, Answer::Lost { .. });
        assert!(answers.last().is_none_or(lost), "after {length} bytes");
    }
}

/// Longer than any of these takes, with aborts and resets: what ends later would not end.
const LONGEST: Duration = Duration::from_secs(1_000);

proptest! {
    #[test]
    fn no_target_is_too_strange(
        faults in prop::collection::vec(fault(), 1..5),
        closes: bool,
        piece in 1_usize..200,
        proves: bool,
    ) {
        let mut said = conversation();
        for fault in &faults {
            spoil(&mut said, fault);
        }
        let (fake, seen) = canned(said, closes, piece);
        let ours = account();
        talk(fake, proves.then_some(&ours));
        let seen = seen.borrow();
        prop_assert!(seen.now < LONGEST);
        // Whatever was said, each command was sent once.
        let sent = |byte: u8| {
            seen.of(opcode::COMMAND).iter().filter(|one| one.head.bytes[32] == byte).count()
        };
        prop_assert!(sent(8) <= 1 && sent(10) <= 1);
    }

    #[test]
    fn no_noise_is_too_strange(
        said in prop::collection::vec(any::<u8>(), 0..300),
        closes: bool,
        logged_in: bool,
    ) {
        let mut noise = match logged_in {
            true => conversation()[..96].to_vec(),
            false => Vec::new(),
        };
        noise.extend(&said);
        let (fake, seen) = canned(noise.clone(), closes, 64);
        talk(fake, None);
        prop_assert!(seen.borrow().now < LONGEST);
        let (fake, seen) = canned(noise, closes, 64);
        let _ = discover_over(fake, &names(), None);
        prop_assert!(seen.borrow().now <= OPENING + OPENING);
    }
}
