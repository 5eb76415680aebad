//! One call of an opcode by Csound, and the values of its arguments within it.

use std::ffi::CStr;

use super::argument::{self, Argument, ArgumentKind, Element, Side};
use super::csound::Csound;
use super::layout::{ArrayData, OpcodeHead, StringData};
use super::{MyFlt, layout};

/// A call of an opcode. Values of arguments are reached through it alone, and those that are written through `&mut`, so
/// that two arguments which are the same variable are never both lent.
pub struct Call<'call> {
    csound: Csound<'call>,
    head: *mut OpcodeHead,
    arguments: *const *mut MyFlt,
    outputs: usize,
    inputs: usize,
    /// Where the inputs begin: Csound leaves places for outputs that are not there.
    first_input: usize,
}

/// Which samples of an a-rate argument belong to the note in this k-cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    /// Samples that an a-rate argument has in this cycle: the note's own ksmps.
    pub count: usize,
    /// Of these the first that belongs to the note.
    pub start: usize,
    /// The first behind `start` that does not belong to it any more.
    pub end: usize,
}

impl<'call> Call<'call> {
    /// # Safety
    /// `head` is an opcode that Csound has just called with `csound`; its pointers to arguments follow it directly;
    /// and `'call` does not outlive that call.
    pub(super) unsafe fn new(csound: Csound<'call>, head: *mut OpcodeHead) -> Self {
        // SAFETY: every opcode that is called has its line, and the line its entry with a list of types.
        let (text, types) = unsafe {
            let text = &*(*head).text;
            (text, CStr::from_ptr((*text.entry).outputs))
        };
        let outputs = text.output_count as usize;
        Call {
            csound,
            head,
            // SAFETY: directly behind the head, as the caller says.
            arguments: unsafe { head.add(1) }.cast::<*mut MyFlt>().cast_const(),
            outputs,
            inputs: text.input_count as usize,
            // One letter for each type: ours have no arrays among the outputs.
            first_input: outputs.max(types.count_bytes()),
        }
    }

