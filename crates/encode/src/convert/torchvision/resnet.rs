//! ResNet, ResNeXt and Wide ResNet: four stages of blocks with a way around each.

use super::End;
use super::builder::{Builder, Conv, Planes};

/// Blocks of each stage, of those that have a name; whether their blocks are bottlenecks.
const DEPTHS: [([usize; 4], bool, &str); 5] = [
    ([2, 2, 2, 2], false, "resnet18"),
    ([3, 4, 6, 3], false, "resnet34"),
    ([3, 4, 6, 3], true, "resnet50"),
    ([3, 4, 23, 3], true, "resnet101"),
    ([3, 8, 36, 3], true, "resnet152"),
];

pub fn make(builder: &mut Builder) -> Result<End, String> {
    let is_bottleneck = builder.has("layer1.0.conv3.weight");
    let stem = Conv {
        name: "conv1",
        norm: Some("bn1"),
        side: 7,
        stride: 2,
    };
    let pixels = builder.pixels();
    let top = builder.conv(&pixels, &stem)?;
    let top = builder.relu(&top);
    let mut top = builder.max_pool(&top, 3, 1);
    let mut depths = [0; 4];
    for (stage, depth) in depths.iter_mut().enumerate() {
        loop {
            let name = format!("layer{}.{depth}", stage + 1);
            if !builder.has(&format!("{name}.conv1.weight")) {
                break;
            }
            let stride = if *depth == 0 && stage > 0 { 2 } else { 1 };
            top = block(builder, &top, &name, stride)?;
            *depth += 1;
        }
        if *depth == 0 {
            return Err(format!("it lacks `layer{}.0.conv1.weight`", stage + 1));
        }
    }
    let known = DEPTHS
        .iter()
        .find(|known| (known.0, known.1) == (depths, is_bottleneck));
    Ok(End {
        family: known.map_or("resnet", |known| known.2).to_owned(),
        output: builder.means(&top),
        dim: top.channels,
        classifier: "fc",
    })
}

/// Two convolutions, or three of which the outer ones see one pixel; a bottleneck has its stride in the middle one.
fn block(
    builder: &mut Builder,
    input: &Planes,
    name: &str,
    stride: usize,
) -> Result<Planes, String> {
    let is_bottleneck = builder.has(&format!("{name}.conv3.weight"));
    let kernels: &[(usize, usize)] = match is_bottleneck {
        true => &[(1, 1), (3, stride), (1, 1)],
        false => &[(3, stride), (3, 1)],
    };
    let mut top = input.clone();
    for (at, (side, stride)) in kernels.iter().enumerate() {
        if at > 0 {
            top = builder.relu(&top);
        }
        let conv = Conv {
            name: &format!("{name}.conv{}", at + 1),
            norm: Some(&format!("{name}.bn{}", at + 1)),
            side: *side,
            stride: *stride,
        };
        top = builder.conv(&top, &conv)?;
    }
    let around = match builder.has(&format!("{name}.downsample.0.weight")) {
        true => {
            let conv = Conv {
                name: &format!("{name}.downsample.0"),
                norm: Some(&format!("{name}.downsample.1")),
                side: 1,
                stride,
            };
            builder.conv(input, &conv)?
        }
        false => input.clone(),
    };
    if around.channels != top.channels || (stride > 1 && around.name == input.name) {
        return Err(format!("it lacks `{name}.downsample.0.weight`"));
    }
    let sum = builder.sum(&format!("{name}.sum"), &top, &around);
    Ok(builder.relu(&sum))
}
