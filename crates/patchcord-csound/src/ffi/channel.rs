//! Csound's software channels and score events, as clients set and make them.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::MyFlt;
use super::csound::{Csound, place};

/// `CSOUND_CONTROL_CHANNEL | CSOUND_INPUT_CHANNEL`
const NUMBERS_IN: c_int = 1 | 16;

impl Csound<'_> {
    /// Sets a software channel to a number, and makes the channel if there is none. A channel of another type stays as it is.
    pub fn set_number_channel(self, channel: &CStr, value: f64) {
        type Function = unsafe extern "C" fn(*mut c_void, *mut *mut MyFlt, *const c_char, c_int) -> c_int;
        let mut place: *mut MyFlt = std::ptr::null_mut();
        // SAFETY: GetChannelPtr has this type; the channel stays until Csound is reset, and is read and written by Csound's
        // threads without a lock, as one word.
        unsafe {
            let found =
                self.function::<Function>(place::CHANNEL)(self.pointer(), &raw mut place, channel.as_ptr(), NUMBERS_IN);
            if found == 0 && !place.is_null() {
                store(place, value as MyFlt);
            }
        }
    }

    /// Sets a software channel to a text. Allocates when the text is longer than what the channel had.
    pub fn set_text_channel(self, channel: &CStr, text: &CStr) {
        type Function = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char);
        // A channel of texts has a lock that is not in Csound's table; the library's own function takes it.
        static SET: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
        let mut set = SET.load(Ordering::Relaxed);
        if set.is_null() {
            set = self.of_library(c"csoundSetStringChannel");
            SET.store(set, Ordering::Relaxed);
        }
        if set.is_null() {
            return;
        }
        // SAFETY: csoundSetStringChannel has this type.
        unsafe {
            std::mem::transmute::<*mut c_void, Function>(set)(self.pointer(), channel.as_ptr(), text.as_ptr());
        }
    }

    /// Makes a score event from a line such as `i 1 0 1`. It begins with the next k-cycle.
    pub fn score_event(self, line: &CStr) {
        type Function = unsafe extern "C" fn(*mut c_void, *const c_char);
        // SAFETY: InputMessage has this type. It copies the line.
        unsafe { self.function::<Function>(place::INPUT_MESSAGE)(self.pointer(), line.as_ptr()) }
    }

    /// A function that the library of this Csound exports, or null. The library is the one that a function of the table lies
    /// in, since a host may have loaded it for itself alone.
    fn of_library(self, name: &CStr) -> *mut c_void {
        // SAFETY: `info` is filled before it is read; the library is open as long as it calls us, so that opening it once
        // more without loading only finds it, and closing it again leaves it open.
        unsafe {
            let mut info: libc::Dl_info = std::mem::zeroed();
            let function = self.function::<*const c_void>(place::CHANNEL);
            if libc::dladdr(function, &raw mut info) == 0 {
                return std::ptr::null_mut();
            }
            let library = libc::dlopen(info.dli_fname, libc::RTLD_LAZY | libc::RTLD_NOLOAD);
            if library.is_null() {
                // Csound is part of the program itself.
                return libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
            }
            let found = libc::dlsym(library, name.as_ptr());
            libc::dlclose(library);
            found
        }
    }
}

/// # Safety
/// `place` is a number's place that others may read meanwhile.
#[cfg(not(feature = "f32"))]
unsafe fn store(place: *mut MyFlt, value: MyFlt) {
    // SAFETY: as the caller says; a number is aligned to its size.
    unsafe { std::sync::atomic::AtomicU64::from_ptr(place.cast()).store(value.to_bits(), Ordering::Relaxed) }
}

/// # Safety
/// `place` is a number's place that others may read meanwhile.
#[cfg(feature = "f32")]
unsafe fn store(place: *mut MyFlt, value: MyFlt) {
    // SAFETY: as the caller says; a number is aligned to its size.
    unsafe { std::sync::atomic::AtomicU32::from_ptr(place.cast()).store(value.to_bits(), Ordering::Relaxed) }
}
