//! Csound's side of the boundary: its structures, its functions, and the entries that it calls.
