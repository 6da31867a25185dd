//! Holds the tree against its map and its house rules: edges, names, sizes, words.
//!
//! Tests nothing that Fovea does. Every failure names the file and what to do about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Who may depend on whom, complete. `fovea` may use any of them, and nothing may use `fovea`.
const EDGES: &[(&str, &[&str])] = &[
    ("decode", &[]),
    ("encode", &["decode"]),
    ("index", &[]),
    ("vectordb", &["index"]),
    ("measure", &[]),
    ("engine", &["decode", "encode", "vectordb", "measure"]),
    ("train", &["measure"]),
    (
        "fovea",
        &[
            "decode", "encode", "index", "vectordb", "measure", "engine", "train",
        ],
    ),
];

/// Words that do not belong in some folders, with the reason that a failure gives.
const BANNED: &[(&[&str], &[&str], &str)] = &[
    (
        &[
            "crates/index/src",
            "crates/measure/src",
            "crates/decode/src",
        ],
        &[
            "std::fs",
            "File::open",
            "std::net",
            "std::env",
            "std::process",
        ],
        "it does no I/O: its caller reads and hands in bytes or numbers",
    ),
    (
        &[
            "crates/index/src",
            "crates/measure/src",
            "crates/decode/src",
        ],
        &["Instant::now", "SystemTime::now", "thread::spawn"],
        "it has no clock and no thread that it was not given",
    ),
    (
        &[
            "crates/decode",
            "crates/encode",
            "crates/index",
            "crates/vectordb",
            "crates/measure",
            "crates/engine",
            "crates/train/src",
        ],
        &["println!", "eprintln!", "print!(", "eprint!("],
        "only `fovea` prints; libraries return values and report progress to their caller",
    ),
    (
        &[
            "crates/decode",
            "crates/encode",
            "crates/index",
            "crates/vectordb",
            "crates/measure",
            "crates/engine",
            "crates/train/src",
        ],
        &["anyhow"],
        "library errors are enums; only `fovea` uses anyhow",
    ),
    (
        &["crates"],
        &["todo!(", "unimplemented!(", "dbg!(", "process::abort"],
        "finish it, or return an error that says what is missing",
    ),
    (
        &["crates"],
        &[".unwrap()", ".expect(\"\")"],
        "return an error, or use `expect` with the reason why it cannot happen",
    ),
];

/// The only places where `unsafe` may stand: SIMD kernels, the call of a matrix product, the maps of model and index
/// files, and the one change of the environment.
const UNSAFE: &[&str] = &[
    "crates/index/src/kernels",
    "crates/encode/src/matrix.rs",
    "crates/encode/src/tensors.rs",
    "crates/train/src/matrix.rs",
    "crates/vectordb/src/index_file.rs",
    "crates/fovea/src/quiet.rs",
];

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

#[test]
fn crates_depend_only_along_allowed_edges() {
    let allowed: BTreeMap<_, _> = EDGES.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, manifest) in manifests() {
        let Some(allowed) = allowed.get(name.as_str()) else {
            wrong.push(format!(
                "crates/{name} is on no list of edges: add it to EDGES and ARCHITECTURE.md"
            ));
            continue;
        };
        for dependency in dependencies(&manifest) {
            if let Some(ours) = dependency.strip_prefix("fovea-")
                && !allowed.contains(&ours)
            {
                wrong.push(format!("crates/{name} may not depend on {ours}"));
            }
        }
    }
    report(wrong);
}

#[test]
fn members_are_the_folders_and_share_the_lints() {
    let workspace = parse(&root().join("Cargo.toml"));
    let members = workspace["workspace"]["members"].as_array();
    let members = members
        .into_iter()
        .flatten()
        .filter_map(|member| member.as_str());
    let members: BTreeSet<String> = members.map(str::to_owned).collect();
    let folders: BTreeSet<_> = manifests()
        .into_keys()
        .map(|name| format!("crates/{name}"))
        .collect();
    assert_eq!(
        members, folders,
        "workspace members and folders of crates/ differ"
    );
    let without = manifests().into_iter().filter(|(_, manifest)| {
        manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool)
            != Some(true)
    });
    report(
        without
            .map(|(name, _)| format!("crates/{name}/Cargo.toml: add `[lints] workspace = true`"))
            .collect(),
    );
}

