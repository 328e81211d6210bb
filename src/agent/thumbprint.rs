//! Certificate thumbprints: the SHA-256 of a certificate's DER form.

use std::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Thumbprint([u8; 32]);

/// A text that is no thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a thumbprint has 64 hexadecimal digits, with or without colons")]
pub struct ThumbprintError;

impl Thumbprint {
    /// The thumbprint of a certificate in DER form.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// Parses 64 hexadecimal digits in either case; colons, spaces and a leading `SHA256:` do no
    /// harm.
    ///
    /// # Errors
    /// When the text is of another form.
    pub fn parse(text: &str) -> Result<Self, ThumbprintError> {
        let text = text.trim();
        let digits = match text.get(..7) {
            Some(prefix) if prefix.eq_ignore_ascii_case("sha256:") => &text[7..],
            Some(_) | None => text,
        };
        let nibbles: Vec<u8> = digits
            .chars()
            .filter(|letter| !matches!(letter, ':' | ' '))
            .map(|letter| {
                letter
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            })
            .collect::<Option<_>>()
            .ok_or(ThumbprintError)?;
        let bytes: Vec<u8> = nibbles
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => (high << 4) | low,
                _ => 0,
            })
            .collect();
        if nibbles.len() != 64 {
            return Err(ThumbprintError);
        }
        bytes.try_into().map(Self).map_err(|_| ThumbprintError)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_read_as_people_write_it() {
        let plain = "0123456789abcdef".repeat(4);
        let print = Thumbprint::parse(&plain).unwrap();
        assert_eq!(print.to_string(), plain);
        let pairs: Vec<&str> = plain
            .as_bytes()
            .chunks(2)
            .map(|p| str::from_utf8(p).unwrap())
            .collect();
        let colons = format!("SHA256:{}", pairs.join(":").to_uppercase());
        assert_eq!(Thumbprint::parse(&colons), Ok(print));
        for bad in [
            "",
            "abc",
            &plain[2..],
            "sha256:",
            &"g".repeat(64),
            &"é".repeat(32),
        ] {
            assert_eq!(Thumbprint::parse(bad), Err(ThumbprintError), "{bad}");
        }
    }
}
