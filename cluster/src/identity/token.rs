//! A join token: one text that an operator carries from a node of the cluster to one to be.
//!
//! It says where the cluster is, by which root it is known, and a secret that admits one node once.
//! The text is `holdfast-join-1-` and letters and digits that are not mistaken for each other
//! (Crockford's base 32); its last bytes are a checksum, so that a slip of the hand is told from a
//! token that is not known. Case, spaces and line breaks do not matter.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use holdfast_actors::kernel::Timestamp;
use holdfast_actors::ports::Entropy;
use zeroize::Zeroizing;

use super::key::{KeyHash, sha256};

const PREFIX: &str = "holdfast-join-1-";
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The most addresses in one token.
pub const ADDRESSES_MAX: usize = 4;
/// Longer text is no token, with all the spaces that somebody may paste.
const TEXT_MAX: usize = 1 << 10;
const SECRET: usize = 32;
const CHECK: usize = 4;
/// Expiry, thumbprint, secret, checksum and one address at least.
const FIXED: usize = 8 + 32 + SECRET;
const FOUR: u8 = 4;
const SIX: u8 = 6;

/// What admits one node, once. Kept nowhere but in the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<[u8; SECRET]>);

impl Secret {
    /// Draws one.
    pub fn draw(chance: &dyn Entropy) -> Self {
        let mut secret = Zeroizing::new([0; SECRET]);
        chance.fill(secret.as_mut_slice());
        Self(secret)
    }

    /// The secret of these bytes.
    pub fn new(secret: [u8; SECRET]) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8; SECRET] {
        &self.0
    }

    /// By what the cluster knows it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(sha256(self.0.as_slice()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// SHA-256 of a token's secret: it names the token and admits nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The bytes, by which the catalog knows the token.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// By what people name a token that the catalog knows by this hash.
pub fn token_id(hash: [u8; 32]) -> String {
    TokenHash(hash).to_string()
}

impl fmt::Display for TokenHash {
    /// The first letters, which tell tokens apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..6]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A join token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinToken {
    /// Where nodes of the cluster listen: 1 to 4.
    pub addresses: Vec<SocketAddr>,
    /// SHA-256 of the root's certificate: whoever answers must show it.
    pub root: KeyHash,
    /// When it admits nobody any more, in whole seconds.
    pub expires: Timestamp,
    /// What admits.
    pub secret: Secret,
}

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It begins in another way.
    #[error("a join token begins with {PREFIX}")]
    Prefix,
    /// A letter that tokens do not have, too long, or wrong at the end.
    #[error("the join token was not copied whole, or not as it was")]
    Copy,
    /// Made by somebody else than a node.
    #[error("the join token says nothing that makes sense")]
    Content,
}

impl JoinToken {
    /// The text.
    pub fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(TEXT_MAX));
        bytes.extend((self.expires.as_millis() / 1_000).to_be_bytes());
        bytes.extend(self.root.bytes());
        bytes.extend(self.secret.0.as_slice());
        for address in self.addresses.iter().take(ADDRESSES_MAX) {
            match address.ip() {
                IpAddr::V4(ip) => {
                    bytes.push(FOUR);
                    bytes.extend(ip.octets());
                }
                IpAddr::V6(ip) => {
                    bytes.push(SIX);
                    bytes.extend(ip.octets());
                }
            }
            bytes.extend(address.port().to_be_bytes());
        }
        let check = sha256(&bytes);
        bytes.extend(&check[..CHECK]);
        let mut text = Zeroizing::new(PREFIX.to_owned());
        spell(&bytes, &mut text);
        text
    }

    /// Reads a text.
    ///
    /// # Errors
    /// When it is none, or was not copied as it was.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        if text.len() > TEXT_MAX {
            return Err(TokenError::Copy);
        }
        let text: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .filter(|letter| !letter.is_whitespace())
                .map(|letter| letter.to_ascii_lowercase())
                .collect(),
        );
        let letters = text.strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        let bytes = read(letters).ok_or(TokenError::Copy)?;
        let (body, check) = bytes.split_last_chunk::<CHECK>().ok_or(TokenError::Copy)?;
        if sha256(body)[..CHECK] != check[..] {
            return Err(TokenError::Copy);
        }
        Self::decode(body).ok_or(TokenError::Content)
    }

    fn decode(body: &[u8]) -> Option<Self> {
        let (fixed, mut rest) = body.split_first_chunk::<FIXED>()?;
        let (expires, fixed) = fixed.split_first_chunk::<8>()?;
        let (root, secret) = fixed.split_first_chunk::<32>()?;
        let mut addresses = Vec::new();
        while let Some((kind, more)) = rest.split_first() {
            let ip: IpAddr;
            (ip, rest) = match *kind {
                FOUR => more
                    .split_first_chunk::<4>()
                    .map(|(ip, rest)| ((*ip).into(), rest))?,
                SIX => more
                    .split_first_chunk::<16>()
                    .map(|(ip, rest)| ((*ip).into(), rest))?,
                _ => return None,
            };
            let (port, more) = rest.split_first_chunk::<2>()?;
            addresses.push((ip, u16::from_be_bytes(*port)).into());
            rest = more;
        }
        let seconds = u64::from_be_bytes(*expires);
        let fits = (1..=ADDRESSES_MAX).contains(&addresses.len());
        fits.then_some(Self {
            addresses,
            root: KeyHash::new(*root),
            expires: Timestamp::from_millis(seconds.checked_mul(1_000)?),
            secret: Secret(Zeroizing::new(secret.try_into().ok()?)),
        })
    }
}

