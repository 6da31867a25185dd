//! Files of others through the public door: what NumPy, Faiss and Annoy wrote is read as they meant it,
//! what is written is read back, and what is refused says why. Damage is the matter of `exchange_damage.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fovea_vectordb::Fault;
use fovea_vectordb::exchange::{
    self, AnnoyMetric, ClipFolder, Error, FileKind, Import, Matrix, Metric, ReadOptions,
    clip_retrieval, fbin, fvecs, npy,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors")
}

fn options(name: &str, dim: usize) -> ReadOptions {
    let annoy_metric = match name {
        "angular.ann" => Some(AnnoyMetric::Angular),
        "euclidean.ann" => Some(AnnoyMetric::Euclidean),
        "manhattan.ann" => Some(AnnoyMetric::Manhattan),
        "dot.ann" => Some(AnnoyMetric::Dot),
        _ => None,
    };
    ReadOptions {
        annoy_dim: annoy_metric.map(|_| dim),
        annoy_metric,
        ..ReadOptions::default()
    }
}

fn metric(word: &str) -> Option<Metric> {
    match word {
        "-" => None,
        "ip" | "dot" => Some(Metric::InnerProduct),
        "l2" | "euclidean" => Some(Metric::L2),
        "l1" | "manhattan" => Some(Metric::L1),
        "linf" => Some(Metric::Linf),
        "lp" => Some(Metric::Lp(3.5)),
        "angular" => Some(Metric::Angular),
        other => panic!("no metric {other}"),
    }
}

fn list<T: std::str::FromStr>(text: &str) -> Vec<T> {
    let values = text.split(',').filter(|value| !value.is_empty());
    values.filter_map(|value| value.parse().ok()).collect()
}

/// One line of expected.tsv.
fn check_line(line: &str) {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, word, dim, ids, numbers] = fields[..] else {
        panic!("five fields: {line}")
    };
    let dim = dim.parse().unwrap();
    let import = exchange::read(&folder().join(name), &options(name, dim));
    let import = import.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        import.matrix,
        Matrix::new(dim, list(numbers)).unwrap(),
        "{name}"
    );
    assert_eq!(import.metric, metric(word), "{name}");
    assert_eq!(import.ids, (ids != "-").then(|| list(ids)), "{name}");
    assert_eq!(import.graph.is_some(), name.contains("hnsw"), "{name}");
}

#[test]
fn what_others_wrote_is_read_as_they_read_it() {
    let expected = std::fs::read_to_string(folder().join("expected.tsv")).unwrap();
    assert!(expected.lines().count() > 30);
    expected.lines().for_each(check_line);
}

#[test]
fn links_are_those_that_faiss_has() {
    let import = exchange::read(&folder().join("hnsw.faiss"), &ReadOptions::default()).unwrap();
    let graph = import.graph.unwrap();
    let expected = std::fs::read_to_string(folder().join("graph.tsv")).unwrap();
    let mut n_lists = 0;
    for line in expected.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        if let ["entry", entry, m] = fields[..] {
            assert_eq!(graph.entry_point, entry.parse().ok());
            assert_eq!(graph.m(), m.parse::<usize>().unwrap());
            continue;
        }
        let (node, level) = (fields[0].parse().unwrap(), fields[1].parse().unwrap());
        assert_eq!(
            graph.neighbors(node, level).collect::<Vec<_>>(),
            list::<usize>(fields[2]),
            "{line}"
        );
        n_lists += 1;
    }
    assert_eq!(n_lists, graph.n_levels.iter().sum::<usize>());
    assert_eq!(graph.neighbors(0, 99).count(), 0);
    assert_eq!(graph.neighbors(99, 0).count(), 0);
}

fn matrix() -> Matrix {
    let numbers = (0..15).map(|i| i as f32 / 8.0 - 1.0).collect();
    Matrix::new(5, numbers).unwrap()
}

/// Written, then read by the kind that content and name say.
#[track_caller]
fn check_round(name: &str, kind: FileKind, metric: Metric) -> Import {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, "what was there before").unwrap();
    exchange::write(&path, kind, &matrix(), metric).unwrap();
    let import = exchange::read(&path, &ReadOptions::default()).unwrap();
    assert_eq!((import.kind, &import.matrix), (kind, &matrix()));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    import
}

#[test]
fn what_is_written_is_read_back() {
    check_round("a.npy", FileKind::Npy, Metric::L2);
    check_round(
        "a.FVECS",
        FileKind::Vecs(fvecs::Numbers::Floats),
        Metric::L2,
    );
    check_round("a.fbin", FileKind::Bin(fbin::Numbers::Floats), Metric::L2);
    for metric in [
        Metric::InnerProduct,
        Metric::L2,
        Metric::L1,
        Metric::Linf,
        Metric::Lp(0.5),
    ] {
        let import = check_round("a", FileKind::Faiss, metric);
        assert_eq!(import.metric, Some(metric));
    }
}

