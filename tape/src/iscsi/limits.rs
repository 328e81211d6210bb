//! What both sides agree on at the login.

use super::Refused;
use super::text::value;

/// What the target can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes in one body.
    pub(super) receives: usize,
    /// Bytes before it asks for more.
    pub(super) first_burst: usize,
    /// Data may ride on the command.
    pub(super) immediate: bool,
    /// Other data must be asked for.
    pub(super) waits: bool,
}

impl Default for Limits {
    /// As agreed where nothing is said.
    fn default() -> Self {
        Self {
            receives: 8_192,
            first_burst: 65_536,
            immediate: true,
            waits: true,
        }
    }
}

/// Shorter bodies and bursts make no sense for anybody.
const SHORTEST: u32 = 512;
/// What no length exceeds.
const LONGEST: u32 = (1 << 24) - 1;
/// What the target says instead of a value that it does not want to give.
const SHRUGS: [&str; 3] = ["Reject", "Irrelevant", "NotUnderstood"];

impl Limits {
    /// Takes what the target says about one key. Says whether we know the key.
    pub(super) fn agree(&mut self, key: &str, said: &str) -> Result<bool, Refused> {
        let is_ours = OFFERED.iter().any(|(offered, _)| *offered == key);
        if is_ours && SHRUGS.contains(&said) {
            return Ok(true);
        }
        match key {
            "MaxRecvDataSegmentLength" => self.receives = length(said)?,
            "FirstBurstLength" => self.first_burst = length(said)?.min(FIRST_BURST),
            "ImmediateData" => self.immediate = is_yes(said)?,
            "InitialR2T" => self.waits = is_yes(said)?,
            // There is one answer to each of these that we can live with.
            "HeaderDigest" | "DataDigest" if said != "None" => {
                return Err(Refused::Nonsense(
                    "sums of messages, which were not offered",
                ));
            }
            "DataPDUInOrder" | "DataSequenceInOrder" if said != "Yes" => {
                return Err(Refused::Nonsense("data in no order, which was not offered"));
            }
            _ => {}
        }
        Ok(is_ours || DECLARED.contains(&key))
    }
}

fn length(said: &str) -> Result<usize, Refused> {
    let length = value(said).filter(|length| (SHORTEST..=LONGEST).contains(length));
    let length = length.and_then(|length| usize::try_from(length).ok());
    length.ok_or(Refused::Nonsense("a length that is none"))
}

fn is_yes(said: &str) -> Result<bool, Refused> {
    match said {
        "Yes" => Ok(true),
        "No" => Ok(false),
        _ => Err(Refused::Nonsense("neither yes nor no")),
    }
}

/// Bytes that we would send before we are asked.
const FIRST_BURST: usize = 1 << 20;

/// What a target may say of itself without being asked.
const DECLARED: [&str; 6] = [
    "TargetName",
    "TargetAlias",
    "TargetAddress",
    "TargetPortalGroupTag",
    "InitiatorAlias",
    "MaxRecvDataSegmentLength",
];

/// What we offer for every session.
pub(super) const OFFERED_ALWAYS: usize = 5;
/// What we offer: first what holds for every session, then what holds where commands are sent.
pub(super) const OFFERED: &[(&str, &str)] = &[
    ("HeaderDigest", "None"),
    ("DataDigest", "None"),
    ("ErrorRecoveryLevel", "0"),
    ("DefaultTime2Wait", "0"),
    ("DefaultTime2Retain", "0"),
    ("InitialR2T", "No"),
    ("ImmediateData", "Yes"),
    ("MaxBurstLength", "16776192"),
    ("FirstBurstLength", "1048576"),
    ("MaxOutstandingR2T", "1"),
    ("MaxConnections", "1"),
    ("DataPDUInOrder", "Yes"),
    ("DataSequenceInOrder", "Yes"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_target_says_is_taken_or_refused() {
        let mut limits = Limits::default();
        for (key, said) in [
            ("MaxRecvDataSegmentLength", "0x10000"),
            ("FirstBurstLength", "2097152"),
            ("ImmediateData", "No"),
            ("InitialR2T", "No"),
            ("HeaderDigest", "Reject"),
            ("TargetPortalGroupTag", "1"),
        ] {
            assert!(limits.agree(key, said).expect("fine"), "{key}");
        }
        let wanted = Limits {
            receives: 65_536,
            first_burst: FIRST_BURST,
            immediate: false,
            waits: false,
        };
        assert_eq!(limits, wanted);
        assert!(!limits.agree("X-com.example.fast", "Yes").expect("unknown"));
        for (key, said) in [
            ("MaxRecvDataSegmentLength", "0"),
            ("MaxRecvDataSegmentLength", "99999999999"),
            ("FirstBurstLength", "16777216"),
            ("ImmediateData", "Maybe"),
            ("DataDigest", "CRC32C"),
            ("DataPDUInOrder", "No"),
        ] {
            assert!(limits.agree(key, said).is_err(), "{key}={said}");
        }
    }
}
