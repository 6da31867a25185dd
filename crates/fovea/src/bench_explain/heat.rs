//! Two pictures on one ground, and the words for one of them: the pointing game (Zhang et al., "Top-down neural attention by
//! excitation backprop", 2016) asks whether the hottest place lies on the thing that was asked for.

use std::path::PathBuf;

use fovea_decode::{Filter, Pixels, resize};
use fovea_engine::explain::{Fill, HeatOptions, Occlusion, See};
use fovea_engine::{Engine, Heat, space};
use fovea_index::Random;
use fovea_vectordb::Region;

use super::{ClipArt, dot};
use crate::bench_ann::Bar;
use crate::settings::Settings;

const SCENES: usize = 20;
const WIDTH: u32 = 480;
const HEIGHT: u32 = 320;
/// The longer side of a thing, in pixels.
const THING: std::ops::Range<usize> = 130..210;
const LONGEST_TITLE: usize = 30;
/// Titles that are more alike than this may be of the same thing.
const ALIKE: f32 = 0.35;
/// A thing that its words do not find among so many others is not known to the model, and cannot be pointed at.
const KNOWN: usize = 10;
const CANDIDATES: usize = 1_500;

/// Settings that are compared; the first are those of `explain`.
fn compared() -> Vec<(&'static str, HeatOptions)> {
    let ours = HeatOptions::default;
    vec![
        ("as explain does", ours()),
        (
            "shown in place",
            HeatOptions {
                zoom: false,
                ..ours()
            },
        ),
        (
            "larger patches",
            HeatOptions {
                sides: vec![0.55, 0.4],
                ..ours()
            },
        ),
        (
            "middle grey",
            HeatOptions {
                fill: Fill::Grey,
                ..ours()
            },
        ),
    ]
}

/// What is looked at, from one encoding of all.
const SEEN: [(&str, See); 3] = [
    ("hidden and shown", See::Both),
    ("hidden", See::Rest),
    ("shown", See::Patch),
];

/// A picture of something that its words find.
struct Thing {
    path: PathBuf,
    title: String,
    text: Vec<f32>,
}

/// Two things on one picture.
struct Scene<'a> {
    picture: Pixels,
    things: [(&'a Thing, Region); 2],
}

pub fn measure(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let clips = ClipArt::open(settings, say)?;
    let engine = &clips.engine;
    let things = things(&clips)?;
    say(&format!("{} things that their titles find", things.len()));
    let scenes = scenes(engine, &things)?;
    let mut ours = None;
    for (name, options) in compared() {
        let found = game(engine, &scenes, &options)?;
        for ((seen, _), (pointed, inside)) in SEEN.iter().zip(found) {
            say(&format!(
                "{name:<16} {seen:<17} hottest place on the thing {pointed:.3}, share of the heat {inside:.3}"
            ));
            ours.get_or_insert((pointed, inside));
        }
    }
    let (pointed, inside) = ours.unwrap_or_default();
    let area = scenes
        .iter()
        .flat_map(|scene| &scene.things)
        .map(|(_, place)| place.w * place.h);
    let chance = f64::from(area.sum::<f32>()) / (2 * scenes.len().max(1)) as f64;
    Ok(vec![
        Bar::at_least(
            "queries whose hottest place lies on the thing that was asked for",
            pointed,
            "",
            0.8,
        ),
        Bar::at_least("share of the heat that lies on it", inside, "", 0.5),
        Bar::at_most(
            "share of the picture that it is, which is what chance gives",
            chance,
            "",
            0.25,
        ),
    ])
}

/// How often the hottest place, and how much of the heat, lies on the thing, for each of what may be looked at.
fn game(
    engine: &Engine,
    scenes: &[Scene<'_>],
    options: &HeatOptions,
) -> anyhow::Result<[(f64, f64); 3]> {
    let mut sums = [(0.0, 0.0); 3];
    for scene in scenes {
        let occlusion = engine.occlude(&scene.picture, options)?;
        for ((_, see), sum) in SEEN.iter().zip(&mut sums) {
            let occlusion = occlusion.only(*see);
            for (thing, place) in &scene.things {
                let (hit, share) = on(&asked(engine, &occlusion, &thing.text), place);
                sum.0 += f64::from(u8::from(hit));
                sum.1 += share;
            }
        }
    }
    let n = (2 * scenes.len().max(1)) as f64;
    Ok(sums.map(|(pointed, inside)| (pointed / n, inside / n)))
}

fn asked(engine: &Engine, occlusion: &Occlusion, text: &[f32]) -> Heat {
    occlusion.heat(&|feature| dot(&engine.encoder().image_vector(feature), text))
}

/// Whether the hottest cell lies in a place, and what share of the heat does.
fn on(heat: &Heat, place: &Region) -> (bool, f64) {
    let is_in = |column: usize, row: usize| {
        let x = (column as f32 + 0.5) / heat.columns as f32;
        let y = (row as f32 + 0.5) / heat.rows as f32;
        (place.x..=place.x + place.w).contains(&x) && (place.y..=place.y + place.h).contains(&y)
    };
    let hit = heat
        .peak()
        .is_some_and(|(column, row, _)| is_in(column, row));
    let (mut inside, mut all) = (0.0, 0.0);
    for (at, gain) in heat
        .gains
        .iter()
        .enumerate()
        .filter(|(_, gain)| **gain > 0.0)
    {
        all += f64::from(*gain);
        if is_in(at % heat.columns, at / heat.columns) {
            inside += f64::from(*gain);
        }
    }
    (hit, if all > 0.0 { inside / all } else { 0.0 })
}

/// Pictures among the nearest to their own titles.
fn things(clips: &ClipArt) -> anyhow::Result<Vec<Thing>> {
    let mut vectors = clips.vectors(space::IMAGE)?;
    Random::new(1).shuffle(&mut vectors);
    vectors.truncate(CANDIDATES);
    let mut things = Vec::new();
    for (path, image) in &vectors {
        let title = clips.title(path)?;
        let Some(title) = title.filter(|title| title.chars().count() < LONGEST_TITLE) else {
            continue;
        };
        let text = clips.engine.encoder().text_vector(&title)?;
        let own = dot(image, &text);
        let above = vectors.iter().filter(|(_, other)| dot(other, &text) > own);
        if above.take(KNOWN).count() < KNOWN {
            things.push(Thing {
                path: path.clone(),
                title,
                text,
            });
        }
    }
    Ok(things)
}

/// Pairs of things that are not alike, each on its side.
fn scenes<'a>(engine: &Engine, things: &'a [Thing]) -> anyhow::Result<Vec<Scene<'a>>> {
    let mut random = Random::new(2);
    let mut order: Vec<&Thing> = things.iter().collect();
    random.shuffle(&mut order);
    let mut scenes = Vec::new();
    while let (Some(left), true) = (order.pop(), scenes.len() < SCENES) {
        let differs =
            |other: &&Thing| dot(&left.text, &other.text) < ALIKE && left.title != other.title;
        let Some(at) = order.iter().rposition(differs) else {
            break;
        };
        scenes.push(compose(engine, [left, order.remove(at)], &mut random)?);
    }
    Ok(scenes)
}

