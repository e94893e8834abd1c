//! Somebody who asked to be forgotten is, while mail to them is under way.

use rapport_e2e::erasure;
use rapport_e2e::services::Services;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_found_nowhere_and_written_to_no_more() {
    let services = Services::from_environment().unwrap_or_else(|error| panic!("{error}"));
    let erased = erasure::play(&services).await.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{erased:?}");
    assert!(erased.tables > 20 && erased.records > 10, "{erased:?}");
    assert_eq!((erased.cancelled, erased.sold), (3, 6));
}
