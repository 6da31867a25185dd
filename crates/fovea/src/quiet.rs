//! What the libraries that Fovea loads must not say to others.

/// ONNX Runtime reads this when it is loaded, and then neither writes a device's name and a queue of events into the home
/// folder nor has anything to upload. Its own switch, which `encode` turns off too, comes only after these files.
const NO_TELEMETRY: (&str, &str) = ("ORT_DISABLE_TELEMETRY", "1");

/// Must be the first thing that the program does: the environment may only change while there is one thread.
#[expect(
    unsafe_code,
    reason = "the environment is the only way to tell a library before it is loaded"
)]
pub fn keep() {
    // SAFETY: `main` calls this before anything else, so that no other thread reads the environment meanwhile.
    unsafe { std::env::set_var(NO_TELEMETRY.0, NO_TELEMETRY.1) };
}
