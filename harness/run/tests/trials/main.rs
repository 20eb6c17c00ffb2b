//! Trials from the start of a target to their verdicts, with a target that is this program itself: called with `guard`, it is
//! the doorway through which targets are started; called with `serve`, it is the target.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, which the lint cannot see without the usual harness"
)]

mod asking;
mod capping;
mod ground;
mod hostile;
mod operating;
mod refusing;
mod schema;
mod small_target;
mod tries;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

macro_rules! trials {
    ($($module:ident::$name:ident),* $(,)?) => {
        vec![$(Trial::test(stringify!($name), || { $module::$name(); Ok(()) })),*]
    };
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == "guard" => {
            let error = target::guard(arguments);
            eprintln!("error: {error}");
            return ExitCode::from(127);
        }
        Some(word) if word == "serve" || word.as_encoded_bytes().starts_with(b"serve=") => {
            let word = word.to_string_lossy();
            let turns = word.strip_prefix("serve=").unwrap_or_default();
            small_target::serve(turns, arguments);
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let trials = trials![
        asking::endpoints_are_asked_for_by_whom_the_scenario_says,
        asking::queries_and_values_of_the_trial_are_filled_in,
        asking::a_program_finds_what_stands_beside_the_scenario,
        asking::raw_bytes_and_slow_writers_get_their_answers_in_steps_and_phases,
        asking::a_manner_s_patience_goes_before_that_of_the_request,
        asking::other_surfaces_are_asked_and_read,
        asking::a_target_is_told_to_ask_no_other_model_in_its_own_way,
        asking::what_is_told_at_the_end_of_an_answer_is_judged,
        asking::what_a_target_tells_its_clients_is_judged_by_the_headers_of_its_profile,
        asking::pairs_go_through_the_target_and_straight_to_the_upstream,
        capping::a_run_sends_no_more_requests_than_it_may,
        capping::a_run_that_stays_within_its_caps_is_judged_as_any_other,
        capping::a_run_spends_no_more_than_it_may,
        capping::a_run_ends_when_its_time_is_over,
        capping::what_was_broken_before_a_cap_was_reached_stays_broken,
        capping::a_phase_whose_target_stays_away_ends_by_itself,
        hostile::a_hostile_target_is_told_as_what_it_is,
        hostile::events_and_texts_without_end_are_told_up_to_a_cap,
        operating::a_target_is_operated_again_and_again_while_a_phase_runs,
        operating::a_reload_gives_the_target_other_settings,
        operating::an_operation_that_comes_too_late_is_told,
        operating::an_operation_that_fails_beside_a_phase_ends_the_trial,
        schema::every_field_that_a_run_leaves_behind_is_documented,
        tries::a_trial_that_comes_to_no_conclusion_is_run_again_and_every_try_is_told,
        tries::it_is_run_no_more_than_three_times,
        tries::a_fail_is_never_run_again,
        refusing::a_target_that_need_not_start_refuses_and_its_log_is_kept,
        refusing::a_target_that_has_to_start_and_does_not_is_blocked,
        refusing::a_mistake_of_the_scenario_blocks_the_trial_whoever_judges_it,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
