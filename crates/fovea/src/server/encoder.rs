//! The encoder as a server uses it: texts that were asked for lately are not encoded again, those that come at once are
//! encoded together, and time is taken.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fovea_encode::{Calibration, Encoder, Error, PackSpec, Pixels, Tag, VectorsAndTags};
use fovea_vectordb::{Recent, Together};

use super::metrics::{Metrics, Stage};

/// Texts that are kept: of each a vector of some 500 numbers, 4 MB in all.
const TEXTS: usize = 2_048;
/// Texts that are encoded together at most: more would gain little, and each waits for all.
const AT_ONCE: usize = 16;

thread_local! {
    static SPENT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// What this thread has spent on encoding since it was asked last.
pub fn spent() -> Duration {
    SPENT.take()
}

pub struct Remembering {
    inner: Arc<dyn Encoder>,
    texts: Mutex<Recent<String, Vec<f32>>>,
    waiting: Together<String, Result<Vec<f32>, Error>>,
    metrics: Metrics,
}

impl Remembering {
    pub fn new(inner: Arc<dyn Encoder>, metrics: Metrics) -> Remembering {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Remembering {
            inner,
            texts: Mutex::new(Recent::new(TEXTS)),
            // The other half of the cores brings what the next piece is made of.
            waiting: Together::new((cores / 2).max(1), AT_ONCE),
            metrics,
        }
    }

    fn timed<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        let took = started.elapsed();
        self.metrics.stage(Stage::Encode, took);
        SPENT.set(SPENT.get() + took);
        done
    }
}

impl Remembering {
    fn remembered(&self, text: &str) -> Result<Vec<f32>, Error> {
        let known = self
            .texts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(text);
        if let Some(vector) = known {
            return Ok(vector);
        }
        let vector = self.timed(|| {
            let encoded = self
                .waiting
                .run(text.to_owned(), |texts| self.encode(&texts));
            encoded.unwrap_or_else(|| self.inner.text_vector(text))
        })?;
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.put(text.to_owned(), vector.clone());
        Ok(vector)
    }

    /// Each text's vector, or what is wrong with it.
    fn encode(&self, texts: &[String]) -> Vec<Result<Vec<f32>, Error>> {
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        match self.inner.text_vectors(&all) {
            Ok(vectors) => vectors.into_iter().map(Ok).collect(),
            Err(_) => all
                .iter()
                .map(|text| self.inner.text_vector(text))
                .collect(),
        }
    }
}

impl Encoder for Remembering {
    fn spec(&self) -> &PackSpec {
        self.inner.spec()
    }

    fn features(&self, images: &[&Pixels]) -> Result<Vec<Vec<f32>>, Error> {
        self.timed(|| self.inner.features(images))
    }

    fn image_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        self.inner.image_vectors(features)
    }

    fn visual_vector(&self, feature: &[f32]) -> Vec<f32> {
        self.inner.visual_vector(feature)
    }

    fn alike(&self) -> f32 {
        self.inner.alike()
    }

    fn text_vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        texts.iter().map(|text| self.remembered(text)).collect()
    }

    fn gloss(&self, text: &str) -> Option<&'static str> {
        self.inner.gloss(text)
    }

    fn sample_texts(&self) -> Vec<Vec<f32>> {
        self.inner.sample_texts()
    }

    fn sample_probabilities(&self, features: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
        self.inner.sample_probabilities(features)
    }

    fn named_vectors(&self, features: &[&[f32]]) -> Vec<Vec<f32>> {
        self.inner.named_vectors(features)
    }

    fn calibration(&self) -> &Calibration {
        self.inner.calibration()
    }

    fn is_word(&self, word: &str) -> bool {
        self.inner.is_word(word)
    }

    fn tags_of(&self, features: &[&[f32]]) -> Result<Vec<Vec<Tag>>, Error> {
        self.inner.tags_of(features)
    }

    fn vectors_and_tags(&self, features: &[&[f32]]) -> Result<VectorsAndTags, Error> {
        self.inner.vectors_and_tags(features)
    }
}

#[cfg(test)]
mod tests {
    use fovea_encode::fake::FakeEncoder;

    use super::*;

    #[test]
    fn what_is_asked_for_again_and_again_is_encoded_once() {
        let encoder = Remembering::new(Arc::new(FakeEncoder::new()), Metrics::default());
        let red = encoder.text_vector("red").unwrap();
        for number in 0..3 * TEXTS {
            encoder.text_vector(&format!("text {number}")).unwrap();
            assert_eq!(encoder.text_vector("red").unwrap(), red);
        }
        // The first was encoded once; each of the others, too.
        let counted = encoder
            .metrics
            .value("stage_seconds_count{stage=\"encode\"}");
        assert_eq!(counted, Some(1.0 + 3.0 * TEXTS as f64));
    }
}
