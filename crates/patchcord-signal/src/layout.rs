//! What a signal's values look like on the wire: kind, size of a float, block and dimensions (reference §1 and §6).
//!
//! A value is raw little-endian floats without a header. An array is row-major; an a-rate array is all samples of member
//! 0, then all of member 1, and so on. Text is UTF-8 of any length up to a limit that its cell or ring knows.

use std::fmt;

/// The largest value of numbers in bytes. Csound's largest arrays in use are far below; rings and cells hold several.
pub const MAX_PAYLOAD: usize = 16 << 20;

/// Size of the floats on the wire: that of Csound's `MYFLT` in the build at the other end or at this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FloatSize {
    /// Four bytes, a Csound built with single precision.
    F32,
    /// Eight bytes, the usual build.
    F64,
}

impl FloatSize {
    /// Bytes of one float.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Bits of one float, as `csound.v1` names the size.
    pub const fn bits(self) -> u32 {
        match self {
            Self::F32 => 32,
            Self::F64 => 64,
        }
    }
}

/// The rate of a signal, or that it is text: Csound's letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `a`: a block of samples every k-cycle, none of which may be lost.
    Audio,
    /// `k`: a number every k-cycle; only the latest counts for who receives it in Csound.
    Control,
    /// `i`: a number once; each client gets it when it connects.
    Init,
    /// `S`: text, when it changes; each client gets the current one when it connects.
    Text,
}

impl Kind {
    /// Csound's letter.
    pub const fn letter(self) -> char {
        match self {
            Self::Audio => 'a',
            Self::Control => 'k',
            Self::Init => 'i',
            Self::Text => 'S',
        }
    }

    /// Whether the current value is sent to each client that connects, and is therefore kept while nobody listens.
    pub const fn is_kept(self) -> bool {
        matches!(self, Self::Init | Self::Text)
    }
}

/// Why a layout cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A block of no samples, or a block of several at another rate than a.
    #[error("a block has at least one sample, and exactly one unless it is a-rate, not {0}")]
    Block(usize),
    /// An array without members.
    #[error("the array has no members (dimension {0} is 0)")]
    NoMembers(usize),
    /// A value larger than [`MAX_PAYLOAD`].
    #[error("a value would take more than {} MiB", MAX_PAYLOAD >> 20)]
    TooLarge,
}

/// How the values of one signal look on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layout {
    kind: Kind,
    float: FloatSize,
    block: usize,
    dims: Box<[usize]>,
    members: usize,
}

impl Layout {
    /// A layout of `kind`; `block` is `ksmps` for [`Kind::Audio`] and 1 otherwise; `dims` are the sizes of an array's
    /// dimensions, none for a scalar. `float` means nothing for text.
    ///
    /// # Errors
    ///
    /// [`LayoutError`]: a block that does not fit the kind, an array without members, a value over [`MAX_PAYLOAD`].
    pub fn new(kind: Kind, float: FloatSize, block: usize, dims: &[usize]) -> Result<Self, LayoutError> {
        if block == 0 || (kind != Kind::Audio && block != 1) {
            return Err(LayoutError::Block(block));
        }
        if let Some(empty) = dims.iter().position(|&size| size == 0) {
            return Err(LayoutError::NoMembers(empty));
        }
        let members = dims.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let bytes = members.and_then(|members| members.checked_mul(block)?.checked_mul(float.bytes()));
        match (members, bytes) {
            (Some(members), Some(bytes)) if bytes <= MAX_PAYLOAD => {
                Ok(Self { kind, float, block, dims: dims.into(), members })
            }
            _ => Err(LayoutError::TooLarge),
        }
    }

    /// Rate, or text.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Size of a float on the wire.
    pub const fn float(&self) -> FloatSize {
        self.float
    }

    /// Samples of a block; 1 at other rates than a.
    pub const fn block(&self) -> usize {
        self.block
    }

    /// Sizes of an array's dimensions, none for a scalar.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Whether it is an array.
    pub fn is_array(&self) -> bool {
        !self.dims.is_empty()
    }

    /// Members of the array, 1 for a scalar.
    pub const fn members(&self) -> usize {
        self.members
    }

    /// Floats of a value: members times block. For text the number of strings.
    pub const fn samples(&self) -> usize {
        self.members * self.block
    }

    /// Bytes of a value; `None` for text, whose length is free.
    pub const fn payload_len(&self) -> Option<usize> {
        match self.kind {
            Kind::Text => None,
            _ => Some(self.samples() * self.float.bytes()),
        }
    }

    /// The type as Csound writes it: `k`, `a[4]`, `k[2][3]`, `S`.
    pub fn type_name(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.letter())?;
        self.dims.iter().try_for_each(|size| write!(f, "[{size}]"))
    }
}

/// Which way a signal goes, seen from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Host to clients: an input of the opcode.
    Outgoing,
    /// Clients to host: an output of the opcode.
    Incoming,
}

impl fmt::Display for Direction {
    /// `out` or `in`, as `csound.v1` says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outgoing => "out",
            Self::Incoming => "in",
        })
    }
}

/// A signal that a host offers: its name, which is the sub-protocol, its layout and its direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Exact and case sensitive.
    pub name: String,
    /// What its values look like.
    pub layout: Layout,
    /// Who sends it.
    pub direction: Direction,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(kind: Kind, block: usize, dims: &[usize]) -> Result<Layout, LayoutError> {
        Layout::new(kind, FloatSize::F64, block, dims)
    }

    #[test]
    fn sizes_are_those_of_the_reference() -> Result<(), LayoutError> {
        for (kind, block, dims, name, f64_bytes) in [
            (Kind::Audio, 64, &[][..], "a", Some(512)),
            (Kind::Control, 1, &[], "k", Some(8)),
            (Kind::Init, 1, &[], "i", Some(8)),
            (Kind::Control, 1, &[2, 3], "k[2][3]", Some(48)),
            (Kind::Init, 1, &[7], "i[7]", Some(56)),
            (Kind::Audio, 64, &[4], "a[4]", Some(2048)),
            (Kind::Text, 1, &[], "S", None),
            (Kind::Text, 1, &[3], "S[3]", None),
        ] {
            let wide = layout(kind, block, dims)?;
            let narrow = Layout::new(kind, FloatSize::F32, block, dims)?;
            assert_eq!(wide.type_name(), name);
            assert_eq!(wide.payload_len(), f64_bytes, "{name}");
            assert_eq!(narrow.payload_len(), f64_bytes.map(|bytes| bytes / 2), "{name}");
            assert_eq!(wide.is_array(), !dims.is_empty());
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(layout(Kind::Audio, 0, &[]), Err(LayoutError::Block(0)));
        assert_eq!(layout(Kind::Control, 64, &[]), Err(LayoutError::Block(64)));
        assert_eq!(layout(Kind::Control, 1, &[2, 0]), Err(LayoutError::NoMembers(1)));
        assert_eq!(layout(Kind::Control, 1, &[usize::MAX, 2]), Err(LayoutError::TooLarge));
        assert_eq!(layout(Kind::Audio, 64, &[(MAX_PAYLOAD / 512) + 1]), Err(LayoutError::TooLarge));
        assert!(layout(Kind::Audio, 64, &[MAX_PAYLOAD / 512]).is_ok());
    }
}
