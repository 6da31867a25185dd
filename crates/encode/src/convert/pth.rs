//! The legacy PyTorch container (`torch.save` before 1.6), read into named tensors.
//!
//! Layout: five pickles (magic number, protocol, system info, state dict with persistent ids, storage
//! keys), then for each key a little-endian int64 count and the raw data. A tensor is a strided view of
//! a storage: ignoring the stride would load noise without an error.

use std::collections::{BTreeMap, HashMap};

use super::pickle::{Id, Pickle, Value};

/// 0x1950a86a20f9469cfc6c, little endian, as pickle stores it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// A dense tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// Where a tensor's numbers lie.
struct View {
    storage: String,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// Reads every float tensor of the state dict. Integer tensors, such as counters, are left out.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let mut at = 0;
    let mut next = |what: &str| -> Result<Pickle, String> {
        let (pickle, used) =
            Pickle::read(&bytes[at..]).map_err(|error| format!("{what}: {error}"))?;
        at += used;
        Ok(pickle)
    };
    if *next("magic number")?.root() != Value::Long(MAGIC.to_vec()) {
        return Err("it does not begin with the magic number of a legacy PyTorch file".into());
    }
    if *next("protocol")?.root() != Value::Int(1001) {
        return Err("its protocol is not 1001".into());
    }
    little_endian(&next("system info")?)?;
    let state = next("state dict")?;
    let keys = next("storage keys")?;

    let (views, kinds) = describe(&state)?;
    let storages = storages(&keys, &kinds, &bytes[at..])?;
    views
        .into_iter()
        .filter(|(_, view)| {
            kinds
                .get(&view.storage)
                .is_some_and(|kind| kind == "FloatStorage")
        })
        .map(|(name, view)| {
            let storage = storages
                .get(&view.storage)
                .ok_or_else(|| format!("storage of `{name}` is missing"))?;
            let tensor = gather(&view, storage)
                .ok_or_else(|| format!("`{name}` lies outside its storage"))?;
            Ok((name, tensor))
        })
        .collect()
}

fn little_endian(info: &Pickle) -> Result<(), String> {
    let Value::Dict(items) = info.root() else {
        return Err("system info is not a mapping".into());
    };
    let found = items
        .iter()
        .find(|(key, _)| info.text(*key) == Some("little_endian"));
    match found.map(|(_, value)| info.get(*value)) {
        Some(Value::Bool(true)) => Ok(()),
        _ => Err("it was not written on a little-endian machine".into()),
    }
}

/// The views of the state dict by name, and the kind of each storage by key.
type Description = (Vec<(String, View)>, HashMap<String, String>);

fn describe(state: &Pickle) -> Result<Description, String> {
    let items = match state.root() {
        Value::Dict(items) | Value::Object { items, .. } => items,
        _ => return Err("the state dict is not a mapping".into()),
    };
    let mut views = Vec::new();
    let mut kinds = HashMap::new();
    for (key, value) in items {
        let name = state
            .text(*key)
            .ok_or("a key of the state dict is not a text")?;
        let (view, kind) =
            view(state, *value).ok_or_else(|| format!("`{name}` is not described as a tensor"))?;
        kinds.insert(view.storage.clone(), kind);
        views.push((name.to_owned(), view));
    }
    Ok((views, kinds))
}

/// `torch._utils._rebuild_tensor_v2((storage), offset, shape, strides, ...)`.
fn view(state: &Pickle, id: Id) -> Option<(View, String)> {
    let Value::Object { class, args, .. } = state.get(id) else {
        return None;
    };
    let Value::Global { module, name } = state.get(*class) else {
        return None;
    };
    if (module.as_str(), name.as_str()) != ("torch._utils", "_rebuild_tensor_v2") {
        return None;
    }
    let args = state.sequence(*args)?;
    let [storage, offset, shape, strides, ..] = args else {
        return None;
    };
    let Value::Persistent(reference) = state.get(*storage) else {
        return None;
    };
    let [_, kind, key, ..] = state.sequence(*reference)? else {
        return None;
    };
    let Value::Global { name: kind, .. } = state.get(*kind) else {
        return None;
    };
    let counts = |id: Id| {
        state
            .sequence(id)?
            .iter()
            .map(|id| state.count(*id))
            .collect::<Option<Vec<_>>>()
    };
    let view = View {
        storage: state.text(*key)?.to_owned(),
        offset: state.count(*offset)?,
        shape: counts(*shape)?,
        strides: counts(*strides)?,
    };
    Some((view, kind.clone()))
}

