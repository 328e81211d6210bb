//! Rules that look at `Cargo.toml` and at the configuration of the tools.

use super::complaint::Complaint;
use super::source::numbered;

/// Which crates of ours a manifest may name. The program names the simulated world for `src/sim`
/// alone, which `layers::simulations` keeps.
const DIRECTION: &[(&str, &[&str])] = &[
    (
        "Cargo.toml",
        &[
            "holdfast-actors",
            "holdfast-cluster",
            "holdfast-simulations",
            "holdfast-tape",
        ],
    ),
    ("actors/Cargo.toml", &[]),
    ("tape/Cargo.toml", &["holdfast-actors"]),
    ("cluster/Cargo.toml", &["holdfast-actors"]),
    (
        "simulations/Cargo.toml",
        &["holdfast-actors", "holdfast-cluster", "holdfast-tape"],
    ),
];

/// The most crates from outside that a library may use; the binary is free. The cluster is where
/// TLS, QUIC and consensus come in, each with crates of its own.
const EXTERNAL_MAX: &[(&str, usize)] = &[
    ("actors/Cargo.toml", 14),
    ("cluster/Cargo.toml", 20),
    ("simulations/Cargo.toml", 12),
    ("tape/Cargo.toml", 12),
];

/// What the root manifest must say about lints.
const LINTS: &[(&str, &[&str])] = &[
    (
        "[workspace.lints.rust]",
        &["unsafe_code = \"deny\"", "unreachable_pub", "missing_docs"],
    ),
    (
        "[workspace.lints.clippy]",
        &[
            "unwrap_used",
            "too_many_lines",
            "wildcard_enum_match_arm",
            "allow_attributes",
            "allow_attributes_without_reason",
            "disallowed_methods",
            "disallowed_types",
        ],
    ),
];

/// One entry of a table of dependencies.
struct Dependency<'a> {
    line: usize,
    name: &'a str,
    for_tests: bool,
}

/// Reads the tables of dependencies; versions and features do not matter here.
fn dependencies(text: &str) -> Vec<Dependency<'_>> {
    let mut found = Vec::new();
    let mut table = "";
    for (line, content) in numbered(text) {
        let content = content.trim();
        if let Some(header) = content.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default();
            let (kind, name) = split_header(header);
            table = kind;
            if let Some(name) = name {
                table = "";
                found.push(Dependency {
                    line,
                    name,
                    for_tests: kind == "dev-dependencies",
                });
            }
        } else if let Some(name) = key(content).filter(|_| !table.is_empty()) {
            let name = renamed(content).unwrap_or(name);
            found.push(Dependency {
                line,
                name,
                for_tests: table == "dev-dependencies",
            });
        }
    }
    found
}

/// The kind of table a header opens, if of dependencies, and the crate it may name.
fn split_header(header: &str) -> (&str, Option<&str>) {
    let inner = match header.strip_prefix("target.") {
        Some(target) => target.find("dependencies").map_or("", |at| {
            let kind = ["dev-", "build-"]
                .iter()
                .find(|kind| target[..at].ends_with(**kind));
            &target[at - kind.map_or(0, |kind| kind.len())..]
        }),
        None => header,
    };
    let (kind, name) = match inner.split_once('.') {
        Some((kind, name)) => (kind, Some(name)),
        None => (inner, None),
    };
    match kind {
        "dependencies" | "dev-dependencies" | "build-dependencies" => (kind, name),
        _ => ("", None),
    }
}

/// The crate that a line of a table names.
fn key(content: &str) -> Option<&str> {
    let name = content.split_once('=')?.0.split('.').next()?.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

fn renamed(content: &str) -> Option<&str> {
    content.split_once("package = \"")?.1.split('"').next()
}

/// Dependencies point one way, tests included.
pub(crate) fn direction(path: &str, text: &str) -> Vec<Complaint> {
    let Some((_, allowed)) = DIRECTION.iter().find(|(manifest, _)| *manifest == path) else {
        return Vec::new();
    };
    let ours = dependencies(text)
        .into_iter()
        .filter(|one| one.name.starts_with("holdfast"));
    ours.filter(|one| !allowed.contains(&one.name))
        .map(|one| {
            let advice = format!(
                "`{}` lies above this crate: move what you need down, or ask through a port",
                one.name
            );
            Complaint::new(path, one.line, advice)
        })
        .collect()
}

/// A library stands on few shoulders.
pub(crate) fn external(path: &str, text: &str) -> Vec<Complaint> {
    let Some((_, most)) = EXTERNAL_MAX.iter().find(|(manifest, _)| *manifest == path) else {
        return Vec::new();
    };
    let found = dependencies(text);
    let foreign: Vec<&Dependency<'_>> = found
        .iter()
        .filter(|one| !one.for_tests && !one.name.starts_with("holdfast"))
        .collect();
    let Some(first_over) = foreign.get(*most) else {
        return Vec::new();
    };
    let advice = format!(
        "{} crates from outside: do without one, {most} is the most for this library",
        foreign.len()
    );
    vec![Complaint::new(path, first_over.line, advice)]
}

/// Every crate obeys the lints of the workspace.
pub(crate) fn lints(path: &str, text: &str) -> Vec<Complaint> {
    let inherits = table(text, "[lints]").any(|line| line == "workspace = true");
    let mut complaints = Vec::new();
    if !inherits {
        let advice = "add `[lints]` with `workspace = true`";
        complaints.push(Complaint::new(path, 1, advice));
    }
    if path == "Cargo.toml" {
        for (header, lints) in LINTS {
            for lint in lints
                .iter()
                .filter(|lint| !table(text, header).any(|l| sets(l, lint)))
            {
                let advice = format!("put `{lint}` back into `{header}`");
                complaints.push(Complaint::new(path, 1, advice));
            }
        }
    }
    complaints
}

/// Whether a line is the setting `lint`, or sets it to something that counts.
fn sets(line: &str, lint: &str) -> bool {
    line == lint || key(line) == Some(lint) && !line.contains("\"allow\"")
}

fn table<'a>(text: &'a str, header: &str) -> impl Iterator<Item = &'a str> {
    let lines = text
        .lines()
        .map(str::trim)
        .skip_while(move |line| *line != header);
    lines.skip(1).take_while(|line| !line.starts_with('['))
}

