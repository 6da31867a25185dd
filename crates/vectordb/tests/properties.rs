//! Random histories, written through one handle or another, against a model
//! in memory.

use std::collections::BTreeMap;
use std::path::Path;

use fovea_vectordb::conformance::{Twin, assert_same_hits, content, draft, pack};
use fovea_vectordb::{
    Batch, Caption, CaptionOrigin, Database, Embedded, Filter, Item, ItemId, OpenMode, Operation,
    Owner, Part, Parts, SourceId, SourceKind, VectorQuery,
};
use proptest::prelude::*;

const PATHS: u8 = 5;
const CONTENTS: u32 = 4;
const PHRASES: [&str; 3] = ["red", "a blue boat", "山"];

#[derive(Clone, Debug)]
enum Step {
    Put {
        path: u8,
        content: u32,
        phrases: Vec<usize>,
    },
    Captions {
        path: u8,
        phrases: Vec<usize>,
    },
    Remove {
        path: u8,
    },
    Move {
        from: u8,
        to: u8,
    },
    Vector {
        content: u32,
        angle: u8,
    },
    Phrase {
        phrase: usize,
        angle: u8,
    },
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let phrases = || proptest::collection::vec(0..PHRASES.len(), 0..3);
    prop_oneof![
        4 => (0..PATHS, 0..CONTENTS, phrases())
            .prop_map(|(path, content, phrases)| Step::Put { path, content, phrases }),
        1 => (0..PATHS, phrases()).prop_map(|(path, phrases)| Step::Captions { path, phrases }),
        2 => (0..PATHS).prop_map(|path| Step::Remove { path }),
        2 => (0..PATHS, 0..PATHS).prop_map(|(from, to)| Step::Move { from, to }),
        2 => (0..CONTENTS, any::<u8>()).prop_map(|(content, angle)| Step::Vector { content, angle }),
        1 => (0..PHRASES.len(), any::<u8>())
            .prop_map(|(phrase, angle)| Step::Phrase { phrase, angle }),
        1 => Just(Step::Sweep),
    ]
}

/// What must be there: items by path, and the vectors of both spaces.
#[derive(Default)]
struct Model {
    items: BTreeMap<u8, (ItemId, u32, Vec<usize>)>,
    image: Twin,
    caption: Twin,
}

fn captions(phrases: &[usize]) -> Vec<Caption> {
    phrases
        .iter()
        .map(|&phrase| Caption {
            lang: None,
            text: PHRASES[phrase].to_owned(),
            origin: CaptionOrigin::File,
        })
        .collect()
}

fn vector(owner: Owner, space: &str, angle: u8) -> (Operation, Vec<f32>) {
    let radians = f32::from(angle) * 0.024;
    let vector = vec![radians.cos(), radians.sin(), 0.3];
    let (pack, space, part) = ("p".to_owned(), space.to_owned(), Part::WHOLE);
    (
        Operation::PutVector {
            owner,
            pack,
            space,
            part,
            vector: vector.clone(),
        },
        vector,
    )
}

fn path(path: u8) -> Vec<u8> {
    format!("folder/{path}.png").into_bytes()
}

