//! Models by name, from a hub on loopback: whole and checked, or not there at all.

pub mod server;

use std::fs;
use std::path::Path;

use fovea_encode::models::hub::{Fetched, Reference, fetch};
use fovea_encode::{Encoder, Error, Fault, Pack, models};
use server::{COMMIT, Request, Server, Wrong};

use crate::onnx::{external, model, weight};
use crate::{add, fixture, store};

const IMAGE: &str = "onnx/vision_model.onnx";
const TEXT: &str = "onnx/text_model.onnx";
/// The plain networks of the one size that there is.
const PLAIN: models::Choice<'static> = models::Choice {
    precision: None,
    size: None,
};
/// Length of the file [`IMAGE`].
const LENGTH: usize = 153_824;

fn reference() -> Reference {
    Reference::parse("owner/tiny").unwrap()
}

fn fetched(server: &Server, cache: &Path) -> Result<Fetched, Error> {
    fetch(&server.hub(cache), &reference(), PLAIN, &mut |_| {})
}

/// The tiny CLIP from a server, which has to arrive in spite of everything; what was asked for of the file [`IMAGE`].
#[track_caller]
fn arrives(wrong: impl Fn(&Request, usize) -> Wrong + Send + Sync + 'static) -> Vec<usize> {
    let (cache, folder) = (tempfile::tempdir().unwrap(), fixture("clip"));
    let server = Server::start(&folder, &[], move |request, before| {
        match request.path.ends_with(IMAGE) {
            true => wrong(request, before),
            false => Wrong::Nothing,
        }
    });
    let found = fetched(&server, cache.path()).unwrap().folder;
    assert_eq!(
        fs::read(found.join(IMAGE)).unwrap(),
        fs::read(folder.join(IMAGE)).unwrap()
    );
    let starts = server.files().into_iter().filter(|(name, _)| name == IMAGE);
    starts.map(|(_, start)| start).collect()
}

/// What is said where the request for a path that ends so is answered so.
#[track_caller]
fn refused(end: &'static str, token: Option<&str>, wrong: Wrong, fault: Fault, expect: &str) {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(&fixture("clip"), &[], move |request, _| {
        match request.path.ends_with(end) {
            true => wrong.clone(),
            false => Wrong::Nothing,
        }
    });
    let mut hub = server.hub(cache.path());
    hub.token = token.map(str::to_owned);
    let error = fetch(&hub, &reference(), PLAIN, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains(expect), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("cannot fetch hf:owner/tiny: "),
        "{error}"
    );
    assert_eq!(error.fault(), fault, "{error}");
    let snapshots = cache.path().join("models--owner--tiny/snapshots");
    assert!(!snapshots.join(COMMIT).join(end).exists());
    assert!(!cache.path().join("models--owner--tiny/refs/main").exists());
}

