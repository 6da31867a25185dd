//! Gradients derived by hand against differences, for every head and every loss.

use fovea_train::gradient::Pass;
use fovea_train::head::{Head, Shape};
use fovea_train::loss::{Batch, Loss, LossPass};
use fovea_train::matrix::Matrix;

const ROWS: usize = 6;

fn noise(rows: usize, cols: usize, seed: u32) -> Matrix {
    let mut state = seed.wrapping_mul(2_654_435_761);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    Matrix {
        rows,
        cols,
        data: (0..rows * cols).map(|_| next()).collect(),
    }
}

/// One batch through head and loss, with what is needed to do it again.
struct Case {
    loss: Loss,
    head: Head,
    features: Matrix,
    conse: Matrix,
    texts: Matrix,
    images: Vec<u32>,
    captions: Vec<u32>,
    pass: Pass,
    loss_pass: LossPass,
}

impl Case {
    fn new(loss: Loss, hidden: Option<usize>, residual: bool, text: bool) -> Self {
        let (features, conse, texts) = (noise(ROWS, 7, 1), noise(ROWS, 5, 2), noise(ROWS, 5, 3));
        let shape = Shape {
            inputs: 7,
            hidden,
            outputs: 5,
            residual,
            text,
        };
        let rows: Vec<u32> = (0..ROWS as u32).collect();
        let mut head = Head::new(shape, &features, &rows, 5).unwrap();
        // Away from the start, where much of a gradient is zero.
        let shift = noise(1, head.parameters.values.len(), 9);
        head.parameters
            .values
            .iter_mut()
            .zip(&shift.data)
            .for_each(|(value, shift)| *value += shift);
        head.parameters.set_scalar("loss.scale", 0.7);
        head.parameters.set_scalar("loss.bias", -0.4);
        Self {
            pass: Pass::new(&head),
            loss_pass: LossPass::default(),
            images: vec![0, 1, 2, 3, 4, 0],
            captions: vec![0, 1, 1, 2, 3, 4],
            loss,
            head,
            features,
            conse,
            texts,
        }
    }

    fn value(&mut self) -> f64 {
        let rows: Vec<u32> = (0..ROWS as u32).collect();
        self.pass
            .load_images(&self.head, &self.features, &self.conse, &rows, 1);
        self.pass.load_texts(&self.texts, &rows);
        self.head.forward(&mut self.pass, 1);
        self.head.forward_text(&mut self.pass, 1);
        let batch = Batch {
            image: self.pass.image.view(),
            text: self.pass.text.view(),
            images: &self.images,
            captions: &self.captions,
        };
        let scalars = (
            self.head.parameters.scalar("loss.scale", 0.0),
            self.head.parameters.scalar("loss.bias", 0.0),
        );
        self.loss
            .evaluate(&batch, scalars, true, &mut self.loss_pass, 1);
        self.loss_pass.value
    }

    fn gradient(&mut self) -> Vec<f32> {
        self.value();
        let mut gradient = self.head.parameters.zeros_like();
        self.head.backward(
            &mut self.loss_pass.d_image,
            &mut self.pass,
            &mut gradient,
            1,
        );
        self.head
            .backward_text(&mut self.loss_pass.d_text, &mut self.pass, &mut gradient, 1);
        gradient.set_scalar("loss.scale", self.loss_pass.d_log_scale);
        gradient.set_scalar("loss.bias", self.loss_pass.d_bias);
        gradient.values
    }
}

