//! Where networks run: the processor, or what else the loaded ONNX Runtime has an execution provider for.
//!
//! A process has one ONNX Runtime, and so one device, which is chosen before the first network is loaded. A device that is not
//! there is no error: the processor gives the same answers, later.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};

/// What networks run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    #[default]
    Cpu,
    Cuda,
    TensorRt,
    CoreMl,
    DirectMl,
}

/// What a process runs networks with.
#[derive(Clone, Debug)]
pub struct Runtime {
    pub device: Device,
    /// The library of ONNX Runtime, where it is not to be the one that a pack brings.
    pub library: Option<PathBuf>,
    /// Where TensorRT keeps what it makes of a network, which takes it minutes.
    pub engines: Option<PathBuf>,
    /// Told once, in one line, that the processor is used in place of the device, and why.
    pub on_fallback: fn(&str),
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            library: None,
            engines: None,
            on_fallback: |_| {},
        }
    }
}

static CHOSEN: OnceLock<Runtime> = OnceLock::new();
static IS_ABSENT: AtomicBool = AtomicBool::new(false);

/// Chooses for the whole process. Only the first choice counts, and only before a network is loaded; answers whether it did.
pub fn choose(runtime: Runtime) -> bool {
    CHOSEN.set(runtime).is_ok()
}

/// The device that networks run on: the processor once another one turned out not to be there.
pub fn in_use() -> Device {
    match IS_ABSENT.load(Ordering::Acquire) {
        true => Device::Cpu,
        false => chosen().device,
    }
}

/// The library that was named for the whole process.
pub(crate) fn library() -> Option<&'static Path> {
    chosen().library.as_deref()
}

/// From here on the processor is used. Says so the first time.
pub(crate) fn fall_back(device: Device, library: &Path, why: &str) {
    if !IS_ABSENT.swap(true, Ordering::AcqRel) {
        (chosen().on_fallback)(&device.absence(library, why));
    }
}

fn chosen() -> &'static Runtime {
    CHOSEN.get_or_init(Runtime::default)
}

impl Device {
    pub const ALL: [Self; 5] = [
        Self::Cpu,
        Self::Cuda,
        Self::TensorRt,
        Self::CoreMl,
        Self::DirectMl,
    ];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::CoreMl => "coreml",
            Self::DirectMl => "directml",
        }
    }

    /// The providers that run a network there, the first that can run a part of it.
    pub(crate) fn providers(self) -> Vec<ExecutionProviderDispatch> {
        // Numbers are not rounded to fewer bits than on the processor where that can be said.
        let cuda = || {
            let cuda = ep::CUDA::default().with_tf32(false);
            cuda.build().error_on_failure()
        };
        match self {
            Self::Cpu => Vec::new(),
            Self::Cuda => vec![cuda()],
            Self::TensorRt => {
                let mut tensorrt = ep::TensorRT::default();
                if let Some(engines) = &chosen().engines {
                    tensorrt = tensorrt
                        .with_engine_cache(true)
                        .with_engine_cache_path(engines.display());
                }
                vec![tensorrt.build().error_on_failure(), cuda()]
            }
            Self::CoreMl => vec![ep::CoreML::default().build().error_on_failure()],
            Self::DirectMl => vec![ep::DirectML::default().build().error_on_failure()],
        }
    }

    /// Whether the loaded library was built with the provider. One that was may still fail for want of a driver or a card.
    pub(crate) fn is_offered(self) -> bool {
        let offered = match self {
            Self::Cpu => Ok(true),
            Self::Cuda => ep::CUDA::is_available(),
            Self::TensorRt => ep::TensorRT::is_available(),
            Self::CoreMl => ep::CoreML::is_available(),
            Self::DirectMl => ep::DirectML::is_available(),
        };
        offered.unwrap_or(false)
    }

    /// What is said where it is not there: what was asked, why it cannot be had, and what to do.
    fn absence(self, library: &Path, why: &str) -> String {
        // What a runtime says may have several lines, and paths of the machine that it was built on.
        let why: Vec<&str> = why.split_whitespace().collect();
        let mut why = why.join(" ");
        if let Some((end, _)) = why.char_indices().nth(REASON_MAX) {
            why.truncate(end);
            why.push('…');
        }
        let package = match self {
            Self::Cuda | Self::TensorRt => "onnxruntime-gpu",
            Self::DirectMl => "onnxruntime-directml",
            Self::Cpu | Self::CoreMl => "onnxruntime",
        };
        format!(
            "--device {}: {} {why}; the CPU is used. The package {package} for Python has a library that may: \
             name it with --onnxruntime FILE (or FOVEA_ONNXRUNTIME), or ask for --device cpu.",
            self.name(),
            library.display(),
        )
    }
}

/// Letters of a reason that are shown.
const REASON_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_is_one_line_with_a_way_out() {
        for device in Device::ALL {
            let said = device.absence(Path::new("lib.so"), &"cannot:\n  no driver ".repeat(99));
            assert!(!said.contains('\n') && said.chars().count() < 600, "{said}");
            for part in [
                device.name(),
                "lib.so",
                "no driver",
                "the CPU is used",
                "--onnxruntime",
            ] {
                assert!(said.contains(part), "{said} lacks {part}");
            }
        }
    }
}
