//! `fovea serve` and `fovea keys`, as a person or another program uses them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::library;
use crate::program::{fovea, pictures, stamps, start};

/// A server that ends with the test.
pub struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(database: &Path, more: &[&str]) -> Server {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--json"];
        arguments.extend(more);
        Server::of(start(database, &arguments))
    }

    /// One that was started with `--json`.
    pub fn of(mut process: Child) -> Server {
        let mut line = String::new();
        let out = process.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut stderr = String::new();
            let _ = process.stderr.take().unwrap().read_to_string(&mut stderr);
            panic!("{line:?} {stderr}");
        });
        let url = said["listening"].as_str().unwrap();
        let address = url.rsplit('/').next().unwrap().to_owned();
        Server { process, address }
    }

    /// Status and body.
    fn ask(&self, method: &str, path: &str, key: &str, body: &str) -> (u16, String) {
        let key = format!("authorization: Bearer {key}\r\n");
        self.send(method, path, &key, "application/json", body)
    }

    /// The same without a key, of a body of some kind.
    pub fn send_as(&self, kind: &str, method: &str, path: &str, body: &str) -> (u16, String) {
        self.send(method, path, "", kind, body)
    }

    fn send(&self, method: &str, path: &str, key: &str, kind: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{key}connection: close\r\ncontent-type: {kind}\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.ask("GET", path, "", "");
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// What it wrote to its log, after Ctrl-C.
    fn end(mut self) -> String {
        let pid = self.process.id().to_string();
        let killed = std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status();
        assert!(killed.unwrap().success());
        let mut log = String::new();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        assert_eq!(self.process.wait().unwrap().code(), Some(0), "{log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn words_find_stamps_over_http_as_on_the_command_line() {
    let database = library::database();
    let server = Server::start(database, &[]);
    let (status, answer) = server.get("/api/v1/search?q=a+penguin&top=5");
    assert_eq!(status, 200, "{answer}");
    let printed = fovea(database, &["--json", "search", "a penguin", "--top", "5"]).expect(0);
    let printed = &printed.json()[0];
    let items = |answer: &Value| -> Vec<String> {
        let results = answer["results"].as_array().unwrap().iter();
        let told = ["item", "score", "match", "above_cut"];
        results
            .map(|one| told.map(|key| one[key].to_string()).join(" "))
            .collect()
    };
    assert_eq!(items(&answer), items(printed));
    let url = answer["results"][0]["thumbnail"].as_str().unwrap();
    assert_eq!(server.ask("GET", url, "", "").0, 200);
    let (status, _) = server.get("/api/v1/search?q=secretword");
    assert_eq!(status, 200);
    let log = server.end();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert_eq!(lines[0]["route"], "/api/v1/search");
    assert_eq!(lines[0]["status"], 200);
    assert!(
        !log.contains("penguin") && !log.contains("secretword"),
        "{log}"
    );
}

#[test]
fn others_are_let_in_with_a_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (database, images) = (folder.path().join("db"), folder.path().join("images"));
    pictures(&images, 3);
    let images = images.to_str().unwrap().to_owned();
    fovea(&database, &["index", &images]).expect(0);
    let refused = fovea(&database, &["serve", "--listen", "0.0.0.0:0"]).expect(2);
    assert!(
        refused.stderr.contains("fovea keys add"),
        "{}",
        refused.stderr
    );
    let server = Server::start(&database, &["--log-queries"]);
    assert_eq!(server.get("/api/v1/search?q=red").0, 200);
    let add = ["keys", "add", "family", "--role", "write"];
    let secret = fovea(&database, &add).expect(0).stdout.trim().to_owned();
    fovea(&database, &add).expect(2);
    let until = Instant::now() + Duration::from_secs(1);
    while server.get("/api/v1/search?q=red").0 != 401 {
        assert!(
            Instant::now() < until,
            "the key did not count within a second"
        );
    }
    assert_eq!(
        server.ask("GET", "/api/v1/search?q=red", &secret, "").0,
        200
    );
    assert_eq!(server.ask("POST", "/api/v1/jobs", &secret, "{}").0, 403);
    let listed = fovea(&database, &["keys", "list", "--json"]).expect(0);
    assert!(!listed.stdout.contains(&secret));
    assert_eq!(listed.json()[0][0]["role"], "write");
    fovea(&database, &["keys", "revoke", "family"]).expect(0);
    fovea(&database, &["keys", "revoke", "family"]).expect(2);
    assert!(server.end().contains("\"query\":\"red\""));
    fovea(&database, &["--collection", "none", "keys", "add", "x"]).expect(2);
}

#[test]
fn what_another_process_indexes_is_found_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let (database, images) = (folder.path().join("db"), folder.path().join("images"));
    let server = Server::start(&database, &[]);
    let (status, answer) = server.get("/api/v1/search?q=red");
    assert_eq!(
        (status, answer["results"].as_array().unwrap().len()),
        (200, 0)
    );
    pictures(&images, 4);
    fovea(&database, &["index", images.to_str().unwrap()]).expect(0);
    let until = Instant::now() + Duration::from_secs(1);
    loop {
        let (_, answer) = server.get("/api/v1/search?q=red&top=9");
        if answer["results"].as_array().unwrap().len() == 4 {
            break;
        }
        assert!(Instant::now() < until, "{answer}");
    }
    let (_, items) = server.get("/api/v1/items?top=1");
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_job_tags_what_it_indexes_as_the_command_line_does() {
    let folder = tempfile::tempdir().unwrap();
    let images = stamps().join("stamps/animals/birds");
    let images = images.to_str().unwrap();
    let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
    fovea(&theirs, &["index", images]).expect(0);
    let server = Server::start(&ours, &["--allow-root", images]);
    let path = json!({ "path": images }).to_string();
    assert_eq!(server.ask("POST", "/api/v1/jobs", "", &path).0, 202);
    let until = Instant::now() + Duration::from_secs(60);
    while server.get("/api/v1/jobs/1").1["state"] != "done" {
        assert!(Instant::now() < until, "the job does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    let tags = |database: &Path| {
        let counted = fovea(database, &["facets", "--by", "tag", "--json"]).expect(0);
        counted.json()[0]["facets"][0]["values"].clone()
    };
    assert!(tags(&theirs).as_array().unwrap().len() > 1);
    assert_eq!(tags(&theirs), tags(&ours));
}

#[test]
fn a_job_that_runs_when_the_server_ends_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let (database, images) = (folder.path().join("db"), folder.path().join("images"));
    pictures(&images, 400);
    let server = Server::start(&database, &["--allow-root", images.to_str().unwrap()]);
    let path = json!({ "path": images }).to_string();
    assert_eq!(server.ask("POST", "/api/v1/jobs", "", &path).0, 202);
    while server.get("/api/v1/jobs/1").1["n_done"] == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    server.end();
    fovea(&database, &["check"]).expect(0);
    let again = fovea(&database, &["index", images.to_str().unwrap(), "--json"]).expect(0);
    let report = &again.json()[0];
    assert!(report["unchanged"].as_u64().unwrap() > 0, "{report}");
}
