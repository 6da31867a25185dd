//! When two pictures are the same one. Chosen with the fit half of the clips alone, by `fovea bench dedupe --fit`.

use super::evidence::Evidence;

/// Whether the coarse squares are alike enough for a second look. They are not quite in place, which differs at every edge.
pub fn is_worth_a_look(evidence: &Evidence) -> bool {
    let is_explained =
        evidence.unexplained <= 0.2 || (evidence.unmarked <= 0.08 && evidence.one_sided >= 0.85);
    is_explained
        && evidence.color <= 0.5
        && evidence.hue <= 60.0
        && is_toned(evidence.placement.gain, 1.8)
}

/// Contrast of the one over that of the other. A change of a fifth is promised; what was cut off at white or black looks like more.
const MOST_GAIN: f32 = 1.6;
/// Of the variation of colour, and of colour at one place, in steps of 255: what saving, shrinking and small shifts may change.
const MOST_COLOR: f32 = 0.2;
const MOST_HUE: f32 = 26.0;
/// What remains of nearly every copy, without another question.
const NOTHING: f32 = 0.006;
/// What may remain at most where it is spread evenly, as what is lost by shrinking and shifting is; and how much in one small window,
/// for what remains of less and of more than [`LITTLE`].
const MOST_UNEXPLAINED: f32 = 0.06;
const LITTLE: f32 = 0.03;
const SPOTS: [f32; 2] = [0.3, 0.4];
/// From here on what is all in one place, or all brighter or all darker, was added or exchanged.
const NOTABLE: f32 = 0.012;
/// Share of what differs that lies outside of a box where all of it is in one place.
const IN_ONE_PLACE: f32 = 0.25;

/// Whether the finer squares are those of one picture.
pub fn is_same_picture(evidence: &Evidence) -> bool {
    let is_one_color = evidence.color <= MOST_COLOR && evidence.hue <= MOST_HUE;
    if !is_one_color || !is_toned(evidence.placement.gain, MOST_GAIN) {
        return false;
    }
    if evidence.unexplained <= NOTHING || is_a_mark(evidence) {
        return true;
    }
    let is_in_one_place = evidence.unmarked < IN_ONE_PLACE * evidence.unexplained;
    let is_added = is_in_one_place || evidence.one_sided >= ONE_SIDED;
    if is_added && evidence.unexplained > NOTABLE {
        return false;
    }
    let spot = SPOTS[usize::from(evidence.unexplained >= LITTLE)];
    evidence.unexplained <= MOST_UNEXPLAINED && evidence.spot <= spot
}

/// A mark makes all that it covers brighter, or all of it darker, and adds no colour.
const ONE_SIDED: f32 = 0.97;
const MARK_COLOR: f32 = 0.03;
const MARK_HUE: f32 = 12.0;
/// It hides a part of the picture and not more than there is in it, and outside of it nothing differs.
const MARK_HIDES: f32 = 1.0;
const BESIDE_MARK: f32 = 0.02;
const SPOT_BESIDE_MARK: f32 = 0.35;

/// Whether all that differs looks like a watermark on one of the two.
pub fn is_a_mark(evidence: &Evidence) -> bool {
    let beside = BESIDE_MARK.min(IN_ONE_PLACE * evidence.unexplained);
    (NOTHING..MARK_HIDES).contains(&evidence.unexplained)
        && evidence.one_sided >= ONE_SIDED
        && evidence.unmarked <= beside
        && evidence.spot <= SPOT_BESIDE_MARK
        && evidence.color <= MARK_COLOR
        && evidence.hue <= MARK_HUE
}

fn is_toned(gain: f32, most: f32) -> bool {
    (1.0 / most..=most).contains(&gain)
}

#[cfg(test)]
mod tests {
    use fovea_decode::Pixels;

    use super::super::evidence::{Evidence, Prepared, compare};
    use super::super::sketch::{FINE_SIDE, Sketch};
    use super::super::turn::Turn;
    use super::*;

    const SIDE: u32 = 256;

