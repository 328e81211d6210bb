//! The agent and Debian's restic on one repository, each reading what the other wrote.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::peer::Peer;
use crate::{Account, REPOSITORY_PASSWORD, compare, plant, text};

/// Runs restic on the account's repository; it must be installed.
pub(crate) fn restic(account: &Account, certificate: &Path, words: &[&str]) -> Output {
    let scheme = account.server.strip_prefix("https://").unwrap();
    let Account {
        user,
        password,
        repository,
        ..
    } = account;
    let password = password.replace(' ', "%20");
    Command::new("restic")
        .args(words)
        .args(["--no-cache", "--cacert", text(certificate)])
        .env(
            "RESTIC_REPOSITORY",
            format!("rest:https://{user}:{password}@{scheme}/{repository}/"),
        )
        .env("RESTIC_PASSWORD", REPOSITORY_PASSWORD)
        .output()
        .expect("restic must be installed")
}

/// The same, and it must succeed.
pub(crate) fn restic_done(account: &Account, certificate: &Path, words: &[&str]) -> String {
    let output = restic(account, certificate, words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "restic {words:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Each writes, each reads what the other wrote, restic prunes, both check.
pub(crate) fn side_by_side(account: &Account, certificate: &Path, directory: &Path) {
    let [tree, by_restic, by_agent] =
        ["both", "by-restic", "by-agent"].map(|it| directory.join(it));
    plant(&tree);
    let of = |snapshot: &str| format!("{snapshot}:{}", text(&tree));
    let saved = account.agent(&["backup", "--init", text(&tree)]).unwrap();
    let saved = saved["snapshot"].as_str().unwrap();
    restic_done(account, certificate, &["check", "--read-data"]);
    restic_done(
        account,
        certificate,
        &["restore", saved, "--target", text(&by_restic)],
    );
    compare(&tree, &by_restic.join(tree.strip_prefix("/").unwrap()));

    fs::write(tree.join("more"), vec![7; 100_000]).unwrap();
    fs::remove_file(tree.join("large")).unwrap();
    restic_done(account, certificate, &["backup", text(&tree)]);
    account.agent(&["check", "--read-data"]).unwrap();
    account
        .agent(&["restore", &of("latest"), "--to", text(&by_agent)])
        .unwrap();
    compare(&tree, &by_agent);

    restic_done(
        account,
        certificate,
        &["forget", "--keep-last", "1", "--prune"],
    );
    let again = account.agent(&["backup", text(&tree)]).unwrap();
    assert_eq!(again["files-new"], 0, "{again}");
    account.agent(&["check", "--read-data"]).unwrap();
    restic_done(account, certificate, &["check", "--read-data"]);
}

#[test]
fn restic_reads_what_the_agent_wrote_and_the_other_way_round() {
    let peer = Peer::start();
    side_by_side(&Account::of(&peer), &peer.certificate, peer.directory());
}

#[test]
fn the_agent_reads_a_repository_that_restic_made_in_either_version() {
    for version in ["1", "2"] {
        let peer = Peer::start();
        let account = Account::of(&peer);
        let tree = peer.directory().join("tree");
        plant(&tree);
        let init = ["init", "--repository-version", version];
        restic_done(&account, &peer.certificate, &init);
        restic_done(&account, &peer.certificate, &["backup", text(&tree)]);
        let back = peer.directory().join("back");
        let of = format!("latest:{}", text(&tree));
        account
            .agent(&["restore", &of, "--to", text(&back)])
            .unwrap();
        compare(&tree, &back);
        account.agent(&["backup", text(&tree)]).unwrap();
        restic_done(&account, &peer.certificate, &["check", "--read-data"]);
    }
}

#[test]
fn a_prune_and_a_backup_keep_out_of_each_others_way() {
    let peer = Peer::start();
    let account = Account::of(&peer);
    let tree = peer.directory().join("tree");
    fs::create_dir(&tree).unwrap();
    account.agent(&["backup", "--init", text(&tree)]).unwrap();
    peer.keeping_locks(|| restic_done(&account, &peer.certificate, &["prune"]));
    let refused = account.agent(&["backup", text(&tree)]).unwrap_err();
    assert_eq!(
        (refused.code(), refused.reason()),
        (5, "locked"),
        "{refused}"
    );
    assert_eq!(
        account
            .agent(&["snapshots"])
            .unwrap()
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    restic_done(&account, &peer.certificate, &["unlock", "--remove-all"]);
    account.agent(&["backup", text(&tree)]).unwrap();

    peer.keeping_locks(|| account.agent(&["backup", text(&tree)]).unwrap());
    let output = crate::restic::restic(&account, &peer.certificate, &["prune"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("already locked"),
        "{said}"
    );
}
