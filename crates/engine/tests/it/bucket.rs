//! Previews in a bucket: the same as in a folder, and what a store over the network does wrong.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fovea_engine::{Access, Blobs, Bucket, Error, Fault, PreviewStore};
use fovea_vectordb::ContentHash;

use crate::s3::{BUCKET, Store};

const SECRET: &str = "a-secret-that-is-never-shown";

fn access(store: &Store) -> Access {
    Access {
        endpoint: Some(store.endpoint.clone()),
        region: "us-east-1".to_owned(),
        key_id: "key".to_owned(),
        secret: SECRET.to_owned(),
        token: None,
        answer: Duration::from_secs(2),
        patience: Duration::from_secs(4),
    }
}

fn bucket(store: &Store) -> Bucket {
    Bucket::open(&format!("s3://{BUCKET}/art/fovea"), &access(store)).unwrap()
}

fn hash(n: u8) -> ContentHash {
    ContentHash::of(&[n])
}

/// The words of an error that has to name the bucket, and what to do, and no secret.
fn words(error: &Error) -> String {
    assert_eq!(error.fault(), Fault::Environment, "{error}");
    let words = format!("{error} {error:?}");
    assert!(words.contains("s3://pictures/art/fovea"), "{words}");
    assert!(
        !words.contains(SECRET) && !words.contains("StringToSign"),
        "{words}"
    );
    words
}

#[test]
fn previews_are_kept_read_swept_and_removed_in_a_bucket() {
    let store = Store::start();
    let previews = PreviewStore::of(&Blobs::Bucket(bucket(&store)));
    assert!(!previews.contains(&hash(0)));
    let missing = previews.read(&hash(0)).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("s3://pictures/art/fovea/previews/"),
        "{missing}"
    );
    // More than a page of a listing.
    for n in 0..8 {
        previews.write(&hash(n), &[n; 100]).unwrap();
    }
    previews.write(&hash(3), &[3; 100]).unwrap();
    assert!(
        store
            .keys()
            .iter()
            .all(|key| key.starts_with("art/fovea/previews/"))
    );
    assert_eq!(store.keys().len(), 8);
    assert_eq!(previews.read(&hash(5)).unwrap(), [5; 100]);
    assert!(previews.contains(&hash(5)));
    // What others keep beside is not looked at.
    let other = "art/foveaxyz/previews/ab/abc.jpg".to_owned();
    store
        .state
        .objects
        .lock()
        .unwrap()
        .insert(other.clone(), vec![1]);
    assert_eq!(previews.sweep(&|content| *content != hash(1)).unwrap(), 1);
    assert_eq!(previews.remove(&|content| *content == hash(2)).unwrap(), 1);
    assert_eq!(previews.remove(&|content| *content == hash(2)).unwrap(), 0);
    assert!(!previews.contains(&hash(1)) && !previews.contains(&hash(2)));
    assert_eq!(previews.sweep(&|_| false).unwrap(), 6);
    assert_eq!(store.keys(), [other]);
}

#[test]
fn a_store_that_fails_for_a_while_is_asked_again() {
    let store = Store::start();
    let bucket = bucket(&store);
    store.state.failing.store(3, Ordering::SeqCst);
    bucket
        .put("uploads/a b/é.jpg", &vec![7; 2_000_000])
        .unwrap();
    assert!(store.state.n_requests.load(Ordering::SeqCst) >= 4);
    store.state.failing.store(2, Ordering::SeqCst);
    assert_eq!(
        bucket.get("uploads/a b/é.jpg").unwrap().unwrap().len(),
        2_000_000
    );
    assert_eq!(bucket.length("uploads/a b/é.jpg").unwrap(), Some(2_000_000));
    bucket.remove("uploads/a b/é.jpg").unwrap();
    bucket.remove("uploads/a b/é.jpg").unwrap();
    assert_eq!(bucket.get("uploads/a b/é.jpg").unwrap(), None);
}

#[test]
fn what_a_store_does_wrong_is_told_in_words_and_in_time() {
    let store = Store::start();
    let there = bucket(&store);
    store.state.failing.store(usize::MAX, Ordering::SeqCst);
    let begun = Instant::now();
    let error = words(&there.put("a", &[1]).unwrap_err());
    assert!(
        error.contains("SlowDown") && error.contains("run again"),
        "{error}"
    );
    store.state.failing.store(0, Ordering::SeqCst);
    store.state.refusing.store(403, Ordering::SeqCst);
    let error = words(&there.get("a").unwrap_err());
    assert!(
        error.contains("AccessDenied") && error.contains("AWS_SECRET_ACCESS_KEY"),
        "{error}"
    );
    store.state.refusing.store(0, Ordering::SeqCst);
    store.state.wait_ms.store(60_000, Ordering::SeqCst);
    let error = words(&there.get("a").unwrap_err());
    assert!(error.contains("AWS_ENDPOINT_URL"), "{error}");
    let gone = Access {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        ..access(&store)
    };
    let gone = Bucket::open("s3://pictures/art/fovea", &gone).unwrap();
    words(&gone.list("previews").unwrap_err());
    assert!(
        begun.elapsed() < Duration::from_secs(40),
        "{:?}",
        begun.elapsed()
    );
    store.state.wait_ms.store(0, Ordering::SeqCst);
    let other = Bucket::open("s3://nowhere", &access(&store)).unwrap();
    for error in [
        other.get("a").unwrap_err(),
        other.put("a", &[1]).unwrap_err(),
    ] {
        assert!(error.to_string().contains("make the bucket"), "{error}");
    }
    // A secret is used and never sent.
    let heads = store.state.heads.lock().unwrap().concat();
    assert!(heads.contains("AWS4-HMAC-SHA256") && !heads.contains(SECRET));
}

#[test]
fn an_address_that_names_no_bucket_is_refused() {
    let store = Store::start();
    for wrong in ["s3://", "s3:///a", "s3://a?b", "s3://a b/c", "s3://a/../c"] {
        let error = Bucket::open(wrong, &access(&store)).unwrap_err();
        assert_eq!(error.fault(), Fault::Input, "{wrong}: {error}");
        assert!(
            error.to_string().contains("s3://BUCKET[/PREFIX]"),
            "{error}"
        );
    }
    let bucket = Bucket::open("s3://a.b-c/x/y/", &access(&store)).unwrap();
    assert_eq!(bucket.shown(), "s3://a.b-c/x/y");
    assert!(Bucket::is_one("s3://a") && !Bucket::is_one("./s3"));
}