#[test]
fn the_map_names_every_crate_and_dependency() {
    let map = read("ARCHITECTURE.md");
    let listed = section(&map, "## Dependencies");
    let mut wrong = Vec::new();
    for (name, manifest) in manifests() {
        if !map
            .lines()
            .any(|line| line.starts_with(&format!("## crates/{name}:")))
        {
            wrong.push(format!(
                "ARCHITECTURE.md has no heading `## crates/{name}: ...`"
            ));
        }
        for dependency in dependencies(&manifest) {
            if !dependency.starts_with("fovea") && !listed.contains(&format!("`{dependency}`")) {
                wrong.push(format!(
                    "ARCHITECTURE.md, `## Dependencies`: say why crates/{name} uses `{dependency}`"
                ));
            }
        }
    }
    report(wrong);
}

#[test]
fn paths_that_documents_name_exist() {
    let mut wrong = Vec::new();
    for document in ["ARCHITECTURE.md", "README.md", "CHANGELOG.md"] {
        for path in named_paths(&read(document)) {
            if !root().join(&path).exists() {
                wrong.push(format!("{document} names `{path}`, which does not exist"));
            }
        }
    }
    report(wrong);
}

#[test]
fn documents_and_licences_are_there() {
    let version = parse(&root().join("Cargo.toml"))["workspace"]["package"]["version"].to_string();
    let changelog = read("CHANGELOG.md");
    assert!(
        changelog.contains(version.trim_matches('"')),
        "CHANGELOG.md says nothing of version {version}"
    );
    for licence in ["LICENSE-MIT", "LICENSE-APACHE", "NOTICE"] {
        assert!(
            read(licence).len() > 200,
            "{licence} is too short to be one"
        );
    }
}

#[test]
fn continuous_integration_runs_the_readmes_test_command() {
    let script = read(".ci/run");
    let command = script
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .expect(".ci/run runs something");
    let promised = read("README.md").lines().any(|line| line.trim() == command);
    assert!(
        promised,
        ".ci/run ends with `{command}`, which is no line of README.md"
    );
}

#[test]
fn files_and_functions_stay_small() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        let n_lines = text.lines().count();
        if n_lines > FILE_LINES && !is_flat(&text) {
            wrong.push(format!(
                "{path} has {n_lines} lines, the limit is {FILE_LINES}: split it"
            ));
        }
        for (name, line, n_lines) in functions(&text) {
            if n_lines > FUNCTION_LINES {
                wrong.push(format!(
                    "{path}:{line}: fn {name} has {n_lines} lines, the limit is {FUNCTION_LINES}"
                ));
            }
        }
    }
    report(wrong);
}

#[test]
fn words_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files()
        .into_iter()
        .filter(|(path, _)| is_shipped(path))
    {
        for (number, line) in shipped_code(&text) {
            for (folders, words, reason) in BANNED {
                let here = folders.iter().any(|folder| path.starts_with(folder));
                if let Some(word) = words.iter().find(|word| here && line.contains(**word)) {
                    wrong.push(format!("{path}:{number}: `{word}`: {reason}"));
                }
            }
            if says_unsafe(line) && !UNSAFE.iter().any(|folder| path.starts_with(folder)) {
                wrong.push(format!(
                    "{path}:{number}: `unsafe` belongs in {}",
                    UNSAFE.join(", ")
                ));
            }
        }
    }
    report(wrong);
}

#[test]
fn the_scanners_see_what_they_should() {
    let code = "impl A {\n    pub fn one(\n        a: u8,\n    ) {\n        b();\n    }\n    fn short() {}\n    fn none();\n}\n";
    let found: Vec<_> = functions(code).into_iter().collect();
    assert_eq!(
        found,
        [("one".to_owned(), 2, 5), ("short".to_owned(), 7, 1)]
    );
    let text = "See `crates/index/src`, `Cargo.toml`, `a/b`, `scripts/NAME`, `bench/*.py` and\n```\n`crates/no`\n```\n";
    assert_eq!(named_paths(text), ["crates/index/src", "Cargo.toml"]);
    let text = "a();\n// b.unwrap()\nlet c = \"//\"; d();\n#[cfg(test)]\nmod tests {\n";
    let found: Vec<_> = shipped_code(text).collect();
    assert_eq!(found, [(1, "a();"), (3, "let c = \"//\"; d();")]);
}

