//! The rows of tapes in files, on a disk that loses what was not synced.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use holdfast_actors::tape::MediumId;
use holdfast_simulations::dice::Dice;
use holdfast_simulations::disk::{Disk, Faults};
use holdfast_tape::format::{Place, Row, Sum};
use holdfast_tape::ports::Shelf as _;
use holdfast_tape::shelf::Files;

const ONE: MediumId = MediumId::new(1);
const PATH: &str = "tape/rows/00000000000000000000000000000001.jsonl";

fn row(block: u32) -> Row {
    Row {
        path: Place::parse("acme/main.1/config").unwrap(),
        sha256: Sum::of(b"config"),
        length: 6,
        file: 2,
        position: None,
        block,
        offset: 0,
        key: None,
    }
}

fn shelf(disk: &Disk) -> Files {
    Files::new(disk.port(), "tape/rows")
}

#[tokio::test(start_paused = true)]
async fn rows_come_back_in_order_until_they_are_forgotten() {
    let disk = Disk::default();
    let files = shelf(&disk);
    assert_eq!(files.rows(ONE).await, Ok(None));
    // There is no folder yet either.
    files.clear(ONE).await.unwrap();
    files.add(ONE, &[row(1), row(2)]).await.unwrap();
    shelf(&disk).add(ONE, &[row(3)]).await.unwrap();
    let all = vec![row(1), row(2), row(3)];
    assert_eq!(files.rows(ONE).await, Ok(Some(all)));
    assert_eq!(files.rows(MediumId::new(2)).await, Ok(None));
    files.clear(ONE).await.unwrap();
    files.clear(ONE).await.unwrap();
    assert_eq!(files.rows(ONE).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn what_was_added_survives_a_power_cut_and_what_was_cut_off_does_not() {
    for seed in 0..200 {
        let (disk, mut dice) = (Disk::default(), Dice::of_seed(seed));
        let mut files = shelf(&disk);
        let mut kept = Vec::new();
        for number in 0..8 {
            let rows = [row(number), row(number + 100)];
            if dice.one_in(3) {
                // The power goes before anybody heard that it was done.
                let faults = Faults {
                    failing_syncs: 1,
                    ..Faults::default()
                };
                disk.set_faults(faults);
                assert!(files.add(ONE, &rows).await.is_err());
                disk.set_faults(Faults::default());
                disk.crash(&mut dice);
                files = shelf(&disk);
                let there = files.rows(ONE).await.unwrap().unwrap_or_default();
                assert!(there.starts_with(&kept), "seed {seed}: {there:?}");
                kept = there;
            } else {
                files.add(ONE, &rows).await.unwrap();
                kept.extend(rows);
            }
        }
        disk.crash(&mut dice);
        let there = shelf(&disk).rows(ONE).await.unwrap().unwrap_or_default();
        assert_eq!(there, kept, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_of_an_addition_is_cut_off_and_damage_is_an_error() {
    let disk = Disk::default();
    shelf(&disk).add(ONE, &[row(1)]).await.unwrap();
    let first = disk.content(PATH).unwrap().len();
    shelf(&disk).add(ONE, &[row(2)]).await.unwrap();
    let whole = disk.content(PATH).unwrap();
    for cut in first..whole.len() {
        assert!(disk.rot(PATH, whole[..cut].to_vec()));
        assert_eq!(
            shelf(&disk).rows(ONE).await,
            Ok(Some(vec![row(1)])),
            "{cut}"
        );
    }
    shelf(&disk).add(ONE, &[row(3)]).await.unwrap();
    let both = vec![row(1), row(3)];
    assert_eq!(shelf(&disk).rows(ONE).await, Ok(Some(both)));
    let mut bytes = disk.content(PATH).unwrap();
    bytes[first / 2] ^= 0x80;
    assert!(disk.rot(PATH, bytes));
    assert!(shelf(&disk).rows(ONE).await.is_err());
}
