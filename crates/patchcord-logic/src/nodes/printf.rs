//! Patterns of Format: what C's printf understands of them, with values that know their types.

use std::fmt::Write as _;

use crate::convert::to_text;
use crate::engine::Failure;
use crate::nodes::work::fail;
use crate::value::{TooLarge, Value};

/// Widths and precisions beyond this are refused.
const MAX_WIDTH: usize = 4_096;

/// What stands between `%` and its letter.
#[derive(Default)]
struct Place {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// Puts values into a pattern, in their order.
///
/// # Errors
/// When a place is not understood, a value is missing or does not suit its place.
pub(super) fn format(pattern: &str, values: &[Value]) -> Result<String, Failure> {
    let mut text = String::with_capacity(pattern.len() + 16 * values.len());
    let mut values = values.iter().enumerate();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let mut place = Place::default();
        while let Some(flag) = letters.next_if(|letter| "-+ 0#".contains(*letter)) {
            match flag {
                '-' => place.left = true,
                '+' => place.plus = true,
                ' ' => place.space = true,
                '0' => place.zero = true,
                _ => place.alternate = true,
            }
        }
        place.width = number(&mut letters)?.unwrap_or(0);
        if letters.next_if_eq(&'.').is_some() {
            place.precision = Some(number(&mut letters)?.unwrap_or(0));
        }
        // Sizes say nothing here: values know theirs.
        while letters.next_if(|letter| "hlLqjzt".contains(*letter)).is_some() {}
        let Some(conversion) = letters.next() else { return fail("the pattern ends within a place") };
        if conversion == '%' {
            text.push('%');
            continue;
        }
        let Some((index, value)) = values.next() else {
            return fail(format!("the pattern has a place %{conversion} without a parameter"));
        };
        let Some(shown) = place.show(conversion, value) else {
            if !"cdefiosuxX".contains(conversion) {
                return fail(format!("%{conversion} is not understood; there are %c %d %e %f %i %o %s %u %x"));
            }
            return fail(format!(
                "parameter {} is {}, which %{conversion} does not take",
                index + 1,
                value.data_type()
            ));
        };
        let length = shown.chars().count();
        let missing = place.width.saturating_sub(length);
        if place.left {
            text.push_str(&shown);
            text.extend(std::iter::repeat_n(' ', missing));
        } else {
            text.extend(std::iter::repeat_n(' ', missing));
            text.push_str(&shown);
        }
        TooLarge::check(text.len())?;
    }
    Ok(text)
}

fn number(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Option<usize>, Failure> {
    let mut number = None;
    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
        let digit = digit.to_digit(10).unwrap_or(0) as usize;
        let next = number.unwrap_or(0) * 10 + digit;
        if next > MAX_WIDTH {
            return fail(format!("a width in the pattern is above {MAX_WIDTH}"));
        }
        number = Some(next);
    }
    Ok(number)
}

impl Place {
    fn show(&self, conversion: char, value: &Value) -> Option<String> {
        Some(match conversion {
            's' => {
                let text = to_text(value);
                match self.precision {
                    Some(precision) => text.chars().take(precision).collect(),
                    None => text,
                }
            }
            'c' => match value {
                Value::String(text) => text.chars().next().map(String::from).unwrap_or_default(),
                _ => char::from_u32(u32::try_from(whole(value)?).ok()?)?.to_string(),
            },
            'd' | 'i' => {
                let number = whole(value)?;
                self.signed(number < 0, &self.digits(number.unsigned_abs().to_string()), self.precision.is_none())
            }
            // As C shows an int of 32 bits.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            'u' | 'o' | 'x' | 'X' => {
                let number = whole(value)? as u32;
                let (prefix, digits) = match conversion {
                    'u' => ("", number.to_string()),
                    'o' => ("0", format!("{number:o}")),
                    'x' => ("0x", format!("{number:x}")),
                    _ => ("0X", format!("{number:X}")),
                };
                let digits = self.digits(digits);
                let prefix = if self.alternate && number != 0 { prefix } else { "" };
                let zeros = if self.zero && !self.left && self.precision.is_none() {
                    self.width.saturating_sub(digits.len() + prefix.len())
                } else {
                    0
                };
                format!("{prefix}{}{digits}", "0".repeat(zeros))
            }
            'f' | 'e' => {
                let number = float(value)?;
                let size = number.abs();
                let precision = self.precision.unwrap_or(6);
                let digits = if !number.is_finite() {
                    if number.is_nan() { "nan".to_owned() } else { "inf".to_owned() }
                } else if conversion == 'f' {
                    format!("{size:.precision$}")
                } else {
                    exponential(size, precision)
                };
                self.signed(number.is_sign_negative() && !number.is_nan(), &digits, number.is_finite())
            }
            _ => return None,
        })
    }

    /// At least as many digits as the precision says.
    fn digits(&self, digits: String) -> String {
        let missing = self.precision.unwrap_or(0).saturating_sub(digits.len());
        "0".repeat(missing) + &digits
    }

    fn signed(&self, negative: bool, digits: &str, fills: bool) -> String {
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        };
        let zeros =
            if self.zero && !self.left && fills { self.width.saturating_sub(sign.len() + digits.len()) } else { 0 };
        format!("{sign}{}{digits}", "0".repeat(zeros))
    }
}

/// As C writes it: the exponent has a sign and at least two digits.
fn exponential(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    let mut shown = String::with_capacity(text.len() + 2);
    // Writing into a String does not fail.
    let _ = write!(shown, "{digits}e{sign}{exponent:0>2}");
    shown
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Int(number) => Some(i64::from(*number)),
        Value::Byte(number) => Some(i64::from(*number)),
        // JSON's numbers without a fraction.
        #[allow(clippy::cast_possible_truncation)]
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(f64::from(*number)),
        Value::Byte(number) => Some(f64::from(*number)),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_printf_does() {
        let text = Value::text("abcdef");
        let rows: &[(&str, Value, &str)] = &[
            ("%d", Value::Int(-42), "-42"),
            ("%+05d|", Value::Int(42), "+0042|"),
            ("%-6d|", Value::Int(42), "42    |"),
            ("%.3d", Value::Int(7), "007"),
            ("%x %%", Value::Int(-1), "ffffffff %"),
            ("%#o", Value::Int(8), "010"),
            ("%8.3f|", Value::Float(-2.5), "  -2.500|"),
            ("%e", Value::Float(12345.678), "1.234568e+04"),
            ("%.1e", Value::Float(0.00012), "1.2e-04"),
            ("%.3s", text, "abc"),
            ("%c", Value::Int(65), "A"),
            ("%s", Value::Bool(true), "true"),
            ("%lu", Value::Int(3), "3"),
            ("%f", Value::Int(3), "3.000000"),
        ];
        for (pattern, value, expected) in rows {
            assert_eq!(format(pattern, std::slice::from_ref(value)), Ok((*expected).to_owned()), "{pattern}");
        }
        for (pattern, value) in [
            ("%d", Value::text("x")),
            ("%q", Value::Int(1)),
            ("%d %d", Value::Int(1)),
            ("%", Value::Int(1)),
            ("%99999d", Value::Int(1)),
        ] {
            assert!(format(pattern, &[value]).is_err(), "{pattern}");
        }
    }
}
