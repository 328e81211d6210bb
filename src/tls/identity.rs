//! One certificate with its chain and its key, checked (R4).
//!
//! Whoever holds an [`Identity`] holds a key that fits its certificate. It is never shown.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_actors::kernel::{Date, Timestamp};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use zeroize::Zeroizing;

use super::provider;

/// How long a self-signed certificate is good for. It is pinned by its thumbprint, so that a short
/// life would only interrupt backups.
pub const SELF_SIGNED_DAYS: u32 = 3650;
/// The most of PEM that is read: a chain of a few certificates and a key.
const PEM_MAX: usize = 256 << 10;

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// More text than any chain needs.
    #[error("the PEM text is larger than 256 KiB")]
    TooLarge,
    /// The text is not PEM, or lacks a part.
    #[error("the PEM text holds no readable {what}")]
    Pem {
        /// What was looked for.
        what: &'static str,
        /// What PEM says.
        source: rustls::pki_types::pem::Error,
    },
    /// There is no certificate in the text.
    #[error("the PEM text holds no certificate")]
    Empty,
    /// The first certificate cannot be read.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// The certificate is not good yet or any more.
    #[error("the certificate is good from {from} to {until} only")]
    Dates {
        /// Its first day.
        from: Date,
        /// Its last day.
        until: Date,
    },
    /// The key does not fit the certificate, or TLS cannot use it.
    #[error("the key cannot be used with the certificate")]
    Unusable(#[source] rustls::Error),
    /// A self-signed certificate could not be made.
    #[error("cannot make a certificate")]
    Making(#[from] rcgen::Error),
}

/// The SHA-256 of a certificate's DER: what tenants compare (R4.7). Shown as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thumbprint([u8; 32]);

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

/// A certificate, its chain and its key.
pub struct Identity {
    certified: Arc<CertifiedKey>,
    key: PrivateKeyDer<'static>,
    names: Vec<String>,
    from: Timestamp,
    until: Timestamp,
    self_signed: bool,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.thumbprint())
    }
}

