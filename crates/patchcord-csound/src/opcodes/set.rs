//! `websocketset iport, Sname, xvalue`: settings of a port.

use super::signals;
use crate::ffi::{Call, Failure, Opcode, Side};
use crate::service::{self, SettingValue};

/// The opcode, which has an init only.
pub(super) struct Set;

impl Opcode for Set {
    fn init(call: &mut Call<'_>, _: Option<Box<Self>>) -> Result<Box<Self>, Failure> {
        let port = signals::port(call)?;
        let argument = |position| {
            call.argument(Side::Input, position)
                .ok_or_else(|| Failure("websocketset has a port, a name and a value".to_owned()))
        };
        let text = |argument| String::from_utf8_lossy(call.text(argument, 0)).into_owned();
        let (name, value) = (argument(1)?, argument(2)?);
        let value = if call.is_text(&value) {
            SettingValue::Text(text(&value))
        } else {
            #[allow(clippy::useless_conversion, reason = "MyFlt is f32 in the other build")]
            SettingValue::Number(f64::from(call.number(&value)))
        };
        service::set(call.csound().key(), port, &text(&name), value)
            .map_err(|error| Failure(format!("websocketset: {error}")))?;
        Ok(Box::new(Set))
    }

    fn perform(&mut self, _: &mut Call<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
