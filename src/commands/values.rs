//! The values of arguments: parsed once, shown as they were written.
//!
//! On the admin socket and in answers a size is a number of bytes; a day, a moment and a month are
//! text, as people write them.

use std::fmt;

use holdfast_actors::kernel::{CredentialId, Date, Rate, RepositoryId, Size, Timestamp};
use holdfast_actors::names::{NameError, SubtenantName, TenantName};
use serde::{Deserialize, Serialize};

/// What stands for the absence of a limit.
const NONE: &str = "none";

/// A text that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {wanted}")]
pub struct ValueError {
    text: String,
    wanted: &'static str,
}

impl ValueError {
    pub(crate) fn new(text: &str, wanted: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            wanted,
        }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = ValueError;

            fn try_from(text: String) -> Result<Self, ValueError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// The last day of a contract or of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Until {
    /// It has no end.
    Never,
    /// Good to the end of this day, UTC.
    Day(Date),
}

impl Until {
    /// Parses `YYYY-MM-DD` or `never`.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        match text {
            "never" => Ok(Self::Never),
            day => Day::parse(day)
                .map(|day| Self::Day(day.0))
                .map_err(|_| ValueError::new(text, "a date of the form YYYY-MM-DD, or 'never'")),
        }
    }

    /// The day, if there is one.
    pub fn day(self) -> Option<Date> {
        match self {
            Self::Never => None,
            Self::Day(day) => Some(day),
        }
    }
}

impl From<Option<Date>> for Until {
    fn from(day: Option<Date>) -> Self {
        day.map_or(Self::Never, Self::Day)
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Day(day) => day.fmt(f),
        }
    }
}

pub(crate) use as_text;

as_text!(Until);

/// A day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(pub Date);

impl Day {
    /// Parses `YYYY-MM-DD`.
    ///
    /// # Errors
    /// When the text names no day.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let wanted = "a date of the form YYYY-MM-DD";
        Date::parse(text)
            .map(Self)
            .map_err(|_| ValueError::new(text, wanted))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

as_text!(Day);

/// A point of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub Timestamp);

impl Moment {
    /// Parses RFC 3339 with an offset.
    ///
    /// # Errors
    /// When the text is of another form.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let wanted = "an instant of RFC 3339 such as 2026-05-01T12:00:00Z";
        Timestamp::parse(text)
            .map(Self)
            .ok_or_else(|| ValueError::new(text, wanted))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

as_text!(Moment);

/// A calendar month, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    first: Date,
}

impl Month {
    /// Parses `YYYY-MM`.
    ///
    /// # Errors
    /// When the text names no month.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let wanted = "a month of the form YYYY-MM";
        Date::parse(&format!("{text}-01"))
            .map(|first| Self { first })
            .map_err(|_| ValueError::new(text, wanted))
    }

    /// The month in which a day lies.
    pub fn of(day: Date) -> Self {
        let text = day.to_string();
        let first = text.get(..7).and_then(|month| Self::parse(month).ok());
        first.unwrap_or(Self { first: day })
    }

    /// Its first day.
    pub fn first(self) -> Date {
        self.first
    }

    /// The first day behind it.
    pub fn end(self) -> Date {
        // No month has more than 31 days, and the day 31 later lies in the next one.
        Self::of(self.first.plus(31)).first
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.first.to_string();
        f.write_str(text.get(..7).unwrap_or(&text))
    }
}

as_text!(Month);

/// A size, or none: no limit, or the limit that follows from something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Amount", into = "Amount")]
pub struct Ceiling(pub Option<Size>);

impl Ceiling {
    /// Parses a size or `none`.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        Self::with_word(text, NONE, "a size such as 512MiB or 10GiB, or 'none'")
    }

    /// Parses a size or `quota`, which means as much as the quota.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse_or_quota(text: &str) -> Result<Self, ValueError> {
        Self::with_word(text, "quota", "a size such as 512MiB or 10GiB, or 'quota'")
    }

    fn with_word(text: &str, word: &str, wanted: &'static str) -> Result<Self, ValueError> {
        if text == word {
            return Ok(Self(None));
        }
        Size::parse(text)
            .map(|size| Self(Some(size)))
            .map_err(|_| ValueError::new(text, wanted))
    }
}

impl TryFrom<Amount> for Ceiling {
    type Error = ValueError;

    fn try_from(amount: Amount) -> Result<Self, ValueError> {
        amount.size().map(Self)
    }
}

impl From<Ceiling> for Amount {
    fn from(ceiling: Ceiling) -> Self {
        Self::of(ceiling.0)
    }
}

/// Bytes per second, or none for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Amount", into = "Amount")]
pub struct Throttle(pub Option<Rate>);

impl Throttle {
    /// Parses a rate or `none`.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text == NONE {
            return Ok(Self(None));
        }
        let wanted = "a rate above zero such as 50MB/s, or 'none'";
        Rate::parse(text)
            .map(|rate| Self(Some(rate)))
            .map_err(|_| ValueError::new(text, wanted))
    }
}

impl TryFrom<Amount> for Throttle {
    type Error = ValueError;

    fn try_from(amount: Amount) -> Result<Self, ValueError> {
        let Some(size) = amount.size()? else {
            return Ok(Self(None));
        };
        let rate = Rate::per_second(size);
        let rate = rate.ok_or_else(|| ValueError::new("0", "a rate above zero"))?;
        Ok(Self(Some(rate)))
    }
}

