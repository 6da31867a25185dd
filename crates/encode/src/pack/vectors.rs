//! From features to vectors and tags: classes and their words, then the heads over them.

use super::{Alignment, Pack};
use crate::head::Head;
use crate::tags::Tag;
use crate::{Error, normalise};

impl Pack {
    /// Scores of the classes that the alignment is made of, before the softmax; none where there are no classes.
    pub fn logits(&self, feature: &[f32]) -> Vec<f32> {
        let mut logits = self.class_logits(&[self.frozen(feature)]);
        logits.pop().unwrap_or_default()
    }

    pub(super) fn class_logits(&self, frozen: &[&[f32]]) -> Vec<Vec<f32>> {
        match &self.alignment {
            Alignment::Conse(conse) => conse.logits(frozen),
            Alignment::Towers(_) | Alignment::Unaligned => Vec::new(),
        }
    }

    /// The vectors that the frozen alignment alone gives, one after the other: what a head is trained beside.
    pub fn frozen_vectors(&self, features: &[&[f32]]) -> Vec<f32> {
        let features = self.all_frozen(features);
        self.placed(&features, &self.class_logits(&features))
    }

    fn placed(&self, frozen: &[&[f32]], logits: &[Vec<f32>]) -> Vec<f32> {
        let mut vectors = self.aligned(frozen, logits);
        self.lay_over(self.shipped.as_ref(), frozen, &mut vectors);
        vectors
    }

    pub(super) fn vectors(&self, frozen: &[&[f32]], logits: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let mut vectors = self.placed(frozen, logits);
        self.lay_over(self.head.as_ref(), frozen, &mut vectors);
        self.rows_of(&vectors)
    }

    pub(super) fn rows_of(&self, vectors: &[f32]) -> Vec<Vec<f32>> {
        let vectors = vectors.chunks_exact(self.spec.shared_dim);
        vectors.map(<[f32]>::to_vec).collect()
    }

    /// Where classes place features, or where they lie from the start.
    pub(super) fn aligned(&self, features: &[&[f32]], logits: &[Vec<f32>]) -> Vec<f32> {
        match &self.alignment {
            Alignment::Conse(conse) => conse.align(features, logits),
            Alignment::Towers(_) => {
                let mut vectors = self.rows(features);
                vectors
                    .chunks_exact_mut(self.frozen_dim())
                    .for_each(normalise);
                vectors
            }
            Alignment::Unaligned => vec![0.0; features.len() * self.spec.shared_dim],
        }
    }

    fn lay_over(&self, head: Option<&Head>, features: &[&[f32]], vectors: &mut [f32]) {
        let Some(head) = head else {
            return;
        };
        head.lay_over(&self.rows(features), vectors);
        let vectors = vectors.chunks_exact_mut(self.spec.shared_dim);
        for (vector, feature) in vectors.zip(features) {
            match self.is_feature(feature) {
                true => normalise(vector),
                false => vector.fill(0.0),
            }
        }
    }

    pub(super) fn all_frozen<'a>(&self, features: &[&'a [f32]]) -> Vec<&'a [f32]> {
        features
            .iter()
            .map(|feature| self.frozen(feature))
            .collect()
    }

    /// The features as one matrix, with zeros for those that are none.
    fn rows(&self, features: &[&[f32]]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(features.len() * self.frozen_dim());
        for feature in features {
            match self.is_feature(feature) {
                true => rows.extend_from_slice(feature),
                false => rows.resize(rows.len() + self.frozen_dim(), 0.0),
            }
        }
        rows
    }

    /// What somebody taught, and what the classes say beside it: what is taught is what they mean by a word.
    fn tags_with(&self, feature: &[f32], known: Vec<Tag>) -> Vec<Tag> {
        let taught = self.taught.as_ref();
        let taught = taught.map_or(Vec::new(), |taught| taught.tags(feature));
        let is_new = |tag: &Tag| taught.iter().all(|other| other.name != tag.name);
        let known: Vec<Tag> = known.into_iter().filter(is_new).collect();
        taught.into_iter().chain(known).collect()
    }

    pub(super) fn tags_by(
        &self,
        features: &[&[f32]],
        logits: &[Vec<f32>],
    ) -> Result<Vec<Vec<Tag>>, Error> {
        let known = match logits.is_empty() {
            true => vec![Vec::new(); features.len()],
            false => {
                let classes = self.classes()?;
                logits.iter().map(|logits| classes.tags(logits)).collect()
            }
        };
        let tags = features.iter().zip(known);
        let tags = tags.map(
            |(feature, known)| match self.is_feature(self.frozen(feature)) {
                true => self.tags_with(feature, known),
                false => Vec::new(),
            },
        );
        Ok(tags.collect())
    }
}
