//! Packs with a trained alignment, made of the real base pack.
//!
//! These tests fail, and do not skip, where the pack is missing: run `fovea models pull base` first.

use std::collections::BTreeMap;
use std::path::Path;

use fovea_encode::{
    ClassifierWeights, Encoder, HeadWeights, Pack, Pixels, TaughtLabels, Training, VisualWeights,
    models,
};

fn base() -> Pack {
    Pack::open(&models::default_dir().join(models::BASE)).unwrap_or_else(|error| {
        panic!("{error}\nthis test needs the real pack: run `fovea models pull base`")
    })
}

/// A linear head that adds `number` to the first number of a vector.
fn adds(number: f32, pack: &Pack) -> HeadWeights {
    let (features, shared) = (pack.spec().feature_dim, pack.spec().shared_dim);
    let mut bias = vec![0.0; shared];
    bias[0] = number;
    HeadWeights {
        mean: vec![0.5; features],
        scale: vec![2.0; features],
        layers: vec![(vec![0.0; features * shared], bias)],
        residual: 1.0,
    }
}

fn training(pack: &Pack) -> Training {
    Training {
        parent: pack.spec().name.clone(),
        parent_fingerprint: pack.spec().fingerprint.clone(),
        data: "0123456789abcdef".into(),
        settings: BTreeMap::from([("loss".into(), "InfoNCE".into())]),
        metrics: BTreeMap::from([("recall@10".into(), 0.5)]),
    }
}

fn derive(
    store: &Path,
    parent: &Pack,
    name: &str,
    weights: &HeadWeights,
    replace: bool,
) -> Result<Pack, String> {
    let learnt = models::Learnt {
        head: Some(weights),
        ..Default::default()
    };
    let made = models::derive(store, parent, name, learnt, training(parent), replace);
    let pack = Pack::open(&made.map_err(|error| error.to_string())?.dir).unwrap();
    pack.verify().unwrap();
    Ok(pack)
}

#[test]
fn a_head_is_laid_over_the_frozen_alignment() {
    let (base, store) = (base(), tempfile::tempdir().unwrap());
    let feature: Vec<f32> = (0..base.spec().feature_dim)
        .map(|i| (i % 7) as f32 / 7.0)
        .collect();
    let frozen = base.image_vector(&feature);
    let same = derive(store.path(), &base, "same", &adds(0.0, &base), false).unwrap();
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(close(&same.image_vector(&feature), &frozen));
    assert_eq!(same.spec().name, "base+same");
    assert_ne!(same.spec().fingerprint, base.spec().fingerprint);
    assert_eq!(same.spec().features, base.spec().features);

    let moved = derive(store.path(), &same, "moved", &adds(1.0, &base), false).unwrap();
    assert_eq!(moved.spec().name, "base+moved");
    let mut expect = frozen;
    expect[0] += 1.0;
    let norm = expect.iter().map(|x| x * x).sum::<f32>().sqrt();
    expect.iter_mut().for_each(|x| *x /= norm);
    assert!(close(&moved.image_vector(&feature), &expect));
    assert!(moved.image_vectors(&[]).is_empty() && moved.tags_of(&[]).unwrap().is_empty());
    let several = moved.image_vectors(&[&feature, &[0.0; 3], &feature]);
    assert!(close(&several[2], &expect) && several[1].iter().all(|x| *x == 0.0));
    let asked: [&[f32]; 3] = [&feature, &[0.0; 3], &feature];
    let both = moved.vectors_and_tags(&asked).unwrap();
    assert_eq!(both, (several, moved.tags_of(&asked).unwrap()));
    assert!(!both.1[0].is_empty() && both.1[1].is_empty());
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_what_was_there() {
    let (base, store) = (base(), tempfile::tempdir().unwrap());
    let dir = store.path();
    for name in ["", "a b", "../up", "a+b", &"x".repeat(65)] {
        let refused = derive(dir, &base, name, &adds(0.0, &base), false)
            .err()
            .unwrap();
        assert!(refused.contains("letters"), "{refused}");
    }
    let mut short = adds(0.0, &base);
    short.mean.pop();
    assert!(
        derive(dir, &base, "short", &short, false)
            .err()
            .unwrap()
            .contains("expected 1280")
    );
    let poisoned = adds(f32::NAN, &base);
    assert!(
        derive(dir, &base, "nan", &poisoned, false)
            .err()
            .unwrap()
            .contains("not finite")
    );
    assert!(models::list(dir).unwrap().is_empty());

    std::fs::create_dir(dir.join(".base+mine.partial-1")).unwrap();
    let first = derive(dir, &base, "mine", &adds(0.0, &base), false).unwrap();
    // As a run leaves it that was killed between its two renames.
    std::fs::rename(dir.join("base+mine"), dir.join(".base+mine.old-1")).unwrap();
    std::fs::create_dir(dir.join(".base+mine.partial-1")).unwrap();
    let refused = derive(dir, &base, "mine", &adds(1.0, &base), false)
        .err()
        .unwrap();
    assert!(refused.contains("installed already"), "{refused}");
    let second = derive(dir, &base, "mine", &adds(1.0, &base), true).unwrap();
    assert_ne!(first.spec().fingerprint, second.spec().fingerprint);
    let left: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "the pack and the lock: {left:?}");
    let info = models::installed(dir, "base+mine").unwrap();
    assert_eq!(info.training.unwrap().metrics["recall@10"], 0.5);
}

