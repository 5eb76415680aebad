//! Writing into `patch.toml`: one parameter at a time, with comments, order and layout left as they are.

use patchcord_core::declaration::{Parameter, Text};
use patchcord_core::parameter::ParValue;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

/// Why a parameter is not written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WriteError {
    /// The text is no TOML.
    #[error("the file cannot be read: {0}")]
    Syntax(String),
    /// The file has no such operator.
    #[error("there is no section [op.{0}]")]
    NoOperator(String),
    /// Secrets are not written to a file.
    #[error("`{0}` is a secret and is not written")]
    Secret(Text),
    /// The file takes the value from the environment or from another file, and is to go on doing so.
    #[error("`{0}` comes from outside the file and is not written")]
    FromOutside(Text),
    /// The file gives it in `ext` of the component.
    #[error("`{0}` stands in `ext` of the operator and is not written")]
    InExtensions(Text),
    /// `par` of the operator is no table.
    #[error("`par` of the operator is no table")]
    NotATable,
}

/// The text of a patch file with a parameter set to a constant: in its line where it has one, else in a line of its own
/// below the others. `operator` is the name of the section, such as `agent/table1`.
///
/// # Errors
/// [`WriteError`].
pub fn set_parameter(
    text: &str,
    operator: &str,
    parameter: &Parameter,
    value: &ParValue,
) -> Result<String, WriteError> {
    if parameter.secret {
        return Err(WriteError::Secret(parameter.name.clone()));
    }
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| WriteError::Syntax(error.message().to_owned()))?;
    let section = document.get_mut("op").and_then(|op| op.get_mut(operator)).and_then(Item::as_table_like_mut);
    let section = section.ok_or_else(|| WriteError::NoOperator(operator.to_owned()))?;
    if section.contains_key("ext") && is_of_extension(&parameter.name) {
        return Err(WriteError::InExtensions(parameter.name.clone()));
    }
    let parameters = section.entry("par").or_insert_with(|| {
        let mut table = Table::new();
        table.set_dotted(true);
        Item::Table(table)
    });
    let parameters = parameters.as_table_like_mut().ok_or(WriteError::NotATable)?;
    let names = std::iter::once(&*parameter.name).chain(parameter.aliases.iter().copied());
    let name = names.into_iter().find(|name| parameters.contains_key(name)).unwrap_or(&parameter.name);
    let source = parameters.get(name).and_then(Item::as_table_like);
    if source.is_some_and(|source| source.contains_key("env") || source.contains_key("file")) {
        return Err(WriteError::FromOutside(parameter.name.clone()));
    }
    put(parameters, name, toml_value(value));
    Ok(document.to_string())
}

/// Whether `ext` is short for a parameter: `ext0object`, `ext1promote` …
fn is_of_extension(parameter: &str) -> bool {
    let part = parameter.strip_prefix("ext").and_then(|rest| rest.strip_prefix(|digit: char| digit.is_ascii_digit()));
    matches!(part, Some("object" | "name" | "promote"))
}

/// Puts a value in place with the white space and the comment of the old one.
fn put(table: &mut dyn TableLike, name: &str, mut value: Value) {
    match table.get_mut(name) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => drop(table.insert(name, Item::Value(value))),
    }
}

fn toml_value(value: &ParValue) -> Value {
    match value {
        ParValue::Bool(on) => Value::from(*on),
        ParValue::Int(number) => Value::from(*number),
        ParValue::Float(number) => Value::from(*number),
        ParValue::Str(text) => Value::from(&**text),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    static PORT: Parameter = Parameter::int("port", "Port", 9980, 1, 65535).aliases(&["netport"]);
    static URL: Parameter = Parameter::str("url", "URL", "");
    static PASSWORD: Parameter = Parameter::str("password", "Password", "").secret();

    const TEXT: &str = "# the show\n[patch]\nformat = 1\n\n[op.web]\ntype = \"webserverDAT\"\n\
                        par.port =  9980   # as on the poster\npar.url = { env = \"URL\" }\n\n[op.\"a/b\"] # inner\ntype = \"x\"\n";

    #[test]
    fn a_value_is_replaced_in_its_line() {
        let written = set_parameter(TEXT, "web", &PORT, &ParValue::Int(80)).unwrap();
        assert_eq!(written, TEXT.replace("9980 ", "80 "));
    }

    #[test]
    fn a_new_parameter_gets_a_line_of_its_own_below_the_others() {
        static ACTIVE: Parameter = Parameter::toggle("active", "Active", false);
        let written = set_parameter(TEXT, "web", &ACTIVE, &ParValue::Bool(true)).unwrap();
        assert_eq!(written, TEXT.replace("\"URL\" }\n", "\"URL\" }\npar.active = true\n"));
        let written = set_parameter(TEXT, "a/b", &PORT, &ParValue::Int(80)).unwrap();
        assert_eq!(written, format!("{TEXT}par.port = 80\n"));
    }

    #[test]
    fn text_is_quoted_as_toml_needs_it() {
        let text = TEXT.replace("{ env = \"URL\" }", "\"\"");
        let value = ParValue::Str(Rc::from("say \"hi\""));
        let written = set_parameter(&text, "web", &URL, &value).unwrap();
        let read: DocumentMut = written.parse().unwrap();
        assert_eq!(read["op"]["web"]["par"]["url"].as_str(), Some("say \"hi\""));
    }

    #[test]
    fn a_retired_name_is_kept() {
        let text = TEXT.replace("par.port", "par.netport");
        let written = set_parameter(&text, "web", &PORT, &ParValue::Int(80)).unwrap();
        assert_eq!(written, text.replace("9980 ", "80 "));
    }

    #[test]
    fn secrets_and_values_from_outside_are_not_written() {
        let value = ParValue::Str(Rc::from("x"));
        assert_eq!(set_parameter(TEXT, "web", &PASSWORD, &value), Err(WriteError::Secret("password".into())));
        assert_eq!(set_parameter(TEXT, "web", &URL, &value), Err(WriteError::FromOutside("url".into())));
        assert_eq!(set_parameter(TEXT, "none", &PORT, &value), Err(WriteError::NoOperator("none".into())));
        static NAME: Parameter = Parameter::str("ext0name", "Name", "");
        let with = TEXT.replace("[op.web]\n", "[op.web]\next = [{ object = \"A.A(me)\" }]\n");
        assert_eq!(set_parameter(&with, "web", &NAME, &value), Err(WriteError::InExtensions("ext0name".into())));
        assert!(set_parameter(TEXT, "web", &NAME, &value).unwrap().contains("par.ext0name = \"x\""));
        assert!(matches!(set_parameter("= 1", "web", &PORT, &value), Err(WriteError::Syntax(_))));
    }
}
