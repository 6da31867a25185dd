//! Files of others through the public door: what NumPy and the like wrote is read as they meant it, and
//! what is written is read back.

use fovea_vectordb::exchange::{Matrix, npy};

fn matrix() -> Matrix {
    let numbers = (0..15).map(|i| i as f32 / 8.0 - 1.0).collect();
    Matrix::new(5, numbers).expect("whole rows")
}

#[test]
fn npy_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    for width in [npy::Width::Single, npy::Width::Half] {
        npy::write_as(&path, &matrix(), width).unwrap();
        assert_eq!(npy::read(&path).unwrap(), matrix());
    }
}
