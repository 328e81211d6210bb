//! The fuzz targets of `tests/fuzz`, for a moment each, on valid bytes with faults in them.
//!
//! A fuzzer that follows coverage finds more: `tests/fuzz/Cargo.toml` says how to run it. What runs
//! here makes sure that the targets stay true of the product.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use bytes::Bytes;
use holdfast_actors::frame::Header;
use holdfast_actors::kernel::{
    CredentialId, Epoch, ExtentId, NodeId, NodeName, Sequence, Size, Space, Ticket, Timestamp,
};
use holdfast_actors::object::{Hash, Key, Kind};
use holdfast_actors::repository::{Entry, Piece, Stored};
use holdfast_actors::schema;
use holdfast_cluster::calls::Passing;
use holdfast_cluster::calls::envelope::{Envelope, encode};
use holdfast_cluster::calls::pursuit::{Answer, Question};
use holdfast_cluster::identity::{Authority, NODE_LIFE, NodeCertificate, NodeKey, Sealed, Secret};
use holdfast_cluster::join::{self, Admitted, Petition};
use holdfast_cluster::nodes::Node;
use holdfast_cluster::quic::{Class, Life, VERSION, hello::Hello};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use sha2::{Digest, Sha256};

#[path = "fuzz/targets.rs"]
mod targets;

/// Inputs that each target gets.
const CASES: u32 = 512;

/// One fault in valid bytes.
#[derive(Clone, Debug)]
enum Fault {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Fault::Set(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Fault::Flip(at, bit)),
        any::<Index>().prop_map(Fault::Cut),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..16))
            .prop_map(|(at, bytes)| Fault::Insert(at, bytes)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Fault::Repeat(from, to)),
    ]
}

fn spoil(mut bytes: Vec<u8>, fault: &Fault) -> Vec<u8> {
    let within = |at: &Index| at.index(bytes.len() + 1);
    match fault {
        Fault::Cut(at) => bytes.truncate(within(at)),
        Fault::Insert(at, more) => {
            let at = within(at);
            bytes.splice(at..at, more.iter().copied());
        }
        Fault::Repeat(from, to) => {
            let (from, to) = (within(from), within(to));
            bytes.extend_from_within(from.min(to)..from.max(to));
        }
        Fault::Set(..) | Fault::Flip(..) if bytes.is_empty() => {}
        Fault::Set(at, byte) => *at.get_mut(&mut bytes) = *byte,
        Fault::Flip(at, bit) => *at.get_mut(&mut bytes) ^= 1 << bit,
    }
    bytes
}

