//! ONNX files written field by field, so that a test can write ones that no exporter would.

/// A Protocol Buffers message under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    pub(crate) fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    pub(crate) fn bytes(mut self, field: u64, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn message(self, field: u64, message: Self) -> Self {
        self.bytes(field, message.0)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

pub(crate) const FLOAT: u64 = 1;

/// `TensorProto` called `w`, without data.
pub(crate) fn tensor(data_type: u64, dims: &[u64]) -> Message {
    let message = dims.iter().fold(Message::default(), |message, dim| message.number(1, *dim));
    message.number(2, data_type).bytes(8, "w")
}

/// The tensor's data lie elsewhere: `entries` are keys and values of its description.
pub(crate) fn external(tensor: Message, entries: &[(&str, &str)]) -> Message {
    let entry = |(key, value): &(&str, &str)| Message::default().bytes(1, key).bytes(2, value);
    entries.iter().map(entry).fold(tensor, |tensor, entry| tensor.message(13, entry)).number(14, 1)
}

/// `y = operator(x, w)` for floats `[2]`, with `weight` as `w`.
pub(crate) fn graph(domain: &str, operator: &str, weight: Message) -> Message {
    let node = Message::default().bytes(1, "x").bytes(1, "w").bytes(2, "y").bytes(4, operator).bytes(7, domain);
    graph_of(node).message(5, weight)
}

/// `x` and `y` are floats `[2]`.
pub(crate) fn graph_of(node: Message) -> Message {
    let shape = Message::default().message(1, Message::default().number(1, 2));
    let kind = Message::default().message(1, Message::default().number(1, FLOAT).message(2, shape));
    let port = |name: &str| Message::default().bytes(1, name).message(2, kind.clone());
    Message::default().message(1, node).bytes(2, "test").message(11, port("x")).message(12, port("y"))
}

pub(crate) fn model(operator_set: u64, graph: Message) -> Vec<u8> {
    let set = |domain: &str, version| Message::default().bytes(1, domain).number(2, version);
    let sets = Message::default().number(1, 8).message(8, set("", operator_set)).message(8, set("com.microsoft", 1));
    sets.message(7, graph).0
}

/// A sound model: `y = x + w`.
pub(crate) fn sound() -> Vec<u8> {
    model(17, graph("", "Add", tensor(FLOAT, &[2]).bytes(9, [0; 8])))
}

/// `model` with more fields of its graph.
pub(crate) fn with_graph_fields(model: &[u8], more: &Message) -> Vec<u8> {
    const GRAPH: u64 = 7;
    let (mut whole, mut rest) = (Message::default(), model);
    while !rest.is_empty() {
        let key = read_varint(&mut rest);
        match (key >> 3, key & 7) {
            (field, 0) => whole = whole.number(field, read_varint(&mut rest)),
            (field, 2) => {
                let length = usize::try_from(read_varint(&mut rest)).unwrap();
                let (bytes, after) = rest.split_at(length);
                let more: &[u8] = if field == GRAPH { &more.0 } else { &[] };
                (whole, rest) = (whole.bytes(field, [bytes, more].concat()), after);
            }
            (field, wire) => panic!("field {field} of a model has the wire type {wire}"),
        }
    }
    whole.0
}

fn read_varint(bytes: &mut &[u8]) -> u64 {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let (number, rest) = bytes.split_at(length);
    *bytes = rest;
    number.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}
