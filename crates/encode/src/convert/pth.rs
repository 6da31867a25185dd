//! The legacy PyTorch container (`torch.save` before 1.6), read into named tensors.
//!
//! Layout: five pickles (magic number, protocol, system info, state dict with persistent ids, storage
//! keys), then for each key a little-endian int64 count and the raw data. A tensor is a strided view of
//! a storage: ignoring the stride would load noise without an error.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use zip::{CompressionMethod, ZipArchive};

use super::pickle::{Id, Pickle, Value};
use super::storage::{Kind, Storage, Tensor, View};

/// 0x1950a86a20f9469cfc6c, little endian, as pickle stores it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

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
    gather(&views, &kinds, &storages)
}

/// The float tensors that views describe, read from their storages.
fn gather(
    views: &[(String, View)],
    kinds: &HashMap<String, String>,
    storages: &HashMap<String, Storage<'_>>,
) -> Result<BTreeMap<String, Tensor>, String> {
    let is_float = |view: &View| {
        kinds
            .get(&view.storage)
            .is_some_and(|kind| kind_of(kind).is_some())
    };
    let floats = views.iter().filter(|(_, view)| is_float(view));
    let read = floats.map(|(name, view)| {
        let storage = storages.get(&view.storage);
        let storage = storage.ok_or_else(|| format!("storage of `{name}` is missing"))?;
        let tensor = storage.gather(view);
        let tensor = tensor.ok_or_else(|| format!("`{name}` lies outside its storage"))?;
        Ok((name.clone(), tensor))
    });
    read.collect()
}

/// Of a storage with numbers that are read.
fn kind_of(storage: &str) -> Option<Kind> {
    match storage {
        "FloatStorage" => Some(Kind::Float),
        "HalfStorage" => Some(Kind::Half),
        "BFloat16Storage" => Some(Kind::Brain),
        _ => None,
    }
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
    check_calls(state)?;
    let items = state_dict(state)?;
    let mut views = Vec::new();
    let mut kinds = HashMap::new();
    for (key, value) in items {
        let name = state
            .text(*key)
            .ok_or("a key of the state dict is not a text")?;
        let (view, kind) = view(state, *value, false)
            .ok_or_else(|| format!("`{name}` is not described as a tensor"))?;
        kinds.insert(view.storage.clone(), kind);
        views.push((name.to_owned(), view));
    }
    Ok((views, kinds))
}

/// A file of weights describes tensors and calls nothing else. Nothing is called here whatever it says; but what it says then
/// is no state dict, and who wrote it meant to run something.
fn check_calls(state: &Pickle) -> Result<(), String> {
    let is_known = |module: &str, name: &str| match module {
        "torch._utils" => matches!(name, "_rebuild_tensor_v2" | "_rebuild_parameter"),
        "collections" => name == "OrderedDict",
        "torch" => name.ends_with("Storage") || name == "Size",
        _ => false,
    };
    let other = state
        .globals()
        .find(|(module, name)| !is_known(module, name));
    match other {
        None => Ok(()),
        Some((module, name)) => Err(format!(
            "it wants {module}.{name} called, which is not done here: only tensors are read; save `model.state_dict()`"
        )),
    }
}

/// The names and tensors: all of it, or what training scripts keep under one of these names beside what else they keep.
fn state_dict(state: &Pickle) -> Result<&[(Id, Id)], String> {
    let mapping = |value| match value {
        &Value::Dict(ref items) | &Value::Object { ref items, .. } => Some(&items[..]),
        _ => None,
    };
    let root = mapping(state.root()).ok_or("the state dict is not a mapping")?;
    let inner = root.iter().find_map(|(key, value)| {
        let is_named = matches!(state.text(*key), Some("state_dict" | "model"));
        mapping(state.get(*value)).filter(|items| is_named && !items.is_empty())
    });
    Ok(inner.unwrap_or(root))
}

/// `torch._utils._rebuild_tensor_v2((storage), offset, shape, strides, ...)`.
fn view(state: &Pickle, id: Id, is_parameter: bool) -> Option<(View, String)> {
    let Value::Object { class, args, .. } = state.get(id) else {
        return None;
    };
    let Value::Global { module, name } = state.get(*class) else {
        return None;
    };
    let args = state.sequence(*args)?;
    match (module.as_str(), name.as_str()) {
        ("torch._utils", "_rebuild_tensor_v2") => {}
        // A parameter wraps a tensor, which wraps nothing.
        ("torch._utils", "_rebuild_parameter") if !is_parameter => {
            return view(state, *args.first()?, true);
        }
        _ => return None,
    }
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

fn storages<'a>(
    keys: &Pickle,
    kinds: &HashMap<String, String>,
    mut rest: &'a [u8],
) -> Result<HashMap<String, Storage<'a>>, String> {
    let Value::List(ids) = keys.root() else {
        return Err("the storage keys are not a list".into());
    };
    let mut storages = HashMap::new();
    for id in ids {
        let key = keys.text(*id).ok_or("a storage key is not a text")?;
        let name = kinds.get(key).map_or("", String::as_str);
        let kind = kind_of(name);
        let width = match (kind, name) {
            (Some(kind), _) => kind.width(),
            (None, "LongStorage") => 8,
            _ => {
                return Err(format!(
                    "storage {key} is of kind `{name}`, which is not read"
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
        let (bytes, after) = tail.split_at(length);
        if let Some(kind) = kind {
            storages.insert(key.to_owned(), Storage { kind, bytes });
        }
        rest = after;
    }
    Ok(storages)
}

/// Reads every float tensor of a state dict in the container of newer versions: a zip file of `NAME/data.pkl`, which describes
/// the tensors, and `NAME/data/KEY` for each storage, stored as it is.
pub fn read_zip(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let members = members(bytes)?;
    let find = |end: &str| {
        let found = members.iter().find(|(name, _)| name.ends_with(end));
        found.map(|(name, bytes)| (name.as_str(), *bytes))
    };
    if find("/byteorder").is_some_and(|(_, order)| order.trim_ascii() != b"little") {
        return Err("it was not written on a little-endian machine".into());
    }
    let (place, content) = find("/data.pkl").ok_or("it holds no data.pkl")?;
    let folder = place.trim_end_matches("data.pkl");
    let (state, _) = Pickle::read(content).map_err(|error| format!("data.pkl: {error}"))?;
    let (views, kinds) = describe(&state)?;
    let mut storages = HashMap::new();
    for (key, name) in &kinds {
        let Some(kind) = kind_of(name) else { continue };
        if let Some(bytes) = members.get(&format!("{folder}data/{key}")).copied() {
            storages.insert(key.clone(), Storage { kind, bytes });
        }
    }
    gather(&views, &kinds, &storages)
}

/// What lies in a zip file, in place; nothing is unpacked.
fn members(bytes: &[u8]) -> Result<BTreeMap<String, &[u8]>, String> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut members = BTreeMap::new();
    for index in 0..zip.len() {
        let member = zip.by_index(index).map_err(|error| error.to_string())?;
        let name = member
            .name()
            .map_err(|error| error.to_string())?
            .into_owned();
        if member.compression() != CompressionMethod::Stored {
            return Err(format!(
                "its member {name} is compressed, which PyTorch writes none"
            ));
        }
        let range = member.data_start().and_then(|start| {
            let start = usize::try_from(start).ok()?;
            let end = start.checked_add(usize::try_from(member.compressed_size()).ok()?)?;
            Some(start..end)
        });
        let content = range.and_then(|range| bytes.get(range));
        let content = content.ok_or_else(|| format!("its member {name} is cut short"))?;
        members.insert(name, content);
    }
    Ok(members)
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
