//! What goes into a graph and comes out of it.

/// Type of a tensor's elements, as far as pipelines tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    Float32,
    Int32,
    Int64,
    Other,
}

/// An input or output as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    pub name: String,
    pub element: Element,
    pub dims: Vec<Dim>,
}

/// One size of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    Fixed(usize),
    /// Any size; ports that share a name share the size. Empty where it has none.
    Free(String),
}

impl Dim {
    pub fn fixed(&self) -> Option<usize> {
        match self {
            Self::Fixed(size) => Some(*size),
            Self::Free(_) => None,
        }
    }

    /// Both are free and named alike.
    pub fn is_same_free(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Free(one), Self::Free(two)) if !one.is_empty() && one == two)
    }
}

impl Port {
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    pub fn is_integer(&self) -> bool {
        matches!(self.element, Element::Int32 | Element::Int64)
    }

    pub fn is_float(&self) -> bool {
        self.element == Element::Float32
    }

    /// The size at `axis`, where the graph fixes it.
    pub fn fixed(&self, axis: usize) -> Option<usize> {
        self.dims.get(axis).and_then(Dim::fixed)
    }
}

impl std::fmt::Display for Port {
    /// `sample float32[batch, 4, height, width]`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let element = format!("{:?}", self.element).to_lowercase();
        let dims: Vec<String> = self
            .dims
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => size.to_string(),
                Dim::Free(name) if name.is_empty() => "?".into(),
                Dim::Free(name) => name.clone(),
            })
            .collect();
        write!(formatter, "{} {element}[{}]", self.name, dims.join(", "))
    }
}

/// A dense f32 tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Values for an input; the port decides the element type that they are sent as.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    pub port: &'a Port,
    pub shape: &'a [usize],
    pub values: Values<'a>,
}

#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    Floats(&'a [f32]),
    Tokens(&'a [i64]),
}

/// Values as a graph takes them.
#[derive(Debug)]
pub enum Elements {
    Float32(Vec<f32>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
}

impl Input<'_> {
    /// The values in the port's type. Token ids and training timesteps are whole numbers far below 2^24, so no
    /// conversion loses anything.
    pub fn elements(&self) -> Elements {
        match (self.values, self.port.element) {
            (Values::Floats(values), Element::Int64) => Elements::Int64(values.iter().map(|x| *x as i64).collect()),
            (Values::Floats(values), Element::Int32) => Elements::Int32(values.iter().map(|x| *x as i32).collect()),
            (Values::Floats(values), _) => Elements::Float32(values.to_vec()),
            (Values::Tokens(values), Element::Int32) => Elements::Int32(values.iter().map(|x| *x as i32).collect()),
            (Values::Tokens(values), Element::Float32) => Elements::Float32(values.iter().map(|x| *x as f32).collect()),
            (Values::Tokens(values), _) => Elements::Int64(values.to_vec()),
        }
    }
}
