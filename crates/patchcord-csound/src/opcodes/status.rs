//! `kclients, kdropped, klate websocketstatus iport`: how a port is.

use super::signals;
use crate::ffi::{Argument, Call, Failure, MyFlt, Opcode, Side};
use crate::service::{self, Watch};

/// The opcode in one note. It does not keep the port open, and shows zeros while nobody has it open.
pub(super) struct Status {
    watch: Watch,
    outputs: [Argument; 3],
}

impl Opcode for Status {
    fn init(call: &mut Call<'_>, _: Option<Box<Self>>) -> Result<Box<Self>, Failure> {
        let watch = service::watch(call.csound().key(), signals::port(call)?);
        let output = |position| {
            call.argument(Side::Output, position).ok_or_else(|| Failure("websocketstatus has three outputs".to_owned()))
        };
        let outputs = [output(0)?, output(1)?, output(2)?];
        let mut status = Box::new(Status { watch, outputs });
        status.perform(call)?;
        Ok(status)
    }

    fn perform(&mut self, call: &mut Call<'_>) -> Result<(), Failure> {
        let status = self.watch.status();
        for (argument, count) in self.outputs.iter().zip([status.clients, status.dropped, status.late]) {
            call.set_number(argument, count as MyFlt);
        }
        Ok(())
    }
}
