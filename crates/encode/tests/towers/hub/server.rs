//! A hub on loopback that holds one repository, and that misbehaves as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use fovea_encode::models::hub::Hub;
use sha2::Digest;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What somebody asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub start: usize,
    pub token: Option<String>,
}

/// What is wrong with the answer to a request for a file.
#[derive(Clone, Debug)]
pub enum Wrong {
    Nothing,
    /// The connection ends after so many bytes.
    CutAfter(usize),
    /// After so many bytes nothing comes any more.
    StallsAfter(usize),
    /// The whole file comes, whatever part was asked for.
    Whole,
    /// Its first byte is another.
    Altered,
    /// A status, with the code that the hub gives it.
    Status(u16, &'static str),
    /// It is somewhere else.
    At(String),
}

type Script = dyn Fn(&Request, usize) -> Wrong + Send + Sync;

/// Held, the requests of all connections in their order.
pub struct Server {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

struct Repository {
    folder: PathBuf,
    more: Vec<&'static str>,
    script: Box<Script>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Serves what is in `folder`, and says that there is `more`. `script` is asked about each request, and told how many came
    /// for the same path before.
    pub fn start(
        folder: &Path,
        more: &[&'static str],
        script: impl Fn(&Request, usize) -> Wrong + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let repository = Arc::new(Repository {
            folder: folder.into(),
            more: more.to_vec(),
            script: Box::new(script),
            requests: Arc::clone(&requests),
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let repository = Arc::clone(&repository);
                // Whoever hung up is none of a test's business.
                thread::spawn(move || repository.answer(stream).ok());
            }
        });
        Self { address, requests }
    }

    /// One that does nothing wrong.
    pub fn honest(folder: &Path) -> Self {
        Self::start(folder, &[], |_, _| Wrong::Nothing)
    }

    /// Fast where a person would be patient.
    pub fn hub(&self, cache: &Path) -> Hub {
        Hub {
            endpoint: self.address.clone(),
            cache: cache.into(),
            token: None,
            offline: false,
            patience: Duration::from_millis(400),
            pause: Duration::from_millis(1),
            is_cancelled: || false,
        }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Names of the files that were asked for, and from which byte on.
    pub fn files(&self) -> Vec<(String, usize)> {
        let files = self.requests().into_iter().filter_map(|request| {
            let (_, name) = request.path.split_once(&format!("/resolve/{COMMIT}/"))?;
            Some((name.to_owned(), request.start))
        });
        files.collect()
    }
}

impl Repository {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let header = |name: &str| {
            let found = head
                .iter()
                .find(|line| line.to_lowercase().starts_with(name));
            found.map(|line| line[name.len()..].trim().to_owned())
        };
        let start = header("range:").and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        });
        let request = Request {
            path: head[0].split(' ').nth(1).unwrap_or_default().to_owned(),
            start: start.unwrap_or_default(),
            token: header("authorization:"),
        };
        let before = {
            let mut requests = self.requests.lock().unwrap();
            let before = requests
                .iter()
                .filter(|other| other.path == request.path)
                .count();
            requests.push(request.clone());
            before
        };
        let wrong = (self.script)(&request, before);
        self.reply(&mut stream, &request, &wrong)
    }

    fn reply(
        &self,
        stream: &mut TcpStream,
        request: &Request,
        wrong: &Wrong,
    ) -> std::io::Result<()> {
        match wrong {
            Wrong::Status(status, code) => {
                return write!(
                    stream,
                    "HTTP/1.1 {status} No\r\nX-Error-Code: {code}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
            }
            Wrong::At(address) => {
                return write!(
                    stream,
                    "HTTP/1.1 302 Found\r\nLocation: {address}{}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                    request.path
                );
            }
            _ => {}
        }
        let content = match request.path.starts_with("/api/models/") {
            true => self.listing().into_bytes(),
            false => {
                let name = request.path.split_once(&format!("/resolve/{COMMIT}/"));
                let name = name.map_or("", |(_, name)| name);
                std::fs::read(self.folder.join(name)).unwrap_or_default()
            }
        };
        self.send(stream, content, request.start, wrong)
    }

    fn send(
        &self,
        stream: &mut TcpStream,
        mut content: Vec<u8>,
        start: usize,
        wrong: &Wrong,
    ) -> std::io::Result<()> {
        let all = content.len();
        let start = if matches!(wrong, Wrong::Whole) {
            0
        } else {
            start
        };
        if matches!(wrong, Wrong::Altered) {
            content[0] ^= 1;
        }
        match start {
            0 => write!(stream, "HTTP/1.1 200 OK\r\n")?,
            start => write!(
                stream,
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{all}\r\n",
                all - 1
            )?,
        }
        write!(
            stream,
            "Content-Length: {}\r\nConnection: close\r\n\r\n",
            all - start
        )?;
        let body = &content[start..];
        match wrong {
            Wrong::CutAfter(n) => stream.write_all(&body[..body.len().min(*n)]),
            Wrong::StallsAfter(n) => {
                stream.write_all(&body[..body.len().min(*n)])?;
                // Until the other end gives up.
                stream.set_read_timeout(Some(Duration::from_secs(10)))?;
                stream.read(&mut [0]).map(drop)
            }
            _ => stream.write_all(body),
        }
    }

    fn listing(&self) -> String {
        let mut siblings: Vec<serde_json::Value> = Vec::new();
        for name in names(&self.folder, "") {
            let content = std::fs::read(self.folder.join(&name)).unwrap();
            let size = content.len();
            let blob = [format!("blob {size}\0").as_bytes(), &content].concat();
            let id = hex(&sha1::Sha1::digest(blob));
            siblings.push(match name.contains(".onnx") {
                true => serde_json::json!({"rfilename": name, "size": size, "blobId": "f".repeat(40),
                    "lfs": {"sha256": hex(&sha2::Sha256::digest(&content)), "size": size, "pointerSize": 130}}),
                false => serde_json::json!({"rfilename": name, "size": size, "blobId": id}),
            });
        }
        for name in &self.more {
            siblings
                .push(serde_json::json!({"rfilename": name, "size": 1, "blobId": "a".repeat(40)}));
        }
        serde_json::json!({"id": "owner/tiny", "sha": COMMIT, "gated": false, "siblings": siblings})
            .to_string()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All files below a folder.
fn names(folder: &Path, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder.join(place)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{place}{}", entry.file_name().to_string_lossy());
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(names(folder, &format!("{name}/"))),
            false => found.push(name),
        }
    }
    found
}
