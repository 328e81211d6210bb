//! Who logs in: `TENANT` or `TENANT+SUB`.

use std::fmt;

use holdfast_actors::names::{NameError, SubtenantName, TenantName};

/// A log-in name, parsed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The tenant.
    pub tenant: TenantName,
    /// The subtenant, if it is one of those.
    pub subtenant: Option<SubtenantName>,
}

impl User {
    /// Parses `TENANT` or `TENANT+SUB`; neither name can hold a `+`.
    ///
    /// # Errors
    /// When a part is no name (R5.1, R7.6).
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

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subtenant {
            Some(subtenant) => write!(f, "{}+{subtenant}", self.tenant),
            None => write!(f, "{}", self.tenant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_a_tenant_or_a_subtenant_of_one() {
        assert_eq!(User::parse("acme").unwrap().to_string(), "acme");
        assert_eq!(User::parse("acme+lab 2").unwrap().to_string(), "acme+lab 2");
        for bad in ["", "+", "acme+", "+lab", "a+b+c", "a:b"] {
            assert!(User::parse(bad).is_err(), "{bad}");
        }
    }
}