#[test]
fn sixteen_bits_hold_what_they_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    npy::write_as(&path, &matrix(), npy::Width::Half).unwrap();
    assert_eq!(npy::read(&path).unwrap(), matrix());
    let beyond = Matrix::new(2, vec![0.0, 70_000.0]).unwrap();
    let error = npy::write_as(&path, &beyond, npy::Width::Half).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Number {
                row: 0,
                column: 1,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(npy::read(&path).unwrap(), matrix(), "what was there stays");
}

/// What is not read says where and why.
#[track_caller]
fn check_refused(name: &str, options: &ReadOptions, words: &str) {
    let error = exchange::read(&folder().join(name), options).unwrap_err();
    assert_eq!(error.fault(), Fault::Input);
    let text = error.to_string();
    assert!(text.contains(name) && text.contains(words), "{text}");
}

#[test]
fn what_is_refused_says_why() {
    let default = ReadOptions::default();
    check_refused("refused-object.npy", &default, "run as programs");
    check_refused("refused-structured.npy", &default, "float32");
    check_refused("refused-nan.npy", &default, "row 2, column 1 is NaN");
    check_refused("refused-ivf.faiss", &default, "reconstruct_n");
    check_refused("dot.ann", &default, "their dimension: give it");
    check_refused(
        "dot.ann",
        &ReadOptions {
            annoy_dim: Some(5),
            ..default.clone()
        },
        "their metric",
    );
    check_refused("expected.tsv", &default, "none of the vector files known");
    check_refused("none.npy", &default, "no such file");
    check_refused(
        "f4.npy",
        &ReadOptions {
            max_bytes: 267,
            ..default
        },
        "268 bytes, and 267 are",
    );
    // The nodes of another metric or dimension are of another size, or hold another norm.
    for (dim, metric) in [
        (5, AnnoyMetric::Dot),
        (4, AnnoyMetric::Angular),
        (5 + 8, AnnoyMetric::Angular),
    ] {
        let wrong = ReadOptions {
            annoy_dim: Some(dim),
            annoy_metric: Some(metric),
            ..ReadOptions::default()
        };
        check_refused("angular.ann", &wrong, "expected");
    }
}

#[test]
fn what_no_reader_should_meet_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let bad = Matrix::new(2, vec![0.0, 1.0, f32::INFINITY, 0.0]).unwrap();
    for kind in [
        FileKind::Npy,
        FileKind::Faiss,
        FileKind::Bin(fbin::Numbers::Floats),
    ] {
        let error = exchange::write(&path, kind, &bad, Metric::L2).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Number {
                    row: 1,
                    column: 0,
                    ..
                }
            ),
            "{error}"
        );
    }
    for (kind, metric) in [
        (FileKind::Annoy, Metric::L2),
        (FileKind::Faiss, Metric::Angular),
    ] {
        let error = exchange::write(&path, kind, &matrix(), metric).unwrap_err();
        assert!(matches!(error, Error::NotWritten { .. }), "{error}");
    }
    let error = npy::write(&folder.path().join("no/folder.npy"), &matrix()).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The fractions of `numbers` in scripts/make_vectors.py.
fn fractions(rows: usize, step: usize) -> Vec<f32> {
    let count = |i: usize| ((i * step) % 64) as f32;
    (0..rows * 5).map(|i| (count(i) - 32.0) / 16.0).collect()
}

fn cells(texts: &[&str]) -> Option<Vec<Option<Arc<str>>>> {
    let cell = |text: &&str| (!text.is_empty()).then(|| Arc::from(*text));
    Some(texts.iter().map(cell).collect())
}

#[test]
fn folders_of_clip_retrieval_are_read_in_the_order_of_their_parts() {
    let content = clip_retrieval::read(&folder().join("clip"), u64::MAX).unwrap();
    let both = |step| [fractions(3, step), fractions(4, step + 1)].concat();
    assert_eq!(content.images, Some(Matrix::new(5, both(37)).unwrap()));
    assert_eq!(content.texts, Some(Matrix::new(5, both(41)).unwrap()));
    let paths = ["0-0", "0-1", "0-2", "1-0", "1-1", "1-2", "1-3"]
        .map(|name| format!("/pictures/{name}.jpg"));
    assert_eq!(content.paths, cells(&paths.each_ref().map(String::as_str)));
    let captions = [
        "a red house",
        "ein Haus, grün",
        "猫",
        "a cat",
        "",
        "a cat",
        "a cat",
    ];
    assert_eq!(content.captions, cells(&captions));
    let import = exchange::read(&folder().join("clip"), &ReadOptions::default()).unwrap();
    assert_eq!(Some(import.matrix), content.images);
    assert_eq!(
        (import.names, import.captions),
        (content.paths, content.captions)
    );
}