    /// The Csound that calls.
    pub fn csound(&self) -> Csound<'call> {
        self.csound
    }

    /// How many outputs there are.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// How many pointers to arguments the opcode's structure has.
    pub(super) fn pointers(&self) -> usize {
        self.first_input + self.inputs
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    fn note(&self) -> &layout::Note {
        // SAFETY: every opcode that is called belongs to a note. Csound changes it between calls only.
        unsafe { &*(*self.head).note }
    }

    /// The number of the instrument; 0 is the code outside of instruments, which has an init and no k-cycles.
    pub fn instrument(&self) -> i16 {
        self.note().instrument
    }

    /// The ksmps of this note: smaller than the orchestra's after `setksmps`.
    pub fn ksmps(&self) -> usize {
        self.note().ksmps as usize
    }

    /// Which samples of this k-cycle belong to the note.
    pub fn samples(&self) -> Samples {
        let note = self.note();
        let count = note.ksmps as usize;
        let start = (note.offset as usize).min(count);
        let end = count.saturating_sub(note.early as usize).max(start);
        Samples { count, start, end }
    }

    /// An argument as it is now, or none when there are not so many. Allocates: for init.
    pub fn argument(&self, side: Side, position: usize) -> Option<Argument> {
        let place = match side {
            Side::Output if position < self.outputs => position,
            Side::Input if position < self.inputs => self.first_input + position,
            _ => return None,
        };
        // SAFETY: the opcode that called has that many places.
        let value = unsafe { self.arguments.add(place).read() };
        if value.is_null() {
            return None;
        }
        // SAFETY: the opcode is the one that called; the value is one of its arguments.
        let (name, kind) = unsafe {
            let name = match side {
                Side::Output => self.csound.output_name(self.head, position),
                Side::Input => self.csound.input_name(self.head, position),
            };
            (name.unwrap_or(c""), argument::kind_of(value.cast()))
        };
        let kind = argument::untyped(kind, name);
        Some(Argument {
            owner: self.head.addr(),
            place,
            side,
            position,
            name: name.to_string_lossy().into_owned(),
            kind,
        })
    }

    /// The argument's place in Csound's memory.
    fn pointer(&self, argument: &Argument) -> *mut MyFlt {
        assert_eq!(argument.owner, self.head.addr(), "an argument of another opcode");
        // SAFETY: the argument was found in a call of this opcode, so the place is there and its pointer is not null.
        unsafe { self.arguments.add(argument.place).read() }
    }

    /// Whether this is a number: `k`, `i`, a p-field, a number that is written out.
    fn is_number(argument: &Argument) -> bool {
        !matches!(
            argument.kind,
            ArgumentKind::Variable(Element::Audio | Element::Text) | ArgumentKind::Array(..) | ArgumentKind::Other(_)
        )
    }

    /// The value of a number.
    pub fn number(&self, argument: &Argument) -> MyFlt {
        assert!(Self::is_number(argument));
        // SAFETY: a number is one MYFLT.
        unsafe { self.pointer(argument).read() }
    }

    /// Sets a number.
    pub fn set_number(&mut self, argument: &Argument, value: MyFlt) {
        assert!(Self::is_number(argument));
        // SAFETY: a number is one MYFLT.
        unsafe { self.pointer(argument).write(value) }
    }

    /// The samples of an `a` variable in this k-cycle.
    pub fn audio(&self, argument: &Argument) -> &[MyFlt] {
        assert!(argument.kind == ArgumentKind::Variable(Element::Audio));
        // SAFETY: an `a` variable has room for the orchestra's ksmps, and the note's is not larger.
        unsafe { std::slice::from_raw_parts(self.pointer(argument), self.ksmps().min(self.csound.ksmps())) }
    }

    /// The samples of an `a` variable in this k-cycle, to be filled.
    pub fn audio_mut(&mut self, argument: &Argument) -> &mut [MyFlt] {
        assert!(argument.kind == ArgumentKind::Variable(Element::Audio));
        let count = self.ksmps().min(self.csound.ksmps());
        // SAFETY: as above, and nothing else of this call is lent.
        unsafe { std::slice::from_raw_parts_mut(self.pointer(argument), count) }
    }

    /// An array as it is now. Its pointer is read anew in each call, since an array can move when it is resized.
    fn array(&self, argument: &Argument) -> (&ArrayData, Element) {
        let ArgumentKind::Array(element, _) = argument.kind else {
            panic!("{} is not an array", argument.name);
        };
        // SAFETY: a value of that type is an ARRAYDAT, which Csound changes between calls only.
        (unsafe { &*self.pointer(argument).cast::<ArrayData>() }, element)
    }

    /// Whether an array has the sizes that it had at init, and members as its type has them.
    pub fn same_sizes(&self, argument: &Argument) -> bool {
        let ArgumentKind::Array(element, sizes) = &argument.kind else {
            return true;
        };
        let (array, _) = self.array(argument);
        let member = match element {
            Element::Text => size_of::<StringData>(),
            element => self.member_len(*element).unwrap_or(0) * size_of::<MyFlt>(),
        };
        usize::try_from(array.member_size) == Ok(member)
            && argument::dimensions(array).is_some_and(|now| {
                now.len() == sizes.len() && now.iter().zip(sizes).all(|(&now, &then)| usize::try_from(now) == Ok(then))
            })
    }

    /// How many members the array has, if each takes `member` bytes. `allocated` is not asked: several of Csound's opcodes
    /// (the assignment of arrays, `diskin2`) do not keep it true, while the sizes are what all of Csound reads by.
    fn members(array: &ArrayData, member: usize) -> Option<usize> {
        let count = argument::dimensions(array)?
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(usize::try_from(size).ok()?))?;
        count.checked_mul(member)?;
        (usize::try_from(array.member_size).ok()? == member).then_some(count)
    }

    /// How many numbers one member of an array of numbers takes: for `a` a block of the orchestra's ksmps.
    fn member_len(&self, element: Element) -> Option<usize> {
        match element {
            Element::Audio => Some(self.csound.ksmps()),
            Element::Control | Element::Init => Some(1),
            Element::Text => None,
        }
    }

    /// The numbers of an array, row by row; of `a[]` each member is a block of the orchestra's ksmps, of which the first
    /// [`Self::ksmps`] are this cycle's. None when the array does not exist or is not what it says.
    pub fn numbers(&self, argument: &Argument) -> Option<&[MyFlt]> {
        let (array, element) = self.array(argument);
        let per_member = self.member_len(element)?;
        let members = Self::members(array, per_member * size_of::<MyFlt>())?;
        // SAFETY: by its sizes the array has that many bytes.
        Some(unsafe { std::slice::from_raw_parts(array.data, members * per_member) })
    }

    /// The numbers of an array, to be filled.
    pub fn numbers_mut(&mut self, argument: &Argument) -> Option<&mut [MyFlt]> {
        let (array, element) = self.array(argument);
        let per_member = self.member_len(element)?;
        let members = Self::members(array, per_member * size_of::<MyFlt>())?;
        // SAFETY: as above, and nothing else of this call is lent.
        Some(unsafe { std::slice::from_raw_parts_mut(array.data, members * per_member) })
    }

    /// How many texts an array of texts has.
    pub fn text_count(&self, argument: &Argument) -> Option<usize> {
        let (array, element) = self.array(argument);
        (element == Element::Text).then(|| Self::members(array, size_of::<StringData>()))?
    }

    /// Csound's record of a text: of a variable or, with an index, of a member of an array.
    fn string_data(&self, argument: &Argument, index: usize) -> Option<*mut StringData> {
        if let ArgumentKind::Array(..) = argument.kind {
            let count = self.text_count(argument)?;
            let (array, _) = self.array(argument);
            // SAFETY: by its sizes the array has that many records.
            return (index < count).then(|| unsafe { array.data.cast::<StringData>().add(index) });
        }
        assert!(self.is_text(argument), "{} is not a text", argument.name);
        Some(self.pointer(argument).cast())
    }

    /// Whether this is an array.
    pub fn is_array(&self, argument: &Argument) -> bool {
        matches!(argument.kind, ArgumentKind::Array(..))
    }

    /// Whether this is a text: an `S` variable or a text that is written out.
    pub fn is_text(&self, argument: &Argument) -> bool {
        argument.kind == ArgumentKind::Variable(Element::Text)
    }

    /// A text, without its NUL: of a variable (`index` 0) or of a member of an array.
    pub fn text(&self, argument: &Argument, index: usize) -> &[u8] {
        let Some(string) = self.string_data(argument, index) else {
            return b"";
        };
        // SAFETY: the record is Csound's own, and its text ends with a NUL.
        unsafe {
            let data = (*string).data;
            if data.is_null() { b"" } else { CStr::from_ptr(data).to_bytes() }
        }
    }

    /// Makes room for a text of `length` bytes. Allocates when there is less.
    pub fn reserve_text(&mut self, argument: &Argument, index: usize, length: usize) -> bool {
        let Some(string) = self.string_data(argument, index) else {
            return false;
        };
        let Ok(wanted) = i32::try_from(length + 1) else {
            return false;
        };
        // SAFETY: the record and its memory are Csound's own, and nothing of this call is lent.
        unsafe {
            let old = (*string).data;
            if !old.is_null() && (*string).size >= wanted {
                return true;
            }
            let data = self.csound.reallocate(old.cast(), length + 1).cast::<std::ffi::c_char>();
            if data.is_null() {
                return false;
            }
            if old.is_null() {
                data.write(0);
            }
            (*string).data = data;
            (*string).size = wanted;
        }
        true
    }

    /// Sets a text. Bytes from a NUL on are left out. Allocates only when the text is longer than all before.
    pub fn set_text(&mut self, argument: &Argument, index: usize, text: &[u8]) -> bool {
        let length = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        if !self.reserve_text(argument, index, length) {
            return false;
        }
        let Some(string) = self.string_data(argument, index) else {
            return false;
        };
        // SAFETY: there is room for the text and its NUL.
        unsafe {
            let data = (*string).data.cast::<u8>();
            data.copy_from_nonoverlapping(text.as_ptr(), length);
            data.add(length).write(0);
        }
        true
    }
}
