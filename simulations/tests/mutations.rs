//! Every invariant is seen to fail: each planted bug is caught by the invariant that it breaks.
//!
//! A quick run stops at the first seed that catches it; `HOLDFAST_LONG=1` counts in how many of 100
//! seeds it is caught.

use holdfast_simulations::mutation::Mutation;
use holdfast_simulations::world::{Options, run};

fn caught(mutation: Mutation) {
    let is_long = std::env::var_os("HOLDFAST_LONG").is_some_and(|value| value != "0");
    let (_, invariant) = Mutation::ALL
        .into_iter()
        .find(|(planted, _)| *planted == mutation)
        .unwrap_or((mutation, "nothing"));
    let options = Options {
        mutation: Some(mutation),
        keeps_lines: false,
    };
    // Where tenants get on no more, a seed takes a minute: one that catches it comes first.
    let first = match mutation == Mutation::ForgottenRemoval {
        true => 3,
        false => 0,
    };
    let seeds = (first..100).chain(0..first);
    let verdicts = seeds.map(|seed| run(&mutation.plan(seed), options));
    let catches = verdicts.filter(|verdict| verdict.breaks(invariant));
    let caught = catches.take(if is_long { 100 } else { 1 }).count();
    if is_long {
        println!("{mutation:?}: {caught} of 100 seeds break {invariant}");
    }
    assert!(
        caught > 0,
        "{mutation:?} breaks {invariant} in no seed of 100"
    );
}

macro_rules! planted {
    ($($name:ident: $mutation:ident;)*) => {
        $(
            #[test]
            fn $name() {
                caught(Mutation::$mutation);
            }
        )*

        #[test]
        fn every_planted_bug_has_its_test() {
            let tested = [$(Mutation::$mutation),*];
            assert!(Mutation::ALL.iter().all(|(mutation, _)| tested.contains(mutation)));
        }
    };
}

planted! {
    a_disk_whose_syncs_lie_is_caught: LyingSync;
    a_deletion_that_was_not_done_is_caught: LostDelete;
    an_upload_that_was_acknowledged_too_early_is_caught: EarlyAck;
    a_byte_that_changed_on_its_way_is_caught: WrongByte;
    a_name_of_somebody_elses_is_caught: StrangeName;
    an_object_that_is_counted_twice_is_caught: CountedTwice;
    a_quota_that_is_too_high_is_caught: DoubleQuota;
    too_many_uploads_at_once_are_caught: ManyTasks;
    a_lease_that_does_not_end_is_caught: LongLease;
    a_bin_that_keeps_nothing_is_caught: EmptyBin;
    a_hold_that_holds_nothing_is_caught: NoHold;
    an_upload_that_is_never_given_up_is_caught: KeptUpload;
    a_request_that_is_never_answered_is_caught: Silence;
    a_command_that_is_done_twice_is_caught: Twice;
    a_day_that_goes_back_is_caught: DayGoesBack;
    an_actor_that_breaks_its_own_invariant_is_caught: Liar;
    a_certificate_that_is_in_use_too_early_is_caught: HastyCertificate;
    a_certificate_that_is_told_of_twice_is_caught: RetoldCertificate;
    a_record_that_is_forgotten_at_a_start_is_caught: ForgottenRecord;
    data_that_takes_the_reserve_is_caught: BoastingDisk;
    space_that_does_not_come_back_is_caught: KeptExtents;
    an_extent_that_goes_too_early_is_caught: GreedyRemoval;
    a_repository_that_is_put_back_wrongly_is_caught: OtherInstant;
    a_request_that_is_granted_against_its_rejection_is_caught: GrantedInstead;
    data_that_may_be_purged_too_early_is_caught: NoPurgeHold;
    a_repository_that_shows_what_a_former_one_held_is_caught: Revenant;
    a_panic_is_caught: Panic;
    a_read_that_is_not_checked_is_caught: UncheckedRead;
    damage_that_nobody_is_told_of_is_caught: HiddenDamage;
    a_replica_that_says_too_early_what_it_keeps_is_caught: EarlyKept;
    a_read_that_no_majority_keeps_is_caught: BareRead;
    a_majority_that_is_too_small_is_caught: SmallQuorum;
    a_replica_that_forgets_what_it_kept_is_caught: ForgottenTag;
    a_reader_that_does_not_catch_up_is_caught: StaleRead;
    a_command_for_a_catalog_that_was_not_done_is_caught: LostWrite;
    two_leaders_of_a_term_are_caught: Boaster;
    a_catalog_whose_time_runs_ahead_is_caught: FastTicks;
    a_day_that_no_clock_of_a_cluster_was_set_to_is_caught: LeapingDay;
    a_lease_that_is_held_for_too_long_is_caught: LongHold;
    a_replica_that_was_told_something_else_is_caught: Garbled;
    a_voter_that_is_not_told_what_it_forgot_is_caught: Unrecalled;
    a_call_that_is_made_again_is_caught: RetriedUnknown;
    a_call_that_is_done_twice_is_caught: DoneTwice;
    an_answer_to_another_question_is_caught: SwappedAnswers;
    a_call_that_outlives_its_time_is_caught: ForgottenDeadline;
    a_call_that_was_done_in_secret_is_caught: HiddenDoing;
    too_many_calls_at_once_are_caught: WideWindow;
    a_watcher_that_is_never_told_is_caught: DeafWatcher;
    a_frame_that_comes_again_after_a_death_is_caught: RepeatedFrame;
    a_frame_that_is_lost_in_silence_is_caught: SwallowedFrame;
    a_class_that_takes_no_frame_is_caught: MuteClass;
    a_restart_that_is_taken_for_a_copy_is_caught: ForgottenLife;
    an_owner_that_does_not_know_it_was_deposed_is_caught: StaleOwner;
    an_upload_that_was_forgotten_is_caught: ForgottenUpload;
    an_upload_that_no_majority_stands_behind_is_caught: HastyGateway;
    a_tenant_that_gets_nowhere_is_caught: StuckOwner;
    a_node_that_keeps_what_it_was_to_give_away_is_caught: ForgottenDrain;
    a_node_that_writes_though_it_was_removed_is_caught: ForgottenRemoval;
    a_replica_that_is_not_what_others_are_is_caught: OtherReplica;
    an_extent_that_lacks_copies_in_silence_is_caught: IdleRepair;
    rot_that_nobody_mends_is_caught: EndlessRot;
    an_upload_that_goes_on_behind_other_bytes_is_caught: OtherPart;
    a_tenant_of_a_cluster_that_outstays_its_lease_is_caught: LongTenancy;
    a_cluster_whose_time_runs_ahead_is_caught: FastClocks;
    a_node_that_holds_its_lease_for_too_long_is_caught: SlowClock;
    what_may_be_old_and_is_shown_to_one_who_deletes_is_caught: LentLogin;
    a_cartridge_that_keeps_nothing_is_caught: LyingTape;
    a_tape_that_is_written_nobody_knows_where_is_caught: GuessedPosition;
    a_move_that_is_made_twice_is_caught: RepeatedMove;
    a_move_that_was_not_noted_is_caught: UnnotedMove;
    a_run_that_lacks_something_is_caught: PartialView;
    an_object_in_clear_is_caught: ClearText;
    a_cartridge_that_is_written_over_too_early_is_caught: HastyReuse;
    a_restore_that_never_ends_is_caught: EndlessRestore;
}
