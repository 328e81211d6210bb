//! How actors are drawn for people: the tree, a state, decisions, sessions.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// The tree of all actors, with a line of titles; of several nodes, each under its name.
pub fn tree(rows: &[Value]) -> String {
    if rows.is_empty() {
        return one_tree(&[]);
    }
    let mut nodes: Vec<(String, Vec<&Value>)> = Vec::new();
    for row in rows {
        let title = title(row);
        match nodes.last_mut() {
            Some((last, rows)) if *last == title => rows.push(row),
            _ => nodes.push((title, vec![row])),
        }
    }
    let mut text = String::new();
    for (title, rows) in nodes {
        if !title.is_empty() {
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{title}");
        }
        let (missing, rows): (Vec<&Value>, Vec<&Value>) =
            rows.into_iter().partition(|row| row["missing"].is_string());
        for row in missing {
            let _ = writeln!(text, "  {}", row["missing"].as_str().unwrap_or_default());
        }
        if !rows.is_empty() {
            text.push_str(&one_tree(&rows));
        }
    }
    text
}

/// Over the tree of a node of several: its name and id; nothing where there is one.
fn title(row: &Value) -> String {
    match (row["node"].as_str(), row["id"].as_str()) {
        (Some(name), Some(id)) => format!("{name}  {id}"),
        _ => String::new(),
    }
}

fn one_tree(rows: &[&Value]) -> String {
    let mut root = Branch::default();
    for row in rows {
        let path = row["path"].as_str().unwrap_or_default();
        let mut branch = &mut root;
        for part in path.split('/') {
            branch = branch.below.entry(part.to_owned()).or_default();
        }
        branch.row = Some(row);
    }
    let mut lines = vec![Line::titles()];
    for (name, branch) in &root.below {
        branch.draw(name.clone(), &mut lines);
    }
    let width = |of: fn(&Line) -> &String| {
        let widest = lines.iter().map(|line| of(line).chars().count()).max();
        widest.unwrap_or_default()
    };
    let (names, states) = (width(|line| &line.name), width(|line| &line.state));
    let (restarts, mailboxes) = (width(|line| &line.restarts), width(|line| &line.mailbox));
    let mut text = String::new();
    for line in &lines {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:names$}  {:states$}  {:>restarts$}  {:>mailboxes$}",
            line.name, line.state, line.restarts, line.mailbox
        );
    }
    text
}

/// One place of the tree; it has no row if nothing is known of it but what stands below.
#[derive(Default)]
struct Branch<'a> {
    row: Option<&'a Value>,
    below: BTreeMap<String, Branch<'a>>,
}

impl Branch<'_> {
    fn draw(&self, name: String, lines: &mut Vec<Line>) {
        lines.push(Line::of(name, self.row));
        let mut left = self.below.len();
        for (name, branch) in &self.below {
            left -= 1;
            let (hook, deeper) = if left == 0 {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let first = lines.len();
            branch.draw(name.clone(), lines);
            for (at, line) in lines[first..].iter_mut().enumerate() {
                let before = if at == 0 { hook } else { deeper };
                line.name = format!("{before}{}", line.name);
            }
        }
    }
}

struct Line {
    name: String,
    state: String,
    restarts: String,
    mailbox: String,
}

impl Line {
    fn titles() -> Self {
        Self {
            name: "ACTOR".to_owned(),
            state: "STATE".to_owned(),
            restarts: "RESTARTS".to_owned(),
            mailbox: "MAILBOX".to_owned(),
        }
    }

    fn of(name: String, row: Option<&Value>) -> Self {
        let field = |key: &str| match row.map(|row| &row[key]) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => "-".to_owned(),
        };
        Self {
            name,
            state: field("state"),
            restarts: field("restarts"),
            mailbox: field("mailbox"),
        }
    }
}

/// What an actor says of itself.
pub fn state(state: &Value) -> String {
    format!("{state:#}\n")
}

/// The same in a line, for a state that changes under one's eyes.
pub fn state_now(state: &Value) -> String {
    state.to_string()
}

/// Decisions, oldest first: time and event, and below them what was done.
pub fn trace(rows: &[Value]) -> String {
    let mut text = String::new();
    for row in rows {
        let part = |key: &str| row[key].as_str().unwrap_or("-");
        let _ = writeln!(text, "{}  {}", part("at"), part("event"));
        for act in row["acts"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "    {}", act.as_str().unwrap_or("-"));
        }
    }
    text
}

/// What an actor waits for.
pub fn waits(rows: &[Value]) -> String {
    if rows.is_empty() {
        return "it waits for nothing but messages\n".to_owned();
    }
    let line = |row: &Value| format!("{}\n", row.as_str().unwrap_or("-"));
    rows.iter().map(line).collect()
}

/// Sessions, each with what it says of itself.
pub fn sessions(rows: &[Value]) -> String {
    let mut text = String::new();
    for row in rows {
        let path = row["path"].as_str().unwrap_or("-");
        match (row["node"].as_str(), row["missing"].as_str()) {
            (Some(node), Some(missing)) => {
                let _ = writeln!(text, "{node}: {missing}");
            }
            (Some(node), None) => {
                let _ = writeln!(text, "{node}:{path}  {}", row["session"]);
            }
            (None, _) => {
                let _ = writeln!(text, "{path}  {}", row["session"]);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn row(path: &str, state: &str, restarts: u64, mailbox: u64) -> Value {
        json!({ "path": path, "state": state, "restarts": restarts, "mailbox": mailbox })
    }

    #[test]
    fn the_tree_shows_who_stands_below_whom() {
        let rows = [
            row("node", "running", 0, 0),
            row("node/catalog", "running", 0, 12),
            row("node/tenants", "running", 0, 0),
            row("node/tenants/acme", "running", 3, 0),
            row("node/tenants/acme-2", "ended", 1, 0),
            row("node/tenants/acme/credential-7@127.0.0.1", "running", 0, 1),
            row("node/repositories/repository-2", "running", 0, 0),
        ];
        expect![[r#"
            ACTOR                            STATE    RESTARTS  MAILBOX
            node                             running         0        0
            ├─ catalog                       running         0       12
            ├─ repositories                  -               -        -
            │  └─ repository-2               running         0        0
            └─ tenants                       running         0        0
               ├─ acme                       running         3        0
               │  └─ credential-7@127.0.0.1  running         0        1
               └─ acme-2                     ended           1        0
        "#]]
        .assert_eq(&tree(&rows));
    }

    #[test]
    fn a_tree_without_actors_has_titles_alone() {
        expect![[r#"
            ACTOR  STATE  RESTARTS  MAILBOX
        "#]]
        .assert_eq(&tree(&[]));
    }

    #[test]
    fn a_trace_shows_what_was_told_and_done() {
        let rows = [
            json!({ "at": "2026-05-01T12:00:00.000Z", "event": "Acquire", "acts": ["Show Grant"] }),
        ];
        expect![[r#"
            2026-05-01T12:00:00.000Z  Acquire
                Show Grant
        "#]]
        .assert_eq(&trace(&rows));
        expect![[r#"
            it waits for nothing but messages
        "#]]
        .assert_eq(&waits(&[]));
    }
}
