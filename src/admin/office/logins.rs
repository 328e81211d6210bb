//! Orders about logins: draws passwords, hands them out once, keeps what checks them.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use holdfast_actors::catalog::Outcome;
use holdfast_actors::catalog::command::{Command, CredentialCommand, NewCredential};
use holdfast_actors::catalog::rows::{Scope, Verifier, View};
use holdfast_actors::ports::Entropy;
use holdfast_actors::service;
use sha2::{Digest, Sha256};

use super::super::{Items, Problem, ProblemClass, answers};
use super::speaker::Speaker;
use super::{Answer, Office, value};
use crate::commands::bin;
use crate::commands::credential::{Credential, Password, Secret};
use crate::commands::values::Login;
use crate::passwords::checked;

/// The characters of a generated password; 43 of 62 kinds hold 256 bits.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The length of a generated password.
const LENGTH: usize = 43;

impl Office {
    pub(super) async fn password(&self, by: &Speaker, order: Password) -> Answer {
        let (verifier, shown) = match &order.password {
            Some(chosen) => (self.verifier_of(chosen)?, None),
            None => {
                let (verifier, password) = drawn(&self.entropy);
                (verifier, Some(password))
            }
        };
        let command = NewCredential {
            tenant: order.login.tenant.clone(),
            subtenant: order.login.subtenant.clone(),
            scope: order.scope.into(),
            verifier,
            expires: order.expires.day(),
            label: order.label,
            view: None,
        };
        let command = Command::Credential(CredentialCommand::Add(command));
        self.submit(by, command).await?;
        value(&answers::Password {
            tenant: order.login,
            scope: order.scope.into(),
            password: shown,
        })
    }

    /// Makes a login that reads a repository as of an instant.
    pub(super) async fn view(&self, by: &Speaker, order: bin::View) -> Answer {
        let repository = self.repository_id(&order.tenant, &order.repository)?;
        self.services.viewable(repository, order.at.0).await?;
        let (verifier, password) = drawn(&self.entropy);
        let command = NewCredential {
            tenant: order.tenant.clone(),
            subtenant: None,
            scope: Scope::Read,
            verifier,
            expires: None,
            label: format!("view of {} at {}", order.repository, order.at),
            view: Some(View {
                repository,
                at: order.at.0,
            }),
        };
        let command = Command::Credential(CredentialCommand::Add(command));
        let Outcome::Credential { id } = self.submit(by, command).await? else {
            return Err(Problem::failed("the catalog made no login"));
        };
        value(&answers::ViewLogin {
            tenant: order.tenant,
            repository: order.repository,
            at: order.at,
            credential: id.raw(),
            scope: Scope::Read,
            password,
        })
    }

    pub(super) async fn credential(
        &self,
        by: &Speaker,
        order: Credential,
        items: &Items,
    ) -> Answer {
        match order {
            Credential::Revoke(revoke) => {
                let credential = revoke.id;
                let command = Command::Credential(CredentialCommand::Revoke { credential });
                self.submit_and_settle(by, command).await
            }
            Credential::List(whose) => {
                let rows = self.books.rows();
                let wanted = |shown: &Login| match &whose.login {
                    None => true,
                    Some(login) if login.subtenant.is_none() => login.tenant == shown.tenant,
                    Some(login) => login == shown,
                };
                for (id, row) in &rows.credentials {
                    let shown = answers::Credential::of(*id, row, &rows);
                    if wanted(&shown.tenant) {
                        items.send(&shown).await?;
                    }
                }
                value(&())
            }
        }
    }

    fn verifier_of(&self, chosen: &Secret) -> Result<Verifier, Problem> {
        let length = checked(&service::Secret::new(chosen.expose().to_owned()));
        length.map_err(|error| Problem::new(ProblemClass::Usage, "password", error.to_string()))?;
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        let hash = Argon2::default()
            .hash_password_with_salt(chosen.expose().as_bytes(), &salt)
            .map_err(Problem::failed)?;
        Ok(Verifier::Chosen(hash.to_string()))
    }
}

/// A new password of 256 bits, and what checks it.
fn drawn(entropy: &Arc<dyn Entropy>) -> (Verifier, String) {
    let mut bits = [0; 32];
    entropy.fill(&mut bits);
    let password = spelled(bits);
    let hash = Sha256::digest(password.as_bytes());
    (Verifier::Generated(hash.into()), password)
}

/// A number of 256 bits in base 62, with all its leading zeros.
fn spelled(mut number: [u8; 32]) -> String {
    let mut letters = [b'0'; LENGTH];
    for letter in letters.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = rest << 8 | u32::from(*byte);
            // Less than 256, because the rest is less than 62.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *letter = LETTERS[rest as usize];
    }
    letters.iter().map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_password_spells_its_number() {
        assert_eq!(spelled([0; 32]), "0".repeat(43));
        let mut small = [0; 32];
        small[31] = 63;
        assert_eq!(spelled(small), format!("{}11", "0".repeat(41)));
    }

    proptest! {
        #[test]
        fn two_numbers_never_spell_the_same(a: [u8; 32], b: [u8; 32]) {
            prop_assert_eq!(spelled(a) == spelled(b), a == b);
            prop_assert!(spelled(a).bytes().all(|letter| letter.is_ascii_alphanumeric()));
            prop_assert_eq!(spelled(a).len(), 43);
        }
    }
}
