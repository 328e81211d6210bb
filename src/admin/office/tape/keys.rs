//! Orders about the keys of cartridges: made, opened and kept on the tape node, known to all.

use holdfast_actors::catalog::command::Command;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::{KeyCommand, TapeCommand, TapeRefused};
use holdfast_actors::catalog::{Deed, Refused};
use holdfast_actors::tape::KeyId;
use holdfast_actors::tape::key::Wrapped;

use super::super::super::{Items, Problem, ProblemClass, answers};
use super::super::speaker::Speaker;
use super::super::{Answer, Office, value};
use super::refused;
use crate::commands::credential::Secret;
use crate::commands::tape::key::{Add, Import, Key, Open, Opening, Which};
use crate::keyring::{self, KeyError, Keyring, Opener, named};

impl Office {
    pub(super) async fn tape_keys(&self, by: &Speaker, order: Key, items: &Items) -> Answer {
        match order {
            Key::Add(add) => self.add_key(by, add).await,
            Key::Import(import) => self.import_key(by, import).await,
            Key::Open(open) => self.open_key(by, open).await,
            Key::List => {
                let (rows, ring) = (self.books.rows(), self.tapes.keyring());
                for id in rows.tape.keys.keys() {
                    items.send(&key_of(&rows, &ring, *id)?).await?;
                }
                value(&())
            }
            Key::Remove(Which { key }) => {
                let remove = Command::Tape(TapeCommand::Key(key, KeyCommand::Remove));
                let removed = self.submit_and_settle(by, remove).await?;
                if !self.books.rows().tape.keys.contains_key(&key) {
                    let ring = self.tapes.keyring();
                    at_leisure(move || ring.forget(key)).await?;
                }
                Ok(removed)
            }
        }
    }

    async fn add_key(&self, by: &Speaker, add: Add) -> Answer {
        by.may(&self.books.rows(), Deed::Keys)?;
        let (ring, entropy) = (self.tapes.keyring(), self.entropy.clone());
        let passphrase = add.passphrase.as_ref().map(|it| it.expose().to_owned());
        let recipients = add.recipients;
        let made = move || ring.make(entropy.as_ref(), passphrase, &recipients);
        let (id, wrapped) = at_leisure(made).await?;
        let description = add.description.unwrap_or_default();
        let known = self.know_key(by, id, description, wrapped).await;
        if known.is_err() {
            let ring = self.tapes.keyring();
            at_leisure(move || ring.forget(id)).await?;
        }
        known
    }

    async fn know_key(
        &self,
        by: &Speaker,
        id: KeyId,
        description: String,
        wrapped: Vec<Wrapped>,
    ) -> Answer {
        let add = KeyCommand::Add {
            description,
            wrapped,
        };
        let ring = self.tapes.keyring();
        let add = Command::Tape(TapeCommand::Key(id, add));
        self.submit_and_show(by, add, |rows| key_of(rows, &ring, id))
            .await
    }

    async fn import_key(&self, by: &Speaker, import: Import) -> Answer {
        by.may(&self.books.rows(), Deed::Keys)?;
        let id = self.unwrapped(import.texts.clone(), import.with).await?;
        let (rows, ring) = (self.books.rows(), self.tapes.keyring());
        if rows.tape.keys.contains_key(&id) {
            return value(&key_of(&rows, &ring, id)?);
        }
        let wrapped = import.texts.into_iter().map(|text| Wrapped {
            name: named(&text).to_owned(),
            text,
        });
        self.know_key(by, id, String::new(), wrapped.collect())
            .await
    }

    async fn open_key(&self, by: &Speaker, open: Open) -> Answer {
        let rows = self.books.rows();
        by.may(&rows, Deed::Keys)?;
        let row = rows.tape.keys.get(&open.key);
        let row = row.ok_or_else(|| refused(TapeRefused::NoKey(open.key)))?;
        let texts = row.wrapped.iter().map(|it| it.text.clone()).collect();
        let id = self.unwrapped(texts, open.with).await?;
        if id != open.key {
            return Err(problem(&KeyError::Other(id)));
        }
        value(&key_of(&rows, &self.tapes.keyring(), id)?)
    }

    async fn unwrapped(&self, texts: Vec<String>, with: Opening) -> Result<KeyId, Problem> {
        let text = |it: Secret| it.expose().to_owned();
        let opener = match (with.passphrase.map(text), with.identity.map(text)) {
            (_, Some(identity)) => Opener::Identity(identity),
            (Some(passphrase), None) => Opener::Passphrase(passphrase),
            (None, None) => {
                let told = "give --passphrase-file or --identity-file";
                return Err(Problem::new(ProblemClass::Usage, "usage", told));
            }
        };
        let ring = self.tapes.keyring();
        at_leisure(move || ring.unwrap(&texts, &opener)).await
    }
}

async fn at_leisure<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, Problem> {
    let done = keyring::aside(work).await;
    done.map_err(Problem::failed)?
        .map_err(|error| problem(&error))
}

fn problem(error: &KeyError) -> Problem {
    let (class, reason) = match error {
        KeyError::Folder(_) => (ProblemClass::Failed, "io"),
        KeyError::Recipient(_) | KeyError::Identity => (ProblemClass::Usage, "usage"),
        KeyError::Shut(_) | KeyError::NoKey | KeyError::Other(_) => {
            (ProblemClass::Refused, "tape-key-shut")
        }
    };
    Problem::new(class, reason, error)
}

fn key_of(rows: &Rows, ring: &Keyring, id: KeyId) -> Result<answers::TapeKey, Problem> {
    let row = rows.tape.keys.get(&id);
    let row = row.ok_or_else(|| Problem::from(Refused::from(TapeRefused::NoKey(id))))?;
    Ok(answers::TapeKey::of(id, row, rows, ring.has(id)))
}