#[test]
fn what_a_model_needs_is_fetched_once_and_is_the_same_pack() {
    let (store, cache) = (store(), tempfile::tempdir().unwrap());
    let more = [
        "onnx/vision_model_fp16.onnx",
        "onnx/text_model_fp16.onnx",
        "pytorch_model.bin",
        "../../evil",
        "/etc/passwd",
    ];
    let server = Server::start(&fixture("clip"), &more, |_, _| Wrong::Nothing);
    let mut said = Vec::new();
    let mut note = |step: models::Progress| {
        if let models::Progress::Fetching {
            file, done, bytes, ..
        } = step
        {
            said.push((file, done, bytes));
        }
    };
    let found = fetch(&server.hub(cache.path()), &reference(), PLAIN, &mut note);
    let found = found.unwrap();
    assert_eq!(found.origin, "owner/tiny at 0123456789ab");
    let last = said.iter().rfind(|(file, ..)| file == IMAGE);
    assert_eq!(
        last,
        Some(&(IMAGE.to_owned(), LENGTH as u64, LENGTH as u64))
    );
    let mut files: Vec<String> = server.files().into_iter().map(|(name, _)| name).collect();
    files.sort();
    let needed = [
        "config.json",
        TEXT,
        IMAGE,
        "preprocessor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(files, needed);

    let n_requests = server.requests().len();
    let again = fetched(&server, cache.path()).unwrap();
    assert_eq!(again, found);
    assert_eq!(
        server.requests().len(),
        n_requests + 1,
        "only the list is asked for again"
    );

    let addition = models::Addition {
        folder: &found.folder,
        name: Some("fetched"),
        choice: PLAIN,
        replace: false,
        origin: Some(&found.origin),
    };
    let by_name = models::add(store.path(), addition, &mut |_| {})
        .unwrap()
        .info;
    let by_folder = add(store.path(), &fixture("clip")).unwrap().info;
    assert_eq!(by_name.spec.fingerprint, by_folder.spec.fingerprint);
    assert!(
        by_name.licences[0].starts_with("model: clip, from owner/tiny at 0123456789ab"),
        "{:?}",
        by_name.licences
    );
    let pack = Pack::open(&by_name.dir).unwrap();
    pack.text_vector("a cat").unwrap();
}

#[test]
fn without_a_network_what_was_fetched_serves() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::honest(&fixture("clip"));
    let mut offline = server.hub(cache.path());
    offline.offline = true;
    let never = fetch(&offline, &reference(), PLAIN, &mut |_| {}).unwrap_err();
    assert!(
        never
            .to_string()
            .contains("nothing of it was fetched before into"),
        "{never}"
    );
    assert!(server.requests().is_empty());
    let found = fetched(&server, cache.path()).unwrap();
    let n_requests = server.requests().len();
    assert_eq!(
        fetch(&offline, &reference(), PLAIN, &mut |_| {}).unwrap(),
        found
    );
    let commit = Reference::parse(&format!("owner/tiny@{COMMIT}")).unwrap();
    assert_eq!(fetch(&offline, &commit, PLAIN, &mut |_| {}).unwrap(), found);
    assert_eq!(server.requests().len(), n_requests);
}

#[test]
fn a_download_goes_on_where_it_broke() {
    let starts = arrives(|_, before| {
        if before < 7 {
            Wrong::CutAfter(20_000)
        } else {
            Wrong::Nothing
        }
    });
    assert_eq!(
        starts,
        [0, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000, 140_000]
    );
    let starts = arrives(|_, before| {
        if before < 1 {
            Wrong::StallsAfter(50_000)
        } else {
            Wrong::Nothing
        }
    });
    assert_eq!(starts, [0, 50_000]);
    let starts = arrives(|_, before| match before {
        0 => Wrong::CutAfter(50_000),
        1 | 2 => Wrong::Status(503, ""),
        _ => Wrong::Whole,
    });
    assert_eq!(starts, [0, 50_000, 50_000, 50_000]);
}

#[test]
fn what_an_earlier_run_left_is_gone_on_with_or_thrown_away() {
    let content = fs::read(fixture("clip").join(IMAGE)).unwrap();
    assert_eq!(content.len(), LENGTH);
    let too_long = [content.clone(), vec![0; 9]].concat();
    for (left, expect) in [
        (content[..9_000].to_vec(), vec![9_000]),
        (vec![7; 9_000], vec![9_000, 0]),
        (too_long, vec![0]),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::honest(&fixture("clip"));
        let etag =
            fs::read_link(fetched(&server, cache.path()).unwrap().folder.join(IMAGE)).unwrap();
        let blobs = cache.path().join("models--owner--tiny/blobs");
        let blob = blobs.join(etag.file_name().unwrap());
        fs::remove_file(&blob).unwrap();
        fs::write(blob.with_extension("incomplete"), left).unwrap();
        let server = Server::honest(&fixture("clip"));
        let found = fetched(&server, cache.path()).unwrap().folder;
        assert_eq!(fs::read(found.join(IMAGE)).unwrap(), content);
        let starts: Vec<usize> = server.files().into_iter().map(|(_, start)| start).collect();
        assert_eq!(starts, expect);
        assert!(!blob.with_extension("incomplete").exists());
    }
}

#[test]
fn altered_bytes_never_become_a_file() {
    let expect = "onnx/vision_model.onnx arrived with the checksum";
    refused(IMAGE, None, Wrong::Altered, Fault::Corruption, expect);
    let expect = "config.json arrived with the checksum";
    refused(
        "/config.json",
        None,
        Wrong::Altered,
        Fault::Corruption,
        expect,
    );
}