impl From<Throttle> for Amount {
    fn from(throttle: Throttle) -> Self {
        Self::of(throttle.0.map(Rate::as_size))
    }
}

/// Bytes, or the word for none of them: null means that nothing was said.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Amount {
    Bytes(Size),
    Word(String),
}

impl Amount {
    fn of(size: Option<Size>) -> Self {
        size.map_or_else(|| Self::Word(NONE.to_owned()), Self::Bytes)
    }

    fn size(self) -> Result<Option<Size>, ValueError> {
        match self {
            Self::Bytes(size) => Ok(Some(size)),
            Self::Word(word) if word == NONE => Ok(None),
            Self::Word(word) => Err(ValueError::new(&word, "a number of bytes, or 'none'")),
        }
    }
}

/// Who logs in: a tenant, or a subtenant of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Login {
    /// The tenant.
    pub tenant: TenantName,
    /// The subtenant, if it is one.
    pub subtenant: Option<SubtenantName>,
}

impl Login {
    /// Parses `TENANT` or `TENANT+SUB`.
    ///
    /// # Errors
    /// When a part is no name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (tenant, subtenant) = match text.split_once('+') {
            Some((tenant, subtenant)) => (tenant, Some(SubtenantName::parse(subtenant)?)),
            None => (text, None),
        };
        Ok(Self {
            tenant: TenantName::parse(tenant)?,
            subtenant,
        })
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subtenant {
            Some(subtenant) => write!(f, "{}+{subtenant}", self.tenant),
            None => self.tenant.fmt(f),
        }
    }
}

impl TryFrom<String> for Login {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<Login> for String {
    fn from(login: Login) -> Self {
        login.to_string()
    }
}

/// Parses the id of a credential as `credential list` shows it, or its number alone.
///
/// # Errors
/// When the text is neither.
pub fn credential_id(text: &str) -> Result<CredentialId, ValueError> {
    let wanted = "the id of a credential, as 'credential list' shows it";
    number(text, "credential-", wanted).map(CredentialId::new)
}

/// Parses the id of a repository as `repository list` shows it, or its number alone.
///
/// # Errors
/// When the text is neither.
pub fn repository_id(text: &str) -> Result<RepositoryId, ValueError> {
    let wanted = "the id of a repository, as 'repository list --removed' shows it";
    number(text, "repository-", wanted).map(RepositoryId::new)
}

fn number(text: &str, prefix: &str, wanted: &'static str) -> Result<u64, ValueError> {
    let digits = text.strip_prefix(prefix).unwrap_or(text);
    digits.parse().map_err(|_| ValueError::new(text, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: Serialize + for<'a> Deserialize<'a> + PartialEq + fmt::Debug>(value: T) -> String {
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value);
        text
    }

    #[test]
    fn a_login_is_a_tenant_or_a_subtenant_of_one() {
        assert_eq!(Login::parse("acme").unwrap().to_string(), "acme");
        assert_eq!(
            Login::parse("acme+lab 2").unwrap().to_string(),
            "acme+lab 2"
        );
        for bad in ["", "+", "acme+", "+lab", "a+b+c", "a:b"] {
            assert!(Login::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_cross_the_socket_as_people_write_them() {
        assert_eq!(round(Until::parse("never").unwrap()), "\"never\"");
        assert_eq!(round(Until::parse("2026-12-31").unwrap()), "\"2026-12-31\"");
        assert_eq!(round(Month::parse("2026-12").unwrap()), "\"2026-12\"");
        assert_eq!(
            round(Login::parse("acme+laptop 1").unwrap()),
            "\"acme+laptop 1\""
        );
        let moment = Moment::parse("2026-05-01T14:00:00+02:00").unwrap();
        assert_eq!(round(moment), "\"2026-05-01T12:00:00.000Z\"");
        assert_eq!(round(Ceiling::parse("1KiB").unwrap()), "1024");
        assert_eq!(
            round(Some(Ceiling::parse_or_quota("quota").unwrap())),
            "\"none\""
        );
        assert_eq!(round(Throttle::parse("2KB/s").unwrap()), "2000");
        assert_eq!(round(Some(Throttle::parse("none").unwrap())), "\"none\"");
    }

    #[test]
    fn what_is_no_value_is_refused_with_what_was_wanted() {
        let error = Until::parse("tomorrow").unwrap_err().to_string();
        assert_eq!(
            error,
            "'tomorrow' is not a date of the form YYYY-MM-DD, or 'never'"
        );
        assert!(Month::parse("2026-13").is_err());
        assert!(Month::parse("2026-11-01").is_err());
        assert!(Moment::parse("2026-05-01T12:00:00").is_err());
        assert!(Ceiling::parse("quota").is_err());
        assert!(Throttle::parse("0").is_err());
        assert!(Login::parse("acme+").is_err());
        assert!(Login::parse("a+b+c").is_err());
        assert!(credential_id("credential-x").is_err());
        assert!(serde_json::from_str::<Throttle>("0").is_err());
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        for (month, end) in [("2024-02", "2024-03-01"), ("2026-12", "2027-01-01")] {
            assert_eq!(Month::parse(month).unwrap().end().to_string(), end);
        }
    }
}
