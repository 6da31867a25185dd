//! Personal concepts: a name for what a few liked pictures have in common and disliked ones have not.
//!
//! Kept are the examples, not what was learnt of them: `examples` (what is liked, and how it is kept), `learn` (examples
//! as one vector), `held_out` (how well that finds an example that it has not seen).

mod examples;
mod held_out;
mod learn;

use std::collections::{BTreeMap, HashMap, HashSet};

use fovea_vectordb::{Database, Filter, Item, ItemId, Part};

pub use examples::{Example, ExampleOf};
pub use held_out::HeldOut;
pub use learn::{Lesson, Method};

use crate::error::Error;
use crate::{Engine, saved, space};

/// Items of the collection that stand for what is no example. Ids are hashes, so that the first by id are a sample.
const SAMPLE: usize = 512;

/// What is kept under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Concept {
    pub name: String,
    /// In the order of their keys.
    pub examples: Vec<Example>,
}

/// The examples that can be learnt from, and those that cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usable {
    pub liked: usize,
    pub disliked: usize,
    /// Items that have left the collection.
    pub gone: usize,
    /// Files that were read with another model.
    pub of_another_model: usize,
}

/// All concepts of a collection, by name.
pub fn list(database: &dyn Database) -> Result<Vec<Concept>, Error> {
    let mut all: BTreeMap<String, Vec<Example>> = BTreeMap::new();
    for (key, value) in database.settings(examples::PREFIX)? {
        let (name, example) = Example::read(&key, &value)?;
        all.entry(name).or_default().push(example);
    }
    let concept = |(name, examples)| Concept { name, examples };
    Ok(all.into_iter().map(concept).collect())
}

/// Names of all concepts, whatever state they are in.
pub(crate) fn names(database: &dyn Database) -> Result<Vec<String>, Error> {
    let keys = database.settings(examples::PREFIX)?.into_iter();
    let mut names: Vec<String> = keys
        .filter_map(|(key, _)| examples::name_in(&key).map(str::to_owned))
        .collect();
    names.dedup();
    Ok(names)
}

/// The concept of a name, where there is one.
pub(crate) fn find(database: &dyn Database, name: &str) -> Result<Option<Concept>, Error> {
    let kept = database.settings(&examples::prefix_of(name))?;
    let read = kept.iter().map(|(key, value)| Example::read(key, value));
    let examples: Vec<Example> = read
        .map(|read| read.map(|(_, example)| example))
        .collect::<Result<_, _>>()?;
    Ok((!examples.is_empty()).then(|| Concept {
        name: name.to_owned(),
        examples,
    }))
}

/// The concept of a name, with or without the `@`.
pub fn get(database: &dyn Database, name: &str) -> Result<Concept, Error> {
    let name = saved::checked(name)?;
    find(database, &name)?.ok_or_else(|| missing(&name))
}

fn missing(name: &str) -> Error {
    Error::Input(format!(
        "there is no concept @{name}; `fovea concept list` shows what there is"
    ))
}

/// Forgets a concept, or only some of its examples; answers how many went. What is damaged can be forgotten, too.
pub fn remove(database: &dyn Database, name: &str, only: &[ExampleOf]) -> Result<usize, Error> {
    let name = saved::checked(name)?;
    let prefix = examples::prefix_of(&name);
    let kept = database.settings(&prefix)?.into_iter().map(|(key, _)| key);
    let kept: Vec<String> = kept.collect();
    if kept.is_empty() {
        return Err(missing(&name));
    }
    let meant: Vec<String> = only.iter().map(|one| one.key(&name)).collect();
    if let Some(at) = meant.iter().position(|key| !kept.contains(key)) {
        let message = format!("{} is no example of @{name}", only[at]);
        return Err(Error::Input(message));
    }
    let gone = if meant.is_empty() { kept } else { meant };
    for key in &gone {
        database.set_setting(key, None)?;
    }
    Ok(gone.len())
}

/// Takes some items out of all concepts, and their files where they were given as such; answers how many examples went.
pub(crate) fn forget(database: &dyn Database, items: &[Item]) -> Result<u64, Error> {
    let examples = items.iter().flat_map(|item| {
        let content = item.content.hash;
        [
            examples::ending_of_item(item.id),
            examples::ending_of_file(&content),
        ]
    });
    let endings: HashSet<String> = examples.collect();
    let mut n_gone = 0;
    for (key, _) in database.settings(examples::PREFIX)? {
        let ending = examples::name_in(&key).map(|name| &key[examples::prefix_of(name).len()..]);
        if ending.is_some_and(|ending| endings.contains(ending)) {
            database.set_setting(&key, None)?;
            n_gone += 1;
        }
    }
    Ok(n_gone)
}

impl Engine {
    /// Adds examples to a concept, which begins with the first. One that was liked before and is disliked now changes
    /// sides.
    pub fn teach(&self, name: &str, examples: Vec<Example>) -> Result<Concept, Error> {
        let name = saved::checked(name)?;
        if saved::text(self.database(), &name)?.is_some() {
            return Err(Error::Input(format!(
                "@{name} is a saved search; choose another name, or forget it: fovea saved remove {name}"
            )));
        }
        let likes_before = find(self.database(), &name)?
            .is_some_and(|concept| concept.examples.iter().any(|one| one.liked));
        if !likes_before && examples.iter().all(|one| !one.liked) {
            return Err(Error::Input(format!(
                "@{name} needs something that is liked: fovea concept add {name} --like FILE..."
            )));
        }
        for example in examples {
            let value = example.to_value();
            self.database()
                .set_setting(&example.of.key(&name), Some(&value))?;
        }
        get(self.database(), &name)
    }

