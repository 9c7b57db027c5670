//! The contract of [`Catalog`]: the data plane, its access, quotas, and collection.

mod access;
mod blobs;
mod collection;
mod lists;
mod manifests;
mod quotas;
mod stage;

use std::future::Future;
use std::sync::Arc;

use self::stage::Stage;
use crate::Catalog;

/// The time that a test sets, Unix milliseconds.
pub type TestClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Where a catalog keeps its data, so that the suite can open it again as after a restart of the server.
pub trait CatalogPlace: Send + Sync {
    /// The catalog.
    type Catalog: Catalog;

    /// Opens the catalog, which is to take the time from `clock`. Called again only after the last one was dropped.
    fn open(&self, clock: TestClock) -> impl Future<Output = Self::Catalog> + Send;
}

/// Runs the whole suite; `fresh` makes a place for an empty catalog.
pub async fn catalog<P: CatalogPlace>(fresh: impl Fn() -> P) {
    macro_rules! run {
        ($($module:ident: $($case:ident),+ $(,)?);+ $(;)?) => {
            $($(
                $module::$case(&Stage::open(&fresh()).await).await;
            )+)+
        };
    }
    run! {
        manifests:
            a_manifest_comes_back_as_it_came,
            the_media_type_of_the_push_is_kept,
            putting_again_changes_nothing_but_tags,
            all_missing_blobs_are_told_and_nothing_is_stored,
            many_missing_blobs_are_each_told_once,
            blobs_that_live_elsewhere_may_be_absent,
            a_descriptor_with_a_wrong_size_is_refused,
            children_and_subject_may_be_absent,
            a_tag_moves_with_its_history_and_its_reason,
            a_condition_is_decided_by_what_the_tag_points_to,
            several_tags_are_set_at_once,
            deleting_a_manifest_takes_tags_and_referrers,
            deleting_a_tag_leaves_the_manifest,
            a_manifest_of_another_repository_is_absent,
            a_large_manifest_is_kept_whole,
            pulls_are_counted_in_batches;
        blobs:
            a_blob_is_where_it_was_put,
            the_same_content_is_kept_once,
            a_lost_blob_gets_the_bytes_that_came_again,
            a_blob_is_read_through_its_link_only,
            a_blob_is_deleted_from_one_repository_only,
            a_mount_needs_a_readable_source,
            a_mount_without_a_source_finds_one,
            a_manifest_is_not_a_blob,
            large_inline_blobs_are_refused;
        lists:
            tags_are_listed_by_page_in_byte_order,
            referrers_are_listed_by_page_and_type,
            repositories_are_listed_for_those_who_may_pull,
            a_token_for_the_catalog_lists_what_the_account_may_pull;
        access:
            each_operation_is_decided_for_each_caller,
            accounts_that_ended_have_no_rights,
            a_token_narrows,
            an_administrator_learns_that_a_project_is_absent,
            every_change_is_in_the_audit_log;
        quotas:
            each_content_counts_once_a_project,
            what_exceeds_the_quota_leaves_nothing,
            concurrent_pushes_share_the_quota_exactly;
        collection:
            an_unused_blob_goes_after_its_grace_time,
            looking_at_an_unused_blob_renews_its_grace_time,
            what_was_just_acknowledged_waits_for_its_index,
            untagged_manifests_go_only_where_the_policy_says,
            an_index_keeps_its_children,
            a_referrer_whose_subject_never_came_goes,
            a_late_subject_saves_its_referrers,
            a_dry_run_tells_what_a_run_does_and_changes_nothing,
            small_steps_reach_the_same_end,
            a_blob_pushed_again_has_a_new_key,
            a_quarantined_blob_is_asked_for_again,
            a_quarantined_manifest_leaves_its_referrers_waiting,
            a_lease_is_held_by_one,
            a_removed_repository_leaves_nothing_behind,
    }
    stage::the_catalog_outlives_a_restart(&fresh()).await;
}