/// Five bits a letter, the highest first; the last is filled up with zeros.
fn spell(bytes: &[u8], text: &mut String) {
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(char::from(LETTERS[(bits >> count & 31) as usize]));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        text.push(char::from(LETTERS[(bits << (5 - count) & 31) as usize]));
    }
}

fn read(letters: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(letters.len()));
    let (mut bits, mut count) = (0_u32, 0);
    for letter in letters.bytes() {
        let letter = match letter {
            b'o' => b'0',
            b'i' | b'l' => b'1',
            letter => letter,
        };
        let value = LETTERS.iter().position(|one| *one == letter)?;
        bits = bits << 5 | u32::try_from(value).ok()?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).ok()?);
        }
        bits &= (1 << count) - 1;
    }
    // What fills the last letter is zero, and less than a letter.
    (bits == 0 && count < 5).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> JoinToken {
        JoinToken {
            addresses: vec![
                ([192, 0, 2, 7], 7_443).into(),
                "[2001:db8::1]:7443".parse().unwrap(),
            ],
            root: KeyHash::new([1; 32]),
            expires: Timestamp::parse("2026-05-01T13:00:00Z").unwrap(),
            secret: Secret(Zeroizing::new([2; 32])),
        }
    }

    #[test]
    fn the_text_of_this_version_stays_as_it_is() {
        let golden = concat!(concat!(
            "holdfast-join-1-00000039yjhx0081040g2081040g2081040g2081040g",
            "2081040g2081040g2081081040g2081040g2081040g2081040g2081040g2",
            "081040g208109g00083ht4r6400gve00000000000000000004eh7tt03kag",
        ));
        assert_eq!(token().text().as_str(), golden);
        assert_eq!(JoinToken::parse(golden), Ok(token()));
    }

    #[test]
    fn how_it_was_pasted_does_not_matter() {
        let text = token().text().to_uppercase();
        let (first, last) = text.split_at(40);
        let pasted = format!("  {first}\n\t{last}\r\n");
        assert_eq!(JoinToken::parse(&pasted), Ok(token()));
        let misread = text.to_lowercase().replacen("join-1-0", "join-1-o", 1);
        assert_eq!(JoinToken::parse(&misread), Ok(token()));
    }

    #[test]
    fn a_slip_of_the_hand_is_told_from_a_token_that_is_not_known() {
        let text = token().text();
        let letters = PREFIX.len()..text.len();
        for at in letters {
            let mut slip = text.as_bytes().to_vec();
            slip[at] = if slip[at] == b'z' { b'y' } else { b'z' };
            let told = JoinToken::parse(std::str::from_utf8(&slip).unwrap());
            assert_eq!(told, Err(TokenError::Copy), "{at}");
            let cut = JoinToken::parse(&text[..at]);
            assert_eq!(cut, Err(TokenError::Copy), "{at}");
        }
        assert_eq!(JoinToken::parse("hello"), Err(TokenError::Prefix));
        assert_eq!(JoinToken::parse(&" ".repeat(2_000)), Err(TokenError::Copy));
    }

    #[test]
    fn a_token_shows_no_secret() {
        let shown = format!("{:?} {}", token(), token().secret.hash());
        assert!(
            shown.contains("Secret") && !shown.contains("2, 2"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written(
            addresses in prop::collection::vec(any::<SocketAddr>(), 1..=ADDRESSES_MAX),
            root in any::<[u8; 32]>(),
            secret in any::<[u8; 32]>(),
            seconds in 0..1_u64 << 40,
        ) {
            let addresses: Vec<SocketAddr> = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address.ip(), address.port()))
                .collect();
            let token = JoinToken {
                addresses,
                root: KeyHash::new(root),
                expires: Timestamp::from_millis(seconds * 1_000),
                secret: Secret(Zeroizing::new(secret)),
            };
            prop_assert_eq!(JoinToken::parse(&token.text()), Ok(token));
        }
    }
}
