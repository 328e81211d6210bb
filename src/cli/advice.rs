//! What to do next, by the word of a failure; nothing where there is nothing useful to say.

/// The second half of an error's line.
pub(super) fn on(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "no-answer" => "start it with 'holdfast serve --data DIR'",
        "no-tenant" => "see 'holdfast tenant list'",
        "no-subtenant" => "see 'holdfast subtenant list TENANT'",
        "no-credential" => "see 'holdfast credential list'",
        "no-operator" => "see 'holdfast operator list'",
        "no-approval" | "already-decided" | "pending" => "see 'holdfast approval list'",
        "no-repository" => "see 'holdfast repository list'",
        "no-node" => "see 'holdfast node list'",
        "no-actor" => "see 'tree'",
        "own-request" => "another operator grants it with 'holdfast --as OPERATOR approval grant'",
        "clock-doubted" => "say which day it is with 'holdfast clock confirm --today DATE'",
        "lease-runs" => "disable the tenant, or end its lease first",
        "not-a-node" => "name a node's data directory with --data; 'holdfast init' makes a new one",
        "not-of-the-cluster" => "name with --data that of a node that took part in the cluster",
        "no-pool" | "pool-exists" => "see 'holdfast pool list'",
        "no-library" => "see 'holdfast tape library list'",
        "no-media-pool" => "see 'holdfast tape pool list'",
        "no-tape-job" => "see 'holdfast tape job list'",
        "no-restore" | "restore-incomplete" => "see 'holdfast tape restore list'",
        "tape-job-disabled" => "enable it with 'holdfast tape job enable JOB'",
        "no-cartridge" => "see 'holdfast tape media list'",
        "no-token-id" => "see 'holdfast join-token list'",
        "token-spent" => "to take that node out, see 'holdfast node remove --help'",
        "not-well" => "let a new node in, and name that; see 'holdfast node list'",
        "address-absent" => "name one that 'ip address' shows",
        "cluster-files" => {
            "bring it back from a copy, or let a new node take this one's place: \
             'holdfast node replace --help'"
        }
        "port-taken" => "end that process, or choose another address",
        "no-token" | "token-expired" | "token-used" => {
            "make another with 'holdfast join-token' on a node of the cluster"
        }
        "unreachable" | "node-unreachable" => {
            "is that node running, and do UDP datagrams get through?"
        }
        "no-quorum" => "if they are lost for good, see 'holdfast recover --help'",
        "wrong-passphrase" => "nothing was changed",
        "not-all" => "see 'holdfast status'",
        "moving" | "behind" => "try again",
        "not-decided" => "run the same command again",
        "node-name-taken" => "choose another with --name",
        "node-key-taken" => "use the token of the attempt before, or an empty directory",
        "address-taken" => "say with --address where this machine is reached",
        "addresses-apart" => "add an address of the other kind with another --address",
        "node-key-removed" => "a removed node returns as a new one: use an empty directory",
        "holds-replicas" => {
            "drain it and wait until it holds nothing; if it is dead for good, add --force"
        }
        "too-few-copies" => "let another node in first; see 'holdfast node list'",
        "not-down" => "see 'holdfast node list'",
        "copied" => "delete it, and keep the directory of the node that runs",
        "removed" => "to use this machine again, join anew with an empty directory",
        "too-long" => "shorten it",
        "busy" => "wait a moment",
        _ => return None,
    })
}
