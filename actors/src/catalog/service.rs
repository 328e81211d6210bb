//! What concerns the whole service: maintenance, the certificate, the ends of sessions.

use serde::{Deserialize, Serialize};

use super::draft::{Draft, short};
use super::events::Code;
use super::rows::SessionResult;
use super::{Outcome, Refused};
use crate::kernel::Timestamp;
use crate::names::TenantName;

/// The most bytes in a maintenance notice: far more than the 350 characters that are advised.
const NOTICE_MAX: usize = 4096;
/// The most bytes in a thumbprint.
const THUMBPRINT_MAX: usize = 128;

/// What concerns the whole service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceCommand {
    /// Maintenance with this notice for tenants, at most 4 KiB, or none (R17.6).
    Maintenance(Option<String>),
    /// Another certificate is in use (24180).
    CertificateUpdated {
        /// SHA-256 of the certificate, as people compare it.
        thumbprint: String,
    },
    /// A session of a tenant ended. The system's.
    SessionEnded {
        /// Whose.
        tenant: TenantName,
        /// How.
        result: SessionResult,
    },
    /// Another certificate waits and will be in use from then on.
    CertificatePrepared {
        /// SHA-256 of the certificate, as people compare it.
        thumbprint: String,
        /// When it will be in use.
        switch: Timestamp,
    },
    /// Somebody reads the whole catalog, as it is behind this command, to keep it elsewhere.
    Exported,
}

impl Draft<'_> {
    pub(super) fn service(&mut self, command: &ServiceCommand) -> Result<Outcome, Refused> {
        match command {
            ServiceCommand::Maintenance(notice) => {
                short(
                    "a notice",
                    notice.as_deref().unwrap_or_default(),
                    NOTICE_MAX,
                )?;
                let text = if notice.is_some() {
                    "maintenance on"
                } else {
                    "maintenance off"
                };
                self.rows.maintenance.clone_from(notice);
                self.event(Code::Maintenance, None, text.to_owned(), notice.as_deref());
            }
            ServiceCommand::CertificateUpdated { thumbprint } => {
                short("a thumbprint", thumbprint, THUMBPRINT_MAX)?;
                let text = format!("certificate {thumbprint} in use");
                self.event(Code::CertificateUpdated, None, text, None);
            }
            ServiceCommand::CertificatePrepared { thumbprint, switch } => {
                short("a thumbprint", thumbprint, THUMBPRINT_MAX)?;
                let text = format!("certificate {thumbprint} waits, to be in use from {switch}");
                self.event(Code::CertificatePrepared, None, text, None);
            }
            ServiceCommand::Exported => {
                let text = "the whole catalog was read, for a backup of it".to_owned();
                self.event(Code::CatalogExported, None, text, None);
            }
            ServiceCommand::SessionEnded { tenant, result } => {
                let last = Some((self.at, *result));
                let tenants = &mut self.rows.tenants;
                if !tenants.change(tenant, |row| row.last_session = last) {
                    return Err(Refused::NoTenant(tenant.clone()));
                }
            }
        }
        Ok(Outcome::Done)
    }
}