#[test]
fn what_the_hub_refuses_is_said_in_words() {
    let (input, environment) = (Fault::Input, Fault::Environment);
    let list = "blobs=true";
    refused(
        list,
        None,
        Wrong::Status(401, "RepoNotFound"),
        input,
        "there is no such repository, or it is not for everybody; set HF_TOKEN",
    );
    refused(
        list,
        Some("old"),
        Wrong::Status(401, ""),
        input,
        "does not accept the token",
    );
    refused(
        list,
        Some("t"),
        Wrong::Status(404, "RepoNotFound"),
        input,
        "look at the spelling",
    );
    refused(
        list,
        None,
        Wrong::Status(404, "RevisionNotFound"),
        input,
        "it has no revision main",
    );
    refused(
        IMAGE,
        None,
        Wrong::Status(401, "GatedRepo"),
        input,
        "ask for access on its page, and set HF_TOKEN",
    );
    refused(
        IMAGE,
        Some("t"),
        Wrong::Status(403, "GatedRepo"),
        input,
        "ask for access on its page with the account",
    );
    refused(
        TEXT,
        None,
        Wrong::Status(500, ""),
        environment,
        "does not answer as it should: the hub answered 500; check the network",
    );
    refused(
        IMAGE,
        None,
        Wrong::CutAfter(0),
        environment,
        "does not answer as it should",
    );
    refused(
        IMAGE,
        None,
        Wrong::StallsAfter(0),
        environment,
        "nothing came for too long",
    );
}

#[test]
fn nobody_there_is_said_in_words() {
    let cache = tempfile::tempdir().unwrap();
    let mut hub = Server::honest(&fixture("clip")).hub(cache.path());
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    hub.endpoint = format!("http://{free}");
    let error = fetch(&hub, &reference(), PLAIN, &mut |_| {}).unwrap_err();
    assert_eq!(error.fault(), Fault::Environment);
    assert!(
        error.to_string().contains("does not answer as it should"),
        "{error}"
    );
    assert!(error.to_string().contains("check the network"), "{error}");
}

#[test]
fn a_token_is_for_the_hub_alone() {
    let cache = tempfile::tempdir().unwrap();
    let other = Server::honest(&fixture("clip"));
    let elsewhere = other.address.replace("127.0.0.1", "localhost");
    let server = Server::start(&fixture("clip"), &[], move |request, _| {
        match request.path.ends_with(IMAGE) {
            true => Wrong::At(elsewhere.clone()),
            false => Wrong::Nothing,
        }
    });
    let mut hub = server.hub(cache.path());
    hub.token = Some("secret".into());
    fetch(&hub, &reference(), PLAIN, &mut |_| {}).unwrap();
    let is_told = |server: &Server| {
        server
            .requests()
            .iter()
            .map(|request| request.token.clone())
            .collect::<Vec<_>>()
    };
    assert!(
        is_told(&server)
            .iter()
            .all(|token| token.as_deref() == Some("Bearer secret"))
    );
    assert_eq!(is_told(&other), [None]);
}

#[test]
fn weights_beside_a_network_come_along_and_none_from_elsewhere() {
    for (location, is_there) in [
        ("weights.bin", true),
        ("../../../evil", false),
        ("gone", false),
    ] {
        let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(folder.path().join("onnx")).unwrap();
        let network = model(&[weight("w", &[2], &external(location))]);
        for name in [IMAGE, TEXT] {
            fs::write(folder.path().join(name), &network).unwrap();
        }
        fs::write(folder.path().join("onnx/weights.bin"), [0; 64]).unwrap();
        let server = Server::honest(folder.path());
        match fetched(&server, cache.path()) {
            Ok(found) => {
                assert!(is_there && found.folder.join("onnx/weights.bin").is_file());
            }
            Err(error) => {
                assert!(!is_there, "{error}");
                assert!(
                    error
                        .to_string()
                        .contains("which the repository does not have"),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn a_repository_without_a_network_is_refused_before_anything_is_fetched() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["config.json", "model.safetensors"] {
        fs::write(folder.path().join(name), "{}").unwrap();
    }
    let server = Server::honest(folder.path());
    let error = fetched(&server, cache.path()).unwrap_err().to_string();
    assert!(
        error.contains("weights for PyTorch (model.safetensors)"),
        "{error}"
    );
    assert!(server.files().is_empty());
    assert!(fs::read_dir(cache.path()).unwrap().next().is_none());
}