fn compose<'a>(
    engine: &Engine,
    things: [&'a Thing; 2],
    random: &mut Random,
) -> anyhow::Result<Scene<'a>> {
    let mut data = vec![255u8; WIDTH as usize * HEIGHT as usize * 3];
    let mut places = Vec::new();
    for (half, thing) in things.into_iter().enumerate() {
        let picture = engine.picture_at(&thing.path)?;
        let long = (THING.start + random.below(THING.len())) as f32;
        let scale = long / picture.width().max(picture.height()) as f32;
        let scaled = |side: u32| ((side as f32 * scale).round() as u32).max(1);
        let small = resize(
            &picture,
            scaled(picture.width()),
            scaled(picture.height()),
            Filter::Bilinear,
        );
        let free = |room: u32, side: u32, random: &mut Random| {
            random.below(room.saturating_sub(side) as usize + 1) as u32
        };
        let x = half as u32 * WIDTH / 2 + free(WIDTH / 2, small.width(), random);
        let y = free(HEIGHT, small.height(), random);
        put(&mut data, &small, (x, y));
        let part = |at: u32, side: u32| at as f32 / side as f32;
        let place = Region {
            x: part(x, WIDTH),
            y: part(y, HEIGHT),
            w: part(small.width(), WIDTH),
            h: part(small.height(), HEIGHT),
        };
        places.push((thing, place));
    }
    let picture = Pixels::new(WIDTH, HEIGHT, data);
    let things: [(&Thing, Region); 2] = places
        .try_into()
        .map_err(|_| anyhow::anyhow!("two things"))?;
    Ok(Scene {
        picture: picture.ok_or_else(|| anyhow::anyhow!("a scene has this size"))?,
        things,
    })
}

fn put(data: &mut [u8], picture: &Pixels, (x, y): (u32, u32)) {
    let row_bytes = picture.width() as usize * 3;
    for row in 0..picture.height() {
        let to = ((y + row) * WIDTH + x) as usize * 3;
        let from = row as usize * row_bytes;
        data[to..to + row_bytes].copy_from_slice(&picture.data()[from..from + row_bytes]);
    }
}
