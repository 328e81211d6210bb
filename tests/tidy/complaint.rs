//! What a rule has to say: where, and what to do about it.

use std::fmt;

/// One fault of one line.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    path: String,
    line: usize,
    advice: String,
}

impl Complaint {
    pub(crate) fn new(path: &str, line: usize, advice: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            advice: advice.into(),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.advice)
    }
}

/// A rule looks at one file and never at the disk.
pub(crate) type Rule = fn(path: &str, text: &str) -> Vec<Complaint>;

/// Runs a rule on a planted file and compares what it says.
#[cfg(test)]
pub(crate) fn check(rule: Rule, path: &str, text: &str, expected: &expect_test::Expect) {
    let said: Vec<String> = rule(path, text).iter().map(Complaint::to_string).collect();
    expected.assert_eq(&said.join("\n"));
}
