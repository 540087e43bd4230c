//! What an ONNX file says of itself, found without an engine: which operators it uses, where its weights lie, and
//! whether its tensors hold what their shapes promise. Field numbers are those of `onnx.proto`.

use std::collections::{BTreeMap, BTreeSet};

use super::protobuf::{Field, Fields};

/// Nodes of a file, in all its graphs. The largest diffusion transformers have some ten thousand.
const NODES_MAX: usize = 1_000_000;

/// Graphs within graphs (`If`, `Loop`, `Scan`).
const DEPTH_MAX: usize = 16;

/// Axes of a stored tensor.
const RANK_MAX: usize = 32;

/// Characters of a name or path that the file gives.
const TEXT_MAX_BYTES: usize = 4096;

/// The smallest elements have two bits.
const ELEMENTS_PER_BYTE_MAX: u64 = 4;

/// Different operators of a file.
const OPERATORS_MAX: usize = 10_000;

/// Inputs and outputs of a file.
const PORTS_MAX: usize = 10_000;

/// An operator's domain and name; the empty domain is ONNX's own.
type Operator = (String, String);

/// A file as its own words describe it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnnxFile {
    /// Version of the operator set, by domain.
    pub operator_sets: BTreeMap<String, u64>,
    pub operators: BTreeSet<Operator>,
    /// Operators that the file defines itself.
    pub functions: BTreeSet<Operator>,
    pub external: Vec<ExternalTensor>,
    pub nodes: usize,
    /// Names of what the graph takes and gives; older files list weights among the former.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
}

/// Weights that lie in another file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalTensor {
    pub tensor: String,
    /// Relative to the folder of the ONNX file.
    pub location: String,
    pub offset: u64,
    /// To the file's end where absent.
    pub length: Option<u64>,
}

impl OnnxFile {
    /// Looks through the bytes of a file.
    ///
    /// # Errors
    /// What is no protobuf or no ONNX model, and tensors whose data do not fit their shape.
    pub fn read(model: &[u8]) -> Result<Self, String> {
        let mut file = Self::default();
        let mut graph = None;
        each(model, |number, field| match (number, field) {
            (7, Field::Bytes(bytes)) => once(&mut graph, bytes, "graph"),
            (8, Field::Bytes(bytes)) => file.operator_set(bytes),
            (20, Field::Bytes(_)) => Err("it holds graphs for training, which a worker does not run".into()),
            (25, Field::Bytes(bytes)) => file.function(bytes),
            _ => Ok(()),
        })?;
        file.graph(graph.ok_or("it holds no graph")?, 0)?;
        Ok(file)
    }

    fn operator_set(&mut self, message: &[u8]) -> Result<(), String> {
        let (mut domain, mut version) = (String::new(), 0);
        each(message, |number, field| {
            match (number, field) {
                (1, Field::Bytes(bytes)) => domain = domain_name(bytes)?,
                (2, Field::Number(value)) => version = value,
                _ => {}
            }
            Ok(())
        })?;
        self.operator_sets.insert(domain, version);
        Ok(())
    }

    fn function(&mut self, message: &[u8]) -> Result<(), String> {
        let (mut domain, mut name) = (String::new(), String::new());
        each(message, |number, field| match (number, field) {
            (1, Field::Bytes(bytes)) => text(bytes).map(|text| name = text),
            (10, Field::Bytes(bytes)) => domain_name(bytes).map(|text| domain = text),
            (7, Field::Bytes(bytes)) => self.node(bytes, 1),
            _ => Ok(()),
        })?;
        self.functions.insert((domain, name));
        Ok(())
    }

