//! The few colours that make up most of a picture.
//!
//! A 64x64 thumbnail is clustered in Oklab (Ottosson, "A perceptual color space for image processing", 2020), where
//! distance is near to what an eye sees, by k-means from starting colours picked as far apart as the picture allows.
//! Nothing is random: the same pixels give the same colours.

use std::sync::LazyLock;

use crate::{Filter, Pixels, resize};

/// Changes whenever [`colors`] would give something else for the same pixels.
pub const COLOR_VERSION: u32 = 1;

const MAX_COLORS: usize = 5;
const SIDE: u32 = 64;
const ROUNDS: usize = 8;
/// Clusters nearer than this in Oklab (about four just noticeable differences) are one colour.
const MERGE_DISTANCE: f32 = 0.08;
/// Less than this of the picture is not a dominant colour.
const MIN_SHARE: f32 = 0.02;

/// One dominant colour and the share of the picture it stands for (0 to 1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color {
    pub rgb: [u8; 3],
    pub share: f32,
}

pub(crate) type Lab = [f32; 3];

#[derive(Clone, Copy)]
struct Cluster {
    center: Lab,
    count: usize,
}

/// At most five colours, largest share first; shares are of the whole picture, so they may sum to less than 1.
pub fn colors(pixels: &Pixels) -> Vec<Color> {
    let thumbnail = resize(
        pixels,
        pixels.width().min(SIDE),
        pixels.height().min(SIDE),
        Filter::Box,
    );
    let points: Vec<Lab> = thumbnail
        .data()
        .chunks_exact(3)
        .map(|rgb| to_oklab([rgb[0], rgb[1], rgb[2]]))
        .collect();
    let mut clusters = merged(clustered(&points));
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.count));
    let share = |cluster: &Cluster| cluster.count as f32 / points.len() as f32;
    let dominant = clusters
        .iter()
        .filter(|cluster| share(cluster) >= MIN_SHARE);
    dominant
        .map(|cluster| Color {
            rgb: to_srgb(cluster.center),
            share: share(cluster),
        })
        .collect()
}

fn clustered(points: &[Lab]) -> Vec<Cluster> {
    let mut centers = spread_out(points);
    let mut clusters = Vec::new();
    for _ in 0..ROUNDS {
        clusters = assigned(points, &centers);
        centers = clusters
            .iter()
            .map(|cluster: &Cluster| cluster.center)
            .collect();
    }
    clusters
}

/// Starting colours: the mean, then whichever point is farthest from all chosen so far.
fn spread_out(points: &[Lab]) -> Vec<Lab> {
    let mut centers = vec![mean(points)];
    let mut nearest: Vec<f32> = points
        .iter()
        .map(|&point| distance(point, centers[0]))
        .collect();
    while centers.len() < MAX_COLORS {
        let Some(farthest) = (0..points.len()).max_by(|&a, &b| nearest[a].total_cmp(&nearest[b]))
        else {
            break;
        };
        if nearest[farthest] == 0.0 {
            break;
        }
        let center = points[farthest];
        centers.push(center);
        for (nearest, &point) in nearest.iter_mut().zip(points) {
            *nearest = nearest.min(distance(point, center));
        }
    }
    centers
}

/// Each point goes to its nearest centre; centres without points leave.
fn assigned(points: &[Lab], centers: &[Lab]) -> Vec<Cluster> {
    let mut sums = vec![([0.0f32; 3], 0usize); centers.len()];
    for &point in points {
        let mut nearest = (f32::INFINITY, 0);
        for (at, &center) in centers.iter().enumerate() {
            let apart = distance(point, center);
            if apart < nearest.0 {
                nearest = (apart, at);
            }
        }
        let (sum, count) = &mut sums[nearest.1];
        sum.iter_mut()
            .zip(point)
            .for_each(|(sum, value)| *sum += value);
        *count += 1;
    }
    let filled = sums.into_iter().filter(|&(_, count)| count > 0);
    filled
        .map(|(sum, count)| Cluster {
            center: sum.map(|value| value / count as f32),
            count,
        })
        .collect()
}

