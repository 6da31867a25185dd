//! The image head: from the raw feature, and beside the frozen alignment, into the space of texts.
//!
//! `y = r conse + f(x)`, where `x` is the standardised feature and `f` is linear or has one hidden layer. With the residual the
//! last layer starts at zero, so that training starts from the frozen alignment and can only leave it where pairs say
//! so (residual adapters: CLIP-Adapter, Gao et al., arXiv:2110.04544). The gradients are derived by hand in `gradient`.

use crate::elementwise::{add_scaled, normalise};
use crate::error::{Error, expect_option, expect_size};
use crate::matrix::Matrix;
use crate::pairs::Pairs;
use crate::parameters::{NamedTensor, Parameters};
use crate::random::Random;

/// Which head.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Length of a raw feature.
    pub inputs: usize,
    /// Width of the hidden layer; `None` for a linear map.
    pub hidden: Option<usize>,
    /// Length of a vector of the shared space.
    pub outputs: usize,
    /// Whether the frozen alignment is added.
    pub residual: bool,
    /// Whether text vectors are mapped too: `t' = t + t A + c`, from `A` and `c` zero.
    pub text: bool,
}

/// A head with its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    shape: Shape,
    mean: Vec<f32>,
    deviation: Vec<f32>,
    /// Zero where the deviation is: a number that never changed in training says nothing.
    pub(crate) inverse: Vec<f32>,
    /// What is learned, with the scalars of the loss.
    pub parameters: Parameters,
}

impl Head {
    /// A head at its start, which standardises by the mean and deviation of the `rows` of `features` (all training ones).
    pub fn new(shape: Shape, features: &Matrix, rows: &[u32], seed: u64) -> Result<Self, Error> {
        expect_size("length of a feature", shape.inputs, features.cols)?;
        let is_good = shape.inputs > 0 && shape.outputs > 0 && shape.hidden != Some(0);
        expect_option(
            "shape of the head",
            is_good,
            "sizes above zero",
            format!("{shape:?}"),
        )?;
        let (mean, deviation) = mean_and_deviation(features, rows);
        let mut head = Self::with_scaling(shape, mean, deviation);
        head.initialise(&mut Random::new(seed));
        Ok(head)
    }

    /// The frozen alignment as a head that changes nothing of it: what a trained one is compared with.
    pub fn frozen(pairs: &Pairs) -> Result<Self, Error> {
        let shape = Shape {
            inputs: pairs.features.cols,
            hidden: None,
            outputs: pairs.texts.cols,
            residual: true,
            text: false,
        };
        Self::new(shape, &pairs.features, &[], 0)
    }

    fn with_scaling(shape: Shape, mean: Vec<f32>, deviation: Vec<f32>) -> Self {
        let invert = |deviation: &f32| {
            if *deviation > 0.0 {
                deviation.recip()
            } else {
                0.0
            }
        };
        Self {
            inverse: deviation.iter().map(invert).collect(),
            parameters: layout(&shape),
            shape,
            mean,
            deviation,
        }
    }

    /// Xavier's uniform start (Glorot and Bengio 2010), and zeros where the frozen alignment should come out unchanged.
    fn initialise(&mut self, random: &mut Random) {
        for name in ["first.weight", "last.weight"] {
            let weight = self.parameters.get(name);
            let bound = (6.0 / (weight.rows + weight.cols).max(1) as f32).sqrt();
            if name == "last.weight" && self.shape.residual {
                continue;
            }
            for value in self.parameters.get_mut(name) {
                *value = bound * (2.0 * random.unit() - 1.0);
            }
        }
        self.parameters.set_scalar("residual", 1.0);
    }

    /// Which head this is.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The unit vector of one image; `conse` is not read without a residual. What has the wrong length or is not finite
    /// gives zeros, as with the frozen alignment.
    pub fn apply(&self, feature: &[f32], conse: &[f32]) -> Vec<f32> {
        let mut vector = vec![0.0; self.shape.outputs];
        let conse_fits = !self.shape.residual || conse.len() == self.shape.outputs;
        let is_finite = feature.iter().chain(conse).all(|value| value.is_finite());
        if feature.len() != self.shape.inputs || !conse_fits || !is_finite {
            return vector;
        }
        let mut x = feature.to_vec();
        self.standardise(&mut x);
        if self.shape.hidden.is_some() {
            x = self.layer("first", &x);
            x.iter_mut()
                .for_each(|z| *z = crate::elementwise::gelu(*z).0);
        }
        vector.copy_from_slice(&self.layer("last", &x));
        if self.shape.residual {
            add_scaled(&mut vector, self.parameters.scalar("residual", 1.0), conse);
        }
        normalise(&mut vector);
        vector
    }

