//! Tables and records for people: what stands in which column, and how a value is spelled.

use std::fmt::Write;

use holdfast_actors::kernel::Size;
use serde_json::Value;

/// How the values of a column are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// As they are.
    Plain,
    /// Numbers are bytes.
    Bytes,
    /// Numbers are bytes per second.
    BytesPerSecond,
}

/// One column of a table, or one line of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    key: &'static str,
    unit: Unit,
}

/// A column whose values are shown as they are.
pub(super) const fn plain(key: &'static str) -> Column {
    Column {
        key,
        unit: Unit::Plain,
    }
}

/// A column of sizes.
pub(super) const fn bytes(key: &'static str) -> Column {
    Column {
        key,
        unit: Unit::Bytes,
    }
}

/// A column of rates.
pub(super) const fn rate(key: &'static str) -> Column {
    Column {
        key,
        unit: Unit::BytesPerSecond,
    }
}

/// What stands between two columns.
const GAP: &str = "  ";

/// A table with a line of titles; empty if there are no rows.
pub(super) fn table(columns: &[Column], rows: &[Value]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let titles = columns.iter().map(|column| title(column.key)).collect();
    let mut lines: Vec<Vec<String>> = vec![titles];
    for row in rows {
        lines.push(
            columns
                .iter()
                .map(|column| cell(&row[column.key], column.unit))
                .collect(),
        );
    }
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).filter_map(width).collect();
    let to_the_right: Vec<bool> = columns
        .iter()
        .map(|column| rows.iter().all(|row| is_amount(&row[column.key])))
        .collect();
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for ((cell, width), right) in line.iter().zip(&widths).zip(&to_the_right) {
            let padding = " ".repeat(width - cell.chars().count());
            let (before, behind) = if *right {
                (padding.as_str(), "")
            } else {
                ("", padding.as_str())
            };
            // Writing to a string cannot fail.
            let _ = write!(shown, "{before}{cell}{behind}{GAP}");
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

/// A line per field, names on the left.
pub(super) fn record(columns: &[Column], row: &Value) -> String {
    let shown = columns
        .iter()
        .filter(|column| row.get(column.key).is_some());
    let width = shown.clone().map(|column| column.key.len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for column in shown {
        let value = cell(&row[column.key], column.unit);
        let _ = writeln!(text, "{:width$}{GAP}{value}", column.key);
    }
    text
}

fn title(key: &str) -> String {
    key.to_uppercase().replace('-', " ")
}

fn is_amount(value: &Value) -> bool {
    value.is_number() || value.is_null()
}

fn cell(value: &Value, unit: Unit) -> String {
    let all = |values: &mut dyn Iterator<Item = &Value>, between: &str| {
        let cells: Vec<String> = values.map(|value| cell(value, unit)).collect();
        cells.join(between)
    };
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => match (unit, number.as_u64()) {
            (Unit::Bytes, Some(bytes)) => Size::bytes(bytes).to_string(),
            (Unit::BytesPerSecond, Some(bytes)) => format!("{}/s", Size::bytes(bytes)),
            _ => number.to_string(),
        },
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => printable(text),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) => all(&mut values.iter(), ", "),
        Value::Object(fields) => all(&mut fields.values(), " "),
    }
}

/// One event as a line.
pub(super) fn event(row: &Value) -> String {
    let part = |key: &str| printable(row[key].as_str().unwrap_or("-"));
    let why = row["reason"]
        .as_str()
        .map(|why| format!(" ({})", printable(why)));
    format!(
        "{} {} {} {}: {}{}",
        part("at"),
        part("severity"),
        row["code"],
        part("actor"),
        part("text"),
        why.unwrap_or_default(),
    )
}

/// Free text may hold what would move a terminal's cursor; it is shown, not obeyed.
pub(super) fn printable(text: &str) -> String {
    let spelled = |letter: char| -> String {
        if letter.is_control() {
            letter.escape_default().to_string()
        } else {
            letter.to_string()
        }
    };
    text.chars().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        plain("name"),
        bytes("quota"),
        rate("bandwidth"),
        plain("on"),
    ];

    #[test]
    fn a_table_is_aligned() {
        let rows = [
            json!({"name": "acme", "quota": 10u64 << 30, "bandwidth": null, "on": true}),
            json!({"name": "Zoë & Co", "quota": 1536, "bandwidth": 1000, "on": false}),
        ];
        expect![[r#"
            NAME       QUOTA  BANDWIDTH  ON
            acme       10GiB          -  yes
            Zoë & Co  1.5KiB    1000B/s  no
        "#]]
        .assert_eq(&table(COLUMNS, &rows));
        assert_eq!(table(COLUMNS, &[]), "");
    }

    #[test]
    fn a_record_has_a_line_a_field() {
        let row = json!({"name": "a\u{1b}[2J", "quota": 0, "on": [], "hidden": 1});
        expect![[r#"
            name   a\u{1b}[2J
            quota  0B
            on     -
        "#]]
        .assert_eq(&record(COLUMNS, &row));
    }
}