fn merged(clusters: Vec<Cluster>) -> Vec<Cluster> {
    let mut kept: Vec<Cluster> = Vec::new();
    for cluster in clusters {
        let near = kept
            .iter_mut()
            .find(|other| distance(other.center, cluster.center) < MERGE_DISTANCE * MERGE_DISTANCE);
        let Some(other) = near else {
            kept.push(cluster);
            continue;
        };
        let count = other.count + cluster.count;
        let weight = cluster.count as f32 / count as f32;
        other.center = std::array::from_fn(|at| {
            other.center[at] * (1.0 - weight) + cluster.center[at] * weight
        });
        other.count = count;
    }
    kept
}

fn mean(points: &[Lab]) -> Lab {
    let sum = points.iter().fold([0.0f32; 3], |sum, point| {
        std::array::from_fn(|at| sum[at] + point[at])
    });
    sum.map(|value| value / points.len() as f32)
}

/// Squared.
fn distance(a: Lab, b: Lab) -> f32 {
    (0..3).map(|at| (a[at] - b[at]) * (a[at] - b[at])).sum()
}

pub(crate) fn to_oklab(rgb: [u8; 3]) -> Lab {
    static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
        std::array::from_fn(|value| {
            let value = value as f32 / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        })
    });
    let [r, g, b] = rgb.map(|value| LINEAR[usize::from(value)]);
    let l = (0.412_221_47 * r + 0.536_332_54 * g + 0.051_445_995 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_84 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

fn to_srgb([lightness, a, b]: Lab) -> [u8; 3] {
    let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    let linear = [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ];
    linear.map(|value| {
        let value = value.clamp(0.0, 1.0);
        let gamma = if value <= 0.003_130_8 {
            value * 12.92
        } else {
            1.055 * value.powf(1.0 / 2.4) - 0.055
        };
        (gamma * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(parts: &[([u8; 3], u32)]) -> Pixels {
        let height: u32 = parts.iter().map(|&(_, rows)| rows).sum();
        let data = parts
            .iter()
            .flat_map(|&(rgb, rows)| (0..rows * 64).flat_map(move |_| rgb))
            .collect();
        Pixels::new(64, height, data).unwrap()
    }

    fn check(parts: &[([u8; 3], u32)], expect: &[([u8; 3], f32)]) {
        let found = colors(&stripes(parts));
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (color, (rgb, share)) in found.iter().zip(expect) {
            let near = color.rgb.iter().zip(rgb).all(|(a, b)| a.abs_diff(*b) <= 2);
            assert!(
                near && (color.share - share).abs() < 0.01,
                "{color:?} is not {rgb:?} {share}"
            );
        }
    }

    #[test]
    fn dominant_colors_and_their_shares() {
        check(&[([200, 30, 40], 64)], &[([200, 30, 40], 1.0)]);
        check(&[([0, 0, 0], 64)], &[([0, 0, 0], 1.0)]);
        check(
            &[([255, 255, 255], 16), ([0, 0, 255], 48)],
            &[([0, 0, 255], 0.75), ([255, 255, 255], 0.25)],
        );
        check(
            &[([250, 0, 0], 30), ([0, 250, 0], 20), ([0, 0, 250], 14)],
            &[
                ([250, 0, 0], 0.469),
                ([0, 250, 0], 0.3125),
                ([0, 0, 250], 0.219),
            ],
        );
        // Two reds no eye tells apart are one colour.
        check(
            &[([200, 30, 40], 32), ([203, 31, 41], 32)],
            &[([202, 30, 40], 1.0)],
        );
    }

    #[test]
    fn oklab_goes_there_and_back() {
        for rgb in [
            [0, 0, 0],
            [255, 255, 255],
            [255, 0, 0],
            [12, 200, 99],
            [1, 2, 3],
        ] {
            assert_eq!(to_srgb(to_oklab(rgb)), rgb);
        }
    }
}
