//! What an argument of an opcode is: its type, its name and its shape, as Csound knows them at init.

use std::ffi::CStr;

use super::layout::{ArrayData, TYPE_BEFORE_VALUE, VariableType};

/// On which side of the opcode's name an argument stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Left: the opcode writes it.
    Output,
    /// Right: the opcode reads it.
    Input,
}

/// The type of an array's members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// `a`
    Audio,
    /// `k`
    Control,
    /// `i`
    Init,
    /// `S`
    Text,
}

impl Element {
    fn of(letter: &[u8]) -> Option<Element> {
        match letter {
            b"a" => Some(Element::Audio),
            b"k" => Some(Element::Control),
            b"i" => Some(Element::Init),
            b"S" => Some(Element::Text),
            _ => None,
        }
    }
}

/// The type of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// A variable `a`, `k`, `i` or `S`.
    Variable(Element),
    /// An array of them, with the size of each dimension; no dimensions: the array does not exist yet.
    Array(Element, Vec<usize>),
    /// A number or a text that is written out. Its name is what is written.
    Constant,
    /// A p-field.
    PField,
    /// A word of the language, such as `sr`.
    Reserved,
    /// A type that has no form on a connection (`f`, `w`, a boolean …), as Csound writes it.
    Other(String),
}

/// An argument as it was at init. Its value is read and written through [`super::Call`].
#[derive(Clone, Debug)]
pub struct Argument {
    /// The opcode in whose call this was found.
    pub(super) owner: usize,
    /// Its place among the opcode's pointers.
    pub(super) place: usize,
    /// Whether the opcode reads or writes it.
    pub side: Side,
    /// Its position on its side, counted from 0.
    pub position: usize,
    /// Its name in the orchestra; `#k0` and the like for an expression, the text itself for a constant.
    pub name: String,
    /// What it is.
    pub kind: ArgumentKind,
}

impl Argument {
    /// The name of its type as Csound writes it: `k`, `a[]`, `S` …
    pub fn type_name(&self) -> String {
        let letter = |element: Element| match element {
            Element::Audio => "a",
            Element::Control => "k",
            Element::Init => "i",
            Element::Text => "S",
        };
        match &self.kind {
            ArgumentKind::Variable(element) => letter(*element).to_owned(),
            ArgumentKind::Array(element, sizes) => {
                format!("{}{}", letter(*element), "[]".repeat(sizes.len().max(1)))
            }
            ArgumentKind::Constant => "constant".to_owned(),
            ArgumentKind::PField => "p-field".to_owned(),
            ArgumentKind::Reserved => "reserved word".to_owned(),
            ArgumentKind::Other(name) => name.clone(),
        }
    }
}

/// What the argument at `value` is.
///
/// # Safety
/// `value` is the pointer to an argument that Csound has put into an opcode's structure, and is not null.
pub(super) unsafe fn kind_of(value: *const u8) -> ArgumentKind {
    // SAFETY: Csound's own GetTypeForArg reads the type there.
    let name = unsafe { type_name(value.sub(TYPE_BEFORE_VALUE).cast::<*const VariableType>().read()) };
    match name {
        b"c" => ArgumentKind::Constant,
        b"p" => ArgumentKind::PField,
        b"r" => ArgumentKind::Reserved,
        b"[" => {
            // SAFETY: a value of type `[` is an ARRAYDAT.
            let array = unsafe { &*value.cast::<ArrayData>() };
            // SAFETY: as above; the type of its members is null before the array exists.
            let element = unsafe { type_name(array.member_type) };
            match Element::of(element) {
                Some(element) => ArgumentKind::Array(element, sizes(array).unwrap_or_default()),
                None if element.is_empty() => ArgumentKind::Array(Element::Control, Vec::new()),
                None => ArgumentKind::Other(format!("{}[]", String::from_utf8_lossy(element))),
            }
        }
        name => match Element::of(name) {
            Some(element) => ArgumentKind::Variable(element),
            None => ArgumentKind::Other(String::from_utf8_lossy(name).into_owned()),
        },
    }
}

/// What an argument of this name is, if Csound has given it no type: so it leaves the p-fields of what `subinstr` plays, which are
/// numbers all the same.
pub(super) fn untyped(kind: ArgumentKind, name: &CStr) -> ArgumentKind {
    let is_p_field =
        matches!(name.to_bytes(), [b'p', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    match kind {
        ArgumentKind::Other(none) if none.is_empty() && is_p_field => ArgumentKind::PField,
        kind => kind,
    }
}

/// # Safety
/// `kind` is null or a type of Csound.
unsafe fn type_name<'a>(kind: *const VariableType) -> &'a [u8] {
    if kind.is_null() {
        return b"";
    }
    // SAFETY: types are constants of Csound, with a name.
    unsafe {
        let name = (*kind).name;
        if name.is_null() { b"" } else { CStr::from_ptr(name).to_bytes() }
    }
}

/// The sizes of an array's dimensions, or none when it does not exist.
pub(super) fn sizes(array: &ArrayData) -> Option<Vec<usize>> {
    dimensions(array)?.iter().map(|&size| usize::try_from(size).ok()).collect()
}

/// The sizes of an array's dimensions as Csound keeps them, without a copy.
pub(super) fn dimensions(array: &ArrayData) -> Option<&[i32]> {
    let count = usize::try_from(array.dimensions).ok().filter(|&count| count > 0)?;
    if array.sizes.is_null() || array.data.is_null() {
        return None;
    }
    // SAFETY: Csound keeps as many sizes as there are dimensions, for as long as the array exists.
    Some(unsafe { std::slice::from_raw_parts(array.sizes, count) })
}