/// A crate's own file would replace the root one, and all its bans with it.
pub(crate) fn clippy_configuration(path: &str, text: &str) -> Vec<Complaint> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if path != ".clippy.toml" {
        let is_second = matches!(name, "clippy.toml" | ".clippy.toml");
        let advice = "remove this file: it would replace the root .clippy.toml";
        return if is_second {
            vec![Complaint::new(path, 1, advice)]
        } else {
            Vec::new()
        };
    }
    let wanted = [
        "too-many-lines-threshold = 70",
        "disallowed-methods = [",
        "disallowed-types = [",
    ];
    wanted
        .iter()
        .filter(|setting| !text.lines().any(|line| line == **setting))
        .map(|setting| Complaint::new(path, 1, format!("put `{setting}` back")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::complaint::check;
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_dependency_that_points_up_is_found() {
        let text = "\
[package]
name = \"holdfast-actors\"
[dependencies]
bytes = \"1\"
holdfast-actors.workspace = true
world = { package = \"holdfast-simulations\", path = \"x\" }
[target.'cfg(unix)'.dev-dependencies.holdfast]
path = \"..\"
";
        check(
            direction,
            "cluster/Cargo.toml",
            text,
            &expect![[r#"
            cluster/Cargo.toml:6: `holdfast-simulations` lies above this crate: move what you need down, or ask through a port
            cluster/Cargo.toml:7: `holdfast` lies above this crate: move what you need down, or ask through a port"#]],
        );
        check(
            direction,
            "actors/Cargo.toml",
            text,
            &expect![[r#"
            actors/Cargo.toml:5: `holdfast-actors` lies above this crate: move what you need down, or ask through a port
            actors/Cargo.toml:6: `holdfast-simulations` lies above this crate: move what you need down, or ask through a port
            actors/Cargo.toml:7: `holdfast` lies above this crate: move what you need down, or ask through a port"#]],
        );
        check(
            direction,
            "Cargo.toml",
            text,
            &expect![
                "Cargo.toml:7: `holdfast` lies above this crate: move what you need down, or ask through a port"
            ],
        );
    }

    #[test]
    fn one_dependency_too_many_is_found() {
        let mut text = "[dependencies]\nholdfast-actors.workspace = true\n".to_owned();
        for n in 0..12 {
            text.push_str(&format!(
                "a{n} = {{ version = \"1\", features = [\n  \"x\",\n] }}\n"
            ));
        }
        let tested = format!("{text}[dev-dependencies]\nb = \"1\"\n");
        check(external, "simulations/Cargo.toml", &tested, &expect![""]);
        let one_more = format!("{text}[build-dependencies.cc]\nversion = \"1\"\n");
        check(
            external,
            "simulations/Cargo.toml",
            &one_more,
            &expect![
                "simulations/Cargo.toml:39: 13 crates from outside: do without one, 12 is the most for this library"
            ],
        );
        check(external, "Cargo.toml", &one_more, &expect![""]);
    }

    #[test]
    fn missing_lints_are_found() {
        let text = "[lints]\nworkspace = true\n[workspace.lints.rust]\nunsafe_code = \"warn\"\n";
        check(
            lints,
            "Cargo.toml",
            text,
            &expect![[r#"
            Cargo.toml:1: put `unsafe_code = "deny"` back into `[workspace.lints.rust]`
            Cargo.toml:1: put `unreachable_pub` back into `[workspace.lints.rust]`
            Cargo.toml:1: put `missing_docs` back into `[workspace.lints.rust]`
            Cargo.toml:1: put `unwrap_used` back into `[workspace.lints.clippy]`
            Cargo.toml:1: put `too_many_lines` back into `[workspace.lints.clippy]`
            Cargo.toml:1: put `wildcard_enum_match_arm` back into `[workspace.lints.clippy]`
            Cargo.toml:1: put `allow_attributes` back into `[workspace.lints.clippy]`
            Cargo.toml:1: put `allow_attributes_without_reason` back into `[workspace.lints.clippy]`
            Cargo.toml:1: put `disallowed_methods` back into `[workspace.lints.clippy]`
            Cargo.toml:1: put `disallowed_types` back into `[workspace.lints.clippy]`"#]],
        );
        check(
            lints,
            "actors/Cargo.toml",
            "[package]\nname = \"a\"\n",
            &expect!["actors/Cargo.toml:1: add `[lints]` with `workspace = true`"],
        );
    }

    #[test]
    fn a_second_configuration_of_clippy_is_found() {
        check(
            clippy_configuration,
            "actors/clippy.toml",
            "",
            &expect![
                "actors/clippy.toml:1: remove this file: it would replace the root .clippy.toml"
            ],
        );
        check(
            clippy_configuration,
            "clippy.toml",
            "",
            &expect!["clippy.toml:1: remove this file: it would replace the root .clippy.toml"],
        );
        check(
            clippy_configuration,
            ".clippy.toml",
            "disallowed-types = [\n",
            &expect![[r#"
                .clippy.toml:1: put `too-many-lines-threshold = 70` back
                .clippy.toml:1: put `disallowed-methods = [` back"#]],
        );
        check(clippy_configuration, "src/a.rs", "", &expect![""]);
    }
}