#[test]
fn metadata_is_read_however_it_is_packed() {
    let texts: Vec<String> = (0..20)
        .map(|i| {
            if i % 3 == 0 {
                String::new()
            } else {
                format!("text {i}")
            }
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for name in ["clip-plain", "clip-version-2"] {
        let content = clip_retrieval::read(&folder().join(name), u64::MAX).unwrap();
        assert_eq!(content.captions, cells(&texts), "{name}");
    }
    let error = clip_retrieval::read(&folder().join("refused-clip-gzip"), u64::MAX).unwrap_err();
    assert!(
        error.to_string().contains("write it again with Snappy"),
        "{error}"
    );
    let error = clip_retrieval::read(&folder().join("clip"), 100).unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { limit: 100, .. }),
        "{error}"
    );
}

#[test]
fn folders_of_clip_retrieval_are_written_whole() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("export");
    // Pages end within the cells: some are long, and empty ones come in runs.
    let cell = |i: usize| (i % 7 > 2).then(|| Arc::from("word ".repeat(i * 40).as_str()));
    let content = ClipFolder {
        images: Some(Matrix::new(5, fractions(300, 37)).unwrap()),
        texts: Some(Matrix::new(5, fractions(300, 41)).unwrap()),
        paths: Some(
            (0..300)
                .map(|i| Some(Arc::from(format!("{i}.jpg").as_str())))
                .collect(),
        ),
        captions: Some((0..300).map(cell).collect()),
    };
    clip_retrieval::write(&path, &content).unwrap();
    assert_eq!(clip_retrieval::read(&path, u64::MAX).unwrap(), content);
    let error = clip_retrieval::write(&path, &content).unwrap_err();
    assert!(matches!(error, Error::Folder { .. }), "{error}");
    let short = ClipFolder {
        captions: cells(&["one"]),
        ..content
    };
    let error = clip_retrieval::write(&place.path().join("other"), &short).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("caption has 1 rows, and there are 300"),
        "{error}"
    );
    assert_eq!(
        std::fs::read_dir(place.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

/// A copy of the folder clip, with something done to it.
#[track_caller]
fn check_folder(change: impl FnOnce(&Path), words: &str) {
    let place = tempfile::tempdir().unwrap();
    for name in [
        "img_emb/img_emb_0.npy",
        "img_emb/img_emb_1.npy",
        "metadata/metadata_0.parquet",
        "metadata/metadata_1.parquet",
    ] {
        let to = place.path().join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(folder().join("clip").join(name), to).unwrap();
    }
    change(place.path());
    let error = exchange::read(place.path(), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn parts_that_contradict_each_other_are_refused() {
    let rename = |from: &'static str, to: &'static str| {
        move |place: &Path| std::fs::rename(place.join(from), place.join(to)).unwrap()
    };
    check_folder(
        rename("metadata/metadata_1.parquet", "metadata/metadata_2.parquet"),
        "different numbers",
    );
    check_folder(
        rename("img_emb/img_emb_1.npy", "img_emb/other.npy"),
        "different numbers",
    );
    check_folder(
        rename("img_emb/img_emb_1.npy", "img_emb/img_emb_00.npy"),
        "the same part",
    );
    check_folder(
        rename("metadata/metadata_1.parquet", "metadata/metadata_0.parquet"),
        "different numbers",
    );
    check_folder(
        rename("img_emb/img_emb_1.npy", "img_emb/img_emb_0.npy"),
        "different numbers",
    );
    let swap = |place: &Path| {
        let (a, b) = (
            place.join("img_emb/img_emb_0.npy"),
            place.join("img_emb/img_emb_1.npy"),
        );
        std::fs::copy(a, b).unwrap();
    };
    check_folder(swap, "expected 3 rows, found 4");
    let other_dim = |place: &Path| {
        let three = Matrix::new(3, vec![0.5; 12]).unwrap();
        npy::write(&place.join("img_emb/img_emb_1.npy"), &three).unwrap();
    };
    check_folder(other_dim, "parts of dimension 5 and of 3");
    check_folder(
        |place| std::fs::remove_dir_all(place.join("img_emb")).unwrap(),
        "none of the vector files",
    );
}