    /// Discs and boxes; `change` paints over them.
    fn picture(change: impl Fn(u32, u32, [u8; 3]) -> [u8; 3]) -> Pixels {
        let mut data = Vec::new();
        for y in 0..SIDE {
            for x in 0..SIDE {
                let distance = |cx: u32, cy: u32| x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2);
                let rgb = match () {
                    () if distance(80, 90) < 1_600 => [200, 60, 40],
                    () if distance(190, 60) < 900 => [40, 80, 190],
                    () if (120..230).contains(&x) && (150..210).contains(&y) => [60, 140, 60],
                    () => [225, 225, 215],
                };
                data.extend(change(x, y, rgb));
            }
        }
        Pixels::new(SIDE, SIDE, data).unwrap()
    }

    fn laid(here: &Pixels, other: &Pixels, turn: Turn) -> Option<Evidence> {
        let sketch =
            |pixels: &Pixels| Sketch::of(pixels, pixels.width(), pixels.height(), FINE_SIDE);
        let (here, other) = (sketch(here), sketch(other));
        compare(
            &Prepared::of(&here, Turn::NONE),
            &Prepared::of(&other, turn),
            None,
        )
    }

    fn is_same(here: &Pixels, other: &Pixels) -> bool {
        laid(here, other, Turn::NONE).is_some_and(|evidence| is_same_picture(&evidence))
    }

    #[test]
    fn a_crop_is_found_where_it_was_cut() {
        let whole = picture(|_, _, rgb| rgb);
        for (x, y, width, height) in [(20, 0, 236, 240), (0, 13, 231, 243), (12, 25, 244, 231)] {
            let cut = whole.cropped(x, y, width, height).unwrap();
            let found = laid(&whole, &cut, Turn::NONE).unwrap();
            assert!(is_same_picture(&found), "{found:?}");
            // A place of the whole, in the crop's own fractions.
            let (side, placement) = (SIDE as f32, found.placement);
            let scales = [side / width as f32, side / height as f32];
            let shifts = [-(x as f32) / width as f32, -(y as f32) / height as f32];
            for (axis, (scale, shift)) in [placement.x, placement.y]
                .iter()
                .zip(scales.into_iter().zip(shifts))
            {
                assert!((axis.scale - scale).abs() < 0.01, "{placement:?}");
                assert!((axis.shift - shift).abs() < 0.01, "{placement:?}");
            }
            assert!(is_same_picture(&laid(&cut, &whole, Turn::NONE).unwrap()));
        }
    }

    #[test]
    fn tone_and_grey_do_not_count_and_another_hue_does() {
        let whole = picture(|_, _, rgb| rgb);
        let darker = picture(|_, _, rgb| rgb.map(|x| (f32::from(x) * 0.8 + 10.0) as u8));
        // By Rec. 601, by Rec. 709, and by the mean.
        for weights in [
            [0.299, 0.587, 0.114],
            [0.213, 0.715, 0.072],
            [0.333, 0.333, 0.333],
        ] {
            let gray = picture(|_, _, rgb| {
                let weighed = rgb.iter().zip(weights).map(|(x, w)| f32::from(*x) * w);
                [weighed.sum::<f32>() as u8; 3]
            });
            let evidence = laid(&whole, &gray, Turn::NONE);
            assert!(
                evidence.is_some_and(|one| is_same_picture(&one)),
                "{evidence:?}"
            );
        }
        let recolored = picture(|_, _, [r, g, b]| [b, g, r]);
        assert!(is_same(&whole, &darker));
        assert!(!is_same(&whole, &recolored));
    }

    #[test]
    fn a_mark_does_not_count_and_an_exchanged_detail_does() {
        let whole = picture(|_, _, rgb| rgb);
        let mark = |x: u32, y: u32| (20..76).contains(&x) && (180..236).contains(&y);
        let marked = picture(|x, y, rgb| match mark(x, y) && (x / 7 + y / 9) % 2 == 0 {
            true => rgb.map(|value| value / 2),
            false => rgb,
        });
        let evidence = laid(&whole, &marked, Turn::NONE).unwrap();
        assert!(
            is_same_picture(&evidence) && is_a_mark(&evidence),
            "{evidence:?}"
        );
        // The blue disc went down a little.
        let moved = picture(|x, y, rgb| {
            let distance = |cy: u32| x.abs_diff(190).pow(2) + y.abs_diff(cy).pow(2);
            match (distance(60) < 900, distance(84) < 900) {
                (_, true) => [40, 80, 190],
                (true, false) => [225, 225, 215],
                _ => rgb,
            }
        });
        assert!(!is_same(&whole, &moved));
    }

    #[test]
    fn what_is_no_crop_is_not_laid() {
        let whole = picture(|_, _, rgb| rgb);
        let half = whole.cropped(60, 60, 150, 150).unwrap();
        assert!(!is_same(&whole, &half));
    }
}
