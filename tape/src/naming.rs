//! What the catalog's names are called on tape, and back.
//!
//! Invariant: two repositories, and two parts of one, never share a directory of a media set,
//! whatever they are called, were called, or will be.

use holdfast_actors::kernel::{RepositoryId, Space};
use holdfast_actors::names::{RepositoryName, TenantName};
use holdfast_actors::object::{Hash, Key, Kind};
use holdfast_actors::tape::{KeyId, MediumId, SetId};

use crate::format::{self, Directory, Object, Place, Sum, VolumeId};

/// The most letters of a name that go into a directory; the rest is for ids.
const LETTERS_MAX: usize = 20;

/// How a cartridge is called on tape.
pub fn volume(id: MediumId) -> VolumeId {
    VolumeId::new(id.raw().to_be_bytes())
}

/// Which cartridge this is.
pub fn medium(volume: VolumeId) -> MediumId {
    MediumId::new(u128::from_be_bytes(volume.bytes()))
}

/// How a media set is called on tape.
pub fn set_on_tape(id: SetId) -> format::SetId {
    format::SetId::new(id.raw().to_be_bytes())
}

/// How a key is called on tape.
pub fn key_on_tape(id: KeyId) -> format::KeyId {
    format::KeyId::new(id.raw().to_be_bytes())
}

/// Which key this is.
pub fn key_of_tape(id: format::KeyId) -> KeyId {
    KeyId::new(u128::from_be_bytes(id.bytes()))
}

/// The file of a label that a wrapped key is in.
pub fn key_file(id: KeyId, name: &str) -> String {
    format!("{id}.{name}.age")
}

/// Which media set this is.
pub fn set(id: format::SetId) -> SetId {
    SetId::new(u128::from_be_bytes(id.bytes()))
}

/// What an object is called on tape; none for a lock, which never goes there.
pub fn object(key: Key) -> Option<Object> {
    let sum = Sum::new(*key.name.as_bytes());
    Some(match key.kind {
        Kind::Config => Object::Config,
        Kind::Data => Object::Data(sum),
        Kind::Index => Object::Index(sum),
        Kind::Key => Object::Key(sum),
        Kind::Snapshot => Object::Snapshot(sum),
        Kind::Lock => return None,
    })
}

/// Which object of a part of a repository this is; none for the list of a run, which is none.
pub fn key(space: Space, object: &Object) -> Option<Key> {
    let (kind, name) = match object {
        Object::Config => (Kind::Config, Hash::ZERO),
        Object::Data(sum) => (Kind::Data, Hash::new(*sum.as_bytes())),
        Object::Index(sum) => (Kind::Index, Hash::new(*sum.as_bytes())),
        Object::Key(sum) => (Kind::Key, Hash::new(*sum.as_bytes())),
        Object::Snapshot(sum) => (Kind::Snapshot, Hash::new(*sum.as_bytes())),
        Object::Run(_) => return None,
    };
    Some(Key { space, kind, name })
}

/// A repository in a media set: which, and how it was called when the run began
/// ([`Run`](holdfast_actors::catalog::rows::Run) keeps that).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home<'a> {
    /// Which.
    pub repository: RepositoryId,
    /// Whose it was.
    pub tenant: &'a TenantName,
    /// How it was called.
    pub called: &'a RepositoryName,
    /// The set holds it alone: its objects are at the root.
    pub is_alone: bool,
}

impl Home<'_> {
    /// Where an object of it, or the list of a run, is on tape. None where a set that holds one
    /// repository has no place for the part of a subtenant.
    pub fn place(&self, space: Space, object: Object) -> Option<Place> {
        let directory = match (self.is_alone, space) {
            (true, Space::TENANT) => None,
            (true, _) => return None,
            (false, _) => Some(self.directory(space)?),
        };
        Some(Place { directory, object })
    }

    /// `TENANT/REPOSITORY.ID`, and for a part of a subtenant `TENANT/REPOSITORY.ID.SPACE`. Names
    /// are for people: what tells directories apart are the ids.
    fn directory(&self, space: Space) -> Option<Directory> {
        let tenant = letters(self.tenant.as_str());
        let (called, id) = (letters(self.called.as_str()), self.repository.raw());
        let folder = match space {
            Space::TENANT => format!("{called}.{id}"),
            _ => format!("{called}.{id}.{}", space.raw()),
        };
        // A tenant may be called by a word of restic's.
        let named = Directory::parse(&format!("{tenant}/{folder}"));
        named.or_else(|| Directory::parse(&format!("{tenant}_/{folder}")))
    }
}

/// A name in the letters that a directory has.
fn letters(name: &str) -> String {
    let safe = |letter: char| match letter.to_ascii_lowercase() {
        it if it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-' => it,
        _ => '_',
    };
    name.chars().take(LETTERS_MAX).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(tenant: &str, called: &str, id: u64, space: u64) -> String {
        let home = Home {
            repository: RepositoryId::new(id),
            tenant: &TenantName::parse(tenant).unwrap(),
            called: &RepositoryName::parse(called).unwrap(),
            is_alone: false,
        };
        let place = home.place(Space::new(space), Object::Config);
        place.unwrap().to_string()
    }

    #[test]
    fn a_directory_is_known_by_its_ids() {
        assert_eq!(place("Acme Ltd", "main", 5, 0), "acme_ltd/main.5/config");
        assert_eq!(place("keys", "a.b", 5, 7), "keys_/a_b.5.7/config");
        assert_ne!(place("a", "x.5", 7, 0), place("a", "x", 5, 7));
        let (long, longest) = ("n".repeat(64), "T".repeat(128));
        assert!(place(&longest, &long, u64::MAX, u64::MAX).ends_with("/config"));
    }

    #[test]
    fn names_come_back_from_tape() {
        let id = MediumId::new(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        assert_eq!(volume(id).to_string(), id.to_string());
        assert_eq!(medium(volume(id)), id);
        assert_eq!(set(set_on_tape(SetId::new(9))), SetId::new(9));
        for kind in [
            Kind::Data,
            Kind::Index,
            Kind::Key,
            Kind::Snapshot,
            Kind::Config,
        ] {
            let name = match kind {
                Kind::Config => Hash::ZERO,
                Kind::Data | Kind::Index | Kind::Key | Kind::Lock | Kind::Snapshot => {
                    Hash::new([7; 32])
                }
            };
            let (space, whole) = (
                Space::new(3),
                Key {
                    space: Space::new(3),
                    kind,
                    name,
                },
            );
            assert_eq!(key(space, &object(whole).unwrap()), Some(whole));
        }
    }
}
