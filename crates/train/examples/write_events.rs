//! Writes an event file and what it holds as JSON, for `scripts/check_events` to compare.
//!
//!     write_events FOLDER

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

use fovea_train::events::{Writer, file_name};

const BEGAN_S: u64 = 1_764_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or("usage: write_events FOLDER")?;
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    let name = file_name(BEGAN_S);
    let file = BufWriter::new(File::create(folder.join(&name))?);
    let mut writer = Writer::new(file, BEGAN_S as f64)?;
    let mut scalars = Vec::new();
    for (tag, step, value) in points() {
        let wall_time = BEGAN_S as f64 + scalars.len() as f64 * 0.125;
        writer.scalar(&tag, step, value, wall_time)?;
        // As 32 bits, and as text, since JSON has neither infinity nor NaN.
        let value = format!("{:?}", f64::from(value as f32));
        scalars.push(
            serde_json::json!({"tag": tag, "step": step, "value": value, "wall_time": wall_time}),
        );
    }
    writer.flush()?;
    let expected = serde_json::json!({"file": name, "began": BEGAN_S as f64, "scalars": scalars});
    fs::write(folder.join("expected.json"), expected.to_string())?;
    Ok(())
}

/// Ordinary curves, then what is at the edges of the format.
fn points() -> Vec<(String, u64, f64)> {
    let mut points = Vec::new();
    for step in 0..300_u64 {
        let loss = 2.0 * (-(step as f64) / 80.0).exp() + 0.3;
        points.push(("loss/train".to_owned(), step, loss));
        if step % 50 == 49 {
            points.push(("validation/recall_at_10".to_owned(), step, 1.0 - loss / 3.0));
        }
    }
    let edges = [
        ("größe/学习率 🦊", 0, 1e-45),
        ("edge/large", i64::MAX as u64, 3.4e38),
        ("edge/negative", 1 << 40, -0.1),
        ("edge/infinite", 1, f64::INFINITY),
        ("edge/none", 1, f64::NAN),
        ("<script>alert(1)</script>", 2, 0.0),
    ];
    points.extend(edges.map(|(tag, step, value)| (tag.to_owned(), step, value)));
    points.push(("long ".repeat(1_000), 3, 0.5));
    points
}
