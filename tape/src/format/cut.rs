//! Cuts a superset to what one run found: a Daily set holds more than any one view.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Garbled;
use super::label::VolumeId;
use super::place::{Directory, Object, Place, RunName};
use super::row::Row;

/// The bytes of a run's list: one path a line, sorted, without the directory.
pub fn list(objects: &BTreeSet<Object>) -> Vec<u8> {
    objects
        .iter()
        .flat_map(|object| format!("{object}\n").into_bytes())
        .collect()
}

/// Reads a run's list.
///
/// # Errors
/// At the first line that is no path of an object.
pub fn parse(bytes: &[u8]) -> Result<BTreeSet<Object>, Garbled> {
    let bad = |row, why: &str| Garbled::Row {
        row,
        why: why.to_owned(),
    };
    let text = std::str::from_utf8(bytes).map_err(|_| bad(1, "the list is no text"))?;
    let mut objects = BTreeSet::new();
    for (row, line) in (1..).zip(text.split_terminator('\n')) {
        match Place::parse(line) {
            Some(Place {
                directory: None,
                object,
            }) if !matches!(object, Object::Run(_)) => {
                objects.insert(object);
            }
            Some(_) | None => return Err(bad(row, "not the path of an object")),
        }
    }
    Ok(objects)
}

/// The runs that a set holds whole: their lists are written behind all their objects.
pub fn runs<'a>(rows: impl IntoIterator<Item = &'a Row>) -> BTreeSet<(Option<Directory>, RunName)> {
    let run = |row: &Row| match &row.path.object {
        Object::Run(name) => Some((row.path.directory.clone(), name.clone())),
        Object::Config
        | Object::Key(_)
        | Object::Index(_)
        | Object::Snapshot(_)
        | Object::Data(_) => None,
    };
    rows.into_iter().filter_map(run).collect()
}

/// What is needed to bring back one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// For each tape the rows to read, in the order they stand.
    pub read: BTreeMap<VolumeId, Vec<Row>>,
    /// What the list names and the rows have not.
    pub missing: BTreeSet<Object>,
}

/// Picks the rows of a run's objects in one repository, each once; of several copies the latest.
pub fn cut<'a>(
    directory: Option<&Directory>,
    wanted: &BTreeSet<Object>,
    rows: impl IntoIterator<Item = (VolumeId, &'a Row)>,
) -> Cut {
    let mut found: BTreeMap<&Object, (VolumeId, &Row)> = BTreeMap::new();
    for (volume, row) in rows {
        if row.path.directory.as_ref() == directory && wanted.contains(&row.path.object) {
            found.insert(&row.path.object, (volume, row));
        }
    }
    let missing = wanted.iter().filter(|object| !found.contains_key(object));
    let mut cut = Cut {
        missing: missing.cloned().collect(),
        ..Cut::default()
    };
    for (volume, row) in found.into_values() {
        cut.read.entry(volume).or_default().push(row.clone());
    }
    for rows in cut.read.values_mut() {
        rows.sort_by_key(|row| (row.file, row.block, row.offset));
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::super::sum::Sum;
    use super::*;

    fn row(path: &str, file: u32) -> Row {
        let path = Place::parse(path).unwrap();
        let sha256 = path.object.promised().unwrap_or(Sum::new([0; 32]));
        Row {
            path,
            sha256,
            length: 1,
            file,
            position: None,
            block: 0,
            offset: 0,
            key: None,
        }
    }

    #[test]
    fn a_run_is_cut_from_its_superset() {
        let (a, b) = (
            format!("keys/{}", "aa".repeat(32)),
            format!("keys/{}", "bb".repeat(32)),
        );
        let missing = format!("index/{}", "cc".repeat(32));
        let wanted = parse(format!("config\n{a}\n{missing}\n").as_bytes()).unwrap();
        assert_eq!(parse(&list(&wanted)), Ok(wanted.clone()));
        let volume = VolumeId::new([1; 16]);
        let rows = [
            row("config", 2),
            row(&b, 2),
            row(&a, 3),
            row("config", 4),
            row("x/config", 5),
        ];
        let cut = cut(None, &wanted, rows.iter().map(|row| (volume, row)));
        assert_eq!(cut.read[&volume], [row(&a, 3), row("config", 4)]);
        assert_eq!(cut.missing.len(), 1);
    }

    #[test]
    fn a_list_names_objects_and_nothing_else() {
        for bad in [
            "../config\n",
            "a/config\n",
            ".holdfast/runs/r.list\n",
            "x",
            "\n",
            "\u{0}",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
