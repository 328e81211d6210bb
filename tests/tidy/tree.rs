//! The files of the project: what git tracks or would track, or all but `target` without git.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Every file below `root`, as a path from `root`, in order.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let mut files = tracked(root).unwrap_or_else(|| walk(root));
    files.retain(|file| root.join(file).is_file());
    files.sort();
    files.dedup();
    files
}

fn tracked(root: &Path) -> Option<Vec<String>> {
    let listing = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success() && !output.stdout.is_empty())?;
    let names = String::from_utf8(listing.stdout).ok()?;
    Some(names.split_terminator('\0').map(str::to_owned).collect())
}

fn walk(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(root.join(&folder)).expect("a folder of the project opens");
        for entry in entries {
            let entry = entry.expect("a folder of the project lists");
            let path = folder.join(entry.file_name());
            if entry.file_type().expect("an entry has a type").is_file() {
                files.push(path.to_string_lossy().into_owned());
            } else if entry.file_name() != "target" && entry.file_name() != ".git" {
                folders.push(path);
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_the_walk_skips_what_is_built() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for file in [
            "src/lib.rs",
            "target/debug/x.rs",
            ".git/config",
            "Cargo.toml",
        ] {
            let path = root.path().join(file);
            let folder = path.parent().expect("a folder above");
            std::fs::create_dir_all(folder).expect("the folder is made");
            std::fs::write(path, "x").expect("the file is written");
        }
        assert_eq!(
            files_sorted(walk(root.path())),
            ["Cargo.toml", "src/lib.rs"]
        );
    }

    fn files_sorted(mut files: Vec<String>) -> Vec<String> {
        files.sort();
        files
    }

    #[test]
    fn this_file_is_listed() {
        let files = files(Path::new(env!("CARGO_MANIFEST_DIR")));
        assert!(
            files.iter().any(|file| file == "tests/tidy/tree.rs"),
            "{files:?}"
        );
    }
}
