//! Images and captions that belong together: what is usable of them, and how to split them so that nothing leaks.
//!
//! An image may have several views (augmented pictures of it) and several captions (other words, other languages).

use std::collections::HashMap;

use crate::error::{Error, expect_size};
use crate::matrix::Matrix;
pub use crate::split::Split;

/// Everything that an alignment learns from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    /// What names the content of each image, such as its hash. Images with the same key are the same.
    pub image_keys: Vec<String>,
    /// The raw feature of each view.
    pub features: Matrix,
    /// The frozen alignment of each view.
    pub conse: Matrix,
    /// The image of each view.
    pub view_image: Vec<u32>,
    /// The text vector of each caption. All zeros where its language is not known to the text encoder.
    pub texts: Matrix,
    /// Text vectors of other wordings of each caption, as many for each, those of the first caption first. They teach beside the
    /// captions and are never asked for. May be empty.
    pub wordings: Matrix,
    /// The image of each caption.
    pub caption_image: Vec<u32>,
    /// Each caption in words.
    pub captions: Vec<String>,
    /// The language of each caption, as a code; empty where it is not known.
    pub languages: Vec<String>,
}

/// What of the pairs can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// All images.
    pub images: usize,
    /// Images with a view and a caption: what is learned from.
    pub usable_images: usize,
    /// All captions.
    pub captions: usize,
    /// Captions whose text vector is zero, in no known language. They are skipped.
    pub zero_captions: usize,
    /// Views whose feature is zero. They are skipped.
    pub zero_views: usize,
}

/// The usable views and captions of each image, and which images and captions are the same.
#[derive(Clone, Debug)]
pub(crate) struct Usable {
    pub(crate) views: Vec<Vec<u32>>,
    pub(crate) captions: Vec<Vec<u32>>,
    /// A number for each image, the same for the same key.
    pub(crate) image_ids: Vec<u32>,
    /// A number for each caption, the same for the same words.
    pub(crate) caption_ids: Vec<u32>,
}

impl Usable {
    /// Whether there is something to learn of an image.
    pub(crate) fn has(&self, image: usize) -> bool {
        !self.views[image].is_empty() && !self.captions[image].is_empty()
    }
}

impl Pairs {
    /// Checks lengths and numbers, and that there is something to learn in batches of this size.
    pub fn check(&self, batch: usize) -> Result<Census, Error> {
        self.check_shapes()?;
        self.features.expect_finite("features")?;
        self.conse.expect_finite("frozen alignment")?;
        self.texts.expect_finite("text vectors")?;
        self.wordings.expect_finite("text vectors of wordings")?;
        let usable = self.usable();
        let usable_images = (0..self.image_keys.len())
            .filter(|image| usable.has(*image))
            .count();
        if usable_images < batch || usable_images < 2 {
            return Err(Error::TooFewPairs {
                pairs: usable_images,
                batch,
            });
        }
        let mut ids = usable
            .captions
            .iter()
            .flatten()
            .map(|caption| usable.caption_ids[*caption as usize]);
        if let Some(first) = ids.next()
            && ids.all(|id| id == first)
        {
            let caption = usable
                .captions
                .iter()
                .flatten()
                .next()
                .map(|at| self.captions[*at as usize].clone());
            return Err(Error::SameCaptions {
                caption: caption.unwrap_or_default(),
            });
        }
        Ok(Census {
            images: self.image_keys.len(),
            usable_images,
            captions: self.texts.rows,
            zero_captions: zero_rows(&self.texts),
            zero_views: zero_rows(&self.features),
        })
    }

    fn check_shapes(&self) -> Result<(), Error> {
        let (views, captions) = (self.view_image.len(), self.caption_image.len());
        expect_size("rows of features", views, self.features.rows)?;
        expect_size("rows of the frozen alignment", views, self.conse.rows)?;
        expect_size("rows of text vectors", captions, self.texts.rows)?;
        expect_size("captions in words", captions, self.captions.len())?;
        expect_size("languages of captions", captions, self.languages.len())?;
        expect_size(
            "length of the frozen alignment",
            self.texts.cols,
            self.conse.cols,
        )?;
        for matrix in [&self.features, &self.conse, &self.texts, &self.wordings] {
            expect_size(
                "values of a matrix",
                matrix.rows * matrix.cols,
                matrix.data.len(),
            )?;
        }
        let wordings = self.n_wordings() * captions;
        expect_size("rows of wordings", wordings, self.wordings.rows)?;
        let images = self.image_keys.len();
        for image in self.view_image.iter().chain(&self.caption_image) {
            if *image as usize >= images {
                return Err(Error::Shape {
                    what: "number of an image",
                    expected: images,
                    found: *image as usize,
                });
            }
        }
        Ok(())
    }

    /// Wordings of each caption.
    pub(crate) fn n_wordings(&self) -> usize {
        self.wordings.rows / self.texts.rows.max(1)
    }

    pub(crate) fn usable(&self) -> Usable {
        let images = self.image_keys.len();
        Usable {
            views: by_image(images, &self.view_image, &self.features),
            captions: by_image(images, &self.caption_image, &self.texts),
            image_ids: numbers_of(&self.image_keys),
            caption_ids: numbers_of(&self.captions),
        }
    }

