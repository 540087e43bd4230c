//! What goes into a graph and comes out of it.

use std::borrow::Cow;

use half::f16;

use super::kept::Kept;

/// Type of a tensor's elements, as far as runtimes tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    Float32,
    Float16,
    Int32,
    Int64,
    Bool,
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

    /// Values are given and read as f32, whichever precision the graph computes in.
    pub fn is_float(&self) -> bool {
        matches!(self.element, Element::Float32 | Element::Float16)
    }

    pub fn is_flag(&self) -> bool {
        self.element == Element::Bool
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

/// One size of an input, as an engine may plan for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Known(usize),
    /// `n` and this many more, for an `n` that changes from run to run and is the same for all inputs of a run.
    Growing(usize),
}

impl Size {
    /// Whether inputs of these shapes have these sizes, for one `n`.
    pub(super) fn fit(sizes: &[Vec<Self>], shapes: &[Vec<usize>]) -> bool {
        let mut grown = None;
        let mut fits = |size: &Self, got: &usize| match size {
            Self::Known(known) => known == got,
            Self::Growing(more) => got.checked_sub(*more).is_some_and(|n| n == *grown.get_or_insert(n)),
        };
        sizes.len() == shapes.len()
            && sizes.iter().zip(shapes).all(|(sizes, shape)| {
                sizes.len() == shape.len() && sizes.iter().zip(shape).all(|(size, got)| fits(size, got))
            })
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
    /// What an earlier run left with the engine.
    Kept(&'a Kept),
}

/// Names of the outputs that a run returns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Returned as f32, whatever their type.
    pub read: &'a [&'a str],
    /// Left with the engine, in their own type and on its device, as inputs of later runs.
    pub keep: &'a [&'a str],
}

/// What a run returns, in the order of [`Wanted`].
#[derive(Debug)]
pub struct Outputs {
    pub read: Vec<Tensor>,
    pub kept: Vec<Kept>,
}

/// Values as a graph takes them.
#[derive(Debug, PartialEq)]
pub(super) enum Elements<'a> {
    Float32(Cow<'a, [f32]>),
    Float16(Vec<f16>),
    Int32(Vec<i32>),
    Int64(Cow<'a, [i64]>),
    Bool(Vec<bool>),
}

impl<'a> Elements<'a> {
    /// The values in the port's type. Token ids and training timesteps are whole numbers far below 2^24, so no
    /// conversion loses anything; a float beyond the range of f16 becomes infinite there.
    pub(super) fn of_floats(values: &'a [f32], element: Element) -> Self {
        match element {
            Element::Float16 => Self::Float16(values.iter().map(|x| f16::from_f32(*x)).collect()),
            Element::Int64 => Self::Int64(values.iter().map(|x| *x as i64).collect()),
            Element::Int32 => Self::Int32(values.iter().map(|x| *x as i32).collect()),
            Element::Bool => Self::Bool(values.iter().map(|x| *x != 0.0).collect()),
            Element::Float32 | Element::Other => Self::Float32(Cow::Borrowed(values)),
        }
    }

    /// See [`Self::of_floats`].
    pub(super) fn of_tokens(values: &'a [i64], element: Element) -> Self {
        match element {
            Element::Float32 => Self::Float32(values.iter().map(|x| *x as f32).collect()),
            Element::Float16 => Self::Float16(values.iter().map(|x| f16::from_f32(*x as f32)).collect()),
            Element::Int32 => Self::Int32(values.iter().map(|x| *x as i32).collect()),
            Element::Bool => Self::Bool(values.iter().map(|x| *x != 0).collect()),
            Element::Int64 | Element::Other => Self::Int64(Cow::Borrowed(values)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_in_the_type_that_the_port_declares() {
        let halves = Elements::of_floats(&[0.1, 70_000.0, -2.0], Element::Float16);
        assert_eq!(halves, Elements::Float16(vec![f16::from_f32(0.1), f16::INFINITY, f16::from_f32(-2.0)]));
        assert_eq!(Elements::of_floats(&[999.0], Element::Int64), Elements::Int64(vec![999].into()));
        assert_eq!(Elements::of_tokens(&[49_407], Element::Int32), Elements::Int32(vec![49_407]));
        assert_eq!(Elements::of_tokens(&[0, 1], Element::Bool), Elements::Bool(vec![false, true]));
        assert!(matches!(Elements::of_floats(&[0.5], Element::Float32), Elements::Float32(Cow::Borrowed(_))));
    }

    #[test]
    fn growing_sizes_fit_where_one_number_explains_them_all() {
        let sizes = [vec![Size::Known(1), Size::Growing(1)], vec![Size::Growing(0)]];
        let fit = |one: &[usize], other: &[usize]| Size::fit(&sizes, &[one.to_vec(), other.to_vec()]);
        assert!(fit(&[1, 5], &[4]) && fit(&[1, 1], &[0]));
        for (one, other) in
            [(&[1, 5][..], &[5][..]), (&[2, 5], &[4]), (&[1, 0], &[0]), (&[1], &[4]), (&[1, 5, 1], &[4])]
        {
            assert!(!fit(one, other), "{one:?} {other:?}");
        }
        assert!(!Size::fit(&sizes, &[vec![1, 5]]));
    }
}
