//! Scripts: what the writer is told, what it orders.

use bytes::Bytes;
use expect_test::{Expect, expect};

use super::super::label::{Label, Reason, SetId, SetKind, SetLabel, VolumeId};
use super::super::sign::Signer;
use super::super::sum::Sum;
use super::super::text::Text;
use super::*;

fn volume() -> Volume {
    let signer = Signer::from_seed(&[1; 32]).unwrap();
    Volume {
        label: Label {
            volume: VolumeId::new([1; 16]),
            barcode: None,
            cluster: Text::parse("north").unwrap(),
            pool: Text::parse("weekly").unwrap(),
            block: u32::try_from(BLOCK).unwrap(),
            written: 7,
            signer: signer.public(),
        },
        set: SetLabel {
            set: SetId::new([2; 16]),
            name: Text::parse("set").unwrap(),
            runs: SetKind::Whole,
            layout: Layout::One,
            sequence: 1,
            generation: 1,
            protected_until: None,
            worm: false,
            owner: None,
            previous: Vec::new(),
        },
        signer,
        keys: Vec::new(),
    }
}

fn settings() -> Settings {
    Settings {
        archive_max: 4 << 20,
        commit_every: 8 << 20,
        finish_max: 1 << 20,
        rows_max: 1000,
    }
}

fn pack(length: usize) -> Bytes {
    vec![7; length].into()
}

fn begin(bytes: &Bytes) -> Event {
    let sha256 = Sum::of(bytes);
    let place = Place::parse(&format!("keys/{sha256}")).unwrap();
    Event::Begin(Header {
        item: Item::Object(place),
        length: bytes.len() as u64,
        sha256,
        encryption: None,
    })
}

/// Answers each order with success until nothing is owed; the `fail`th order is answered so.
fn play(events: Vec<Event>, fail: Option<(usize, Event)>, expected: &Expect) {
    let mut writer = Writer::fresh(volume(), settings());
    let mut said = String::new();
    let (mut orders, mut stands, mut has_ended) = (0, 0, false);
    for event in events {
        let mut waiting = VecDeque::from([event]);
        while let Some(event) = waiting.pop_front() {
            let mut effects = Vec::new();
            writer.step(event, &mut effects);
            for effect in effects {
                let is_order = matches!(
                    effect,
                    Effect::Where | Effect::Write(_) | Effect::Filemark | Effect::Flush
                );
                let answer = is_order.then(|| match effect == Effect::Where {
                    true => Event::At(Some(stands)),
                    false => Event::Done { near_end: false },
                });
                let failing = fail.as_ref().filter(|(at, _)| *at == orders);
                has_ended |= failing.is_some_and(|(_, event)| *event == Event::HardEnd);
                let is_taken = matches!(effect, Effect::Write(_) | Effect::Filemark);
                stands += u64::from(is_taken && !has_ended);
                said += &told(&effect);
                if let Some(answer) = answer {
                    waiting.push_back(failing.map_or(answer, |(_, event)| event.clone()));
                    orders += 1;
                }
            }
        }
        said.push('\n');
    }
    expected.assert_eq(&said);
}

fn told(effect: &Effect) -> String {
    match effect {
        Effect::Write(_) => "Write ".to_owned(),
        Effect::Committed(rows) => format!("Committed({}) ", rows.len()),
        Effect::Again(places) => format!("Again({}) ", places.len()),
        Effect::Ended(End::Sealed(seal)) => format!("Sealed({:?}) ", seal.reason),
        Effect::Where
        | Effect::Filemark
        | Effect::Flush
        | Effect::Want
        | Effect::Spoiled(_)
        | Effect::Ended(End::Full | End::Failed)
        | Effect::Refuse(_) => format!("{effect:?} "),
    }
}

fn a_job() -> Vec<Event> {
    let (one, two) = (pack(300_000), pack(900_000));
    vec![
        Event::Start,
        begin(&one),
        Event::Piece(one),
        begin(&two),
        Event::Piece(two),
        Event::Commit,
        Event::Commit,
        Event::Seal(Reason::Closed),
        Event::Start,
    ]
}

#[test]
fn a_job_is_labels_objects_index_seal() {
    play(
        a_job(),
        None,
        &expect![[r#"
            Where Write Filemark Where Want 
            Write Filemark Flush Where Where Want 
            Write Want 
            Want 
            Write Write Write Want 
            Write Write Filemark Where Write Filemark Flush Where Committed(2) Want 
            Committed(0) Want 
            Where Write Filemark Filemark Flush Where Sealed(Closed) 

        "#]],
    );
}

#[test]
fn what_a_drive_took_twice_is_not_committed_and_nothing_is_written_behind_it() {
    // It stands one block further than it was given.
    let further = Event::At(Some(14));
    play(
        a_job(),
        Some((20, further)),
        &expect![[r#"
        Where Write Filemark Where Want 
        Write Filemark Flush Where Where Want 
        Write Want 
        Want 
        Write Write Write Want 
        Write Write Filemark Where Write Filemark Flush Where Again(2) Ended(Failed) 



    "#]],
    );
}

#[test]
fn a_flush_that_failed_commits_nothing() {
    play(
        a_job(),
        Some((19, Event::Failed)),
        &expect![[r#"
            Where Write Filemark Where Want 
            Write Filemark Flush Where Where Want 
            Write Want 
            Want 
            Write Write Write Want 
            Write Write Filemark Where Write Filemark Flush Again(2) Ended(Failed) 



        "#]],
    );
}

#[test]
fn at_the_hard_end_the_object_under_way_is_given_back() {
    play(
        a_job(),
        Some((12, Event::HardEnd)),
        &expect![[r#"
            Where Write Filemark Where Want 
            Write Filemark Flush Where Where Want 
            Write Want 
            Want 
            Write Write Write Again(1) Flush Where Committed(1) Ended(Full) 




        "#]],
    );
}

#[test]
fn a_warning_lets_a_short_rest_be_finished() {
    let two = pack(900_000);
    let pieces = [two.slice(..400_000), two.slice(400_000..)];
    let pieces = pieces.map(Event::Piece);
    let events = [Event::Start, begin(&two)].into_iter().chain(pieces);
    let warning = Event::Done { near_end: true };
    play(
        events.collect(),
        Some((9, warning)),
        &expect![[r#"
            Where Write Filemark Where Want 
            Write Filemark Flush Where Where Want 
            Write Want 
            Write Write Write Write Filemark Where Write Filemark Flush Where Committed(1) Where Write Filemark Filemark Flush Where Sealed(Full) 
        "#]],
    );
}

#[test]
fn a_warning_gives_a_long_rest_back() {
    let big = pack(6 << 20);
    let events = vec![
        Event::Start,
        begin(&big),
        Event::Piece(big.slice(..1 << 20)),
    ];
    play(
        events,
        Some((9, Event::Done { near_end: true })),
        &expect![[r#"
            Where Write Filemark Where Want 
            Write Filemark Flush Where Where Write Again(1) Filemark Where Write Filemark Filemark Flush Where Sealed(Full) 

        "#]],
    );
}

#[test]
fn stray_answers_and_inputs_change_nothing() {
    let mut writer = Writer::fresh(volume(), settings());
    let mut effects = Vec::new();
    writer.step(Event::Start, &mut effects);
    writer.step(Event::Start, &mut effects);
    assert_eq!(effects, [Effect::Where]);
    writer.step(Event::Done { near_end: false }, &mut effects);
    writer.step(Event::Commit, &mut effects);
    assert_eq!(effects, [Effect::Where, Effect::Refuse(Refusal::NotNow)]);
}