    fn graph(&mut self, message: &[u8], depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("its graphs are nested more than {DEPTH_MAX} deep"));
        }
        each(message, |number, field| match (number, field) {
            (1, Field::Bytes(bytes)) => self.node(bytes, depth),
            (5, Field::Bytes(bytes)) => self.tensor(bytes),
            (11, Field::Bytes(bytes)) if depth == 0 => add_port(&mut self.inputs, bytes),
            (12, Field::Bytes(bytes)) if depth == 0 => add_port(&mut self.outputs, bytes),
            (15, Field::Bytes(bytes)) => self.sparse_tensor(bytes),
            _ => Ok(()),
        })
    }

    fn node(&mut self, message: &[u8], depth: usize) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(format!("it has more than {NODES_MAX} nodes"));
        }
        let (mut domain, mut name) = (String::new(), String::new());
        each(message, |number, field| match (number, field) {
            (4, Field::Bytes(bytes)) => text(bytes).map(|text| name = text),
            (7, Field::Bytes(bytes)) => domain_name(bytes).map(|text| domain = text),
            (5, Field::Bytes(bytes)) => self.attribute(bytes, depth),
            _ => Ok(()),
        })?;
        self.operators.insert((domain, name));
        if self.operators.len() > OPERATORS_MAX {
            return Err(format!("it uses more than {OPERATORS_MAX} different operators"));
        }
        Ok(())
    }

    fn attribute(&mut self, message: &[u8], depth: usize) -> Result<(), String> {
        let (mut tensor, mut graph, mut sparse) = (None, None, None);
        each(message, |number, field| match (number, field) {
            (5, Field::Bytes(bytes)) => once(&mut tensor, bytes, "tensor"),
            (6, Field::Bytes(bytes)) => once(&mut graph, bytes, "graph"),
            (22, Field::Bytes(bytes)) => once(&mut sparse, bytes, "sparse tensor"),
            (10, Field::Bytes(bytes)) => self.tensor(bytes),
            (11, Field::Bytes(bytes)) => self.graph(bytes, depth + 1),
            (23, Field::Bytes(bytes)) => self.sparse_tensor(bytes),
            _ => Ok(()),
        })?;
        tensor.map_or(Ok(()), |bytes| self.tensor(bytes))?;
        sparse.map_or(Ok(()), |bytes| self.sparse_tensor(bytes))?;
        graph.map_or(Ok(()), |bytes| self.graph(bytes, depth + 1))
    }

    fn sparse_tensor(&mut self, message: &[u8]) -> Result<(), String> {
        let (mut values, mut indices) = (None, None);
        each(message, |number, field| match (number, field) {
            (1, Field::Bytes(bytes)) => once(&mut values, bytes, "tensor of values"),
            (2, Field::Bytes(bytes)) => once(&mut indices, bytes, "tensor of indices"),
            _ => Ok(()),
        })?;
        [values, indices].into_iter().flatten().try_for_each(|bytes| self.tensor(bytes))
    }

    fn tensor(&mut self, message: &[u8]) -> Result<(), String> {
        let tensor = StoredTensor::read(message)?;
        let bytes = tensor.bytes()?;
        if let Some(external) = tensor.external {
            if let Some((length, bytes)) = external.length.zip(bytes).filter(|(length, bytes)| length != bytes) {
                return Err(format!("{} takes {bytes} bytes, but {length} are stored", external.tensor));
            }
            let length = external.length.or(bytes);
            self.external.push(ExternalTensor { length, ..external });
        }
        Ok(())
    }
}

/// The name of one `ValueInfoProto`.
fn add_port(ports: &mut Vec<String>, message: &[u8]) -> Result<(), String> {
    if ports.len() >= PORTS_MAX {
        return Err(format!("it has more than {PORTS_MAX} inputs or outputs"));
    }
    let mut name = String::new();
    each(message, |number, field| match (number, field) {
        (1, Field::Bytes(bytes)) => text(bytes).map(|text| name = text),
        _ => Ok(()),
    })?;
    ports.push(name);
    Ok(())
}

/// One `TensorProto`.
#[derive(Debug, Default)]
struct StoredTensor {
    name: String,
    dims: Vec<u64>,
    data_type: u64,
    raw_bytes: Option<u64>,
    /// Bytes of the lists of numbers, each of which takes at least one.
    listed_bytes: u64,
    external: Option<ExternalTensor>,
}

impl StoredTensor {
    fn read(message: &[u8]) -> Result<Self, String> {
        let mut tensor = Self::default();
        let mut entries = Vec::new();
        let mut is_external = false;
        each(message, |number, field| {
            match (number, field) {
                (1, Field::Number(dim)) => tensor.dims.push(dim),
                (1, Field::Bytes(packed)) => {
                    let mut numbers = Fields::of(packed);
                    while !numbers.is_empty() && tensor.dims.len() <= RANK_MAX {
                        tensor.dims.push(numbers.varint()?);
                    }
                }
                (2, Field::Number(data_type)) => tensor.data_type = data_type,
                (4..=7 | 10 | 11, field) => tensor.listed_bytes += size_of_field(field),
                (8, Field::Bytes(bytes)) => tensor.name = text(bytes)?,
                (9, Field::Bytes(bytes)) => tensor.raw_bytes = Some(bytes.len() as u64),
                (13, Field::Bytes(bytes)) => entries.push(key_and_value(bytes)?),
                (14, Field::Number(location)) => is_external = location == 1,
                _ => {}
            }
            if tensor.dims.len() > RANK_MAX {
                return Err(format!("{} has more than {RANK_MAX} axes", tensor.name));
            }
            Ok(())
        })?;
        if is_external || !entries.is_empty() {
            tensor.external = Some(external(&tensor.name, entries)?);
        }
        Ok(tensor)
    }

