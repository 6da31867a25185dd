//! What is learnt over a model of somebody else, and what of it is loaded when.

use std::collections::BTreeMap;
use std::fs;

use fovea_encode::{Encoder, HeadWeights, Pack, Pixels, Training, VisualWeights, models};

use crate::{add, fixture, store};

fn grey() -> Pixels {
    Pixels::new(30, 20, vec![90; 30 * 20 * 3]).unwrap()
}

/// A head that adds to the first number of a vector, and a projection to the first four numbers of a feature.
#[test]
fn a_head_and_a_projection() {
    let store = store();
    let parent = Pack::open(&add(store.path(), &fixture("clip")).unwrap().info.dir).unwrap();
    let dim = parent.spec().feature_dim;
    let mut bias = vec![0.0; dim];
    bias[0] = 0.5;
    let head = HeadWeights {
        mean: vec![0.0; dim],
        scale: vec![1.0; dim],
        layers: vec![(vec![0.0; dim * dim], bias)],
        residual: 1.0,
    };
    let mut weights = vec![0.0; 4 * dim];
    (0..4).for_each(|row| weights[row * dim + row] = 1.0);
    let visual = VisualWeights {
        mean: vec![0.0; dim],
        weights,
        alike: 0.9,
    };
    let learnt = models::Learnt {
        head: Some(&head),
        visual: Some(&visual),
        ..Default::default()
    };
    let training = Training {
        parent: parent.spec().name.clone(),
        parent_fingerprint: parent.spec().fingerprint.clone(),
        data: "0123456789abcdef".into(),
        settings: BTreeMap::new(),
        metrics: BTreeMap::new(),
    };
    let made = models::derive(store.path(), &parent, "mine", learnt, training, false).unwrap();
    let pack = Pack::open(&made.dir).unwrap();
    pack.verify().unwrap();
    let (parents, own) = (parent.spec(), pack.spec());
    assert_eq!(
        (&own.features, &own.texts),
        (&parents.features, &parents.texts)
    );
    assert_ne!(own.fingerprint, parents.fingerprint);
    assert!(!own.is_calibrated && !own.visual_is_feature && own.visual_dim == 4);

    let feature = pack.features(&[&grey()]).unwrap().remove(0);
    assert_eq!(feature, parent.features(&[&grey()]).unwrap()[0]);
    assert_eq!(
        pack.text_vector("a cat").unwrap(),
        parent.text_vector("a cat").unwrap()
    );
    let (was, is) = (parent.image_vector(&feature), pack.image_vector(&feature));
    let length = was
        .iter()
        .enumerate()
        .map(|(at, number)| number + if at == 0 { 0.5 } else { 0.0 });
    let length = length.map(|number| number * number).sum::<f32>().sqrt();
    assert!(
        (is[0] - (was[0] + 0.5) / length).abs() < 1e-5,
        "{is:?}, before {was:?}"
    );
    let visual = pack.visual_vector(&feature);
    assert!(
        (visual[0] / visual[1] - feature[0] / feature[1]).abs() < 1e-3,
        "{visual:?} of {feature:?}"
    );
}

/// The words of a classifier are those of the base pack, so that its captions stay when a collection moves between them.
#[test]
fn a_classifier_reads_as_the_base_pack_does() {
    let store = store();
    let base = Pack::open(&store.path().join(models::BASE)).unwrap();
    let dir = add(store.path(), &fixture("resnet")).unwrap().info.dir;
    let licences = models::installed(store.path(), "tiny").unwrap().licences;
    assert!(licences[0].starts_with("model: resnet"), "{licences:?}");
    let is_absent = |line: &String| line.starts_with("image") || line.starts_with("alignment");
    assert!(!licences.iter().any(is_absent), "{licences:?}");
    let pack = Pack::open(&dir).unwrap();
    pack.verify().unwrap();
    let (own, of_base) = (pack.spec(), base.spec());
    assert_eq!(
        (own.feature_dim, own.visual_dim, own.shared_dim),
        (24, 24, of_base.shared_dim)
    );
    assert_eq!(
        (&own.texts, &own.languages),
        (&of_base.texts, &of_base.languages)
    );
    assert!(own.features != of_base.features && own.fingerprint != of_base.fingerprint);
    assert!(!own.is_calibrated);
    assert_eq!(
        pack.text_vector("un chat").unwrap(),
        base.text_vector("un chat").unwrap()
    );
    // Of what it sees the vector is the mean of the classes' words, weighted as it weights them.
    let feature = pack.features(&[&grey()]).unwrap().remove(0);
    let logits = pack.logits(&feature);
    let best = logits
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .unwrap()
        .0;
    let cosine = |class: &[f32]| -> f32 {
        class
            .iter()
            .zip(&pack.image_vector(&feature))
            .map(|(a, b)| a * b)
            .sum()
    };
    let cosines: Vec<f32> = pack.class_vectors().map(cosine).collect();
    let higher = cosines.iter().filter(|one| **one > cosines[best]).count();
    assert!(
        higher < 20,
        "{higher} classes lie nearer than the most probable one"
    );
}

/// A search by words never touches the network that sees: here its file is spoilt, and nobody notices until a picture comes.
#[test]
fn words_do_not_load_the_network_that_sees() {
    let store = store();
    let dir = add(store.path(), &fixture("siglip")).unwrap().info.dir;
    let said = Pack::open(&dir).unwrap().text_vector("a cat").unwrap();
    let path = dir.join("image/model.onnx");
    let length = fs::metadata(&path).unwrap().len();
    fs::write(&path, vec![0; length as usize]).unwrap();
    let pack = Pack::open(&dir).unwrap();
    assert_eq!(pack.text_vector("a cat").unwrap(), said);
    let seen = pack
        .features(&[&grey()])
        .expect_err("it is spoilt")
        .to_string();
    assert!(seen.contains("image/model.onnx is damaged"), "{seen}");
}
