//! Where an object of a repository stands: restic's own paths, and nothing else.
//!
//! A path is taken apart from its end by restic's forms; what is left is the repository's
//! directory, of at most two segments of safe letters. So `..`, absolute paths, NUL and
//! over-long names are not forbidden one by one: they have no form.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::sum::Sum;
use super::{CONFIG_MAX, LIST_MAX, OBJECT_MAX};

const SEGMENT_MAX: usize = 63;
const WORDS: [&str; 6] = ["config", "data", "index", "keys", "locks", "snapshots"];
const RUNS: &str = ".holdfast/runs";

/// The directory of one repository in a set of several: one or two segments of 1 to 63 of
/// `a-z0-9._-`, not beginning with a dot and none of restic's words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Directory(Arc<str>);

impl Directory {
    /// Takes `text` if it keeps the rules.
    pub fn parse(text: &str) -> Option<Self> {
        let is_good = text.split('/').count() <= 2 && text.split('/').all(is_segment);
        is_good.then(|| Self(text.into()))
    }

    /// The directory's path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_segment(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=SEGMENT_MAX).contains(&text.len())
        && text.bytes().all(is_letter)
        && !text.starts_with('.')
        && !WORDS.contains(&text)
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one run of a tape job: 1 to 64 of `A-Za-z0-9._-`, not beginning with a dot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunName(Arc<str>);

impl RunName {
    /// Takes `text` if it keeps the rules.
    pub fn parse(text: &str) -> Option<Self> {
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let is_good = (1..=64).contains(&text.len()) && text.bytes().all(is_letter);
        (is_good && !text.starts_with('.')).then(|| Self(text.into()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands in a repository. Locks are not among it: they never go on tape.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Object {
    /// The one `config`.
    Config,
    /// A wrapped key.
    Key(Sum),
    /// An index of packs.
    Index(Sum),
    /// A snapshot.
    Snapshot(Sum),
    /// A pack of blobs.
    Data(Sum),
    /// The list of the objects that one run of a job found in the repository: one path a line,
    /// without the directory. restic never looks at it.
    Run(RunName),
}

impl Object {
    /// The SHA-256 that the name promises.
    pub const fn promised(&self) -> Option<Sum> {
        match self {
            Self::Key(sum) | Self::Index(sum) | Self::Snapshot(sum) | Self::Data(sum) => Some(*sum),
            Self::Config | Self::Run(_) => None,
        }
    }

    /// The most bytes of one.
    pub const fn length_max(&self) -> u64 {
        match self {
            Self::Config => CONFIG_MAX,
            Self::Run(_) => LIST_MAX,
            Self::Key(_) | Self::Index(_) | Self::Snapshot(_) | Self::Data(_) => OBJECT_MAX,
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Key(name) => write!(f, "keys/{name}"),
            Self::Index(name) => write!(f, "index/{name}"),
            Self::Snapshot(name) => write!(f, "snapshots/{name}"),
            Self::Data(name) => write!(f, "data/{:02x}/{name}", name.as_bytes()[0]),
            Self::Run(name) => write!(f, "{RUNS}/{}.list", name.as_str()),
        }
    }
}

/// The path of an object below the root of a media set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The repository's directory; none where the set holds one repository.
    pub directory: Option<Directory>,
    /// The object in it.
    pub object: Object,
}

impl Place {
    /// Takes apart a path; `None` for what is no path of ours.
    pub fn parse(path: &str) -> Option<Self> {
        let (front, last) = path.rsplit_once('/').unwrap_or(("", path));
        if last == "config" {
            return Self::below(front, path, Object::Config);
        }
        if let Some(run) = last.strip_suffix(".list") {
            let front = strip_end(front, RUNS)?;
            return Self::below(front, path, Object::Run(RunName::parse(run)?));
        }
        let name = Sum::parse(last)?;
        let (front, folder) = front.rsplit_once('/').unwrap_or(("", front));
        let (front, object) = match folder {
            "keys" => (front, Object::Key(name)),
            "index" => (front, Object::Index(name)),
            "snapshots" => (front, Object::Snapshot(name)),
            two if last.get(..2) == Some(two) => (strip_end(front, "data")?, Object::Data(name)),
            _ => return None,
        };
        Self::below(front, path, object)
    }

    fn below(front: &str, path: &str, object: Object) -> Option<Self> {
        let directory = match front {
            "" => None,
            front => Some(Directory::parse(front)?),
        };
        let place = Self { directory, object };
        // A leading or doubled slash was lost above: only the one spelling is a path.
        (place.to_string() == path).then_some(place)
    }
}

/// What stands before the folders `end`; `None` if the path does not end in them.
fn strip_end<'a>(path: &'a str, end: &str) -> Option<&'a str> {
    let front = path.strip_suffix(end)?;
    if front.is_empty() {
        Some("")
    } else {
        front.strip_suffix('/')
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.directory {
            Some(directory) => write!(f, "{}/{}", directory.as_str(), self.object),
            None => write!(f, "{}", self.object),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not the path of an object"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_paths_of_a_repository_are_paths() {
        let name = "ab".repeat(32);
        for good in [
            "config".to_owned(),
            format!("keys/{name}"),
            format!("data/ab/{name}"),
            format!("acme/servers/snapshots/{name}"),
            format!("acme/index/{name}"),
            ".holdfast/runs/2026-11-23.list".to_owned(),
            "a/b/.holdfast/runs/r.list".to_owned(),
            "acme/config".to_owned(),
        ] {
            assert_eq!(Place::parse(&good).map(|p| p.to_string()), Some(good));
        }
        for bad in [
            String::new(),
            "/config".to_owned(),
            "../config".to_owned(),
            "a/../config".to_owned(),
            "a//config".to_owned(),
            "./config".to_owned(),
            "a/b/c/config".to_owned(),
            "config/".to_owned(),
            "con\0fig".to_owned(),
            "A/config".to_owned(),
            "data/config".to_owned(),
            format!("data/ac/{name}"),
            format!("data/{name}"),
            format!("xdata/ab/{name}"),
            format!("locks/{name}"),
            format!("keys/{}", name.to_uppercase()),
            format!("{}/config", "a".repeat(64)),
            ".holdfast/runs/..list".to_owned(),
            "x.holdfast/runs/r.list".to_owned(),
        ] {
            assert_eq!(Place::parse(&bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_a_path_has_one_spelling_and_stays_below(
            path in "(/|\\.|a|Z|config|data|keys|\\.holdfast|runs|x\\.list|\u{0}|[0-9a-f]{2}){0,9}",
        ) {
            if let Some(place) = Place::parse(&path) {
                prop_assert_eq!(place.to_string(), &*path);
                let is_down = |part: &str| !part.is_empty() && part != "." && part != "..";
                prop_assert!(path.split('/').all(is_down));
            }
        }
    }
}
