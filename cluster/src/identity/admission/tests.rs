//! Tokens and nodes, by script and against any order of requests.

use holdfast_actors::ports::Entropy;
use proptest::prelude::*;

use super::super::token::Secret;
use super::*;

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn token(number: u8) -> TokenHash {
    Secret::draw(&Fixed(number)).hash()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn made(number: u8, expires: u64) -> Request {
    Request::Token {
        token: token(number),
        expires: at(expires),
    }
}

fn join(number: u8, name: &str, key: u8) -> Request {
    Request::Join(Join {
        token: token(number),
        name: NodeName::parse(name).unwrap(),
        key: KeyHash::new([key; 32]),
        addresses: vec![([127, 0, 0, 1], 1).into()],
    })
}

/// Decides and applies.
fn does(state: &mut Admissions, now: u64, request: Request) -> Result<Option<NodeId>, Refused> {
    match state.decide(at(now), request)? {
        Decision::Already(node) => Ok(Some(node)),
        Decision::Record(record) => {
            state.apply(&record);
            match record {
                Record::Joined { node, .. } => Ok(Some(node)),
                Record::Token { .. } | Record::Removed(_) => Ok(None),
            }
        }
    }
}

#[test]
fn a_token_admits_one_node_once() {
    let mut state = Admissions::default();
    let one = NodeId::new(1);
    assert_eq!(does(&mut state, 0, made(1, 3_600)), Ok(None));
    assert_eq!(does(&mut state, 1, join(2, "a", 1)), Err(Refused::Unknown));
    assert_eq!(does(&mut state, 1, join(1, "a", 1)), Ok(Some(one)));
    let again = does(&mut state, 2, join(1, "a", 1));
    assert_eq!(again, Ok(Some(one)), "the answer was lost");
    let late = does(&mut state, 9_999, join(1, "a", 1));
    assert_eq!(late, Ok(Some(one)));
    assert_eq!(does(&mut state, 3, made(1, 90)), Err(Refused::Known));
    let replayed = does(&mut state, 3, join(1, "b", 2));
    assert_eq!(replayed, Err(Refused::Used(one)));
    let nodes = state.nodes();
    assert_eq!(nodes.owner(&KeyHash::new([1; 32])), Some(one));
}

#[test]
fn a_token_that_expired_admits_nobody() {
    let mut state = Admissions::default();
    does(&mut state, 0, made(1, 60)).unwrap();
    let late = does(&mut state, 60, join(1, "a", 1));
    assert_eq!(late, Err(Refused::Expired(at(60))));
    does(&mut state, 61, made(2, 100)).unwrap();
    let later = does(&mut state, 62, join(1, "a", 1));
    assert_eq!(later, Err(Refused::Unknown), "forgotten");
}

#[test]
fn a_removed_node_returns_with_nothing_that_it_had() {
    let mut state = Admissions::default();
    does(&mut state, 0, made(1, 60)).unwrap();
    does(&mut state, 0, join(1, "a", 1)).unwrap();
    does(&mut state, 1, Request::Remove(NodeId::new(1))).unwrap();
    assert_eq!(state.nodes(), Nodes::default());
    let back = does(&mut state, 2, join(1, "a", 1));
    assert_eq!(back, Err(Refused::Used(NodeId::new(1))));
    does(&mut state, 3, made(2, 60)).unwrap();
    assert_eq!(
        does(&mut state, 4, join(2, "a", 1)),
        Err(Refused::RemovedKey)
    );
    assert_eq!(
        does(&mut state, 5, join(2, "a", 2)),
        Ok(Some(NodeId::new(2)))
    );
    let gone = does(&mut state, 6, Request::Remove(NodeId::new(1)));
    assert_eq!(gone, Err(Refused::NoNode(NodeId::new(1))));
}

#[test]
fn names_keys_and_limits_hold() {
    let mut state = Admissions::default();
    for number in 1..=3 {
        does(&mut state, 0, made(number, 60)).unwrap();
    }
    let one = NodeId::new(1);
    does(&mut state, 0, join(1, "a", 1)).unwrap();
    let name = NodeName::parse("a").unwrap();
    assert_eq!(
        does(&mut state, 0, join(2, "a", 2)),
        Err(Refused::Name(name, one))
    );
    assert_eq!(does(&mut state, 0, join(2, "b", 1)), Err(Refused::Key(one)));
    assert_eq!(does(&mut state, 0, made(9, 0)), Err(Refused::Life));
    let week = 86_400 * 7;
    assert_eq!(does(&mut state, 0, made(9, week + 1)), Err(Refused::Life));
    for number in 4..=TOKENS_MAX as u8 {
        does(&mut state, 0, made(number, 60)).unwrap();
    }
    let full = does(&mut state, 0, made(99, 60));
    assert_eq!(full, Err(Refused::Full("64 join tokens")));
    assert_eq!(does(&mut state, 60, made(99, 120)), Ok(None));
}

fn request() -> impl Strategy<Value = Request> {
    let names = ["a", "b", "c", "d"];
    prop_oneof![
        (0..6_u8, 0..200_u64).prop_map(|(number, expires)| made(number, expires)),
        (0..6_u8, 0..4_usize, 0..6_u8)
            .prop_map(move |(number, name, key)| { join(number, names[name], key) }),
        (0..8_u64).prop_map(|node| Request::Remove(NodeId::new(node))),
    ]
}

proptest! {
    #[test]
    fn whatever_is_asked_a_token_admits_one_key_and_a_key_has_one_number(
        requests in prop::collection::vec((0..10_u64, request()), 0..80),
    ) {
        let (mut state, mut records) = (Admissions::default(), Vec::new());
        let mut now = 0;
        let mut admitted: BTreeMap<(TokenHash, Timestamp), KeyHash> = BTreeMap::new();
        let mut numbers: BTreeMap<KeyHash, NodeId> = BTreeMap::new();
        for (passed, request) in requests {
            now += passed;
            let Ok(Decision::Record(record)) = state.decide(at(now), request) else {
                continue;
            };
            if let Record::Joined { node, join } = &record {
                let expires = state.tokens[&join.token].expires;
                prop_assert!(expires > at(now), "an expired token");
                let before = admitted.insert((join.token, expires), join.key);
                prop_assert_eq!(before, None, "a token admitted twice");
                prop_assert_eq!(numbers.insert(join.key, *node), None, "a key came twice");
            }
            state.apply(&record);
            records.push(record);
        }
        let mut again = Admissions::default();
        records.iter().for_each(|record| again.apply(record));
        prop_assert_eq!(again, state, "the facts make the state");
    }
}
