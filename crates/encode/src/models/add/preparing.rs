//! How pictures are prepared, from `preprocessor_config.json` of `transformers` or `preprocess_cfg` of `open_clip`.

use std::path::Path;

use serde_json::Value;

use super::settings::Json;
use crate::error::Error;
use crate::image::Resampling;
use crate::towers::{Fitting, Middle, Preparation};

/// No image network reads a larger square.
const SIDE_MAX: u64 = 4096;

/// What the folder says of it. Nothing is assumed: wrong numbers would cost answers without an error.
pub fn read(folder: &Path) -> Result<Preparation, Error> {
    if let Some(json) = Json::first(folder, &["preprocessor_config.json"])? {
        // The processor of jina-clip has the steps of `open_clip`, and its words for them.
        let is_jina = |class: &str| class.starts_with("JinaCLIP");
        return match json.text("/image_processor_type").is_some_and(is_jina) {
            true => of_open_clip(&json),
            false => of_transformers(&json),
        };
    }
    if let Some(json) = Json::first(
        folder,
        &["visual/preprocess_cfg.json", "preprocess_cfg.json"],
    )? {
        return of_open_clip(&json);
    }
    if let Some(json) = Json::first(folder, &["open_clip_config.json"])? {
        let Some(part) = json.part("/preprocess_cfg") else {
            return Err(json.refuse("it lacks preprocess_cfg"));
        };
        let mut part = part;
        if part.value.get("size").is_none() {
            let side = json
                .value
                .pointer("/model_cfg/vision_cfg/image_size")
                .cloned();
            part.value["size"] = side.unwrap_or(Value::Null);
        }
        return of_open_clip(&part);
    }
    Err(Error::Unusable {
        path: folder.into(),
        what: "no file says how pictures are prepared; put the model's preprocessor_config.json, preprocess_cfg.json or \
               open_clip_config.json there"
            .into(),
    })
}

/// A processor of `transformers`: a step that is not named is what its class does by default.
fn of_transformers(json: &Json) -> Result<Preparation, Error> {
    let class = ["/image_processor_type", "/feature_extractor_type"];
    let class = class.iter().find_map(|at| json.text(at));
    let crops = does(
        json,
        "do_center_crop",
        class.is_none_or(|class| class.contains("CLIP")),
    );
    let unknown = ["do_pad", "include_top", "rescale_offset"];
    if !does(json, "do_resize", true) || unknown.iter().any(|step| does(json, step, false)) {
        return Err(json.refuse(
            "it prepares pictures in a way that is not known here (do_resize, do_pad, include_top or rescale_offset)",
        ));
    }
    let (fitting, side) = match class.is_some_and(|class| class.starts_with("ConvNext")) {
        true => fitting_of_convnext(json)?,
        false => fitting_of(json, crops)?,
    };
    let filter = match json.number("/resample") {
        Some(1) => Resampling::Lanczos3,
        Some(2) => Resampling::Bilinear,
        Some(3) => Resampling::Bicubic,
        other => return Err(json.refuse(format!("its resample is {other:?}, expected 1, 2 or 3"))),
    };
    let factor = json.value.get("rescale_factor");
    let scale = match does(json, "do_rescale", true) {
        true => factor.map_or(Some(1.0 / 255.0), Value::as_f64),
        false => Some(1.0),
    };
    let scale = scale.ok_or_else(|| json.refuse("its rescale_factor is no number"))? as f32;
    let (mean, deviation) = match does(json, "do_normalize", true) {
        true => (three(json, "image_mean")?, three(json, "image_std")?),
        false => ([0.0; 3], [1.0; 3]),
    };
    let found = Preparation {
        side: side as u32,
        fitting,
        filter,
        scale,
        mean,
        deviation,
    };
    checked(json, found)
}

/// The processor of ConvNeXT, which ResNet has too: of small squares a part is cut off, large ones are squashed.
fn fitting_of_convnext(json: &Json) -> Result<(Fitting, u64), Error> {
    const LARGE: u64 = 384;
    const KEPT: f64 = 224.0 / 256.0;
    let side = json.value.get("size").and_then(shortest);
    let side = side.ok_or_else(|| json.refuse("its size is no shortest_edge"))?;
    let kept = match json.value.get("crop_pct").filter(|kept| !kept.is_null()) {
        Some(kept) => kept.as_f64(),
        None => Some(KEPT),
    };
    match kept {
        _ if side >= LARGE => Ok((Fitting::Squash, side)),
        Some(kept) if kept > 0.0 && kept <= 1.0 => {
            let (short, middle) = ((side as f64 / kept) as u32, Middle::Down);
            Ok((Fitting::Shortest { short, middle }, side))
        }
        _ => Err(json.refuse("its crop_pct is no part of a side")),
    }
}

/// Whether a step is done; as its class does where it is not named.
fn does(json: &Json, step: &str, otherwise: bool) -> bool {
    let said = json.value.get(step).and_then(Value::as_bool);
    said.unwrap_or(otherwise)
}