/// Gives a target each sample as it is, then samples with faults, and noise.
fn fuzz(target: fn(&[u8]) -> bool, samples: &[Vec<u8>]) {
    for sample in samples {
        let text = String::from_utf8_lossy(sample);
        assert!(target(sample), "nothing is read from {text}");
    }
    let noise = prop::collection::vec(any::<u8>(), 0..2_048);
    let sample = prop::sample::select(samples.to_vec());
    let faults = prop::collection::vec(fault(), 1..5);
    let spoilt = (sample, faults).prop_map(|(bytes, faults)| faults.iter().fold(bytes, spoil));
    let mut runner = TestRunner::new(Config::with_cases(CASES));
    let input = prop_oneof![1 => noise, 7 => spoilt];
    let tried = runner.run(&input, |bytes| {
        target(&bytes);
        Ok(())
    });
    tried.unwrap();
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn framed(kind: u8, sequence: u64, body: &[u8]) -> Vec<u8> {
    let header = Header::of(kind, Epoch::default(), Sequence::new(sequence), body);
    [&header.encode(), body].concat()
}

fn stored() -> Entry {
    let hash = Hash::new(Sha256::digest(b"twelve bytes").into());
    let key = Key {
        space: Space::TENANT,
        kind: Kind::Data,
        name: hash,
    };
    let piece = Piece {
        extent: ExtentId::new(1),
        offset: 48,
        length: 12,
    };
    Entry::Stored(Stored {
        key,
        size: Size::bytes(12),
        hash,
        at: Timestamp::from_millis(1_800_000_000_000),
        by: CredentialId::new(1),
        pieces: vec![piece],
    })
}

/// An extent as it lies on disk: its secret, an object's bytes, and the entry with its tag.
fn extent() -> Vec<u8> {
    let (secret, durable) = ([7; 16], 92_u64);
    let entry = schema::encode(&stored());
    let tag = Sha256::new()
        .chain_update(secret)
        .chain_update(2_u64.to_le_bytes())
        .chain_update(durable.to_le_bytes())
        .chain_update(&entry)
        .finalize();
    let entry = [entry.as_slice(), &durable.to_le_bytes(), &tag[..8]].concat();
    [
        framed(3, 0, &secret),
        framed(1, 1, b"twelve bytes"),
        framed(2, 2, &entry),
    ]
    .concat()
}

#[test]
fn any_bytes_may_stand_where_a_frame_is_read() {
    fuzz(
        targets::frame,
        &[framed(1, 5, b"a body"), framed(2, 6, b"")],
    );
}

#[test]
fn any_bytes_may_stand_where_a_record_is_read() {
    let deleted = Entry::Purged {
        objects: vec![],
        at: Timestamp::from_millis(1),
    };
    let rows = schema::encode(&holdfast_actors::catalog::rows::Rows::default());
    let samples = [schema::encode(&stored()), schema::encode(&deleted), rows];
    fuzz(targets::record, &samples);
}

#[test]
fn any_bytes_may_stand_where_the_journal_is_read() {
    let one = framed(1, 1, b"the first");
    let two = [
        one.clone(),
        framed(1, 2, b"the second"),
        framed(4, 3, b"and more"),
    ]
    .concat();
    let long = [two.clone(), vec![0; 4_096]].concat();
    fuzz(targets::journal, &[one, two, long]);
}

#[test]
fn any_bytes_may_stand_where_an_extent_is_read() {
    let whole = extent();
    let twice = Bytes::from(whole.clone()).repeat(2);
    fuzz(targets::extent, &[whole, twice]);
}

#[test]
fn any_text_may_stand_where_a_name_a_size_or_a_date_is_read() {
    let words = [
        "acme",
        "laptop-7",
        "r2-d2.x_y",
        "10GiB",
        "1.5TB",
        "50MB/s",
        "2026-12-31",
    ];
    let times = [
        "2026-12-31T23:59:59Z",
        "2026-12-31T23:59:59.999+01:00",
        "never",
    ];
    let hash = ["aa".repeat(32), format!("sha256:{}", "AB:".repeat(32))];
    let hash: Vec<&str> = hash.iter().map(String::as_str).collect();
    fuzz(targets::name, &texts(&[&words[..], &times, &hash].concat()));
}

#[test]
fn any_text_may_stand_where_a_path_and_a_range_are_read() {
    let object = format!("/main/data/{}\nbytes=0-99", "0a".repeat(32));
    let samples = [
        "/main/?create=true",
        "/main/config\nbytes=-5",
        "/main/keys/\n1048576/4194304",
        "/main/snapshots/\n?/4194304",
        &object,
    ];
    fuzz(targets::request, &texts(&samples));
}

#[test]
fn any_bytes_may_stand_where_an_order_is_read() {
    let samples = [
        r#"{"version":1,"command":"status"}"#,
        r#"{"version":1,"as":"ann","command":{"tenant":{"show":{"name":"acme"}}}}"#,
    ];
    fuzz(targets::order, &texts(&samples));
}

#[test]
fn any_text_may_stand_where_a_certificate_is_read() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem() + &made.signing_key.serialize_pem();
    fuzz(targets::certificate, &[pem.into_bytes()]);
}

#[test]
fn any_bytes_may_stand_where_a_peer_speaks() {
    let hello = Hello {
        version: VERSION,
        purpose: Class::Calls.into(),
        node: NodeId::new(2),
        life: Life { count: 1, salt: 7 },
        attempt: 1,
    };
    let items = b"\x05\0\0\0hello\0\0\0\0\x10\0\0\x80".to_vec();
    let both = [hello.encode(), items.clone()].concat();
    fuzz(targets::link, &[hello.encode(), items, both]);
}

