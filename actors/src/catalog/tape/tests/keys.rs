//! Keys: one that somebody needs stays, and a cartridge stays with its own.

use super::*;

const TEXT: &str = "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n";

fn key(id: u128, command: KeyCommand) -> Command {
    Command::Tape(TapeCommand::Key(KeyId::new(id), command))
}

fn wrapped(name: &str, text: &str) -> Wrapped {
    Wrapped {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn add(id: u128, wrapped: Vec<Wrapped>) -> Command {
    let description = "spring".to_owned();
    key(
        id,
        KeyCommand::Add {
            description,
            wrapped,
        },
    )
}

fn one() -> Vec<Wrapped> {
    vec![wrapped("passphrase", TEXT)]
}

fn encrypts(id: Option<u128>) -> Command {
    pool(MediaPoolCommand::Encrypt(id.map(KeyId::new)))
}

#[test]
fn a_key_that_nobody_could_open_is_refused() {
    let mut vault = Vault::open();
    let long = format!("{TEXT}{}", "x".repeat(64 << 10));
    for bad in [
        vec![],
        vec![wrapped("passphrase", TEXT), wrapped("passphrase", TEXT)],
        vec![wrapped("../label", TEXT)],
        vec![wrapped("", TEXT)],
        vec![wrapped("passphrase", "a key")],
        vec![wrapped("passphrase", &long)],
    ] {
        assert_eq!(why(vault.ann(add(5, bad))), "tape-key-not-wrapped");
    }
    assert_eq!(why(vault.ann(encrypts(Some(5)))), "no-tape-key");
    vault.ann(add(5, one())).unwrap();
    assert_eq!(why(vault.ann(add(5, one()))), "number-taken");
    assert_eq!(why(vault.system(key(5, KeyCommand::Remove))), "not-allowed");
}

#[test]
fn a_cartridge_stays_with_the_key_that_it_was_begun_with() {
    let mut vault = Vault::open();
    vault.ann(add(5, one())).unwrap();
    vault.ann(add(6, one())).unwrap();
    vault.written(8, MediaSet::Weekly, 1);
    vault.ann(encrypts(Some(5))).unwrap();
    vault.written(9, MediaSet::Daily, 2);
    vault.ann(encrypts(Some(6))).unwrap();
    let of = |vault: &Vault, medium: u128| {
        let rows = vault.0.rows();
        let key = rows.tape.encrypted.get(&MediumId::new(medium));
        key.map(|key| key.raw())
    };
    vault.commit(9, 2, 4).unwrap();
    assert_eq!((of(&vault, 1), of(&vault, 2)), (None, Some(5)));
    vault.begin(9, 3, BLANK).unwrap();
    assert_eq!(of(&vault, 3), Some(6));
    // Nothing was written yet: it may as well be begun in clear.
    vault.ann(encrypts(None)).unwrap();
    vault.begin(9, 3, BLANK).unwrap();
    assert_eq!((of(&vault, 2), of(&vault, 3)), (Some(5), None));
}

#[test]
fn a_key_that_a_pool_or_a_cartridge_needs_is_not_forgotten() {
    let mut vault = Vault::open();
    let remove = || key(5, KeyCommand::Remove);
    assert_eq!(why(vault.ann(remove())), "no-tape-key");
    vault.ann(add(5, one())).unwrap();
    vault.ann(encrypts(Some(5))).unwrap();
    let told = vault.ann(remove()).unwrap_err().to_string();
    assert!(told.ends_with("is needed by media pool 'gfs'"), "{told}");
    vault.written(9, MediaSet::Daily, 1);
    vault.ann(encrypts(None)).unwrap();
    let told = vault.ann(remove()).unwrap_err().to_string();
    assert!(told.ends_with("is needed by cartridge HF0001L9"), "{told}");
    vault.ann(medium(1, MediumCommand::MarkFree)).unwrap();
    vault.ann(remove()).unwrap();
    assert!(vault.0.rows().tape.keys.is_empty());
}
