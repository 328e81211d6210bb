//! All that the machines can be told, make facts of, ask for and refuse, by name.
//!
//! The tests below read the machines' own files, so a name that is added there is missed here.

/// What one machine can come to.
#[derive(Debug)]
pub(super) struct Machine {
    /// Its type.
    pub(super) name: &'static str,
    /// What it can be told.
    pub(super) events: &'static [&'static str],
    /// What it makes durable.
    pub(super) facts: &'static [&'static str],
    /// What it asks for.
    pub(super) effects: &'static [&'static str],
    /// Why it says no.
    pub(super) refusals: &'static [&'static str],
}

/// Every machine of a node.
pub(super) const MACHINES: &[Machine] = &[
    Machine {
        name: "Keeper",
        events: &["Submit", "Wake"],
        facts: &[
            "Clock",
            "Tenant",
            "Subtenant",
            "Credential",
            "Operator",
            "Approval",
            "Repository",
            "Extent",
            "Service",
            "Cluster",
            "Pool",
            "Tape",
        ],
        effects: &["Answer", "Publish"],
        refusals: &[
            "Address",
            "NoTenant",
            "NoSubtenant",
            "NoCredential",
            "NoOperator",
            "NoApproval",
            "NoRepository",
            "NoRepositoryId",
            "NoExtent",
            "NoNode",
            "NoToken",
            "TenantExists",
            "SubtenantExists",
            "OperatorExists",
            "UidTaken",
            "RepositoryExists",
            "Decided",
            "Fenced",
            "Sealed",
            "Open",
            "Stale",
            "NodeExists",
            "NodeName",
            "NodeKey",
            "TokenExists",
            "TokenUsed",
            "Leased",
            "LeaseLost",
            "NotEmpty",
            "Owned",
            "NotSpoken",
            "NotTaken",
            "Holds",
            "NotDown",
            "TooFew",
            "TokenExpired",
            "NodeKeyRemoved",
            "Alone",
            "NotAllowed",
            "Scope",
            "Disabled",
            "LeaseExpired",
            "OwnRequest",
            "LastAdmin",
            "HoldShortened",
            "Managed",
            "OneSlice",
            "LeaseRuns",
            "Held",
            "ClockDoubted",
            "Unversed",
            "NotPurged",
            "NotRemoved",
            "Pool",
            "Tape",
            "TooMany",
            "Range",
            "Quota",
            "TooLong",
            "View",
        ],
    },
    Machine {
        name: "Root",
        events: &["Changed", "Kept", "SessionEnded"],
        facts: &[],
        effects: &["Spread", "Keep", "Record"],
        refusals: &[],
    },
    Machine {
        name: "Tenant",
        events: &[
            "Contract",
            "Enter",
            "Task",
            "Charge",
            "Leave",
            "SessionEnded",
            "Wake",
        ],
        facts: &[],
        effects: &[
            "Grant", "Refuse", "Proceed", "Revoke", "Open", "Tell", "Record", "Rest",
        ],
        refusals: &[
            "LeaseExpired",
            "Disabled",
            "Maintenance",
            "Scope",
            "Busy",
            "NotFound",
            "Unauthenticated",
            "Ended",
            "WrongGateway",
            "SpareGateway",
        ],
    },
    Machine {
        name: "Gateway",
        events: &["Rows", "Login", "Verified", "Wake"],
        facts: &[],
        effects: &["Admit", "Refuse", "Verify"],
        refusals: &["Busy", "Unauthenticated", "TooManyAttempts"],
    },
    Machine {
        name: "Journal",
        events: &[
            "Append", "Opened", "Written", "Full", "Broken", "Snapshot", "Kept", "Dropped",
            "Purged", "Wake",
        ],
        facts: &[],
        effects: &[
            "Create",
            "Open",
            "Write",
            "Answer",
            "Refuse",
            "End",
            "Keep",
            "AnswerSnapshot",
            "RefuseSnapshot",
            "Purge",
        ],
        refusals: &["Busy", "Stale", "Ahead", "Ended"],
    },
    Machine {
        name: "Repository",
        events: &[
            "Settings",
            "Yield",
            "Visited",
            "Left",
            "Begin",
            "Grow",
            "Frame",
            "Finish",
            "Abort",
            "Delete",
            "Restore",
            "Look",
            "Report",
            "Written",
            "Opened",
            "Lost",
            "Sealed",
            "Audited",
            "Copied",
            "Discarded",
            "Checkpointed",
            "Wake",
            "Park",
            "Resume",
        ],
        facts: &[
            "Stored", "Deleted", "Purged", "Restored", "Moved", "Emptied", "Stranded",
        ],
        effects: &[
            "Open",
            "Append",
            "Promise",
            "Seal",
            "Checkpoint",
            "Audit",
            "Copy",
            "Discard",
            "Rest",
            "Begun",
            "Done",
            "Deny",
            "Tell",
            "Show",
            "Yielded",
            "Held",
        ],
        refusals: &[
            "Quota",
            "Hash",
            "Length",
            "Exists",
            "TooLarge",
            "Locks",
            "Busy",
            "Config",
            "NoUpload",
            "StorageFull",
            "StorageFailed",
            "Moving",
            "Settling",
        ],
    },
    Machine {
        name: "Caretaker",
        events: &[
            "News",
            "Told",
            "Lost",
            "Missed",
            "Destroyed",
            "Strays",
            "Stepped",
            "Wake",
        ],
        facts: &[],
        effects: &[
            "Look", "Destroy", "Sweep", "Clear", "Scrub", "ReadOn", "Leave",
        ],
        refusals: &[],
    },
    Machine {
        name: "Extent",
        events: &["Append", "Written", "Synced", "Settle", "Seal"],
        facts: &[],
        effects: &["Write", "Sync", "Answer", "Sealed"],
        refusals: &["Full", "Broken", "Fenced", "Sealed", "Short"],
    },
    Machine {
        name: "Recall",
        events: &["Asked", "Loaded", "Wake"],
        facts: &[],
        effects: &["Load", "Give", "Refuse", "Forget"],
        refusals: &[],
    },
    Machine {
        name: "Standbys",
        events: &["News", "Followed", "Written", "Asked", "Wake"],
        facts: &[],
        effects: &[
            "Begin", "CatchUp", "Write", "LeaveOff", "Forget", "Give", "Refuse", "Clear",
        ],
        refusals: &[],
    },
    Machine {
        name: "Session",
        events: &["Entered", "Refused", "Moved", "Left", "End", "Wake"],
        facts: &[],
        effects: &["Close"],
        refusals: &[],
    },
    Machine {
        name: "Bandwidth",
        events: &["Charge", "Wake"],
        facts: &[],
        effects: &["Proceed", "Refuse"],
        refusals: &[],
    },
    Machine {
        name: "Rotation",
        events: &["Stands", "Failed", "Wake"],
        facts: &[],
        effects: &["Switch", "Announce"],
        refusals: &[],
    },
    Machine {
        name: "Supervisor",
        events: &["Wanted", "Started", "Ended", "Idle", "Restart", "Wake"],
        facts: &[],
        effects: &["Spawn", "Pass", "Refuse", "Rest", "Stop", "GiveUp"],
        refusals: &[],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../actors/src/");

    /// The code of a file, without its tests.
    fn code(file: &str) -> String {
        let text = std::fs::read_to_string(format!("{ROOT}{file}")).unwrap();
        text.split("#[cfg(test)]").next().unwrap().to_owned()
    }

    /// The names of an enum's variants.
    fn variants(file: &str, name: &str) -> BTreeSet<String> {
        let code = code(file);
        let mut lines = code.lines().skip_while(|line| {
            let declared = line.split("enum ").nth(1).unwrap_or_default();
            declared.split(['<', ' ']).next() != Some(name)
        });
        assert!(lines.next().is_some(), "there is no enum {name} in {file}");
        let body = lines.take_while(|line| *line != "}");
        let variant = |line: &str| {
            let name = line.strip_prefix("    ").unwrap_or_default();
            let is_name = name.starts_with(|first: char| first.is_ascii_uppercase());
            let end = name.find(|letter: char| !letter.is_alphanumeric());
            is_name.then(|| name[..end.unwrap_or(name.len())].to_owned())
        };
        body.filter_map(variant).collect()
    }

    fn named(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn machine(name: &str) -> &'static Machine {
        MACHINES
            .iter()
            .find(|machine| machine.name == name)
            .unwrap()
    }

    #[test]
    fn every_machine_stands_in_the_list_with_its_events_and_effects() {
        let files = [
            ("Keeper", "catalog/machine.rs", "catalog/machine.rs"),
            ("Root", "node/machine.rs", "node/machine.rs"),
            ("Tenant", "tenant/machine.rs", "tenant/machine.rs"),
            ("Gateway", "gateway/machine.rs", "gateway/machine.rs"),
            ("Journal", "journal/machine.rs", "journal/machine.rs"),
            ("Repository", "repository/event.rs", "repository/machine.rs"),
            ("Caretaker", "caretaker/machine.rs", "caretaker/machine.rs"),
            ("Extent", "extent/machine.rs", "extent/machine.rs"),
            ("Session", "session.rs", "session.rs"),
            ("Bandwidth", "bandwidth/machine.rs", "bandwidth/machine.rs"),
            ("Rotation", "rotation.rs", "rotation.rs"),
            ("Recall", "recall/machine.rs", "recall/machine.rs"),
            ("Standbys", "standbys/event.rs", "standbys/machine.rs"),
            (
                "Supervisor",
                "supervision/machine.rs",
                "supervision/machine.rs",
            ),
        ];
        for (name, events, file) in files {
            let listed = machine(name);
            let mut expected = variants(events, "Event");
            if code(file).contains("fn wake(") {
                expected.insert("Wake".to_owned());
            }
            assert_eq!(named(listed.events), expected, "events of {name}");
            assert_eq!(
                named(listed.effects),
                variants(events, "Effect"),
                "effects of {name}"
            );
        }
        let listed = named(
            &MACHINES
                .iter()
                .map(|machine| machine.name)
                .collect::<Vec<_>>(),
        );
        assert_eq!(listed, named(&files.map(|(name, ..)| name)));
        assert_eq!(listed, implemented());
    }

    /// Every type for which some file of the domain implements a machine. Those of tape are in no
    /// node yet.
    fn implemented() -> BTreeSet<String> {
        fn look(folder: &std::path::Path, found: &mut BTreeSet<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    if !path.ends_with("tape") {
                        look(&path, found);
                    }
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                // Machines that only tests have do not count.
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                for line in code.lines().filter(|line| line.starts_with("impl")) {
                    if let Some((_, name)) = line.split_once(" Machine for ") {
                        let end = name.find(|letter: char| !letter.is_alphanumeric());
                        found.insert(name[..end.unwrap_or(name.len())].to_owned());
                    }
                }
            }
        }
        let mut found = BTreeSet::new();
        look(std::path::Path::new(ROOT), &mut found);
        found
    }

    #[test]
    fn every_fact_and_every_refusal_stands_in_the_list() {
        for (name, file, facts) in [
            ("Keeper", "catalog/command.rs", "Command"),
            ("Repository", "repository/entry.rs", "Entry"),
        ] {
            assert_eq!(
                named(machine(name).facts),
                variants(file, facts),
                "facts of {name}"
            );
        }
        for (name, file, refusals) in [
            ("Keeper", "catalog/answer.rs", "Refused"),
            ("Journal", "journal/machine.rs", "Refusal"),
            ("Repository", "repository/denied.rs", "Denied"),
            ("Extent", "extent/machine.rs", "Trouble"),
        ] {
            let expected = variants(file, refusals);
            assert_eq!(
                named(machine(name).refusals),
                expected,
                "refusals of {name}"
            );
        }
        let tenant = [
            "tenant/admission.rs",
            "tenant/machine.rs",
            "tenant/machine/moving.rs",
        ];
        for (name, files) in [
            ("Tenant", &tenant[..]),
            ("Gateway", &["gateway/machine.rs"]),
        ] {
            let mut expected = BTreeSet::new();
            for code in files.iter().map(|file| code(file)) {
                for used in code.split("Reason::").skip(1) {
                    let end = used.find(|letter: char| !letter.is_alphanumeric());
                    expected.insert(used[..end.unwrap_or(used.len())].to_owned());
                }
            }
            assert_eq!(
                named(machine(name).refusals),
                expected,
                "refusals of {name}"
            );
        }
    }
}