#[test]
fn any_text_may_stand_where_a_join_token_is_pasted() {
    let token = "holdfast-join-1-00000039yjhx0081040g2081040g2081040g2081040g2081040g20810\
                 40g2081081040g2081040g2081040g2081040g2081040g2081040g208109g00083ht4r6400gv\
                 e00000000000000000004eh7tt03kag";
    let spaced = token.replace("g2", "g2 \n").to_uppercase();
    fuzz(targets::token, &texts(&[token, &spaced]));
}

#[test]
fn any_bytes_may_be_said_where_a_node_joins() {
    let petition = Petition {
        secret: Secret::new([3; 32]),
        name: NodeName::parse("b").unwrap(),
        key: *NodeKey::generate().unwrap().public(),
        addresses: vec![([192, 0, 2, 7], 7_443).into()],
        roles: ["storage".to_owned()].into(),
        zone: "rack-1".to_owned(),
    };
    let node = Node {
        key: petition.key.hash(),
        addresses: petition.addresses.clone(),
    };
    let now = Timestamp::from_millis(1_800_000_000_000);
    let issuer = Authority::found(now).unwrap().issuer(now).unwrap();
    let admitted = Admitted {
        node: NodeId::new(2),
        chain: vec![vec![1; 40].into(), vec![2; 40].into()],
        root: issuer.root().clone(),
        issuer: Some(issuer.into()),
        nodes: vec![(NodeId::new(1), node)],
    };
    let samples = [
        petition.encode().to_vec(),
        join::Answer::Admitted(Box::new(admitted)).encode().to_vec(),
        join::Answer::refused("token-used", "too late")
            .encode()
            .to_vec(),
    ];
    fuzz(targets::join, &samples);
}

#[test]
fn any_bytes_may_stand_where_a_nodes_identity_is_kept() {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let issuer = Authority::found(now).unwrap().issuer(now).unwrap();
    let (key, name) = (NodeKey::generate().unwrap(), NodeName::parse("a").unwrap());
    let chain = issuer.issue(NodeId::new(1), &name, key.public(), now, NODE_LIFE);
    let node = NodeCertificate::new(chain.unwrap(), issuer.root().clone(), key).unwrap();
    let kept = issuer.pem();
    let issuer = kept.certificates + &kept.key;
    let sealed = [1; 60].to_vec();
    assert!(Sealed::parse(&sealed).is_ok());
    let samples = [node.pem().as_bytes().to_vec(), issuer.into_bytes(), sealed];
    fuzz(targets::identity, &samples);
}

#[test]
fn any_bytes_may_stand_where_a_node_listens_to_another() {
    let (id, body) = (Ticket::new(5), Bytes::from_static(b"hello"));
    let call = Envelope::Call {
        id,
        within: std::time::Duration::from_secs(1),
        service: Bytes::from_static(b"echo"),
        body: body.clone(),
    };
    let (window, is_greeted) = (64, false);
    let greeting = Envelope::Credit { window, is_greeted };
    let path = Bytes::from_static(b"node/tape");
    let passing = Passing::Failed;
    let why = body.clone();
    let frames = [
        vec![greeting, call, Envelope::Watch { id, path }],
        vec![
            Envelope::Answer {
                id,
                body: body.clone(),
            },
            Envelope::Rejected { id, why },
            Envelope::Down { id, passing },
            Envelope::Cancel { id },
        ],
    ];
    let mut samples: Vec<Vec<u8>> = frames.iter().map(|all| encode(all).concat()).collect();
    let name = Bytes::from_static(b"acme");
    let moved = Answer::Moved(NodeId::new(3));
    samples.push(Question { name, body }.encode().to_vec());
    samples.push(moved.encode().to_vec());
    fuzz(targets::envelope, &samples);
}
