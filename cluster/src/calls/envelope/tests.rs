//! Envelopes come back from their bytes, and the bytes of the first version stay what they are.

use expect_test::expect;
use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn passing() -> impl Strategy<Value = Passing> {
    prop_oneof![
        Just(Passing::Stopped),
        Just(Passing::Failed),
        Just(Passing::Absent),
        Just(Passing::Refused),
    ]
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let id = any::<u64>().prop_map(Ticket::new);
    let empty = (id, 0..5).prop_map(|(id, kind)| match kind {
        0 => Envelope::Cancel { id },
        1 => Envelope::NoService { id },
        2 => Envelope::Busy { id },
        3 => Envelope::Lost { id },
        _ => Envelope::Unfamiliar { id },
    });
    let id = || any::<u64>().prop_map(Ticket::new);
    prop_oneof![
        empty,
        (any::<u16>(), any::<bool>())
            .prop_map(|(window, is_greeted)| Envelope::Credit { window, is_greeted }),
        (id(), any::<u32>(), text(), text()).prop_map(|(id, millis, service, body)| {
            let within = Duration::from_millis(millis.into());
            Envelope::Call {
                id,
                within,
                service,
                body,
            }
        }),
        (id(), text()).prop_map(|(id, path)| Envelope::Watch { id, path }),
        (id(), text()).prop_map(|(id, body)| Envelope::Answer { id, body }),
        (id(), text()).prop_map(|(id, why)| Envelope::Rejected { id, why }),
        (id(), passing()).prop_map(|(id, passing)| Envelope::Down { id, passing }),
    ]
}

proptest! {
    #[test]
    fn envelopes_come_back_from_their_frame(
        envelopes in prop::collection::vec(envelope(), 0..20),
    ) {
        let frame = Bytes::from(encode(&envelopes).concat());
        let lengths: usize = envelopes.iter().map(Envelope::length).sum();
        prop_assert_eq!(frame.len(), 2 + lengths);
        prop_assert_eq!(decode(frame), Ok(envelopes));
    }

    #[test]
    fn a_frame_that_is_cut_is_no_frame_or_one_with_fewer_envelopes(
        envelopes in prop::collection::vec(envelope(), 1..5),
        cut: prop::sample::Index,
    ) {
        let frame = Bytes::from(encode(&envelopes).concat());
        let part = frame.slice(..cut.index(frame.len()));
        if let Ok(read) = decode(part) {
            prop_assert!(read.len() < envelopes.len());
            prop_assert_eq!(&read[..], &envelopes[..read.len()]);
        }
    }
}

fn hex(envelope: Envelope) -> String {
    let frame = Bytes::from(encode(&[envelope]).concat());
    frame.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_of_version_1_never_change() {
    let id = Ticket::new(0x0102_0304_0506_0708);
    let (service, body) = (Bytes::from_static(b"echo"), Bytes::from_static(b"hello"));
    let within = Duration::from_millis(1_500);
    let call = Envelope::Call {
        id,
        within,
        service,
        body: body.clone(),
    };
    let path = Bytes::from_static(b"node/tape");
    let why = Bytes::from_static(b"no");
    let (window, is_greeted) = (64, true);
    let passing = Passing::Failed;
    let all = [
        Envelope::Credit { window, is_greeted },
        call,
        Envelope::Cancel { id },
        Envelope::Watch { id, path },
        Envelope::Answer { id, body },
        Envelope::Rejected { id, why },
        Envelope::NoService { id },
        Envelope::Busy { id },
        Envelope::Lost { id },
        Envelope::Down { id, passing },
        Envelope::Unfamiliar { id },
    ];
    let golden: Vec<String> = all.into_iter().map(hex).collect();
    expect![[r#"
        01000c000000010000000000000000400001
        010018000000020807060504030201dc05000004006563686f68656c6c6f
        010009000000030807060504030201
        0100120000000408070605040302016e6f64652f74617065
        01000e00000081080706050403020168656c6c6f
        01000b0000008208070605040302016e6f
        010009000000830807060504030201
        010009000000840807060504030201
        010009000000850807060504030201
        01000a00000086080706050403020102
        010009000000870807060504030201"#]]
    .assert_eq(&golden.join("\n"));
}

#[test]
fn an_envelope_of_tomorrow_is_stepped_over() {
    let known = Envelope::Cancel { id: Ticket::new(7) };
    for (kind, asks) in [(100, true), (200, false)] {
        let mut frame = vec![
            MAJOR,
            MINOR + 1,
            12,
            0,
            0,
            0,
            kind,
            9,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            1,
            2,
            3,
        ];
        frame.extend_from_slice(&encode(std::slice::from_ref(&known)).concat()[2..]);
        let id = Ticket::new(9);
        let read = decode(frame.into());
        assert_eq!(
            read,
            Ok(vec![Envelope::Strange { id, asks }, known.clone()])
        );
    }
}

#[test]
fn another_major_version_and_damage_are_told_apart() {
    let of = |bytes: &[u8]| decode(Bytes::copy_from_slice(bytes));
    assert_eq!(of(&[2, 0]), Err(FrameError::Version(2)));
    assert_eq!(of(&[1]), Err(FrameError::Short));
    assert_eq!(of(&[1, 0, 9, 0, 0, 0]), Err(FrameError::Short));
    let cancel = [1, 0, 10, 0, 0, 0, CANCEL_KIND, 1, 0, 0, 0, 0, 0, 0, 0, 5];
    assert_eq!(of(&cancel), Err(FrameError::Form), "bytes behind a cancel");
    let none = Envelope::Cancel { id: Ticket::new(1) };
    let many = vec![none; ENVELOPES_MAX + 1];
    assert_eq!(decode(encode(&many).concat().into()), Err(FrameError::Many));
}

const CANCEL_KIND: u8 = 3;

#[test]
fn what_is_too_large_for_a_frame_does_not_fit() {
    let call = |bytes| Envelope::Call {
        id: Ticket::new(1),
        within: Duration::from_secs(1),
        service: Bytes::from_static(b"echo"),
        body: Bytes::from(vec![0; bytes]),
    };
    let most = FRAME_MAX - 2 - 13 - 6 - 4;
    assert!(call(most).fits());
    assert_eq!(encode(&[call(most)]).concat().len(), FRAME_MAX);
    assert!(!call(most + 1).fits());
}