    /// How many of its examples can be learnt from.
    pub fn usable(&self, concept: &Concept) -> Result<Usable, Error> {
        let mut usable = Usable::default();
        let space = match self.encoder().spec().is_aligned {
            true => space::IMAGE,
            false => space::VISUAL,
        };
        let vectors = self.example_vectors(concept, space)?;
        for (example, vector) in concept.examples.iter().zip(vectors) {
            match (&example.of, vector, example.liked) {
                (_, Some(_), true) => usable.liked += 1,
                (_, Some(_), false) => usable.disliked += 1,
                (ExampleOf::Item(_), None, _) => usable.gone += 1,
                (ExampleOf::File { .. }, None, _) => usable.of_another_model += 1,
            }
        }
        Ok(usable)
    }

    /// A concept as a unit vector of the space `image` or `visual`, learnt anew from its examples.
    pub(crate) fn concept_vector(&self, concept: &Concept, space: &str) -> Result<Vec<f32>, Error> {
        let lesson = self.lesson(concept, space)?;
        if lesson.liked.is_empty() {
            return Err(Error::Input(format!(
                "@{0} has no liked example left that this collection and its model know; give some: fovea concept add {0} \
                 --like FILE...",
                concept.name
            )));
        }
        lesson.learn(Method::of(space)).ok_or_else(|| {
            Error::Input(format!(
                "what is liked and disliked of @{} cancels each other out; dislike less",
                concept.name
            ))
        })
    }

    /// How well a concept finds an example that it has not seen; none with fewer than three that are liked.
    pub fn held_out(&self, concept: &Concept) -> Result<Option<HeldOut>, Error> {
        let lesson = self.lesson(concept, space::VISUAL)?;
        Ok(HeldOut::measure(&lesson, Method::of(space::VISUAL)))
    }

    /// What a concept is learnt from.
    fn lesson(&self, concept: &Concept, space: &str) -> Result<Lesson, Error> {
        let mut lesson = Lesson {
            background: self.sample_without(concept, space)?,
            ..Lesson::default()
        };
        let vectors = self.example_vectors(concept, space)?;
        for (example, vector) in concept.examples.iter().zip(vectors) {
            match example.liked {
                true => lesson.liked.extend(vector),
                false => lesson.disliked.extend(vector),
            }
        }
        Ok(lesson)
    }

    /// A sample of the collection in a space, examples left out.
    fn sample_without(&self, concept: &Concept, space: &str) -> Result<Vec<Vec<f32>>, Error> {
        let examples = concept.items();
        let wanted = SAMPLE + examples.len();
        let mut ids = self.database().scan(&Filter::All, None, wanted)?;
        ids.retain(|id| !examples.contains(id));
        ids.truncate(SAMPLE);
        let vectors = self.whole_vectors(&ids, space)?;
        Ok(ids
            .iter()
            .filter_map(|id| vectors.get(id).cloned())
            .collect())
    }

    /// The vector of each example, where there is one.
    fn example_vectors(
        &self,
        concept: &Concept,
        space: &str,
    ) -> Result<Vec<Option<Vec<f32>>>, Error> {
        let kept = self.whole_vectors(&concept.items(), space)?;
        let encoder = self.encoder();
        let of = |example: &Example| match &example.of {
            ExampleOf::Item(item) => kept.get(item).cloned(),
            ExampleOf::File { fingerprint, .. } if *fingerprint != encoder.spec().fingerprint => {
                None
            }
            ExampleOf::File { feature, .. } if space == space::VISUAL => {
                Some(encoder.visual_vector(feature))
            }
            ExampleOf::File { feature, .. } => Some(encoder.image_vector(feature)),
        };
        concept.check_lengths(encoder.spec())?;
        Ok(concept.examples.iter().map(of).collect())
    }

    /// Of those that have one, the vector of the whole image in a space.
    fn whole_vectors(
        &self,
        ids: &[ItemId],
        space: &str,
    ) -> Result<HashMap<ItemId, Vec<f32>>, Error> {
        let pack = &self.encoder().spec().fingerprint;
        let vectors = self.database().vectors(pack, space, ids)?;
        let whole = vectors.into_iter().filter(|one| one.part == Part::WHOLE);
        Ok(whole.map(|one| (one.item, one.vector)).collect())
    }
}

impl Concept {
    fn items(&self) -> Vec<ItemId> {
        let items = self.examples.iter().filter_map(|one| match one.of {
            ExampleOf::Item(item) => Some(item),
            ExampleOf::File { .. } => None,
        });
        items.collect()
    }

    /// A feature that is shorter or longer than what this model makes was not written by it.
    fn check_lengths(&self, spec: &fovea_encode::PackSpec) -> Result<(), Error> {
        for example in &self.examples {
            if let ExampleOf::File {
                fingerprint,
                feature,
                ..
            } = &example.of
                && *fingerprint == spec.fingerprint
                && feature.len() != spec.feature_dim
            {
                let what = format!(
                    "it has {} numbers, expected {}",
                    feature.len(),
                    spec.feature_dim
                );
                return Err(examples::damaged(&example.of.key(&self.name), &what));
            }
        }
        Ok(())
    }
}
