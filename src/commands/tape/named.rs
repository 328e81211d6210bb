//! How operators name cartridges, repositories and restores in orders about tape.

use std::fmt;

use holdfast_actors::kernel::RestoreId;
use holdfast_actors::names::{NameError, RepositoryName, TenantName};
use holdfast_actors::tape::{Barcode, MediumId};
use serde::{Deserialize, Serialize};

use crate::commands::values::{ValueError, as_text};

/// How an operator names a cartridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MediumRef {
    /// By what its label says.
    Barcode(Barcode),
    /// By its number.
    Id(MediumId),
}

impl MediumRef {
    /// Parses a barcode, or a number as `tape media show` has it.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if let Ok(barcode) = Barcode::parse(text) {
            return Ok(Self::Barcode(barcode));
        }
        let digits: String = text.chars().filter(|letter| *letter != '-').collect();
        let id = u128::from_str_radix(&digits, 16).ok().map(MediumId::new);
        let id = id.filter(|id| id.to_string() == text);
        let wanted = "a cartridge's barcode such as BK0001L9, or its id";
        id.map(Self::Id)
            .ok_or_else(|| ValueError::new(text, wanted))
    }
}

impl fmt::Display for MediumRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Barcode(barcode) => barcode.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

as_text!(MediumRef);

/// A repository, as `TENANT/REPOSITORY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Whole {
    /// Whose.
    pub tenant: TenantName,
    /// Which.
    pub repository: RepositoryName,
}

impl Whole {
    /// Parses it.
    ///
    /// # Errors
    /// When a part is no name, or is not there.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let wanted = "a repository such as acme/main";
        let wrong = |_: NameError| ValueError::new(text, wanted);
        let (tenant, repository) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self {
            tenant: TenantName::parse(tenant).map_err(wrong)?,
            repository: RepositoryName::parse(repository).map_err(wrong)?,
        })
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.repository)
    }
}

as_text!(Whole);

/// Parses the id of a restore as `tape restore list` shows it, or its number alone.
///
/// # Errors
/// When the text is neither.
pub fn restore_id(text: &str) -> Result<RestoreId, ValueError> {
    let digits = text.strip_prefix("restore-").unwrap_or(text);
    let wanted = "the id of a restore, as 'tape restore list' shows it";
    let number = digits.parse().map_err(|_| ValueError::new(text, wanted))?;
    Ok(RestoreId::new(number))
}