#[test]
fn a_changed_head_is_damage() {
    let (base, store) = (base(), tempfile::tempdir().unwrap());
    let pack = derive(store.path(), &base, "mine", &adds(0.0, &base), false).unwrap();
    let path = pack.dir().join("head.tensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = Pack::open(pack.dir()).err().unwrap().to_string();
    assert!(error.contains("head.tensors"), "{error}");
}

/// Visual vectors of three numbers: the first three of a feature less a half.
fn first_three(pack: &Pack) -> VisualWeights {
    let features = pack.spec().feature_dim;
    let mut weights = vec![0.0; 3 * features];
    (0..3).for_each(|row| weights[row * features + row] = 2.0);
    VisualWeights {
        mean: vec![0.5; features],
        weights,
        alike: 0.75,
    }
}

fn look(store: &Path, parent: &Pack, name: &str, weights: &VisualWeights) -> Result<Pack, String> {
    let learnt = models::Learnt {
        visual: Some(weights),
        ..Default::default()
    };
    let made = models::derive(store, parent, name, learnt, training(parent), false);
    let made = made.map_err(|error| error.to_string())?;
    Ok(Pack::open(&made.dir).unwrap())
}

#[test]
fn a_projection_makes_the_visual_vectors_and_nothing_else() {
    let (base, store) = (base(), tempfile::tempdir().unwrap());
    let pack = look(store.path(), &base, "look", &first_three(&base)).unwrap();
    let (spec, of_base) = (pack.spec(), base.spec());
    assert_eq!((spec.visual_dim, spec.visual_is_feature), (3, false));
    assert!(of_base.visual_is_feature && spec.features == of_base.features);
    assert_ne!(spec.fingerprint, of_base.fingerprint);
    assert_eq!((pack.alike(), base.alike()), (0.75, 0.9));
    let mut feature = vec![0.25; spec.feature_dim];
    feature[..3].copy_from_slice(&[3.5, 0.5, 4.5]);
    assert_eq!(pack.visual_vector(&feature), [0.6, 0.0, 0.8]);
    assert_eq!(pack.visual_vector(&[1.0]), [0.0; 3]);
    assert_eq!(pack.image_vector(&feature), base.image_vector(&feature));
    // A head over it keeps the projection.
    let both = derive(store.path(), &pack, "both", &adds(1.0, &base), false).unwrap();
    assert_eq!(both.visual_vector(&feature), [0.6, 0.0, 0.8]);
    assert_ne!(both.image_vector(&feature), base.image_vector(&feature));
}

#[test]
fn a_projection_that_fits_nothing_is_refused() {
    let (base, store) = (base(), tempfile::tempdir().unwrap());
    let check = |change: &dyn Fn(&mut VisualWeights), expect: &str| {
        let mut weights = first_three(&base);
        change(&mut weights);
        let refused = look(store.path(), &base, "bad", &weights).err().unwrap();
        assert!(refused.contains(expect), "{refused}");
    };
    check(
        &|weights| weights.mean.truncate(1),
        "expected features of 1280",
    );
    check(
        &|weights| weights.weights.truncate(1),
        "expected features of 1280",
    );
    check(
        &|weights| weights.weights.clear(),
        "expected features of 1280",
    );
    check(&|weights| weights.weights[0] = f32::NAN, "not finite");
    check(&|weights| weights.alike = 2.0, "no cosine");
}

/// A classifier whose first label stands by the last number of a feature alone, and whose second never does.
fn last_number(feature_dim: usize) -> ClassifierWeights {
    let mut weights = vec![0.0; 2 * feature_dim];
    weights[feature_dim - 1] = 1e3;
    ClassifierWeights {
        taught: TaughtLabels {
            labels: vec!["tuned".into(), "never".into()],
            one_each: false,
        },
        weights,
        bias: vec![-1.0, -1.0],
    }
}

#[test]
fn blocks_that_were_trained_further_stand_beside_what_the_network_was() {
    let (base, store) = (base(), tempfile::tempdir().unwrap());
    let feature_dim = base.spec().feature_dim;
    let bytes = (0..64 * 48 * 3).map(|at| (at * 7 % 251) as u8).collect();
    let pixels = Pixels::new(64, 48, bytes).unwrap();
    let feature = base.features(&[&pixels]).unwrap().remove(0);
    let (trunk, mut tail) = self::base().before_last_blocks(2).unwrap();
    let sizes: Vec<usize> = tail.blocks.iter().map(|block| block.layers.len()).collect();
    assert_eq!(
        (sizes.as_slice(), tail.channels(), tail.feature_dim()),
        (&[3, 1][..], 192, feature_dim)
    );
    let planes = trunk.features(&[&pixels]).unwrap().remove(0);
    assert_eq!(planes.len(), 192 * 7 * 7);
    assert_ne!(trunk.spec().features, base.spec().features);

    let last = tail.blocks[1].layers.last_mut().unwrap();
    *last.bias.last_mut().unwrap() = 3.0;
    last.weights[(feature_dim - 1) * 320..].fill(0.0);
    let weights = last_number(2 * feature_dim);
    let learnt = models::Learnt {
        classifier: Some(&weights),
        tail: Some(&tail),
        ..Default::default()
    };
    let made =
        models::derive(store.path(), &base, "tuned", learnt, training(&base), false).unwrap();
    let pack = Pack::open(&made.dir).unwrap();
    pack.verify().unwrap();
    let spec = pack.spec();
    assert_eq!(
        (spec.feature_dim, spec.visual_is_feature),
        (2 * feature_dim, false)
    );
    assert!(spec.features != base.spec().features && spec.texts == base.spec().texts);
    let both = pack.features(&[&pixels]).unwrap().remove(0);
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
    assert!(close(&both[..feature_dim], &feature));
    assert!(close(
        &both[feature_dim..2 * feature_dim - 1],
        &feature[..feature_dim - 1]
    ));
    assert_eq!(both[2 * feature_dim - 1], 3.0);
    // What is searched is what it was; what the moved blocks see is said.
    assert_eq!(
        pack.image_vector(&both),
        base.image_vector(&both[..feature_dim])
    );
    assert_eq!(
        pack.visual_vector(&both),
        base.visual_vector(&both[..feature_dim])
    );
    let tags = pack.tags(&both).unwrap();
    assert_eq!(tags[0].name, "tuned");
    assert_eq!(tags[1..], base.tags(&both[..feature_dim]).unwrap());
    // An alignment is laid over it as over any other.
    let over = derive(store.path(), &pack, "over", &adds(1.0, &base), false).unwrap();
    assert_eq!(over.tags(&both).unwrap(), tags);
    assert_ne!(over.image_vector(&both), pack.image_vector(&both));
    let refused = pack.before_last_blocks(1).err().unwrap().to_string();
    assert!(refused.contains("trained further already"), "{refused}");
}

#[test]
fn blocks_that_are_not_there_are_refused() {
    for n in [0, 6, 200] {
        let refused = base().before_last_blocks(n).err().unwrap().to_string();
        assert!(
            refused.contains(&format!(
                "its last 5 blocks can be trained further, not {n}"
            )),
            "{refused}"
        );
    }
    assert_eq!(base().before_last_blocks(5).unwrap().1.blocks.len(), 5);
    let (base, store) = (base(), tempfile::tempdir().unwrap());
    let (_, tail) = self::base().before_last_blocks(1).unwrap();
    let alone = models::Learnt {
        tail: Some(&tail),
        ..Default::default()
    };
    let refused = models::derive(store.path(), &base, "alone", alone, training(&base), false);
    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .contains("with a classifier")
    );
}
