//! Words that people chose, short enough for a label.

use serde::{Deserialize, Serialize};

/// 1 to 128 bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// The most bytes of one.
    pub const MAX: usize = 128;

    /// Takes `text` if it keeps the rules.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&text.len());
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not 1 to 128 bytes without control characters")
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}
