//! The contract of [`Catalog`]: accounts, management and the audit log.

mod artifacts;
mod audit;
mod listing;
mod matrix;
mod members;
mod policies;
mod projects;
mod robots;
mod town;
mod users;

use self::town::Town;
use super::CatalogPlace;

/// Runs the whole suite; `fresh` makes a place for an empty catalog.
pub async fn management<P: CatalogPlace>(fresh: impl Fn() -> P) {
    macro_rules! run {
        ($($module:ident: $($case:ident),+ $(,)?);+ $(;)?) => {
            $($(
                $module::$case(&Town::open(&fresh()).await).await;
            )+)+
        };
    }
    run! {
        users:
            the_first_administrator_is_made_once,
            names_are_checked,
            people_see_and_change_themselves_only,
            managing_users_is_not_the_right_to_become_one,
            the_last_administrator_stays,
            a_hash_is_replaced_only_while_it_stands,
            a_disabled_or_deleted_user_has_no_rights;
        robots:
            a_robot_is_as_it_was_made,
            malformed_robots_are_refused,
            grants_stay_in_the_project_and_below_its_administrator,
            grants_that_are_costly_to_ask_are_refused,
            a_robot_makes_none_that_may_do_more,
            a_weaker_robot_cannot_take_over_a_stronger,
            system_robots_are_made_by_administrators_only,
            a_robot_of_another_project_is_absent,
            a_robot_is_found_by_its_number_alone_by_who_may_see_it,
            a_robot_sees_the_repositories_of_its_pattern,
            rotation_keeps_the_old_secret_for_a_while,
            a_removed_project_leaves_no_grant_behind;
        projects:
            who_may_make_a_project,
            project_names_are_checked,
            the_quota_is_the_administrators,
            hidden_and_absent_projects_are_told_alike,
            everyone_sees_their_own_projects,
            a_project_with_repositories_stays,
            statistics_count_what_is_visible;
        members:
            membership_takes_effect_at_once,
            a_member_of_another_project_is_absent;
        artifacts:
            records_tell_what_was_pushed,
            children_and_referrers_are_left_out_unless_tagged,
            a_tag_is_not_moved_by_creating_it,
            the_history_of_a_tag_is_kept,
            a_deleted_repository_leaves_nothing,
            storage_use_follows_every_change;
        audit:
            changes_are_noted_with_who_and_from_where,
            entries_are_found_by_every_filter,
            the_log_is_read_by_its_readers_only,
            a_project_does_not_show_the_log_of_an_earlier_one,
            what_goes_with_something_else_is_noted,
            old_and_surplus_entries_go,
            failed_logins_do_not_displace_the_rest;
        policies:
            a_policy_is_kept_as_it_came_and_every_change_is_noted,
            a_policy_goes_with_its_project,
            content_under_a_policy_is_judged_but_for_those_who_may_push,
            a_mount_does_not_lead_around_the_gate,
            the_state_of_papers_follows_each_of_them,
            what_lists_and_uses_content_is_found;
        listing:
            pages_have_an_order_a_filter_and_a_total,
            children_and_referrers_count_as_they_are_listed,
            pages_of_the_log_are_stable_while_it_grows;
        matrix:
            each_operation_is_decided_for_each_caller;
    }
}
