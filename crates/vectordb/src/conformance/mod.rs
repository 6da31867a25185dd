//! The suite every engine behind [`Database`] has to pass. It knows no
//! engine: a [`Harness`] opens collections of one fresh, shared store, and
//! [`conformance_suite!`](crate::conformance_suite) makes each case a test.
//!
//! This is test code that other crates can reach; it is part of no program.

mod concurrency;
mod copies;
mod filters;
mod fixtures;
mod items;
mod metrics;
mod packs;
mod search;
mod twin;
mod words;

pub use concurrency::*;
pub use copies::*;
pub use filters::*;
pub use fixtures::{content, draft, imported_pack, pack, put_imported, put_with_vectors};
pub use items::*;
pub use metrics::*;
pub use packs::*;
pub use search::*;
pub use twin::{Twin, assert_same_hits, facets, matches};
pub use words::*;

use crate::{Database, Result};

/// One fresh store that handles are opened on.
pub trait Harness {
    /// Another handle to this collection, created when it is not there.
    fn open(&self, collection: &str) -> Result<Box<dyn Database>>;
}

/// One `#[test]` per case. `$make` makes a fresh [`Harness`] each time.
#[macro_export]
macro_rules! conformance_suite {
    ($make:expr) => {
        $crate::conformance_suite! { @cases $make;
            an_empty_collection_answers
            what_is_put_is_got
            replacing_keeps_the_id
            removing_and_putting_again
            scans_come_in_pages
            a_failing_batch_leaves_nothing
            bad_input_is_refused_in_words
            change_grows_by_one_with_each_write
            a_reopened_collection_is_the_same
            touch_changes_times_alone
            moved_items_keep_their_vectors
            failures_are_kept_until_indexed
            sources_go_offline_and_come_back
            settings_are_kept
            collections_are_apart
            sweeping_removes_what_nobody_uses
            file_states_are_what_was_put
            stats_count
            check_finds_what_is_missing
            packs_are_registered_once
            other_fingerprints_are_refused
            wrong_vectors_are_refused
            packs_do_not_mix
            known_contents_tell_what_is_there
            features_come_in_pages
            search_agrees_with_the_twin
            the_best_part_counts
            parts_count_less_or_not_at_all
            parts_are_removed_and_the_whole_stays
            a_part_without_its_vector_is_a_problem
            items_of_one_content_all_appear
            captions_share_their_vectors
            equal_scores_come_by_id
            replaced_vectors_are_searched
            every_metric_agrees_with_the_twin
            numbers_of_32_bits_come_back_as_they_went
            vectors_that_a_metric_cannot_compare_are_refused
            vectors_are_read_item_by_item
            an_import_is_named_by_its_rows
            every_filter_agrees_with_the_twin
            filters_take_hostile_values
            filters_have_limits
            filters_follow_what_is_written
            facets_agree_with_the_twin
            lists_come_in_order_and_in_pages
            words_that_were_written_are_found
            keywords_follow_what_is_written
            tags_are_filtered_and_counted
            tags_of_a_pack_that_was_away_are_followed
            sources_are_adopted_under_their_numbers
            items_are_restored_under_their_ids
            each_vocabulary_is_told_apart
            another_handle_follows
            writers_take_turns
            readers_see_whole_batches
            who_asks_at_once_is_answered_as_alone
        }
    };
    (@cases $make:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                if let Err(error) = $crate::conformance::$case(&$make) {
                    panic!("{error}");
                }
            }
        )*
    };
}
