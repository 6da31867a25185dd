//! VGG, with and without batch normalisation: convolutions, halved five times on the way, and two layers over all of it.

use super::builder::{Builder, Conv};
use super::{End, SIDE};

/// Convolutions of those that have a name.
const DEPTHS: [(usize, &str); 4] = [(8, "vgg11"), (10, "vgg13"), (13, "vgg16"), (16, "vgg19")];
/// How often planes are halved; of 224 pixels seven are left.
const HALVINGS: usize = 5;

pub fn make(builder: &mut Builder) -> Result<End, String> {
    let places = places(builder);
    let mut top = builder.pixels();
    let (mut halvings, mut is_normed) = (0, false);
    for (at, place) in places.iter().enumerate() {
        let norm = format!("features.{}", place + 1);
        is_normed = builder.has(&format!("{norm}.running_mean"));
        let conv = Conv {
            name: &format!("features.{place}"),
            norm: is_normed.then_some(norm.as_str()),
            side: 3,
            stride: 1,
        };
        top = builder.conv(&top, &conv)?;
        top = builder.relu(&top);
        // After the activation comes the next convolution, or one step further a pooling; it ends with one.
        let next = place + if is_normed { 3 } else { 2 };
        let is_halved = match places.get(at + 1) {
            Some(following) if *following == next => false,
            Some(following) if *following == next + 1 => true,
            Some(following) => {
                return Err(format!(
                    "between features.{place} and features.{following} lies what VGG has not"
                ));
            }
            None => true,
        };
        if is_halved {
            top = builder.max_pool(&top, 2, 0);
            halvings += 1;
        }
    }
    if halvings != HALVINGS {
        return Err(format!(
            "it halves its planes {halvings} times, and VGG {HALVINGS}"
        ));
    }
    let side = SIDE as usize >> HALVINGS;
    let mut feature = builder.flat(&top.name);
    let mut dim = top.channels * side * side;
    for name in ["classifier.0", "classifier.3"] {
        let (scores, outputs) = builder.linear(&feature, dim, name)?;
        feature = builder.node("Relu", &[&scores], &format!("{name}.relu"), Vec::new());
        dim = outputs;
    }
    let known = DEPTHS.iter().find(|known| known.0 == places.len());
    let family = known.map_or("vgg", |known| known.1);
    Ok(End {
        family: format!("{family}{}", if is_normed { "_bn" } else { "" }),
        output: feature,
        dim,
        classifier: "classifier.6",
    })
}

/// The numbers of the convolutions, in order.
fn places(builder: &Builder) -> Vec<usize> {
    let numbers = builder.names().filter_map(|name| {
        let number = name.strip_prefix("features.")?.strip_suffix(".weight")?;
        (builder.shape(name).len() == 4).then(|| number.parse().ok())?
    });
    let mut places: Vec<usize> = numbers.filter(|place| *place < 1 << 16).collect();
    places.sort_unstable();
    places
}
