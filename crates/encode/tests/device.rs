//! A device that is not there. Alone in its process, which has one device for good.
//!
//! Needs the real base pack: run `fovea models pull base` first. Its ONNX Runtime has no CUDA on any system. Where
//! FOVEA_ONNXRUNTIME names a library that has, on a machine without a driver, the reason is another.

use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use fovea_encode::device::{self, Device, Runtime};
use fovea_encode::{Encoder, Pack, Pixels, models};

static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn the_processor_answers_for_a_device_that_is_not_there_and_says_so_once() {
    let library = std::env::var_os("FOVEA_ONNXRUNTIME").map(PathBuf::from);
    let reason = match library {
        Some(_) => "cannot use it: ",
        None => "has no cuda in it",
    };
    let asked = Runtime {
        device: Device::Cuda,
        library,
        on_fallback: |line| SAID.lock().unwrap().push(line.to_owned()),
        ..Runtime::default()
    };
    assert!(device::choose(asked));
    assert!(
        !device::choose(Runtime::default()),
        "the first choice counts"
    );
    let dir = models::default_dir().join(models::BASE);
    let pack = Pack::open(&dir).unwrap();
    assert!(pack.text_vector("a dog").is_ok());
    assert_eq!(device::in_use(), Device::Cuda);
    assert_eq!(*SAID.lock().unwrap(), [""; 0], "no network was needed yet");

    let grey = Pixels::new(30, 20, vec![128; 30 * 20 * 3]).unwrap();
    let seen: Vec<_> = thread::scope(|scope| {
        let see = || pack.features(&[&grey]).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(see)).collect();
        let all = threads.into_iter().map(|thread| thread.join().unwrap());
        all.collect()
    });
    assert!(seen.iter().all(|one| *one == seen[0]));
    // Another pack of the same process neither asks nor says it again.
    assert_eq!(
        Pack::open(&dir).unwrap().features(&[&grey]).unwrap(),
        seen[0]
    );
    assert_eq!(device::in_use(), Device::Cpu);
    let said = SAID.lock().unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    for part in [
        "--device cuda",
        reason,
        "the CPU is used",
        "onnxruntime-gpu",
        "--onnxruntime FILE",
    ] {
        assert!(said[0].contains(part), "{} lacks {part}", said[0]);
    }
}