impl Model {
    /// Take one step in the database and in the model.
    fn take(&mut self, db: &dyn Database, source: SourceId, step: &Step) {
        let mut batch = Batch::new();
        match *step {
            Step::Put {
                path: at,
                content: n,
                ref phrases,
            } => {
                let mut draft = draft(source, &path(at), n);
                draft.captions = captions(phrases);
                batch.push(Operation::PutContent(content(n)));
                batch.push(Operation::PutItem(draft));
            }
            Step::Captions { path, ref phrases } => {
                let Some((item, _, kept)) = self.items.get_mut(&path) else {
                    return;
                };
                batch.push(Operation::PutCaptions {
                    item: *item,
                    captions: captions(phrases),
                });
                kept.clone_from(phrases);
            }
            Step::Remove { path } => {
                let Some((item, ..)) = self.items.remove(&path) else {
                    return;
                };
                batch.push(Operation::RemoveItem(item));
            }
            Step::Move { from, to } => {
                let Some(moved) = self.items.remove(&from) else {
                    return;
                };
                batch.push(Operation::MoveItem {
                    item: moved.0,
                    source,
                    path: path(to),
                });
                self.items.insert(to, moved);
            }
            Step::Vector { content: n, angle } => {
                let owner = Owner::Content(content(n).hash);
                let (operation, vector) = vector(owner.clone(), "image", angle);
                batch.push(Operation::PutContent(content(n)));
                batch.push(operation);
                self.image.vectors.insert((owner, 0), vector);
            }
            Step::Phrase { phrase, angle } => {
                let owner = Owner::Phrase(PHRASES[phrase].to_owned());
                let (operation, vector) = vector(owner.clone(), "caption", angle);
                batch.push(operation);
                self.caption.vectors.insert((owner, 0), vector);
            }
            Step::Sweep => self.sweep(db),
        }
        db.write(&batch).unwrap();
        if let Step::Put {
            path: at,
            content,
            ref phrases,
        } = *step
        {
            let item = db.find(source, &path(at)).unwrap().unwrap();
            let before = self.items.insert(at, (item, content, phrases.clone()));
            assert!(before.is_none_or(|before| before.0 == item), "the id stays");
        }
    }

    /// Vectors of what nobody uses go.
    fn sweep(&mut self, db: &dyn Database) {
        db.sweep().unwrap();
        let items = &self.items;
        let used = |owner: &Owner| match owner {
            Owner::Content(hash) => items.values().any(|item| content(item.1).hash == *hash),
            Owner::Phrase(text) => items
                .values()
                .any(|item| item.2.iter().any(|&phrase| PHRASES[phrase] == text)),
        };
        self.image.vectors.retain(|(owner, _), _| used(owner));
        self.caption.vectors.retain(|(owner, _), _| used(owner));
    }

    /// The one door: this handle sees what the model has.
    fn check(&self, db: &dyn Database) {
        let mut items: Vec<Item> = db
            .items(&db.scan(&Filter::All, None, usize::MAX).unwrap())
            .unwrap();
        items.sort_by(|a, b| a.path.cmp(&b.path));
        let got: Vec<_> = items
            .iter()
            .map(|i| (i.id, i.path.clone(), i.content.hash, i.captions.clone()))
            .collect();
        let expect: Vec<_> = self
            .items
            .iter()
            .map(|(&at, (id, n, phrases))| (*id, path(at), content(*n).hash, captions(phrases)))
            .collect();
        assert_eq!(got, expect);
        let captioned = Filter::HasCaption;
        for (space, twin) in [("image", &self.image), ("caption", &self.caption)] {
            for (filter, top_k) in [(&Filter::All, 10), (&Filter::All, 2), (&captioned, 3)] {
                let vector = &[0.6, 0.7, -0.2];
                let query = VectorQuery {
                    pack: "p",
                    space,
                    vector,
                    top_k,
                    filter,
                    parts: Parts::default(),
                };
                let got = db.search(&query).unwrap();
                let expect = twin.search(&items, vector, top_k, filter);
                let all = twin.search(&items, vector, usize::MAX, filter);
                assert_same_hits(&got, &expect, &all, &format!("{space} {filter:?} {top_k}"));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_history_ends_as_the_model_says(
        steps in proptest::collection::vec((step(), any::<bool>(), any::<bool>()), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let open = || Embedded::open(folder.path(), "c", OpenMode::Create).unwrap();
        let handles = [open(), open()];
        handles[0].register_pack(&pack("p")).unwrap();
        let source = handles[0].source(SourceKind::Root, Path::new("/r")).unwrap();
        let mut model = Model::default();
        for (step, writer, look) in &steps {
            model.take(&handles[usize::from(*writer)], source, step);
            if *look {
                model.check(&handles[0]);
                model.check(&handles[1]);
            }
        }
        handles.iter().for_each(|handle| model.check(handle));
        drop(handles);
        model.check(&open());
    }
}
