//! The same things under the names of the catalog and under those on tape.

use holdfast_actors::kernel::Space;
use holdfast_actors::object::{Hash, Key, Kind};
use holdfast_actors::tape::{MediumId, SetId};

use crate::format::{self, Object, Sum, VolumeId};

/// A cartridge, as its label names it.
pub const fn volume(id: MediumId) -> VolumeId {
    VolumeId::new(id.raw().to_be_bytes())
}

/// A media set, as its labels name it.
pub const fn set(id: SetId) -> format::SetId {
    format::SetId::new(id.raw().to_be_bytes())
}

/// An object of a repository, as it is named on tape; none for a lock, or another's part.
pub fn object(key: Key) -> Option<Object> {
    let sum = Sum::new(*key.name.as_bytes());
    let object = match key.kind {
        Kind::Config => Object::Config,
        Kind::Data => Object::Data(sum),
        Kind::Index => Object::Index(sum),
        Kind::Key => Object::Key(sum),
        Kind::Snapshot => Object::Snapshot(sum),
        Kind::Lock => return None,
    };
    (key.space == Space::TENANT).then_some(object)
}

/// An object on tape, as its repository names it; none for the list of a run.
pub const fn key(object: &Object) -> Option<Key> {
    let (kind, name) = match object {
        Object::Config => (Kind::Config, Hash::ZERO),
        Object::Data(sum) => (Kind::Data, Hash::new(*sum.as_bytes())),
        Object::Index(sum) => (Kind::Index, Hash::new(*sum.as_bytes())),
        Object::Key(sum) => (Kind::Key, Hash::new(*sum.as_bytes())),
        Object::Snapshot(sum) => (Kind::Snapshot, Hash::new(*sum.as_bytes())),
        Object::Run(_) => return None,
    };
    let space = Space::TENANT;
    Some(Key { space, kind, name })
}