fn storages(
    keys: &Pickle,
    kinds: &HashMap<String, String>,
    mut rest: &[u8],
) -> Result<HashMap<String, Vec<f32>>, String> {
    let Value::List(ids) = keys.root() else {
        return Err("the storage keys are not a list".into());
    };
    let mut storages = HashMap::new();
    for id in ids {
        let key = keys.text(*id).ok_or("a storage key is not a text")?;
        let kind = kinds.get(key).map_or("", String::as_str);
        let width = match kind {
            "FloatStorage" => 4,
            "LongStorage" => 8,
            _ => {
                return Err(format!(
                    "storage {key} is of kind `{kind}`, which is not read"
                ));
            }
        };
        let (head, tail) = rest
            .split_first_chunk::<8>()
            .ok_or("the storages are cut short")?;
        let length = usize::try_from(i64::from_le_bytes(*head))
            .ok()
            .and_then(|count| count.checked_mul(width));
        let length = length
            .filter(|length| *length <= tail.len())
            .ok_or("a storage is cut short")?;
        let (data, after) = tail.split_at(length);
        if width == 4 {
            let floats = data
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            storages.insert(key.to_owned(), floats);
        }
        rest = after;
    }
    Ok(storages)
}

/// Walks the view in row-major order; `None` when any of it lies outside the storage.
fn gather(view: &View, storage: &[f32]) -> Option<Tensor> {
    if view.shape.len() != view.strides.len() || view.shape.len() > 8 {
        return None;
    }
    let count = view
        .shape
        .iter()
        .try_fold(1usize, |product, side| product.checked_mul(*side))?;
    // A stride of zero could ask for more numbers than were ever stored.
    if count > storage.len() {
        return None;
    }
    let mut data = Vec::with_capacity(count);
    let mut index = vec![0usize; view.shape.len()];
    for _ in 0..count {
        let mut place = view.offset;
        for (i, stride) in index.iter().zip(&view.strides) {
            place = place.checked_add(i.checked_mul(*stride)?)?;
        }
        data.push(*storage.get(place)?);
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < view.shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Some(Tensor {
        shape: view.shape.clone(),
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file with one float storage of six numbers seen as a transposed 3 x 2 matrix; written by hand
    /// after the layout above.
    fn file() -> Vec<u8> {
        let mut bytes = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec();
        bytes.extend(b"\x80\x02M\xe9\x03.");
        bytes.extend(b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.");
        bytes.extend(b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(");
        bytes.extend(b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x009X\x03\x00\x00\x00cpuK\x06NtQ");
        bytes.extend(b"K\x00K\x03K\x02\x86K\x01K\x03\x86\x89tRs.");
        bytes.extend(b"\x80\x02]X\x01\x00\x00\x009a.");
        bytes.extend(6i64.to_le_bytes());
        bytes.extend((0..6).flat_map(|x| (x as f32).to_le_bytes()));
        bytes
    }

    #[test]
    fn strides_are_respected() {
        let tensors = read(&file()).expect("the file follows the layout");
        let expect = Tensor {
            shape: vec![3, 2],
            data: vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0],
        };
        assert_eq!(tensors["w"], expect);
    }

    #[test]
    fn every_cut_is_an_error() {
        let file = file();
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn views_outside_the_storage_are_refused() {
        let storage = [0.0; 6];
        let check = |offset, shape: &[usize], strides: &[usize], fits: bool| {
            let view = View {
                storage: String::new(),
                offset,
                shape: shape.into(),
                strides: strides.into(),
            };
            assert_eq!(
                gather(&view, &storage).is_some(),
                fits,
                "{offset} {shape:?} {strides:?}"
            );
        };
        check(0, &[2, 3], &[3, 1], true);
        check(1, &[2, 3], &[3, 1], false);
        check(0, &[], &[], true);
        check(6, &[], &[], false);
        check(0, &[usize::MAX, 2], &[1, 1], false);
        check(0, &[7], &[0], false);
        check(0, &[2], &[usize::MAX], false);
        check(usize::MAX, &[2], &[1], false);
        check(0, &[2, 3], &[1], false);
    }

    proptest! {
        #[test]
        fn changed_bytes_never_panic(at in 0usize..400, byte in any::<u8>()) {
            let mut file = file();
            let at = at % file.len();
            file[at] = byte;
            let _ = read(&file);
        }
    }
}
