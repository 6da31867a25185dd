//! Writes small ONNX files that somebody might send: fields of protocol buffers by their published numbers.

/// A field of bytes.
pub fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [
        varint(number << 3 | 2),
        varint(content.len() as u64),
        content.to_vec(),
    ]
    .concat()
}

/// A field of a whole number.
pub fn whole(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// An input or output of this type; a length of 0 is not known.
pub fn tensor(number: u64, name: &str, kind: u64, dims: &[u64]) -> Vec<u8> {
    let dims = dims.iter().flat_map(|dim| match dim {
        0 => field(1, &field(2, b"n")),
        dim => field(1, &whole(1, *dim)),
    });
    let shape = field(2, &dims.collect::<Vec<u8>>());
    let of_type = field(1, &[whole(1, kind), shape].concat());
    field(
        number,
        &[field(1, name.as_bytes()), field(2, &of_type)].concat(),
    )
}

/// A weight of float32 with what else is said of it.
pub fn weight(name: &str, dims: &[u64], rest: &[u8]) -> Vec<u8> {
    let dims = dims
        .iter()
        .flat_map(|dim| whole(1, *dim))
        .collect::<Vec<u8>>();
    field(
        5,
        &[&dims[..], &whole(2, 1), &field(8, name.as_bytes()), rest].concat(),
    )
}

/// That it lies in another file.
pub fn external(location: &str) -> Vec<u8> {
    let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
    [field(13, &entry), whole(14, 1)].concat()
}

/// A node.
pub fn node(operator: &str, domain: &str, input: &str, output: &str) -> Vec<u8> {
    let names = [field(1, input.as_bytes()), field(2, output.as_bytes())].concat();
    field(
        1,
        &[
            names,
            field(4, operator.as_bytes()),
            field(7, domain.as_bytes()),
        ]
        .concat(),
    )
}

/// A model around the parts of a graph.
pub fn model(parts: &[Vec<u8>]) -> Vec<u8> {
    let graph = [field(2, b"graph"), parts.concat()].concat();
    [whole(1, 8), field(7, &graph), field(8, &whole(2, 14))].concat()
}