#[test]
fn every_head_and_loss_agrees_with_differences() {
    for loss in [Loss::InfoNce, Loss::SigLip, Loss::Cosine] {
        for (hidden, residual, text) in [
            (None, false, false),
            (None, true, true),
            (Some(8), false, true),
            (Some(8), true, false),
        ] {
            let mut case = Case::new(loss, hidden, residual, text);
            let gradient = case.gradient();
            let mut n_edges = 0;
            for (at, found) in gradient.iter().enumerate() {
                let kept = case.head.parameters.values[at];
                let mut at_shift = |shift: f32| {
                    case.head.parameters.values[at] = kept + shift;
                    case.value()
                };
                let [below, here, above] = [-5e-4, 0.0, 5e-4].map(&mut at_shift);
                case.head.parameters.values[at] = kept;
                let expect = (above - below) / 1e-3;
                // The margin has edges, at which the loss has no derivative.
                n_edges += usize::from(is_edge(below, here, above));
                if loss == Loss::Cosine && is_edge(below, here, above) {
                    continue;
                }
                assert!(
                    (f64::from(*found) - expect).abs() < 2e-3 + 0.01 * expect.abs(),
                    "{loss:?} hidden {hidden:?} residual {residual} text {text}, parameter {at}: {found} {expect}"
                );
            }
            assert!(n_edges * 5 < gradient.len(), "{loss:?}: {n_edges} edges");
        }
    }
}

/// Whether the slopes on either side are not those of one smooth curve.
fn is_edge(below: f64, here: f64, above: f64) -> bool {
    ((above - here) - (here - below)).abs() > 2e-5
}

#[test]
fn a_head_at_its_start_is_the_frozen_alignment() {
    let (features, conse) = (noise(9, 7, 1), noise(9, 5, 2));
    let shape = Shape {
        inputs: 7,
        hidden: Some(4),
        outputs: 5,
        residual: true,
        text: true,
    };
    let head = Head::new(shape, &features, &[0, 1, 2, 3], 1).unwrap();
    let length = conse.row(8).iter().map(|x| x * x).sum::<f32>().sqrt();
    for (found, expect) in head
        .apply(features.row(8), conse.row(8))
        .iter()
        .zip(conse.row(8))
    {
        assert!((found - expect / length).abs() < 1e-6);
    }
    assert_eq!(Head::from_tensors(&head.to_tensors()).unwrap(), head);
    assert_eq!(head.apply(&[1.0], conse.row(0)), vec![0.0; 5]);
}

#[test]
fn one_row_is_as_in_a_batch() {
    let mut case = Case::new(Loss::InfoNce, Some(8), true, true);
    case.value();
    for row in 0..ROWS {
        let image = case.head.apply(case.features.row(row), case.conse.row(row));
        let mut text = case.texts.row(row).to_vec();
        let length = text.iter().map(|x| x * x).sum::<f32>().sqrt();
        text.iter_mut().for_each(|x| *x /= length);
        let text = case.head.apply_text(&text);
        let pairs = image
            .iter()
            .zip(case.pass.image.row(row))
            .chain(text.iter().zip(case.pass.text.row(row)));
        for (found, expect) in pairs {
            assert!((found - expect).abs() < 1e-5, "row {row}");
        }
    }
}

#[test]
fn the_same_image_or_caption_is_no_wrong_answer() {
    let unit = Matrix::new(2, 2, vec![1.0, 0.0, 1.0, 0.0]).unwrap();
    for (images, captions, is_masked) in [
        ([0, 1], [0, 1], false),
        ([0, 0], [0, 1], true),
        ([0, 1], [3, 3], true),
    ] {
        let batch = Batch {
            image: unit.view(),
            text: unit.view(),
            images: &images,
            captions: &captions,
        };
        let mut pass = LossPass::default();
        Loss::InfoNce.evaluate(&batch, (1.0, 0.0), true, &mut pass, 1);
        let expect = if is_masked { 0.0 } else { 2f64.ln() };
        assert!(
            (pass.value - expect).abs() < 1e-6,
            "InfoNCE {images:?} {captions:?}: {}",
            pass.value
        );
        Loss::Cosine.evaluate(&batch, (0.0, 0.0), true, &mut pass, 1);
        assert_eq!(
            pass.value > 0.1,
            !is_masked,
            "cosine {images:?} {captions:?}: {}",
            pass.value
        );
        Loss::SigLip.evaluate(&batch, (0.0, 0.0), true, &mut pass, 1);
        let right = (1.0 + (-1f64).exp()).ln();
        assert_eq!(
            pass.value > right + 0.1,
            !is_masked,
            "SigLIP {images:?} {captions:?}: {}",
            pass.value
        );
    }
}
