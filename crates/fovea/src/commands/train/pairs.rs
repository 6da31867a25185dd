//! Images and captions as matrices.

use fovea_encode::{Encoder, Pack};
use fovea_engine::pairs::GatheredPairs;
use fovea_train::matrix::Matrix;
use fovea_train::pairs::Pairs;
use rayon::prelude::*;

/// The gathered pairs as a run learns from them: the pack says what the frozen alignment has for each view, and reads each
/// caption.
pub fn matrices(gathered: &GatheredPairs, pack: &Pack) -> anyhow::Result<Pairs> {
    let mut pairs = Pairs::default();
    let mut captions = Vec::new();
    for (number, image) in gathered.images.iter().enumerate() {
        let number = u32::try_from(number)?;
        pairs.image_keys.push(image.content.to_string());
        for feature in &image.features {
            pairs.features.data.extend_from_slice(feature);
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
    pairs.features.cols = spec.feature_dim;
    pairs.features.rows = pairs.view_image.len();
    let views: Vec<&[f32]> = pairs.features.data.chunks_exact(spec.feature_dim).collect();
    pairs.conse = Matrix {
        rows: views.len(),
        cols: spec.shared_dim,
        data: pack.frozen_vectors(&views),
    };
    let read = |text: &String| pack.text_vector(text);
    let vectors: Vec<Vec<f32>> = captions.par_iter().map(read).collect::<Result<_, _>>()?;
    pairs.texts = Matrix {
        rows: vectors.len(),
        cols: spec.shared_dim,
        data: vectors.concat(),
    };
    pairs.captions = captions;
    Ok(pairs)
}
