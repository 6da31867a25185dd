//! Which colours look alike, and how much of an image is of one.

use crate::records::Color;

/// Degrees of hue within which colours go by one name.
const HUE: f32 = 24.0;
/// Difference in lightness, of 1 from black to white, within which they do.
const LIGHTNESS: f32 = 0.25;
/// Below this chroma a colour is a grey.
const GREY: f32 = 0.045;

/// Share of an image that looks like a colour, 0 to 1.
pub fn color_share(colors: &[Color], rgb: [u8; 3]) -> f32 {
    let seen: Vec<(Look, f32)> = colors
        .iter()
        .map(|one| (Look::of(one.rgb), one.share))
        .collect();
    share_like(&seen, Look::of(rgb))
}

/// The same of looks with their shares.
pub(crate) fn share_like(seen: &[(Look, f32)], like: Look) -> f32 {
    let alike = seen.iter().filter(|(look, _)| look.is_like(like));
    alike.map(|(_, share)| share).sum()
}

/// A colour as it is seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    lightness: f32,
    chroma: f32,
    /// In degrees; means nothing for greys.
    hue: f32,
}

impl Look {
    /// OKLab (Ottosson 2020) in polar coordinates.
    pub(crate) fn of(rgb: [u8; 3]) -> Look {
        let [r, g, b] = rgb.map(linear);
        let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
        let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
        let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
        let lightness = 0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s;
        let green_red = 1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s;
        let blue_yellow = 0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s;
        Look {
            lightness,
            chroma: green_red.hypot(blue_yellow),
            hue: blue_yellow.atan2(green_red).to_degrees(),
        }
    }

    fn is_like(self, other: Look) -> bool {
        let turn = (self.hue - other.hue).abs();
        let hues_meet = turn.min(360.0 - turn) <= HUE;
        let is_grey = self.chroma < GREY;
        (self.lightness - other.lightness).abs() <= LIGHTNESS
            && is_grey == (other.chroma < GREY)
            && (is_grey || hues_meet)
    }
}

/// A number of sRGB as an amount of light (IEC 61966-2-1).
fn linear(number: u8) -> f32 {
    let number = f32::from(number) / 255.0;
    if number <= 0.040_45 {
        number / 12.92
    } else {
        ((number + 0.055) / 1.055).powf(2.4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rgb: u32, alike: &[u32], unlike: &[u32]) {
        let bytes = |rgb: u32| [(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8];
        let share = |other: u32| {
            let color = Color {
                rgb: bytes(other),
                share: 0.5,
            };
            color_share(&[color], bytes(rgb))
        };
        for &other in alike {
            assert_eq!(share(other), 0.5, "{rgb:06x} and {other:06x}");
        }
        for &other in unlike {
            assert_eq!(share(other), 0.0, "{rgb:06x} and {other:06x}");
        }
    }

    #[test]
    fn colours_of_one_name_are_alike() {
        check(
            0xe0_20_20,
            &[0xb0_30_30, 0xff_00_00, 0xc0_40_30],
            &[0x20_c0_20, 0xff_c0_cb, 0x80_80_80],
        );
        check(
            0x20_50_d0,
            &[0x30_60_c0, 0x10_30_a0],
            &[0xe0_20_20, 0x20_a0_40, 0xf0_f0_f0],
        );
        check(
            0x30_a0_30,
            &[0x40_80_30, 0x20_c0_40],
            &[0x20_50_d0, 0xf0_e0_20],
        );
        check(
            0xff_ff_ff,
            &[0xf0_f0_f0, 0xe0_e2_e0],
            &[0x00_00_00, 0x40_40_40],
        );
        check(
            0x00_00_00,
            &[0x10_10_12, 0x0a_0a_0a],
            &[0xff_ff_ff, 0x80_80_80],
        );
    }
}
