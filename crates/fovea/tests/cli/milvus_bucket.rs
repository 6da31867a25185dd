//! A database on a server with its previews and uploads in a bucket, as several machines use it: each process below has a
//! data folder of its own. They run where `FOVEA_MILVUS` names a server, and say so where it does not.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use crate::milvus::Server;
use crate::program::{Ran, command, fovea, pictures, ran};
use crate::s3::{BUCKET, Store};
use crate::serve;

const SECRET: &str = "a-secret-that-is-never-shown";

/// What a machine knows: the server, the bucket with its keys, and its own data folder.
struct Machine<'a> {
    server: &'a Server,
    store: &'a Store,
    data: tempfile::TempDir,
}

impl Machine<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(Path::new(&self.server.db), arguments);
        self.with_keys(&mut command);
        command.env("FOVEA_BLOBS", format!("s3://{BUCKET}/art"));
        command
    }

    fn with_keys(&self, command: &mut Command) {
        command
            .env("XDG_DATA_HOME", self.data.path())
            .env("AWS_ENDPOINT_URL", &self.store.endpoint)
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", SECRET);
    }

    fn fovea(&self, arguments: &[&str]) -> Ran {
        let ran = ran(self.command(arguments).output().unwrap());
        assert!(!format!("{ran:?}").contains(SECRET), "{ran:?}");
        ran
    }

    fn serve(&self) -> serve::Server {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        serve::Server::of(piped.spawn().unwrap())
    }
}

fn machine<'a>(server: &'a Server, store: &'a Store) -> Machine<'a> {
    Machine {
        server,
        store,
        data: tempfile::tempdir().unwrap(),
    }
}

fn n_below(store: &Store, folder: &str) -> usize {
    let below = format!("art/{folder}/");
    store
        .keys()
        .iter()
        .filter(|key| key.starts_with(&below))
        .count()
}

#[test]
fn previews_and_uploads_lie_in_the_bucket_for_every_machine() {
    let Some(server) = Server::new() else { return };
    let store = Store::start();
    let (one, two) = (machine(&server, &store), machine(&server, &store));
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path(), 5);
    let root = folder.path().to_string_lossy().into_owned();
    one.fovea(&["index", &root]).expect(0);
    assert_eq!(n_below(&store, "previews"), 5);
    two.fovea(&["check"]).expect(0);

    // Uploaded on one machine, shown by the other, which has no file of it.
    let here = one.serve();
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'><rect width='64' height='64' fill='red'/></svg>";
    let (status, body) = here.send_as("image/svg+xml", "POST", "/api/v1/items?name=red.svg", svg);
    assert_eq!(status, 201, "{body}");
    assert_eq!(
        (n_below(&store, "uploads"), n_below(&store, "previews")),
        (1, 6)
    );
    let item: serde_json::Value = serde_json::from_str(&body).unwrap();
    let id = item["item"]
        .as_str()
        .or(item["id"].as_str())
        .unwrap()
        .to_owned();
    let there = two.serve();
    let original = format!("/api/v1/items/{id}/original");
    let (status, body) = there.send_as("", "GET", &original, "");
    assert_eq!((status, body.as_str()), (200, svg));
    let thumbnail = format!("/api/v1/items/{id}/thumbnail");
    assert_eq!(there.send_as("", "GET", &thumbnail, "").0, 200);

    // A bucket that refuses is no missing picture.
    store.state.refusing.store(403, Ordering::SeqCst);
    let (status, body) = there.send_as("", "GET", &thumbnail, "");
    assert_eq!(status, 503, "{body}");
    assert!(
        body.contains("s3://pictures/art") && body.contains("AWS_SECRET_ACCESS_KEY"),
        "{body}"
    );
    let failed = two.fovea(&["check"]).expect(3);
    assert!(
        failed.stderr.contains("s3://pictures/art"),
        "{}",
        failed.stderr
    );
    store.state.refusing.store(0, Ordering::SeqCst);

    let (status, body) = there.send_as("", "DELETE", &format!("/api/v1/items/{id}"), "");
    assert_eq!(status, 204, "{body}");
    assert_eq!(n_below(&store, "uploads"), 0);
}

#[test]
fn a_copy_takes_them_into_a_bucket_and_back() {
    let Some(server) = Server::new() else { return };
    let store = Store::start();
    let one = machine(&server, &store);
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).to_string_lossy().into_owned();
    pictures(Path::new(&path("pictures")), 5);
    let first = path("first");
    fovea(Path::new(&first), &["index", &path("pictures")]).expect(0);
    let to = format!("s3://{BUCKET}/art");
    let arguments = ["--json", "migrate", "--to", &server.db, "--to-blobs", &to];
    let mut there = command(Path::new(&first), &arguments);
    one.with_keys(&mut there);
    let report = ran(there.output().unwrap()).expect(0).json().remove(0);
    assert_eq!(report["settled"], true, "{report}");
    assert_eq!(n_below(&store, "previews"), 5);
    one.fovea(&["check"]).expect(0);
    let last = path("last");
    one.fovea(&["--json", "migrate", "--to", &last]).expect(0);
    fovea(Path::new(&last), &["check"]).expect(0);
}

#[test]
fn milvus_with_a_bucket_that_cannot_be_used_is_told_in_a_line() {
    let store = Store::start();
    let ask = |keys: bool, endpoint: &str, blobs: &str| {
        let mut asked = command(Path::new("milvus://127.0.0.1:1?timeout=1"), &["stats"]);
        asked
            .env("FOVEA_BLOBS", blobs)
            .env("AWS_ENDPOINT_URL", endpoint);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            match keys {
                true => asked.env(name, SECRET),
                false => asked.env_remove(name),
            };
        }
        ran(asked.output().unwrap())
    };
    let keyless = ask(false, &store.endpoint, "s3://pictures").expect(2);
    assert!(
        keyless.stderr.contains("AWS_ACCESS_KEY_ID is not set"),
        "{}",
        keyless.stderr
    );
    let nameless = ask(true, &store.endpoint, "s3://").expect(2);
    assert!(
        nameless.stderr.contains("s3://BUCKET[/PREFIX]"),
        "{}",
        nameless.stderr
    );
    assert!(!nameless.stderr.contains(SECRET), "{}", nameless.stderr);
}