/// How a picture becomes a square, and of which side.
fn fitting_of(json: &Json, crops: bool) -> Result<(Fitting, u64), Error> {
    let size = json
        .value
        .get("size")
        .ok_or_else(|| json.refuse("it lacks size"))?;
    let crop = json.value.get("crop_size").filter(|_| crops);
    let cut = crop.map_or_else(
        || square(size).or_else(|| shortest(size)),
        |crop| square(crop).or_else(|| shortest(crop)),
    );
    match (shortest(size), square(size), cut) {
        (Some(short), _, Some(side)) if crops => {
            let middle = Middle::Down;
            let short = short as u32;
            Ok((Fitting::Shortest { short, middle }, side))
        }
        // A bare number is both sides where nothing is cut off.
        (Some(side), _, _) if !crops && size.is_number() => Ok((Fitting::Squash, side)),
        (None, Some(side), Some(cut)) if side == cut => Ok((Fitting::Squash, side)),
        _ => Err(json.refuse(format!(
            "its size {size} does not lead to a square of one size"
        ))),
    }
}

/// What `timm` keeps in its `config.json`; nothing where that is none of it.
pub fn of_timm(folder: &Path) -> Result<Option<Preparation>, Error> {
    let json = Json::first(folder, &["config.json"])?;
    let Some(json) = json.and_then(|json| json.part("/pretrained_cfg")) else {
        return Ok(None);
    };
    let size = json.value.get("input_size").and_then(Value::as_array);
    let sides = size.map(|size| size.iter().filter_map(Value::as_u64).collect::<Vec<_>>());
    let Some([3, height, width]) = sides.as_deref() else {
        return Err(json.refuse("its input_size is not that of three planes"));
    };
    let (Some("center"), true) = (json.text("/crop_mode").or(Some("center")), height == width)
    else {
        return Err(json.refuse("it cuts pictures in a way that is not known here"));
    };
    let filter = match json.text("/interpolation") {
        Some("bicubic") => Resampling::Bicubic,
        Some("bilinear") => Resampling::Bilinear,
        other => {
            return Err(json.refuse(format!(
                "its interpolation is {other:?}, expected bicubic or bilinear"
            )));
        }
    };
    let kept = json.value.get("crop_pct").and_then(Value::as_f64);
    let kept = kept.filter(|kept| *kept > 0.0 && *kept <= 1.0);
    let kept = kept.ok_or_else(|| json.refuse("its crop_pct is no part of a side"))?;
    let (short, middle) = ((*height as f64 / kept) as u32, Middle::Even);
    let (mean, deviation) = (three(&json, "mean")?, three(&json, "std")?);
    let found = Preparation {
        side: *height as u32,
        fitting: Fitting::Shortest { short, middle },
        filter,
        scale: 1.0 / 255.0,
        mean,
        deviation,
    };
    checked(&json, found).map(Some)
}

/// `preprocess_cfg` of `open_clip`.
fn of_open_clip(json: &Json) -> Result<Preparation, Error> {
    let size = json
        .value
        .get("size")
        .ok_or_else(|| json.refuse("it lacks size"))?;
    let side = square(size)
        .or_else(|| shortest(size))
        .ok_or_else(|| json.refuse(format!("its size {size} is no square")))?;
    let fitting = match json.text("/resize_mode") {
        Some("shortest") | None => Fitting::Shortest {
            short: side as u32,
            middle: Middle::Even,
        },
        Some("squash") => Fitting::Squash,
        Some(other) => {
            return Err(json.refuse(format!(
                "its resize_mode {other:?} is not known here; shortest and squash are"
            )));
        }
    };
    let filter = match json.text("/interpolation") {
        Some("bicubic") => Resampling::Bicubic,
        Some("bilinear") => Resampling::Bilinear,
        other => {
            return Err(json.refuse(format!(
                "its interpolation is {other:?}, expected bicubic or bilinear"
            )));
        }
    };
    let (mean, deviation) = (three(json, "mean")?, three(json, "std")?);
    checked(
        json,
        Preparation {
            side: side as u32,
            fitting,
            filter,
            scale: 1.0 / 255.0,
            mean,
            deviation,
        },
    )
}

fn checked(json: &Json, found: Preparation) -> Result<Preparation, Error> {
    let short = found.shorter_side();
    let is_side =
        found.side > 0 && u64::from(short.max(found.side)) <= SIDE_MAX && short >= found.side;
    let positive = |number: &f32| number.is_finite() && *number > 0.0;
    let is_scaled = found.deviation.iter().chain([&found.scale]).all(positive);
    match is_side && is_scaled && found.mean.iter().all(|number| number.is_finite()) {
        true => Ok(found),
        false => Err(json.refuse(format!("what it says cannot be: {found:?}"))),
    }
}

/// `{"shortest_edge": 224}`, or the bare number of older files.
fn shortest(size: &Value) -> Option<u64> {
    size.get("shortest_edge")
        .unwrap_or(size)
        .as_u64()
        .filter(|side| *side <= SIDE_MAX)
}

/// `{"height": 224, "width": 224}`, or `[224, 224]`.
fn square(size: &Value) -> Option<u64> {
    let side = |named: &str, at: usize| size.get(named).or_else(|| size.get(at))?.as_u64();
    let (height, width) = (side("height", 0)?, side("width", 1)?);
    (height == width && height <= SIDE_MAX).then_some(height)
}

fn three(json: &Json, name: &str) -> Result<[f32; 3], Error> {
    let numbers = json.value.get(name).and_then(Value::as_array);
    let numbers = numbers.map(|all| {
        all.iter()
            .filter_map(Value::as_f64)
            .map(|number| number as f32)
            .collect::<Vec<_>>()
    });
    let three = numbers.and_then(|numbers| <[f32; 3]>::try_from(numbers).ok());
    three.ok_or_else(|| {
        json.refuse(format!(
            "it lacks {name}: three numbers, one for each channel"
        ))
    })
}
