//! Csound's side of the boundary: its structures, its functions, and the entries that it calls.
//!
//! All `unsafe` of the crate is here, but for the two functions that Csound looks for by name. What the rest of the crate sees is safe:
//!
//! - [`Opcode`] is what an opcode implements; [`entry`] makes of it the functions that Csound calls. They catch panics, so
//!   that none crosses the boundary, and free the opcode's state at the end of its note.
//! - [`Call`] is one such call. It is the only way to an argument's value, so nothing can be read when Csound is not there.
//! - [`Csound`] has the functions that Csound offers to opcodes. Of these `Die` is missing on purpose: it jumps over the
//!   frames of Rust.
//! - [`thread`] starts a thread without leaving anything behind in Csound's own thread.

#![allow(unsafe_code, reason = "Csound calls with raw pointers and is called through a table of them")]

mod argument;
mod call;
mod channel;
mod csound;
pub mod entry;
mod layout;
mod signals;
#[cfg(test)]
pub(crate) mod test_host;
pub mod thread;

pub use argument::{Argument, ArgumentKind, Element, Side};
pub use call::{Call, Samples};
pub use csound::Csound;
pub use entry::{Failure, Opcode};

/// Csound's number: 64 bits, or 32 with the feature `f32`.
#[cfg(not(feature = "f32"))]
pub type MyFlt = f64;
/// Csound's number: 64 bits, or 32 with the feature `f32`.
#[cfg(feature = "f32")]
pub type MyFlt = f32;

#[cfg(not(target_endian = "little"))]
compile_error!("values travel in the byte order of the machine, and clients expect the little-endian one");

/// The bytes of numbers as they travel: in order, without gaps, little endian.
pub fn bytes_of(values: &[MyFlt]) -> &[u8] {
    // SAFETY: a float has no padding and every byte of it may be read; the length is the slice's size in bytes.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The bytes of numbers, to be filled.
pub fn bytes_of_mut(values: &mut [MyFlt]) -> &mut [u8] {
    // SAFETY: as above, and every pattern of bits is a float.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}