    /// Bytes that the shape needs, after comparing them with what is stored; `None` for strings.
    fn bytes(&self) -> Result<Option<u64>, String> {
        let name = &self.name;
        let elements = self.dims.iter().try_fold(1_u64, |product, dim| product.checked_mul(*dim));
        let bits = bits_of(self.data_type).ok_or_else(|| format!("{name} has the unknown type {}", self.data_type))?;
        let bytes = elements.and_then(|elements| Some(elements.checked_mul(bits)?.div_ceil(8)));
        let bytes = bytes.filter(|bytes| *bytes <= i64::MAX.unsigned_abs());
        let (Some(elements), Some(bytes)) = (elements, bytes) else {
            return Err(format!("{name} has the shape {:?}, which no memory holds", self.dims));
        };
        if self.external.is_some() {
            return Ok((bits > 0).then_some(bytes));
        }
        if let Some(raw) = self.raw_bytes.filter(|raw| *raw != bytes) {
            return Err(format!("{name} takes {bytes} bytes, but {raw} are stored"));
        }
        if self.raw_bytes.is_none() && self.listed_bytes < elements.div_ceil(ELEMENTS_PER_BYTE_MAX) {
            return Err(format!("{name} has {elements} elements, but fewer are stored"));
        }
        Ok(Some(bytes))
    }
}

/// Bits of one element of a `TensorProto.DataType`; 0 for strings, which have no size of their own.
fn bits_of(data_type: u64) -> Option<u64> {
    Some(match data_type {
        8 => 0,
        25 | 26 => 2,
        21..=23 => 4,
        2 | 3 | 9 | 17..=20 | 24 => 8,
        4 | 5 | 10 | 16 => 16,
        1 | 6 | 12 => 32,
        7 | 11 | 13 | 14 => 64,
        15 => 128,
        _ => return None,
    })
}

fn external(tensor: &str, entries: Vec<(String, String)>) -> Result<ExternalTensor, String> {
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in entries {
        if keys.insert(key.clone(), value).is_some() {
            return Err(format!("{tensor} names the {key} of its external data twice"));
        }
    }
    let number = |key: &str| match keys.get(key) {
        None => Ok(None),
        Some(value) => match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("the {key} of {tensor}'s external data is {value:?}, not a number")),
        },
    };
    Ok(ExternalTensor {
        tensor: tensor.to_owned(),
        offset: number("offset")?.unwrap_or(0),
        length: number("length")?,
        location: keys.remove("location").ok_or_else(|| format!("{tensor}'s external data has no location"))?,
    })
}

/// A `StringStringEntryProto`.
fn key_and_value(message: &[u8]) -> Result<(String, String), String> {
    let (mut key, mut value) = (String::new(), String::new());
    each(message, |number, field| {
        match (number, field) {
            (1, Field::Bytes(bytes)) => key = text(bytes)?,
            (2, Field::Bytes(bytes)) => value = text(bytes)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((key, value))
}

fn each<'a>(message: &'a [u8], mut visit: impl FnMut(u64, Field<'a>) -> Result<(), String>) -> Result<(), String> {
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next_field()? {
        visit(number, field)?;
    }
    Ok(())
}

/// Parsers merge a message that comes twice; a file that needs that is not one that an exporter wrote.
fn once<'a>(slot: &mut Option<&'a [u8]>, bytes: &'a [u8], what: &str) -> Result<(), String> {
    match slot.replace(bytes) {
        None => Ok(()),
        Some(_) => Err(format!("it holds a {what} twice where one belongs")),
    }
}

fn text(bytes: &[u8]) -> Result<String, String> {
    if bytes.len() > TEXT_MAX_BYTES {
        return Err(format!("a name has {} bytes, more than {TEXT_MAX_BYTES}", bytes.len()));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| "a name is not UTF-8".into())
}

/// `ai.onnx` is the long form of the empty domain.
fn domain_name(bytes: &[u8]) -> Result<String, String> {
    text(bytes).map(|domain| if domain == "ai.onnx" { String::new() } else { domain })
}

fn size_of_field(field: Field<'_>) -> u64 {
    match field {
        Field::Number(_) => 1,
        Field::Fixed(bytes) => bytes as u64,
        // A list of strings is one field per string, which may be empty.
        Field::Bytes(bytes) => bytes.len().max(1) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_graphs_of_model_folders() {
        let seeds = [
            &include_bytes!("../../tests/vectors/graphs/decoder.onnx")[..],
            include_bytes!("../../tests/vectors/graphs/external.onnx"),
            include_bytes!("../../tests/vectors/graphs/half.onnx"),
        ];
        assert!(seeds.iter().all(|seed| OnnxFile::read(seed).is_ok()));
        let seeds = seeds.map(<[u8]>::to_vec);
        test_support::fuzz("graphs", &seeds, |input| {
            let Ok(file) = OnnxFile::read(input) else { return };
            // What is noted of a file is no larger than the file.
            assert!(file.nodes <= input.len() && file.inputs.len() + file.external.len() <= input.len());
        });
    }
}