impl Identity {
    /// Makes a certificate that names localhost, 127.0.0.1, `::1` and `host`, if that is a name.
    /// Good from the day before `now`, for clients whose clock is behind.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn self_signed(host: &str, now: Timestamp) -> Result<Self, CertificateError> {
        let mut names = ["localhost", "127.0.0.1", "::1"]
            .map(str::to_owned)
            .to_vec();
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':');
        if !host.is_empty() && host.bytes().all(letter) && !names.iter().any(|name| name == host) {
            names.push(host.to_owned());
        }
        let mut params = CertificateParams::new(names)?;
        let today = Date::of(now);
        let yesterday = Date::from_days(today.days().saturating_sub(1));
        let (year, month, day) = parts(yesterday);
        params.not_before = rcgen::date_time_ymd(year, month, day);
        let (year, month, day) = parts(today.plus(SELF_SIGNED_DAYS));
        params.not_after = rcgen::date_time_ymd(year, month, day);
        params.distinguished_name = rcgen::DistinguishedName::new();
        let title = if host.is_empty() { "holdfast" } else { host };
        params.distinguished_name.push(DnType::CommonName, title);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Holdfast");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let pair = KeyPair::generate()?;
        let certificate = params.self_signed(&pair)?;
        let key = PrivatePkcs8KeyDer::from(pair.serialize_der());
        Self::checked(vec![certificate.der().clone()], key.into(), now)
    }

    /// Reads a chain, the node's own certificate first, and its key. They may lie in one text, so
    /// both arguments may be the same.
    ///
    /// # Errors
    /// When a part is missing, the key is another's, or the certificate is not good on this day.
    pub fn from_pem(chain: &str, key: &str, now: Timestamp) -> Result<Self, CertificateError> {
        let identity = Self::read(chain, key)?;
        identity.good_at(now)?;
        Ok(identity)
    }

    /// The same, whatever the day: what is in the node's folder was checked when it came there, and
    /// a node whose certificate has ended still starts, and says so.
    pub(super) fn read(chain: &str, key: &str) -> Result<Self, CertificateError> {
        if chain.len() > PEM_MAX || key.len() > PEM_MAX {
            return Err(CertificateError::TooLarge);
        }
        let bad = |what| move |source| CertificateError::Pem { what, source };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
        let chain = chain.map_err(bad("certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(bad("private key"))?;
        Self::assembled(chain, key)
    }

    fn checked(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        now: Timestamp,
    ) -> Result<Self, CertificateError> {
        let identity = Self::assembled(chain, key)?;
        identity.good_at(now)?;
        Ok(identity)
    }

    fn assembled(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, CertificateError> {
        let first = chain.first().ok_or(CertificateError::Empty)?.clone();
        let (_, parsed) =
            X509Certificate::from_der(&first).map_err(|_| CertificateError::Unreadable)?;
        let validity = parsed.validity();
        let from = timestamp(validity.not_before.timestamp());
        let until = timestamp(validity.not_after.timestamp());
        let names = names(&parsed);
        let self_signed = parsed.subject() == parsed.issuer();
        let certified = CertifiedKey::from_der(chain, key.clone_key(), &provider())
            .map_err(CertificateError::Unusable)?;
        Ok(Self {
            certified: Arc::new(certified),
            key,
            names,
            from,
            until,
            self_signed,
        })
    }

    fn good_at(&self, now: Timestamp) -> Result<(), CertificateError> {
        if (self.from..=self.until).contains(&now) {
            return Ok(());
        }
        Err(CertificateError::Dates {
            from: Date::of(self.from),
            until: Date::of(self.until),
        })
    }

    /// A number for this certificate and no other.
    pub fn number(&self) -> u64 {
        let Thumbprint(digest) = self.thumbprint();
        let first = digest.first_chunk().copied().unwrap_or_default();
        u64::from_le_bytes(first)
    }

    /// What tenants compare.
    pub fn thumbprint(&self) -> Thumbprint {
        let first = self.certified.cert.first();
        Thumbprint(Sha256::digest(first.map_or(&[][..], AsRef::as_ref)).into())
    }

    /// The first moment at which clients accept it.
    pub const fn since(&self) -> Timestamp {
        self.from
    }

    /// Whether it vouches for itself, so that clients must be given its thumbprint.
    pub fn is_self_signed(&self) -> bool {
        self.self_signed
    }

    /// The last moment at which clients accept it.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// The names and addresses it is for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The certificate alone, for `--cacert`, as PEM.
    pub fn certificate_pem(&self) -> String {
        let first = self.certified.cert.first();
        first.map_or_else(String::new, |der| pem("CERTIFICATE", der))
    }

    /// The chain and the key, as PEM.
    pub(super) fn secret_pem(&self) -> Zeroizing<String> {
        let label = match self.key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            PrivateKeyDer::Pkcs8(_) | _ => "PRIVATE KEY",
        };
        let key = Zeroizing::new(pem(label, self.key.secret_der()));
        let chain = self
            .certified
            .cert
            .iter()
            .map(|der| pem("CERTIFICATE", der));
        let mut text = Zeroizing::new(chain.collect::<String>());
        text.push_str(&key);
        text
    }

    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_millis(
        u64::try_from(seconds)
            .unwrap_or_default()
            .saturating_mul(1000),
    )
}

/// Year, month and day.
fn parts(date: Date) -> (i32, u8, u8) {
    let text = date.to_string();
    let mut parts = text.split('-').map(|part| part.parse::<u16>().unwrap_or(1));
    let mut next = || parts.next().unwrap_or(1);
    let (year, month, day) = (next(), next(), next());
    let small = |number| u8::try_from(number).unwrap_or(1);
    (i32::from(year), small(month), small(day))
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for name in &extension.value.general_names {
        if let GeneralName::DNSName(name) = name {
            names.push((*name).to_owned());
        } else if let GeneralName::IPAddress(bytes) = name {
            names.extend(address(bytes));
        }
    }
    names
}

fn address(bytes: &[u8]) -> Option<String> {
    let four: Result<[u8; 4], _> = bytes.try_into();
    let six: Result<[u8; 16], _> = bytes.try_into();
    let address = four
        .map(std::net::IpAddr::from)
        .or(six.map(std::net::IpAddr::from));
    address.ok().map(|address| address.to_string())
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    for at in (0..encoded.len()).step_by(64) {
        text.push_str(&encoded[at..encoded.len().min(at + 64)]);
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-05-01T12:00:00Z").unwrap()
    }

    #[test]
    fn a_self_signed_certificate_names_this_machine() {
        let identity = Identity::self_signed("backup.example", now()).unwrap();
        let names = ["localhost", "127.0.0.1", "::1", "backup.example"];
        assert_eq!(identity.names(), names);
        assert_eq!(identity.until().to_string(), "2036-04-28T00:00:00.000Z");
    }

    #[test]
    fn a_host_name_that_is_none_is_left_out() {
        for odd in ["", "a b", "localhost", "é"] {
            let identity = Identity::self_signed(odd, now()).unwrap();
            assert_eq!(identity.names(), ["localhost", "127.0.0.1", "::1"], "{odd}");
        }
    }

    #[test]
    fn an_identity_reads_what_it_writes() {
        let identity = Identity::self_signed("node", now()).unwrap();
        let pem = identity.secret_pem();
        let read = Identity::from_pem(&pem, &pem, now()).unwrap();
        assert_eq!(read.thumbprint(), identity.thumbprint());
        assert_eq!(*read.secret_pem(), *pem);
        assert!(
            identity
                .certificate_pem()
                .ends_with("-----END CERTIFICATE-----\n")
        );
        assert!(!identity.certificate_pem().contains("PRIVATE"));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let one = Identity::self_signed("node", now()).unwrap();
        let two = Identity::self_signed("node", now()).unwrap();
        let mixed = Identity::from_pem(&one.certificate_pem(), &two.secret_pem(), now());
        assert!(
            matches!(mixed, Err(CertificateError::Unusable(_))),
            "{mixed:?}"
        );
    }

    #[test]
    fn a_certificate_outside_its_dates_is_refused() {
        let identity = Identity::self_signed("node", now()).unwrap();
        let pem = identity.secret_pem();
        for day in ["2026-04-29T00:00:00Z", "2036-04-28T00:00:01Z"] {
            let read = Identity::from_pem(&pem, &pem, Timestamp::parse(day).unwrap());
            assert!(
                matches!(read, Err(CertificateError::Dates { .. })),
                "{read:?}"
            );
        }
    }

    #[test]
    fn text_that_is_no_pem_is_refused() {
        let identity = Identity::self_signed("node", now()).unwrap();
        let certificate = identity.certificate_pem();
        assert!(Identity::from_pem("", &identity.secret_pem(), now()).is_err());
        assert!(Identity::from_pem(&certificate, &certificate, now()).is_err());
        let large = " ".repeat(PEM_MAX + 1);
        let read = Identity::from_pem(&large, &certificate, now());
        assert!(matches!(read, Err(CertificateError::TooLarge)));
    }
}
