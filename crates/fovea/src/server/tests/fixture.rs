//! A collection of plain pictures, a server over it, and requests that need no socket.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use fovea_encode::fake::FakeEncoder;
use fovea_engine::{Engine, IndexOptions, PreviewStore, Silent};
use fovea_vectordb::{Database, Embedded, OpenMode};
use serde_json::Value;
use tower::ServiceExt;

use crate::server::app::{App, Options};
use crate::server::keys::{self, Key, Role};
use crate::server::library::Library;
use crate::server::routes;

pub const RED: [u8; 3] = [230, 20, 20];
pub const GREEN: [u8; 3] = [20, 180, 20];
pub const BLUE: [u8; 3] = [20, 20, 230];

pub struct Fixture {
    _temporary: tempfile::TempDir,
    /// The pictures.
    pub root: PathBuf,
    pub folder: PathBuf,
    pub app: Arc<App>,
    pub router: Router,
}

/// An answer, read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        let text = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status.as_u16(), status, "{text}");
        self
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    /// Names of the files that were found, best first.
    pub fn found(&self) -> Vec<String> {
        let json = self.json();
        let results = json["results"].as_array().unwrap();
        let name = |one: &Value| {
            let path = Path::new(one["path"].as_str().unwrap());
            path.file_name().unwrap().to_string_lossy().into_owned()
        };
        results.iter().map(name).collect()
    }
}

impl Fixture {
    /// A red, a green and a blue picture, indexed.
    pub fn new() -> Fixture {
        Fixture::with(Options::default())
    }

    pub fn with(options: Options) -> Fixture {
        let temporary = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(temporary.path()).unwrap();
        let (root, folder) = (base.join("pictures"), base.join("db"));
        paint_all(&root);
        index(&folder, "default", &root);
        Fixture::over(temporary, root, folder, options)
    }

    /// Nothing.
    pub fn empty() -> Fixture {
        let temporary = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(temporary.path()).unwrap();
        let (root, folder) = (base.join("pictures"), base.join("db"));
        Fixture::over(temporary, root, folder, Options::default())
    }

    fn over(
        temporary: tempfile::TempDir,
        root: PathBuf,
        folder: PathBuf,
        options: Options,
    ) -> Fixture {
        let options = Options {
            log: false,
            ..options
        };
        let open_pack = |record: Option<&fovea_vectordb::PackRecord>| -> anyhow::Result<Arc<dyn fovea_encode::Encoder>> {
            let name = record.map_or("fake", |record| &record.name);
            Ok(Arc::new(FakeEncoder::named(name, "1")))
        };
        let library = Library::new(
            crate::place::Place::folder(folder.clone()),
            "default".to_owned(),
            Box::new(open_pack),
            OpenMode::Create,
        )
        .unwrap();
        let app = App::new(library, options).unwrap();
        let router = routes::router(&app);
        Fixture {
            _temporary: temporary,
            root,
            folder,
            app,
            router,
        }
    }

    /// Makes a key, and lets the server know at once.
    pub fn key(&self, name: &str, role: Role, collection: Option<&str>) -> String {
        self.add_key(&Key {
            name: name.to_owned(),
            role,
            collection: collection.map(str::to_owned),
            see_location: false,
            made_ns: 0,
        })
    }

    pub fn add_key(&self, key: &Key) -> String {
        let collection = key.collection.as_deref().unwrap_or("default");
        let database = Embedded::open(&self.folder, collection, OpenMode::Create).unwrap();
        let secret = keys::add(&database, key).unwrap();
        self.app.renew_ring().unwrap();
        secret
    }

    pub fn database(&self) -> Arc<dyn Database> {
        self.app.library.database("default").unwrap()
    }

    /// Ids by file name.
    pub fn id(&self, name: &str) -> String {
        let source = self.database().sources().unwrap()[0].id;
        let found = self.database().find(source, name.as_bytes()).unwrap();
        found.unwrap().to_string()
    }

    pub fn index(&self) {
        index(&self.folder, "default", &self.root);
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes: to_bytes(body, 64 << 20).await.unwrap().to_vec(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(request(Method::GET, path).body(Body::empty()).unwrap())
            .await
    }

    pub async fn get_with(&self, path: &str, secret: &str) -> Answer {
        let request = request(Method::GET, path)
            .header(header::AUTHORIZATION, format!("Bearer {secret}"))
            .body(Body::empty());
        self.ask(request.unwrap()).await
    }

    pub async fn send(&self, method: Method, path: &str, json: &Value) -> Answer {
        let request = request(method, path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json.to_string()));
        self.ask(request.unwrap()).await
    }
}

pub fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "127.0.0.1:7878")
}

/// As another process would.
pub fn index(folder: &Path, collection: &str, root: &Path) {
    let database = Embedded::open(folder, collection, OpenMode::Create).unwrap();
    let previews = PreviewStore::new(folder.join("previews"));
    let engine = Engine::new(Arc::new(database), Arc::new(FakeEncoder::new()), previews);
    let engine = engine.with_own_folder(folder.to_owned());
    let report = engine.index(&[root.to_owned()], &IndexOptions::default(), &Silent);
    assert_eq!(report.unwrap().skipped, []);
}

fn paint_all(root: &Path) {
    for (name, rgb, number) in [
        ("red.png", RED, 1),
        ("green.png", GREEN, 2),
        ("blue.png", BLUE, 3),
    ] {
        paint(&root.join(name), rgb, number);
    }
}

/// A picture of one colour; the number makes its content distinct.
pub fn paint(path: &Path, rgb: [u8; 3], number: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut picture = image::RgbImage::from_pixel(24, 16, image::Rgb(rgb));
    picture.put_pixel(0, 0, image::Rgb([number, number, number]));
    picture.save(path).unwrap();
}
