//! A pack that sees as it was measured to be fastest: in so many sessions at the same time, and several pictures in one run
//! where so many wait.

use std::sync::Arc;

use fovea_encode::pace::Pace;
use fovea_encode::{Calibration, Encoder, Error, Pack, PackSpec, Pixels, Tag, VectorsAndTags};
use fovea_vectordb::Together;

/// Pictures are prepared by the threads that bring them, and wait for a session as what the network reads.
pub struct Gathered {
    pack: Pack,
    batch: usize,
    waiting: Together<Vec<f32>, Result<Vec<f32>, Error>>,
}

impl Gathered {
    /// The pack as it is where `pace` is the plain one of `cores`.
    pub fn of(pack: Pack, pace: Pace, cores: usize) -> Arc<dyn Encoder> {
        if pace == Pace::plain(cores) {
            return Arc::new(pack);
        }
        Arc::new(Gathered {
            pack: pack.with_threads(pace.threads),
            batch: pace.batch.max(1),
            waiting: Together::new(pace.sessions, pace.batch),
        })
    }

    /// Each picture's feature, or what is wrong with it.
    fn see(&self, all: &[Vec<f32>]) -> Vec<Result<Vec<f32>, Error>> {
        match self.pack.features_of_planes(all) {
            Ok(features) => features.into_iter().map(Ok).collect(),
            Err(error) if all.len() == 1 => vec![Err(error)],
            Err(_) => all
                .iter()
                .map(|one| self.pack.feature_of_planes(one))
                .collect(),
        }
    }
}

impl Encoder for Gathered {
    fn spec(&self) -> &PackSpec {
        self.pack.spec()
    }

    fn features(&self, images: &[&Pixels]) -> Result<Vec<Vec<f32>>, Error> {
        if let [image] = images {
            let planes = self.pack.planes(image);
            let seen = self.waiting.run(planes, |all| self.see(&all));
            // It was gathered with a picture whose run ended in a panic.
            let alone = || self.pack.feature_of_planes(&self.pack.planes(image));
            return Ok(vec![seen.unwrap_or_else(alone)?]);
        }
        let mut features = Vec::with_capacity(images.len());
        for some in images.chunks(self.batch) {
            let planes: Vec<Vec<f32>> = some.iter().map(|image| self.pack.planes(image)).collect();
            for one in self.see(&planes) {
                features.push(one?);
            }
        }
        Ok(features)
    }

    fn image_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        self.pack.image_vectors(features)
    }

    fn visual_vector(&self, feature: &[f32]) -> Vec<f32> {
        self.pack.visual_vector(feature)
    }

    fn alike(&self) -> f32 {
        self.pack.alike()
    }

    fn text_vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        self.pack.text_vectors(texts)
    }

    fn gloss(&self, text: &str) -> Option<&'static str> {
        self.pack.gloss(text)
    }

    fn sample_texts(&self) -> Vec<Vec<f32>> {
        self.pack.sample_texts()
    }

    fn sample_probabilities(&self, features: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
        self.pack.sample_probabilities(features)
    }

    fn named_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        self.pack.named_vectors(features)
    }

    fn calibration(&self) -> &Calibration {
        self.pack.calibration()
    }

    fn is_word(&self, word: &str) -> bool {
        self.pack.is_word(word)
    }

    fn tags_of(&self, features: &[&[f32]]) -> Result<Vec<Vec<Tag>>, Error> {
        self.pack.tags_of(features)
    }

    fn vectors_and_tags(&self, features: &[&[f32]]) -> Result<VectorsAndTags, Error> {
        self.pack.vectors_and_tags(features)
    }
}
