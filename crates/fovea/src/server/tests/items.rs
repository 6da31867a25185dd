//! Items: looked at, handed in, taken out; their files, and what is refused of them.

use std::fs;

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;

use super::fixture::{Answer, BLUE, Fixture, RED, paint, request};
use crate::server::app::Options;
use crate::server::keys::{Key, Role};

fn bytes(rgb: [u8; 3], number: u8) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.png");
    paint(&path, rgb, number);
    fs::read(path).unwrap()
}

async fn hand_in(fixture: &Fixture, path: &str, kind: &str, bytes: Vec<u8>) -> Answer {
    let request = request(Method::POST, path)
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(bytes));
    fixture.ask(request.unwrap()).await
}

/// A picture with a place, as a camera writes it.
fn with_place() -> Vec<u8> {
    fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/metadata/camera.jpg"
    ))
    .unwrap()
}

#[tokio::test]
async fn items_are_listed_page_by_page_and_looked_at() {
    let fixture = Fixture::new();
    let first = fixture
        .get("/api/v1/items?order=name&top=2")
        .await
        .expect(200);
    let first = first.json();
    let next = first["next"].as_str().unwrap();
    let path = format!("/api/v1/items?order=name&top=2&cursor={next}");
    let second = fixture.get(&path).await.expect(200).json();
    let names = [&first, &second].map(|page| {
        let items = page["items"].as_array().unwrap().iter();
        let path = |item: &serde_json::Value| item["path"].as_str().unwrap().to_owned();
        items.map(path).collect::<Vec<_>>()
    });
    let names: Vec<String> = names.concat();
    let ends: Vec<&str> = names.iter().map(|path| &path[path.len() - 7..]).collect();
    assert_eq!(
        ends,
        ["lue.png", "een.png", "red.png"].map(|end| end).to_vec()
    );
    assert!(second.get("next").is_none());
    let path = format!("/api/v1/items/{}", fixture.id("red.png"));
    let item = fixture.get(&path).await.expect(200).json();
    assert_eq!(
        (item["width"].as_u64(), item["format"].as_str()),
        (Some(24), Some("png"))
    );
    let filtered = fixture
        .get("/api/v1/items?filter=name:gr*")
        .await
        .expect(200);
    assert_eq!(filtered.json()["items"].as_array().unwrap().len(), 1);
    fixture.get("/api/v1/items?filter=a+dog").await.expect(400);
    fixture.get("/api/v1/items?cursor=%00").await.expect(400);
    fixture.get("/api/v1/items/0000000000001").await.expect(404);
}

#[tokio::test]
async fn a_picture_that_is_handed_in_is_found_and_can_be_taken_out() {
    let fixture = Fixture::new();
    let path = "/api/v1/items?name=../../Sunset%20red.png";
    let added = hand_in(&fixture, path, "image/png", bytes(RED, 77))
        .await
        .expect(201);
    let item = added.json();
    let file = item["path"].as_str().unwrap().to_owned();
    assert!(
        file.contains("/db/uploads/") && file.contains("/Sunset red-"),
        "{file}"
    );
    let again = hand_in(&fixture, path, "image/png", bytes(RED, 77))
        .await
        .expect(200);
    assert_eq!(again.json()["item"], item["item"]);
    let search = "/api/v1/search?q=red+name:Sunset*&top=5";
    assert_eq!(fixture.get(search).await.expect(200).found().len(), 1);
    let path = format!("/api/v1/items/{}", item["item"].as_str().unwrap());
    let remove = request(Method::DELETE, &path).body(Body::empty()).unwrap();
    fixture.ask(remove).await.expect(204);
    assert!(!std::path::Path::new(&file).exists());
    assert_eq!(fixture.get(search).await.expect(200).found().len(), 0);
    fixture.get(&path).await.expect(404);
    // A file in somebody's folder stays where it is.
    let path = format!("/api/v1/items/{}", fixture.id("blue.png"));
    let remove = request(Method::DELETE, &path).body(Body::empty()).unwrap();
    fixture.ask(remove).await.expect(204);
    assert!(fixture.root.join("blue.png").exists());
}