    /// The BLAKE3 hash of everything here: a checkpoint is of these pairs and no others.
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for matrix in [&self.features, &self.conse, &self.texts] {
            hasher.update(&(matrix.rows as u64).to_le_bytes());
            hasher.update(bytemuck::cast_slice(&matrix.data));
        }
        // Pairs without wordings have the hash that they had before there were any.
        if self.wordings.rows > 0 {
            hasher.update(bytemuck::cast_slice(&self.wordings.data));
        }
        for images in [&self.view_image, &self.caption_image] {
            hasher.update(bytemuck::cast_slice(images));
        }
        for words in [&self.image_keys, &self.captions, &self.languages] {
            for word in words {
                hasher.update(&(word.len() as u64).to_le_bytes());
                hasher.update(word.as_bytes());
            }
        }
        *hasher.finalize().as_bytes()
    }
}

fn is_zero(row: &[f32]) -> bool {
    row.iter().all(|value| *value == 0.0)
}

fn zero_rows(matrix: &Matrix) -> usize {
    (0..matrix.rows)
        .filter(|row| is_zero(matrix.row(*row)))
        .count()
}

/// The rows of each image that are not all zeros.
fn by_image(images: usize, image_of: &[u32], rows: &Matrix) -> Vec<Vec<u32>> {
    let mut by_image = vec![Vec::new(); images];
    for (row, image) in image_of.iter().enumerate() {
        if !is_zero(rows.row(row)) {
            by_image[*image as usize].push(row as u32);
        }
    }
    by_image
}

/// A number for each word, the same for the same word, in the order in which they come.
fn numbers_of(words: &[String]) -> Vec<u32> {
    let mut numbers = HashMap::new();
    let number = |word| {
        let next = numbers.len() as u32;
        *numbers.entry(word).or_insert(next)
    };
    words.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One view and one caption for each image, with text vectors that are zero for an empty caption.
    fn pairs(keys_and_captions: &[(&str, &str)]) -> Pairs {
        let n = keys_and_captions.len();
        let texts = keys_and_captions
            .iter()
            .flat_map(|(_, caption)| [f32::from(u8::from(!caption.is_empty())), 0.0]);
        Pairs {
            image_keys: keys_and_captions
                .iter()
                .map(|(key, _)| key.to_string())
                .collect(),
            features: Matrix {
                rows: n,
                cols: 3,
                data: vec![1.0; n * 3],
            },
            conse: Matrix::zeros(n, 2),
            view_image: (0..n as u32).collect(),
            texts: Matrix {
                rows: n,
                cols: 2,
                data: texts.collect(),
            },
            wordings: Matrix::default(),
            caption_image: (0..n as u32).collect(),
            captions: keys_and_captions
                .iter()
                .map(|(_, caption)| caption.to_string())
                .collect(),
            languages: vec!["en".to_string(); n],
        }
    }

    #[track_caller]
    fn check(pairs: &Pairs, batch: usize, expect: &str) {
        let found = pairs.check(batch).map(|_| ()).unwrap_err().to_string();
        assert!(found.contains(expect), "{found}");
    }

    #[test]
    fn what_cannot_be_learned_from_is_named() {
        let good = pairs(&[("a", "cat"), ("b", "dog"), ("c", "")]);
        let census = good.check(2).unwrap();
        assert_eq!(
            (census.images, census.usable_images, census.zero_captions),
            (3, 2, 1)
        );
        check(&good, 3, "choose a batch of at most 2");
        check(
            &pairs(&[("a", "cat"), ("b", "cat")]),
            2,
            "all captions are the same (\"cat\")",
        );
        let mut bad = good.clone();
        bad.features.data[4] = f32::NAN;
        check(&bad, 2, "features: row 1 holds");
        let mut bad = good.clone();
        bad.languages.pop();
        check(&bad, 2, "languages of captions: expected 3, found 2");
        let mut bad = good;
        bad.caption_image[0] = 9;
        check(&bad, 2, "number of an image: expected 3, found 9");
    }

    #[test]
    fn a_split_does_not_leak() {
        let names: Vec<(String, String)> = (0..300)
            .map(|at| {
                (
                    format!("key {}", at % 250),
                    format!("caption {}", at * 7 % 270),
                )
            })
            .collect();
        let names: Vec<(&str, &str)> = names
            .iter()
            .map(|(key, words)| (key.as_str(), words.as_str()))
            .collect();
        let pairs = pairs(&names);
        let split = pairs.split(0.2, 1);
        pairs.check_split(&split).unwrap();
        assert!(
            (55..=60).contains(&split.validation.len()),
            "{}",
            split.validation.len()
        );
        assert_eq!(split.train.len() + split.validation.len(), 300);
        assert_eq!(split, pairs.split(0.2, 1));
        assert_ne!(split, pairs.split(0.2, 2));
    }

    #[test]
    fn a_leak_is_found() {
        let pairs = pairs(&[
            ("a", "cat"),
            ("b", "dog"),
            ("a", "bird"),
            ("c", "dog"),
            ("d", "fish"),
        ]);
        let leak = |validation: &[u32]| {
            let split = Split {
                train: vec![0, 1],
                validation: validation.to_vec(),
            };
            pairs.check_split(&split).map_err(|error| error.to_string())
        };
        assert_eq!(leak(&[4]), Ok(()));
        assert!(
            leak(&[4, 2])
                .unwrap_err()
                .contains("image 2 is image 0 (key \"a\")")
        );
        assert!(
            leak(&[3])
                .unwrap_err()
                .contains("has the caption of image 1, \"dog\"")
        );
    }
}
