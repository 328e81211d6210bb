//! What a running node logs on stderr, as text or as JSON. No secret is ever a field: secrets have
//! types whose `Debug` form hides them.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::commands::node::{Log, LogFormat};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter makes no sense.
    #[error("'{filter}' is no filter for the log")]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody else logs in this process.
    #[error("this process logs already")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
}

/// Logs from now on, for the whole process.
///
/// # Errors
/// When the filter makes no sense, or it was called before.
pub fn start(log: &Log) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|source| TelemetryError::Filter {
        filter: log.filter.clone(),
        source,
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => lines.finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_makes_no_sense_is_refused() {
        let log = Log {
            filter: "holdfast=loud".to_owned(),
            format: LogFormat::Text,
        };
        let error = start(&log).unwrap_err().to_string();
        assert_eq!(error, "'holdfast=loud' is no filter for the log");
    }
}
