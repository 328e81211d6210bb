//! What a tenant may do for itself at the server: the JSON that both sides speak.
//!
//! Under the same port as the repositories, with the same log-in. Nothing here is the provider's
//! own: no bin, no other tenant, no operator. Sizes are bytes. A refusal is an [`ErrorBody`], with
//! its word in the header `x-holdfast-reason` as well.
//!
//! | request | answer |
//! |---|---|
//! | `GET /.holdfast/v1/account` | [`Account`] |
//! | `GET /.holdfast/v1/gateways` | [`Gateways`] |
//! | `POST /.holdfast/v1/password` with [`PasswordChange`] | [`Empty`] |
//! | `GET /.holdfast/v1/subtenants` | an array of [`SubtenantRow`] |
//! | `POST /.holdfast/v1/subtenants` with [`NewSubtenant`] | [`SubtenantMade`] |
//! | `DELETE /.holdfast/v1/subtenants/NAME` | [`Empty`] |

pub mod server;

use std::fmt;

use holdfast_actors::catalog::rows::{Scope, State};
use holdfast_actors::names::SubtenantName;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Everything below this path is not a repository: no repository's name begins with a dot here.
pub const PREFIX: &str = "/.holdfast/";
/// The account's figures.
pub const ACCOUNT: &str = "/.holdfast/v1/account";
/// The gateways that the caller may use.
pub const GATEWAYS: &str = "/.holdfast/v1/gateways";
/// The caller's own password.
pub const PASSWORD: &str = "/.holdfast/v1/password";
/// The tenant's subtenants.
pub const SUBTENANTS: &str = "/.holdfast/v1/subtenants";

/// The path of one subtenant. Of the characters that a name may have (R7.6), only the space needs
/// an escape.
pub fn subtenant_path(subtenant: &SubtenantName) -> String {
    format!("{SUBTENANTS}/{}", subtenant.as_str().replace(' ', "%20"))
}

/// What an account is and has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The tenant's name.
    pub tenant: String,
    /// The subtenant's, if the caller is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtenant: Option<String>,
    /// The tenant's state.
    pub state: State,
    /// The last day of the lease as `YYYY-MM-DD`, or `never`.
    pub lease: String,
    /// Whole days until the lease ends, if it does.
    #[serde(default, rename = "lease-days-left")]
    pub days_left: Option<u32>,
    /// What the credential allows that was used to ask.
    pub scope: Scope,
    /// The repositories.
    pub repositories: Vec<Usage>,
}

/// One repository's figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Its name.
    pub repository: String,
    /// The most that may be used: the quota, or a subtenant's limit.
    pub quota: u64,
    /// What is charged to it now.
    pub used: u64,
}

/// What an agent likes to know of the service as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateways {
    /// The gateways that the caller may use, the best first; none where nobody keeps a list.
    pub gateways: Vec<GatewayRow>,
    /// Whether what came of an upload that was cut is kept for a while, as
    /// [`crate::rest::resume`] says.
    pub resumes: bool,
}

/// One gateway that a tenant may use. Whoever trusts the one that says so may trust all of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayRow {
    /// Where it is reached: `HOST:PORT` each, over TCP and UDP, the best first.
    pub addresses: Vec<String>,
    /// SHA-256 of the certificate that it shows, and of the next one if that is known.
    pub thumbprints: Vec<String>,
    /// How many clients it has now.
    pub clients: u64,
    /// Whether it is for the time when none of the others is there.
    #[serde(default)]
    pub spare: bool,
}

/// A new password in place of the current one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The current one, once more.
    pub current: Zeroizing<String>,
    /// The new one.
    pub new: Zeroizing<String>,
}

impl fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordChange")
    }
}

/// One subtenant in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtenantRow {
    /// Its name.
    pub subtenant: String,
    /// Whether it may log in.
    pub enabled: bool,
    /// Whether a backup policy made it (R7.2); such a one cannot be removed by hand (R7.10).
    pub managed: bool,
    /// The repository it has a slice of.
    pub repository: String,
    /// The most it may use; all of the tenant's quota if absent (R7.4).
    pub limit: Option<u64>,
    /// What it uses.
    pub used: u64,
}

/// A standalone subtenant to be made (R7.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSubtenant {
    /// Its name.
    pub subtenant: String,
    /// The repository it gets a slice of; may be absent where there is only one.
    #[serde(default)]
    pub repository: Option<String>,
    /// The most it may use.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// A standalone subtenant, just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtenantMade {
    /// Its name.
    pub subtenant: String,
    /// The repository it has a slice of.
    pub repository: String,
    /// The most it may use.
    pub limit: Option<u64>,
    /// Its password, which is never shown again.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for SubtenantMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubtenantMade")
            .field("subtenant", &self.subtenant)
            .finish_non_exhaustive()
    }
}

/// Nothing to say but that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The refusal.
    pub error: ErrorText,
}

/// A word for scripts and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorText {
    /// The word.
    pub reason: String,
    /// The sentence.
    pub message: String,
}