#[tokio::test]
async fn what_is_no_picture_is_not_kept() {
    let fixture = Fixture::with(Options {
        max_upload: 100_000,
        ..Options::default()
    });
    let hostile = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/hostile/");
    let mut n_refused = 0;
    for name in [
        "bomb.png",
        "bomb.gif",
        "truncated.png",
        "text_named.png",
        "zip_bomb.svgz",
        "billion_laughs.svg",
    ] {
        let bytes = fs::read(format!("{hostile}{name}")).unwrap();
        for path in ["/api/v1/items?name=a.png", "/api/v1/pictures"] {
            let answer = hand_in(&fixture, path, "image/png", bytes.clone()).await;
            let status = answer.status.as_u16();
            assert!(
                status == 422 || status == 413 || path.ends_with("pictures"),
                "{name}: {status}"
            );
            assert!(status < 500, "{name}: {status}");
            n_refused += usize::from(status >= 400);
        }
    }
    assert!(n_refused >= 8, "{n_refused} were refused");
    hand_in(
        &fixture,
        "/api/v1/items?name=a.png",
        "text/html",
        bytes(RED, 1),
    )
    .await
    .expect(415);
    hand_in(&fixture, "/api/v1/items", "image/png", vec![0; 200_000])
        .await
        .expect(413);
    hand_in(&fixture, "/api/v1/items", "image/png", Vec::new())
        .await
        .expect(422);
    let uploads = fixture.folder.join("uploads");
    let left = walk(&uploads);
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[tokio::test]
async fn a_picture_is_searched_by_without_becoming_an_item() {
    let fixture = Fixture::new();
    let kept = hand_in(&fixture, "/api/v1/pictures", "image/png", bytes(BLUE, 200))
        .await
        .expect(201);
    let picture = kept.json()["picture"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/search?picture={picture}&top=1");
    let answer = fixture.get(&path).await.expect(200);
    assert_eq!(answer.found(), ["blue.png"]);
    assert_eq!(answer.json()["plan"]["terms"][0]["kind"], "image");
    let path = format!("{path}&region=0.5,0.5,0.5,0.5");
    assert_eq!(fixture.get(&path).await.expect(200).found(), ["blue.png"]);
    let unknown = "0".repeat(64);
    fixture
        .get(&format!("/api/v1/search?picture={unknown}"))
        .await
        .expect(404);
    fixture
        .get("/api/v1/search?picture=/etc/passwd")
        .await
        .expect(404);
}

#[tokio::test]
async fn likeness_reasons_and_heat_are_told() {
    let fixture = Fixture::new();
    let id = fixture.id("red.png");
    let similar = fixture
        .get(&format!("/api/v1/items/{id}/similar?top=5"))
        .await
        .expect(200);
    assert_eq!(similar.found().len(), 2);
    let explained = fixture
        .get(&format!("/api/v1/items/{id}/explain?q=blue+ext:gif"))
        .await
        .expect(200);
    assert_eq!(explained.json()["shown"], false);
    let heat = fixture
        .get(&format!("/api/v1/items/{id}/heat?q=red"))
        .await
        .expect(200);
    assert!(heat.bytes.starts_with(b"\x89PNG"));
    fixture
        .get(&format!("/api/v1/items/{id}/heat?q=ext:png"))
        .await
        .expect(400);
}

#[tokio::test]
async fn the_file_of_an_item_is_told_and_parts_of_it() {
    let fixture = Fixture::new();
    let path = format!("/api/v1/items/{}/original", fixture.id("red.png"));
    let file = fs::read(fixture.root.join("red.png")).unwrap();
    let whole = fixture.get(&path).await.expect(200);
    assert_eq!(whole.bytes, file);
    assert_eq!(whole.header("content-type"), "image/png");
    assert_eq!(
        whole.header("content-disposition"),
        "inline; filename*=UTF-8''red.png"
    );
    let ask = async |headers: &[(header::HeaderName, &str)]| {
        let mut request = request(Method::GET, &path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        fixture.ask(request.body(Body::empty()).unwrap()).await
    };
    let part = ask(&[(header::RANGE, "bytes=2-5")]).await.expect(206);
    assert_eq!(part.bytes, file[2..6]);
    assert_eq!(
        part.header("content-range"),
        format!("bytes 2-5/{}", file.len())
    );
    let nowhere = ask(&[(header::RANGE, "bytes=999999-")]).await.expect(416);
    assert_eq!(
        nowhere.header("content-range"),
        format!("bytes */{}", file.len())
    );
    let stale = ask(&[
        (header::RANGE, "bytes=2-5"),
        (header::IF_RANGE, "\"other\""),
    ])
    .await;
    assert_eq!(stale.expect(200).bytes, file);
    ask(&[(header::IF_NONE_MATCH, whole.header("etag"))])
        .await
        .expect(304);
}

#[cfg(unix)]
#[tokio::test]
async fn no_other_file_is_reached_through_an_item() {
    let fixture = Fixture::new();
    let path = format!("/api/v1/items/{}/original", fixture.id("red.png"));
    let (red, secret) = (fixture.root.join("red.png"), fixture.folder.join("secret"));
    let length = fs::metadata(&red).unwrap().len() as usize;
    fs::write(&secret, vec![b's'; length]).unwrap();
    let modified = fs::metadata(&red).unwrap().modified().unwrap();
    fs::File::options()
        .append(true)
        .open(&secret)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    fs::remove_file(&red).unwrap();
    std::os::unix::fs::symlink(&secret, &red).unwrap();
    fixture.get(&path).await.expect(404);
    // Nor what has taken its place, nor what can only be waited for.
    fs::remove_file(&red).unwrap();
    fs::write(&red, "something else").unwrap();
    fixture.get(&path).await.expect(404);
    fs::remove_file(&red).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(&red)
        .status()
        .unwrap();
    assert!(made.success());
    fixture.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_vector_graphic_can_do_nothing_in_a_browser() {
    let fixture = Fixture::new();
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>alert(1)</script><rect width='9' height='9' fill='red'/></svg>";
    fs::write(fixture.root.join("red.svg"), svg).unwrap();
    fixture.index();
    let path = format!("/api/v1/items/{}/original", fixture.id("red.svg"));
    let answer = fixture.get(&path).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment")
    );
    assert!(answer.header("content-security-policy").contains("sandbox"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn places_leave_only_for_a_key_that_may_see_them() {
    let fixture = Fixture::new();
    fs::write(fixture.root.join("camera.jpg"), with_place()).unwrap();
    fixture.index();
    let (item, original) = {
        let path = format!("/api/v1/items/{}", fixture.id("camera.jpg"));
        (path.clone(), format!("{path}/original"))
    };
    // Nobody else is on this machine, and there is no key.
    let metadata = fixture.get(&item).await.expect(200).json()["metadata"].clone();
    assert!(metadata["latitude"][0].is_number(), "{metadata}");
    let key = |name: &str, see_location| Key {
        name: name.to_owned(),
        role: Role::Admin,
        collection: None,
        see_location,
        made_ns: 0,
    };
    let blind = fixture.add_key(&key("blind", false));
    let seeing = fixture.add_key(&key("seeing", true));
    let places = ["latitude", "longitude", "altitude_m"];
    for (secret, sees) in [(&blind, false), (&seeing, true)] {
        let metadata = fixture.get_with(&item, secret).await.expect(200).json()["metadata"].clone();
        assert_eq!(metadata["camera"][0], "Canon EOS R6");
        for place in places {
            assert_eq!(!metadata[place].is_null(), sees, "{place}");
        }
        let export = fixture.get_with("/api/v1/export", secret).await.expect(200);
        let text = String::from_utf8(export.bytes).unwrap();
        assert_eq!(text.lines().count(), 4);
        assert_eq!(text.contains("latitude"), sees);
        let file = fixture.get_with(&original, secret).await.expect(200);
        assert_eq!(file.bytes == with_place(), sees);
        let read = fovea_decode::metadata(&file.bytes, &fovea_decode::Options::default());
        assert_eq!(read.gps.is_some(), sees);
        for facets in ["by=latitude", "by=Longitude", "filter=latitude:1.."] {
            let answer = fixture
                .get_with(&format!("/api/v1/facets?{facets}"), secret)
                .await;
            assert_eq!(
                answer.status.as_u16() == 403,
                !sees,
                "{facets}: {}",
                answer.status
            );
        }
    }
}

#[tokio::test]
async fn items_of_another_collection_are_not_reached_by_their_id() {
    let fixture = Fixture::new();
    let other = fixture.root.parent().unwrap().join("others");
    paint(&other.join("hidden.png"), RED, 50);
    super::fixture::index(&fixture.folder, "private", &other);
    let database = fixture.app.library.database("private").unwrap();
    let source = database.sources().unwrap()[0].id;
    let hidden = database
        .find(source, b"hidden.png")
        .unwrap()
        .unwrap()
        .to_string();
    let secret = fixture.key("mine", Role::Admin, Some("default"));
    for end in [
        "",
        "/thumbnail",
        "/original",
        "/heat?q=red",
        "/explain?q=red",
        "/similar",
    ] {
        let path = format!("/api/v1/items/{hidden}{end}");
        let status = fixture.get_with(&path, &secret).await.status.as_u16();
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    let listed = fixture
        .get_with("/api/v1/collections", &secret)
        .await
        .expect(200)
        .json();
    assert_eq!(listed["collections"].as_array().unwrap().len(), 1);
    let all = fixture.key("all", Role::Read, None);
    let listed = fixture
        .get_with("/api/v1/collections", &all)
        .await
        .expect(200)
        .json();
    assert_eq!(listed["collections"][1]["name"], json!("private"));
    let path = format!("/api/v1/items/{hidden}?collection=private");
    fixture.get_with(&path, &all).await.expect(200);
}
