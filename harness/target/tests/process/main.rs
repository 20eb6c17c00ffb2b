//! Targets that are processes, with real children. This program stands in for the command: called with `guard`, it is the
//! doorway through which children are started; called with `hold`, it is a harness that is about to be killed.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, which the lint cannot see without the usual harness"
)]

mod lifecycle;
mod operations;
mod orphans;
mod output;
mod plain_router;
mod readings;
mod world;

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};

/// No test may hang: what takes this long never comes.
const PATIENCE: Duration = Duration::from_secs(60);

macro_rules! trials {
    ($($module:ident::$name:ident),* $(,)?) => {
        vec![$(Trial::test(stringify!($name), || { await_all($module::$name()); Ok(()) })),*]
    };
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == "guard" => {
            let error = stormproof_target::guard(arguments);
            eprintln!("error: {error}");
            return ExitCode::from(127);
        }
        Some(word) if word == "hold" => await_all(orphans::hold(arguments)),
        _ => {}
    }
    let mut trials = trials![
        lifecycle::a_target_is_ready_when_its_line_is_seen_and_ends_when_it_is_asked_to,
        lifecycle::a_target_that_is_never_ready_is_told_with_what_was_seen_and_leaves_nothing,
        lifecycle::a_path_that_never_answers_is_told_with_what_was_seen_instead,
        lifecycle::a_target_that_ends_before_it_is_ready_is_told_at_once_with_its_last_lines,
        lifecycle::a_target_that_does_not_end_when_asked_is_killed,
        lifecycle::the_children_of_a_target_go_with_it_when_it_is_stopped,
        lifecycle::the_children_of_a_target_go_with_it_when_it_is_dropped,
        lifecycle::the_children_of_a_target_go_with_it_when_it_ends_by_itself,
        lifecycle::a_target_that_ends_by_itself_is_noticed_with_the_reason,
        lifecycle::a_target_that_is_stopped_did_not_die,
        lifecycle::a_missing_program_is_an_error_of_its_own,
        lifecycle::a_target_that_others_could_reach_is_refused,
        lifecycle::a_defect_goes_to_the_end_of_the_command,
        lifecycle::a_defect_is_refused_by_a_target_that_has_none,
        lifecycle::a_version_is_the_first_line_that_its_command_prints,
        lifecycle::a_target_that_need_not_start_may_end_and_be_started_again,
        lifecycle::a_target_that_need_not_start_runs_on_when_it_is_not_ready_in_time,
        lifecycle::a_target_that_need_not_start_is_ready_like_any_other_and_needs_its_program,
        orphans::a_target_ends_with_a_harness_that_is_killed,
        orphans::the_guard_starts_nothing_for_a_harness_that_is_gone,
        orphans::the_guard_tells_what_it_cannot_execute,
        operations::a_target_is_killed_started_and_restarted_without_having_died,
        operations::a_target_that_chooses_its_port_is_found_again_after_a_restart,
        operations::a_frozen_target_does_nothing_until_it_is_thawed,
        operations::an_operation_is_done_to_the_instance_that_it_names,
        operations::more_instances_than_the_profile_allows_are_refused,
        operations::instances_share_the_folder_that_the_profile_gives_them,
        operations::a_key_is_switched_off_by_the_request_that_the_profile_says,
        operations::a_refused_operation_is_told_without_any_secret,
        operations::a_reload_renders_the_settings_that_come_with_it_before_it_is_asked_for,
        operations::a_reload_by_a_signal_is_told_to_each_instance_that_runs,
        operations::a_reload_changes_nothing_that_only_a_start_can,
        operations::an_operation_that_takes_too_long_is_told,
        operations::a_header_that_cannot_be_made_keeps_the_target_from_starting,
        readings::a_ledger_is_read_page_by_page_until_it_has_settled,
        readings::a_ledger_that_never_settles_is_read_until_its_time_is_up,
        readings::instances_tell_one_ledger_only_where_the_profile_says_so,
        readings::counters_come_from_metrics_and_status_of_each_instance_without_any_secret,
        readings::what_cannot_be_read_is_told_with_the_reason,
        readings::what_a_process_uses_is_seen_with_its_children_while_it_runs,
        output::the_environment_holds_nothing_but_what_the_profile_names,
        output::the_world_s_variables_are_in_the_environment_and_their_keys_nowhere_else,
        output::no_key_is_in_the_log_or_in_an_error,
        output::a_target_may_print_as_much_as_it_likes,
        output::a_configuration_is_rendered_from_the_world_for_the_target_alone,
        output::the_bundled_router_s_configuration_says_what_the_world_says,
        output::a_template_that_cannot_be_rendered_is_told_with_file_and_line,
    ];
    let no_python = !plain_router::python_is_there();
    let mut plain = trials![
        plain_router::the_plain_router_moves_on_from_a_limited_key_and_leaves_it_alone,
        plain_router::the_plain_router_relays_a_stream_as_it_comes,
        plain_router::the_plain_router_does_not_complete_a_stream_that_was_cut,
        plain_router::the_plain_router_refuses_in_its_own_words_what_it_cannot_serve,
        plain_router::the_plain_router_tells_when_the_first_key_is_free_and_asks_none_until_then,
        plain_router::the_plain_router_takes_its_keys_in_turn_whoever_asks,
    ];
    // Shown as ignored: what is skipped is seen to be.
    trials.extend(plain.drain(..).map(|trial| trial.with_ignored_flag(no_python)));
    let no_redis = !operations::redis_is_there();
    let redis = trials![operations::instances_share_a_redis_that_ends_with_them];
    trials.extend(redis.into_iter().map(|trial| trial.with_ignored_flag(no_redis)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn await_all(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let within = async { tokio::time::timeout(PATIENCE, test).await };
    runtime.block_on(within).expect("the test hangs");
}
