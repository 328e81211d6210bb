//! Rules that look at lines: the opening sentence, widths, lengths and scars.

use super::complaint::Complaint;
use super::source::{
    code, code_and_comments, lines_with, numbered, production, production_lines, words,
};

const COLUMNS_MAX: usize = 100;
const LINES_MAX: usize = 400;
const MAIN_LINES_MAX: usize = 60;

/// A file begins by saying what it is for.
pub(crate) fn opening(path: &str, text: &str) -> Vec<Complaint> {
    let first = text.lines().next().unwrap_or_default();
    if first
        .strip_prefix("//! ")
        .is_some_and(|says| !says.trim().is_empty())
    {
        return Vec::new();
    }
    let advice = "begin the file with a `//!` sentence: what it is for and what it never does";
    vec![Complaint::new(path, 1, advice)]
}

/// A line fits beside another on one screen; what a test expects keeps its own shape.
pub(crate) fn columns(path: &str, text: &str) -> Vec<Complaint> {
    let tests_begin = production(path, &code(text)).lines().count();
    let visible = code_and_comments(text);
    numbered(text)
        .zip(visible.lines())
        .filter(|((line, _), shown)| *line <= tests_begin || words(shown).next().is_some())
        .map(|((line, content), _)| (line, content.chars().count()))
        .filter(|(_, width)| *width > COLUMNS_MAX)
        .map(|(line, width)| {
            let advice = format!("{width} columns: break the line at {COLUMNS_MAX} or before");
            Complaint::new(path, line, advice)
        })
        .collect()
}

/// A file is short enough to be read at once.
pub(crate) fn length(path: &str, text: &str) -> Vec<Complaint> {
    let most = if path == "src/main.rs" {
        MAIN_LINES_MAX
    } else {
        LINES_MAX
    };
    let lines = production_lines(&code(text));
    if lines <= most {
        return Vec::new();
    }
    let advice = format!("{lines} lines above the tests: move a part out, {most} is the most");
    vec![Complaint::new(path, most + 1, advice)]
}

/// What is unfinished is an issue, not a note in the tree.
pub(crate) fn scars(path: &str, text: &str) -> Vec<Complaint> {
    let visible = code_and_comments(text);
    let notes = words(&visible)
        .filter(|(_, word)| matches!(*word, "TODO" | "FIXME" | "XXX" | "HACK"))
        .map(|(line, word)| {
            (
                line,
                format!("`{word}`: do it now, or track it outside the tree"),
            )
        });
    let code = code(text);
    let stubs = lines_with(&code, &["dbg!", "todo!", "unimplemented!"]).map(|(line, stub)| {
        (
            line,
            format!("`{stub}`: write the code, or return an error"),
        )
    });
    notes
        .chain(stubs)
        .map(|(line, advice)| Complaint::new(path, line, advice))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::complaint::check;
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_file_without_an_opening_sentence_is_found() {
        check(opening, "a.rs", "//! What it is for.\n", &expect![""]);
        check(
            opening,
            "a.rs",
            "use std::fmt;\n",
            &expect![
                "a.rs:1: begin the file with a `//!` sentence: what it is for and what it never does"
            ],
        );
        check(
            opening,
            "a.rs",
            "//!\n//! Late.\n",
            &expect![
                "a.rs:1: begin the file with a `//!` sentence: what it is for and what it never does"
            ],
        );
        check(
            opening,
            "a.rs",
            "",
            &expect![
                "a.rs:1: begin the file with a `//!` sentence: what it is for and what it never does"
            ],
        );
    }

    #[test]
    fn a_wide_line_is_found() {
        let text = format!("{}\n{}\n", "é".repeat(100), "e".repeat(101));
        check(
            columns,
            "a.rs",
            &text,
            &expect!["a.rs:2: 101 columns: break the line at 100 or before"],
        );
        let literal = format!("    \"{}\",\n", "e".repeat(100));
        check(columns, "tests/a.rs", &literal, &expect![""]);
        check(
            columns,
            "src/a.rs",
            &literal,
            &expect!["src/a.rs:1: 107 columns: break the line at 100 or before"],
        );
    }

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() {
        let long = "fn a() {}\n".repeat(401);
        check(
            length,
            "a.rs",
            &long,
            &expect!["a.rs:401: 401 lines above the tests: move a part out, 400 is the most"],
        );
        let tested = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        check(length, "a.rs", &tested, &expect![""]);
        check(
            length,
            "src/main.rs",
            &"fn a() {}\n".repeat(61),
            &expect!["src/main.rs:61: 61 lines above the tests: move a part out, 60 is the most"],
        );
    }

    #[test]
    fn scars_are_found_in_code_and_comments_but_not_in_literals() {
        let text = r#"
// TODO: later
/// FIXME
fn a() { dbg!(1); todo!() /* XXX */ }
fn b() { unimplemented!() } // HACK
const TODO_MAX: &str = "TODO, not a todo!";
"#;
        check(
            scars,
            "a.rs",
            text,
            &expect![[r#"
            a.rs:2: `TODO`: do it now, or track it outside the tree
            a.rs:3: `FIXME`: do it now, or track it outside the tree
            a.rs:4: `XXX`: do it now, or track it outside the tree
            a.rs:5: `HACK`: do it now, or track it outside the tree
            a.rs:4: `dbg!`: write the code, or return an error
            a.rs:5: `unimplemented!`: write the code, or return an error"#]],
        );
    }
}