// --- What is read ---

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn parse(path: &Path) -> toml::Table {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Folder name of each crate -> its Cargo.toml.
fn manifests() -> BTreeMap<String, toml::Table> {
    let folders = fs::read_dir(root().join("crates")).expect("crates/ can be read");
    let folders = folders.map(|entry| entry.expect("crates/ can be read").path());
    let folders = folders.filter(|folder| folder.join("Cargo.toml").exists());
    folders
        .map(|folder| (name_of(&folder), parse(&folder.join("Cargo.toml"))))
        .collect()
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Names of everything that a crate depends on: to run, to test and to build, on any platform.
fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let platforms = platforms
        .into_iter()
        .flat_map(|table| table.values())
        .filter_map(toml::Value::as_table);
    let tables = std::iter::once(manifest).chain(platforms);
    let kinds = tables.flat_map(|table| {
        ["dependencies", "dev-dependencies", "build-dependencies"]
            .map(|kind| table.get(kind)?.as_table())
    });
    kinds
        .flatten()
        .flat_map(|kind| kind.keys().cloned())
        .collect()
}

/// Path from the root, and text, of every Rust file of ours.
fn rust_files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the tree can be read") {
            let path = entry.expect("the tree can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root())
                    .expect("it lies below the root")
                    .to_string_lossy()
                    .into_owned();
                found.push((
                    name.replace('\\', "/"),
                    fs::read_to_string(&path).expect("a Rust file is UTF-8"),
                ));
            }
        }
    }
    assert!(
        found.len() > 20,
        "only {} Rust files were found",
        found.len()
    );
    found.sort();
    found
}

// --- What is looked for ---

/// Name, line and length of each function, by indentation: formatted code closes where it opened.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let found = lines.iter().enumerate().filter_map(|(start, line)| {
        let name = function_name(line.trim_start())?;
        let indent = line.len() - line.trim_start().len();
        let ends = |line: &&str| {
            line.len() - line.trim_start().len() == indent && line.trim_start().starts_with('}')
        };
        if line.ends_with(';') {
            return None;
        }
        let n_more = if line.ends_with('}') {
            0
        } else {
            1 + lines[start + 1..].iter().position(ends)?
        };
        Some((name, start + 1, n_more + 1))
    });
    found.collect()
}

fn function_name(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let is_modifier = |word: &str| {
        matches!(
            word,
            "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\""
        ) || word.starts_with("pub(")
    };
    let name: String = after
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (before.split_whitespace().all(is_modifier) && !name.is_empty()).then_some(name)
}

/// Tables and lists may be long, if they say at the top that they are one.
fn is_flat(text: &str) -> bool {
    let top = text
        .lines()
        .take_while(|line| line.starts_with("//") || line.is_empty());
    let top = top.collect::<String>().to_lowercase();
    top.contains("flat table") || top.contains("flat list")
}

/// Tests, examples and benches may unwrap and print.
fn is_shipped(path: &str) -> bool {
    let test_module = path.ends_with("/tests.rs") || path.contains("/tests/");
    path.split('/').nth(2) == Some("src") && !test_module
}

/// Numbered lines of code above the test module, without comment lines.
fn shipped_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line));
    let before_tests = numbered.take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    before_tests.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn says_unsafe(line: &str) -> bool {
    ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
        .iter()
        .any(|word| line.contains(word))
}

/// Paths between single backticks, outside code blocks: those below a folder of ours, and documents.
fn named_paths(text: &str) -> Vec<String> {
    let prose = text.split("```").step_by(2);
    let quoted = prose.flat_map(|part| part.split('`').skip(1).step_by(2));
    let paths = quoted
        .map(|path| path.trim_end_matches('/'))
        .filter(|path| is_path(path));
    paths.map(str::to_owned).collect()
}

fn is_path(text: &str) -> bool {
    let folder = text.split_once('/').map(|(folder, _)| folder);
    let ours = folder.is_some_and(|folder| {
        ["crates", "scripts", "bench", "docs", ".ci", "testdata"].contains(&folder)
    });
    let document =
        folder.is_none() && (text.ends_with(".md") || text == "Cargo.toml" || text == "justfile");
    let placeholder =
        text.contains(['*', '<', ' ']) || text.chars().any(char::is_uppercase) && ours;
    (ours || document) && !placeholder
}

/// The text of one `##` section, empty when it is not there.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let Some((_, after)) = text.split_once(heading) else {
        return "";
    };
    after.split("\n## ").next().unwrap_or_default()
}

fn report(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
