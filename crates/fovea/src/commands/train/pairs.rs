//! Images and captions as matrices.

use fovea_encode::{Encoder, Pack};
use fovea_engine::pairs::GatheredPairs;
use fovea_train::augment::wordings;
use fovea_train::matrix::Matrix;
use fovea_train::pairs::Pairs;
use rayon::prelude::*;

/// Wordings of each caption, where words are left out.
const WORDINGS: usize = 4;

/// The gathered pairs as a run learns from them: the pack says what the frozen alignment has for each view, and reads each
/// caption.
pub fn matrices(
    gathered: &GatheredPairs,
    pack: &Pack,
    (word_dropout, seed): (f32, u64),
) -> anyhow::Result<Pairs> {
    let mut pairs = Pairs::default();
    let mut captions = Vec::new();
    for (number, image) in gathered.images.iter().enumerate() {
        let number = u32::try_from(number)?;
        pairs.image_keys.push(image.content.to_string());
        for feature in &image.features {
            pairs.features.data.extend_from_slice(pack.frozen(feature));
            pairs.view_image.push(number);
        }
        for caption in &image.captions {
            captions.push(caption.text.clone());
            pairs.caption_image.push(number);
            pairs
                .languages
                .push(caption.lang.clone().unwrap_or_default());
        }
    }
    let spec = pack.spec();
    pairs.features.cols = pack.frozen_dim();
    pairs.features.rows = pairs.view_image.len();
    let views: Vec<&[f32]> = pairs
        .features
        .data
        .chunks_exact(pack.frozen_dim())
        .collect();
    pairs.conse = Matrix {
        rows: views.len(),
        cols: spec.shared_dim,
        data: pack.frozen_vectors(&views),
    };
    pairs.texts = read(&captions, pack)?;
    if word_dropout > 0.0 {
        let of = |caption: &String| wordings(caption, word_dropout, seed, WORDINGS);
        let all: Vec<String> = captions.iter().flat_map(of).collect();
        pairs.wordings = read(&all, pack)?;
    }
    pairs.captions = captions;
    Ok(pairs)
}

/// Text vectors, a row for each.
fn read(texts: &[String], pack: &Pack) -> anyhow::Result<Matrix> {
    let read = |text: &String| pack.text_vector(text);
    let vectors: Vec<Vec<f32>> = texts.par_iter().map(read).collect::<Result<_, _>>()?;
    Ok(Matrix {
        rows: vectors.len(),
        cols: pack.spec().shared_dim,
        data: vectors.concat(),
    })
}
