//! Just enough of Rust's grammar to tell code from comments and literals, and paths from prose.

/// What a character belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Code,
    Comment,
    Literal,
}

/// The text with comments and literals blanked; lines and columns stay where they were.
pub(crate) fn code(text: &str) -> String {
    keep(text, &[Part::Code])
}

/// The text with literals blanked, so that a rule may quote what it forbids.
pub(crate) fn code_and_comments(text: &str) -> String {
    keep(text, &[Part::Code, Part::Comment])
}

fn keep(text: &str, parts: &[Part]) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let after_word = at > 0 && is_word(chars[at - 1]);
        let (part, length) = piece(&chars[at..], after_word);
        let shown = parts.contains(&part);
        for &c in &chars[at..at + length] {
            kept.push(if shown || c == '\n' { c } else { ' ' });
        }
        at += length;
    }
    kept
}

/// The kind and length of what `rest` begins with.
fn piece(rest: &[char], after_word: bool) -> (Part, usize) {
    match rest {
        ['/', '/', ..] => (Part::Comment, until(rest, |r| r.starts_with(&['\n']))),
        ['/', '*', ..] => (Part::Comment, block_comment(rest)),
        ['"', ..] => (Part::Literal, quoted(rest, '"')),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (Part::Literal, quoted(rest, '\'')),
        _ => match raw_string(rest) {
            Some(length) if !after_word => (Part::Literal, length),
            Some(_) | None => (Part::Code, 1),
        },
    }
}

fn until(rest: &[char], end: impl Fn(&[char]) -> bool) -> usize {
    (0..rest.len())
        .find(|&at| end(&rest[at..]))
        .unwrap_or(rest.len())
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[char]) -> Option<usize> {
    let prefix = match rest {
        ['r', ..] => 1,
        ['b' | 'c', 'r', ..] => 2,
        _ => return None,
    };
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let open = prefix + hashes + 1;
    if rest.get(open - 1) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(vec!['#'; hashes]).collect();
    let body = until(&rest[open..], |r| r.starts_with(&close));
    Some((open + body + close.len()).min(rest.len()))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The lines with their numbers, counted from 1.
pub(crate) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

/// Every identifier and keyword with its line, counted from 1.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered(text).flat_map(|(line, content)| {
        let words = content
            .split(|c| !is_word(c))
            .filter(|word| !word.is_empty());
        words.map(move |word| (line, word))
    })
}

/// The lines, counted from 1, that contain any of `needles`.
pub(crate) fn lines_with<'a>(
    text: &'a str,
    needles: &'a [&str],
) -> impl Iterator<Item = (usize, &'a str)> {
    numbered(text).flat_map(move |(line, content)| {
        let found = needles.iter().find(|needle| content.contains(**needle));
        found.map(|needle| (line, *needle))
    })
}

/// Every path that code names with its line; the groups of a `use` are multiplied out.
pub(crate) fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut groups: Vec<Vec<&str>> = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    let (mut began, mut joined) = (1, false);
    for (line, token) in tokens(code) {
        if token != "::" && !joined {
            finish(&mut found, began, &mut path);
        }
        match token {
            "::" => {}
            "{" => groups.push(std::mem::take(&mut path)),
            "}" => drop(groups.pop()),
            name if name.starts_with(is_word) => {
                if !joined {
                    began = line;
                    path = groups.last().cloned().unwrap_or_default();
                }
                path.push(name);
            }
            _ => finish(&mut found, began, &mut path),
        }
        joined = token == "::";
    }
    finish(&mut found, began, &mut path);
    found
}

fn finish(found: &mut Vec<(usize, String)>, line: usize, path: &mut Vec<&str>) {
    if !path.is_empty() {
        found.push((line, std::mem::take(path).join("::")));
    }
}

fn tokens(code: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered(code).flat_map(|(line, content)| {
        let mut rest = content.trim_start();
        std::iter::from_fn(move || {
            let first = rest.chars().next()?;
            let length = match first {
                c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                c => c.len_utf8(),
            };
            let (token, tail) = rest.split_at(length);
            rest = tail.trim_start();
            Some((line, token))
        })
    })
}

/// Whether `path` is `name` or lies inside it.
pub(crate) fn is_within(path: &str, name: &str) -> bool {
    path.strip_prefix(name)
        .is_some_and(|tail| tail.is_empty() || tail.starts_with("::"))
}

/// Whether the whole file is test code.
pub(crate) fn is_test_file(path: &str) -> bool {
    let in_test_folder = path
        .split('/')
        .any(|part| matches!(part, "tests" | "benches" | "examples" | "fuzz"));
    let of_tests = ["tests.rs", "fixture.rs", "properties.rs"];
    in_test_folder
        || of_tests
            .iter()
            .any(|name| path.rsplit('/').next() == Some(name))
}

/// How many lines stand above the module of unit tests.
pub(crate) fn production_lines(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let opens_tests = |at: &usize| {
        let mut below = lines[at + 1..]
            .iter()
            .filter(|l| !l.is_empty() && !l.starts_with("#["));
        lines[*at].starts_with("#[cfg(test)]")
            && (lines[*at].contains(" mod ") || below.next().is_some_and(|l| is_module(l)))
    };
    (0..lines.len()).find(opens_tests).unwrap_or(lines.len())
}

fn is_module(line: &str) -> bool {
    let item = line
        .trim_start_matches("pub(crate) ")
        .trim_start_matches("pub(super) ");
    item.starts_with("mod ")
}

/// The lines of `code` above its module of unit tests; nothing of a file that is all tests.
pub(crate) fn production(path: &str, code: &str) -> String {
    if is_test_file(path) {
        return String::new();
    }
    let lines: Vec<&str> = code.lines().take(production_lines(code)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn literals_and_comments_are_told_from_code() {
        let text = r##"
let a = "x // \" y"; // why
let b = r#"raw " text"#; let c = br"\"; /* a /* nested */ b */ d
fn f<'a>(x: &'a str) -> char { '"' } let q = '\''; let r = b"z";
"##;
        expect![[r#"

            let a =            ; // why
            let b =                ; let c =      ; /* a /* nested */ b */ d
            fn f<'a>(x: &'a str) -> char {     } let q =     ; let r = b   ;
        "#]]
        .assert_eq(&code_and_comments(text));
        assert!(!code(text).contains("why") && !code(text).contains("nested"));
    }

    #[test]
    fn groups_of_a_use_are_multiplied_out() {
        let code = "use std::{fs, io::{self, Read},\n  net::Ip};\nfn f() { tokio::fs::read(x) }";
        let found: Vec<String> = paths(code)
            .iter()
            .map(|(line, path)| format!("{line} {path}"))
            .collect();
        expect![[r#"
            1 use
            1 std::fs
            1 std::io::self
            1 std::io::Read
            2 std::net::Ip
            3 fn
            3 f
            3 tokio::fs::read
            3 x"#]]
        .assert_eq(&found.join("\n"));
    }

    #[test]
    fn the_module_of_tests_may_carry_more_attributes() {
        let code = "fn a() {}\n#[cfg(test)]\nuse x;\n#[cfg(test)]\n#[expect(y)]\nmod tests {\n}\n";
        assert_eq!(production_lines(code), 3);
        assert_eq!(production_lines("fn a() {}\n"), 1);
    }
}
