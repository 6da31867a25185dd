//! Columns that go to the server and come back: Milvus takes and gives rows by columns.

use super::proto::*;

/// Bytes of one request at most; more rows go in several.
pub(super) const MOST_REQUEST_BYTES: usize = 16 << 20;

pub(super) fn texts(name: &str, data: Vec<String>) -> FieldData {
    let strings = ScalarFieldKind::StringData(StringArray { data });
    column(name, DataType::VarChar, strings)
}

pub(super) fn longs(name: &str, data: Vec<i64>) -> FieldData {
    column(
        name,
        DataType::Int64,
        ScalarFieldKind::LongData(LongArray { data }),
    )
}

/// Fields that each row has beside those of the schema, as JSON objects.
pub(super) fn dynamic(data: Vec<Vec<u8>>) -> FieldData {
    let objects = ScalarFieldKind::JsonData(JsonArray { data });
    FieldData {
        is_dynamic: true,
        ..column("$meta", DataType::Json, objects)
    }
}

fn column(name: &str, kind: DataType, data: ScalarFieldKind) -> FieldData {
    FieldData {
        kind: kind.into(),
        field_name: name.to_owned(),
        field: Some(FieldDataKind::Scalars(ScalarField { data: Some(data) })),
        is_dynamic: false,
    }
}

/// Vectors of so many numbers, one after the other.
pub(super) fn vectors(name: &str, dim: usize, data: Vec<f32>) -> FieldData {
    FieldData {
        kind: DataType::FloatVector.into(),
        field_name: name.to_owned(),
        field: Some(FieldDataKind::Vectors(VectorField {
            dim: dim as i64,
            data: Some(VectorFieldKind::FloatVector(FloatArray { data })),
        })),
        is_dynamic: false,
    }
}

pub(super) fn pair(key: &str, value: impl Into<String>) -> KeyValuePair {
    KeyValuePair {
        key: key.to_owned(),
        value: value.into(),
    }
}

/// The columns of an answer; what is not there is empty.
#[derive(Default)]
pub(super) struct Answered(pub(super) Vec<FieldData>);

impl Answered {
    fn find(&self, name: &str) -> Option<&FieldDataKind> {
        let column = self.0.iter().find(|column| column.field_name == name)?;
        column.field.as_ref()
    }

    pub(super) fn texts(&self, name: &str) -> &[String] {
        match self.find(name) {
            Some(FieldDataKind::Scalars(ScalarField {
                data: Some(ScalarFieldKind::StringData(strings)),
            })) => &strings.data,
            _ => &[],
        }
    }

    pub(super) fn longs(&self, name: &str) -> &[i64] {
        match self.find(name) {
            Some(FieldDataKind::Scalars(ScalarField {
                data: Some(ScalarFieldKind::LongData(longs)),
            })) => &longs.data,
            _ => &[],
        }
    }

    pub(super) fn vectors(&self, name: &str) -> &[f32] {
        match self.find(name) {
            Some(FieldDataKind::Vectors(VectorField {
                data: Some(VectorFieldKind::FloatVector(floats)),
                ..
            })) => &floats.data,
            _ => &[],
        }
    }
}

/// `field in ["a", "b"]`, of values that need no escape: keys that Fovea made itself, in hexadecimal.
pub(super) fn one_of<'a>(field: &str, values: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = values.map(|value| format!("\"{value}\"")).collect();
    format!("{field} in [{}]", quoted.join(","))
}
