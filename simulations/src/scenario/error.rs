//! What is wrong with a scenario file, and where.

use std::fmt;
use std::ops::Range;

/// A scenario that cannot be run, pointed at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong: lower case, without a full stop.
    pub message: String,
    /// The line itself.
    pub text: String,
    /// How many characters of it are meant; at least one.
    width: usize,
}

impl ScenarioError {
    /// An error at a range of bytes of a file.
    pub(crate) fn at(file: &str, range: Range<usize>, message: impl fmt::Display) -> Self {
        let start = file.floor_char_boundary(range.start.min(file.len()));
        let before = &file[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let text = file[line_start..].lines().next().unwrap_or_default();
        let column = before[line_start..].chars().count();
        let left = text.chars().count().saturating_sub(column);
        let meant = file.get(start..range.end.min(file.len()));
        let meant = meant.map_or(1, |meant| {
            meant.lines().next().unwrap_or("").chars().count()
        });
        Self {
            line: before.matches('\n').count() + 1,
            column: column + 1,
            message: message.to_string(),
            text: text.to_owned(),
            width: meant.clamp(1, left.max(1)),
        }
    }

    /// An error of the parser, which may say nothing of the place.
    pub(crate) fn of(file: &str, error: &toml::de::Error) -> Self {
        let message = error.message().replace('\n', "; ");
        Self::at(file, error.span().unwrap_or(0..0), message)
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, .. } = self;
        writeln!(f, "{line}:{column}: {}", self.message)?;
        let margin = line.to_string().len();
        writeln!(f, "{line} | {}", self.text)?;
        let (before, under) = (" ".repeat(column - 1), "^".repeat(self.width));
        write!(f, "{:margin$} | {before}{under}", "")
    }
}