    /// The unit vector of one text; without a text map the text as it is. The wrong length gives zeros.
    pub fn apply_text(&self, text: &[f32]) -> Vec<f32> {
        if !self.shape.text {
            return text.to_vec();
        }
        if text.len() != self.shape.outputs || !text.iter().all(|value| value.is_finite()) {
            return vec![0.0; self.shape.outputs];
        }
        let mut mapped = self.layer("text", text);
        add_scaled(&mut mapped, 1.0, text);
        normalise(&mut mapped);
        mapped
    }

    /// Subtracts the mean and divides by the deviation.
    pub(crate) fn standardise(&self, x: &mut [f32]) {
        for ((x, mean), inverse) in x.iter_mut().zip(&self.mean).zip(&self.inverse) {
            *x = (*x - mean) * inverse;
        }
    }

    fn layer(&self, name: &str, x: &[f32]) -> Vec<f32> {
        let (weight, bias) = match name {
            "first" => ("first.weight", "first.bias"),
            "last" => ("last.weight", "last.bias"),
            _ => ("text.weight", "text.bias"),
        };
        let mut out = self.parameters.get(bias).data.to_vec();
        let weight = self.parameters.get(weight);
        for (at, x) in x.iter().enumerate() {
            add_scaled(&mut out, *x, weight.row(at));
        }
        out
    }

    /// Everything that [`Head::from_tensors`] needs.
    pub fn to_tensors(&self) -> Vec<NamedTensor> {
        let inputs = self.shape.inputs;
        let mut tensors = vec![
            ("mean".to_string(), 1, inputs, self.mean.clone()),
            ("deviation".to_string(), 1, inputs, self.deviation.clone()),
        ];
        tensors.extend(self.parameters.to_tensors());
        tensors
    }

    /// A head from its tensors, in any order; its shape is read off them.
    pub fn from_tensors(tensors: &[NamedTensor]) -> Result<Self, Error> {
        let find = |name| tensors.iter().find(|tensor| tensor.0 == name);
        let cols = |name| find(name).map_or(0, |tensor| tensor.2);
        let shape = Shape {
            inputs: cols("mean"),
            hidden: find("first.weight").map(|tensor| tensor.2),
            outputs: cols("last.bias"),
            residual: find("residual").is_some(),
            text: find("text.weight").is_some(),
        };
        let is_good = shape.inputs > 0 && shape.outputs > 0 && shape.hidden != Some(0);
        expect_option(
            "tensors of a head",
            is_good,
            "mean and last.bias",
            format!("{shape:?}"),
        )?;
        let mut scaling =
            Parameters::default()
                .with("mean", 1, shape.inputs)
                .with("deviation", 1, shape.inputs);
        scaling.fill(tensors)?;
        let (mean, deviation) = scaling.values.split_at(shape.inputs);
        // The largest tensor must have come before memory is set aside for the whole head.
        let last_rows = shape.hidden.unwrap_or(shape.inputs);
        expect_size(
            "last.weight",
            last_rows * shape.outputs,
            find("last.weight").map_or(0, |tensor| tensor.3.len()),
        )?;
        let mut head = Self::with_scaling(shape, mean.to_vec(), deviation.to_vec());
        head.parameters.fill(tensors)?;
        Ok(head)
    }
}

/// The tensors of a head and, after them, the two scalars of the losses.
fn layout(shape: &Shape) -> Parameters {
    let mut parameters = Parameters::default();
    let last_rows = shape.hidden.unwrap_or(shape.inputs);
    if let Some(hidden) = shape.hidden {
        parameters =
            parameters
                .with("first.weight", shape.inputs, hidden)
                .with("first.bias", 1, hidden);
    }
    parameters = parameters
        .with("last.weight", last_rows, shape.outputs)
        .with("last.bias", 1, shape.outputs);
    if shape.residual {
        parameters = parameters.with("residual", 1, 1);
    }
    if shape.text {
        parameters = parameters
            .with("text.weight", shape.outputs, shape.outputs)
            .with("text.bias", 1, shape.outputs);
    }
    parameters.with("loss.scale", 1, 1).with("loss.bias", 1, 1)
}

/// Mean and deviation of each column over some rows. A deviation that is nothing but rounding counts as zero.
pub(crate) fn mean_and_deviation(features: &Matrix, rows: &[u32]) -> (Vec<f32>, Vec<f32>) {
    let n = rows.len().max(1) as f64;
    let mut sums = vec![(0.0f64, 0.0f64); features.cols];
    for row in rows {
        for (sum, value) in sums.iter_mut().zip(features.row(*row as usize)) {
            sum.0 += f64::from(*value);
            sum.1 += f64::from(*value).powi(2);
        }
    }
    let deviation = |(sum, squares): &(f64, f64)| {
        let variance = squares / n - (sum / n).powi(2);
        if variance > 1e-10 * (squares / n) {
            variance.sqrt() as f32
        } else {
            0.0
        }
    };
    (
        sums.iter().map(|sum| (sum.0 / n) as f32).collect(),
        sums.iter().map(deviation).collect(),
    )
}
