//! The opcodes: what each does at init and in each k-cycle.
