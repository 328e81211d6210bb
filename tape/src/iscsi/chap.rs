//! How we prove who we are: CHAP in one direction, with MD5 (RFC 1994, RFC 7143 §12.1).

use std::fmt;

use md5::{Digest, Md5};

use super::Refused;
use super::text::{self, is_name};

/// A user and the secret that it shares with a target.
#[derive(Clone)]
pub struct Account {
    name: String,
    secret: String,
}

/// The longest secret and the longest challenge, in bytes.
const LONGEST: usize = 1_024;

impl Account {
    /// A name of 1 to 223 bytes without control characters, and a secret of 1 to 1,024 bytes.
    /// Targets in the field want secrets of 12 to 16 bytes.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn new(name: &str, secret: &str) -> Result<Self, Refused> {
        if !is_name(name) || secret.is_empty() || secret.len() > LONGEST {
            return Err(Refused::Name(name.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// What proves that we know the secret, as text.
    pub(super) fn proof(&self, challenge: &Challenge) -> String {
        let mut sum = Md5::new();
        sum.update([challenge.number]);
        sum.update(self.secret.as_bytes());
        sum.update(&challenge.bytes);
        let digits: String = sum
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let mut said = String::new();
        text::say(&mut said, "CHAP_N", &self.name);
        text::say(&mut said, "CHAP_R", format_args!("0x{digits}"));
        said
    }
}

/// The secret is never shown.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}", self.name)
    }
}

/// What the target wants to be answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    number: u8,
    bytes: Vec<u8>,
}

/// MD5, as CHAP numbers it.
const MD5: &str = "5";

/// The sums that we can.
pub(super) fn offer() -> String {
    let mut said = String::new();
    text::say(&mut said, "CHAP_A", MD5);
    said
}

impl Challenge {
    /// Finds it among the keys of a text.
    pub(super) fn of(pairs: &[(String, String)]) -> Result<Self, Refused> {
        let find = |key: &str| {
            let pair = pairs.iter().find(|(found, _)| found == key);
            pair.map(|(_, value)| value.as_str())
        };
        if find("CHAP_A") != Some(MD5) {
            return Err(Refused::Nonsense("another proof than CHAP with MD5"));
        }
        let number = find("CHAP_I").and_then(text::value);
        let number = number.and_then(|number| u8::try_from(number).ok());
        let bytes = find("CHAP_C").and_then(|found| text::bytes(found, LONGEST));
        match (number, bytes) {
            (Some(number), Some(bytes)) if !bytes.is_empty() => Ok(Self { number, bytes }),
            _ => Err(Refused::Nonsense("no challenge to be proven")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let words = text.split(' ').filter_map(|word| word.split_once('='));
        words
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn the_proof_is_the_sum_of_number_secret_and_challenge() {
        let said = pairs("CHAP_A=5 CHAP_I=0x1 CHAP_C=0x000102030405060708090a0b0c0d0e0f");
        let challenge = Challenge::of(&said).expect("a challenge");
        let account = Account::new("backup", "a secret of ours").expect("an account");
        // printf '\x01a secret of ours\x00\x01…\x0f' | md5sum
        let proof = "CHAP_N=backup\0CHAP_R=0xe9b640f7037630740011c4d0481455f5\0";
        assert_eq!(account.proof(&challenge), proof);
        assert!(!format!("{account:?}").contains("secret"));
    }

    #[test]
    fn a_challenge_that_is_none_is_refused() {
        for odd in [
            "CHAP_A=7 CHAP_I=1 CHAP_C=0x00",
            "CHAP_I=1 CHAP_C=0x00",
            "CHAP_A=5 CHAP_C=0x00",
            "CHAP_A=5 CHAP_I=256 CHAP_C=0x00",
            "CHAP_A=5 CHAP_I=1 CHAP_C=0x",
            "CHAP_A=5 CHAP_I=1 CHAP_C=zz",
            "CHAP_A=5 CHAP_I=1",
        ] {
            assert!(Challenge::of(&pairs(odd)).is_err(), "{odd}");
        }
    }

    #[test]
    fn no_name_or_secret_smuggles_a_key() {
        for (name, secret) in [("", "x"), ("a\0AuthMethod=None", "x"), ("a", "")] {
            assert!(Account::new(name, secret).is_err());
        }
    }
}
