//! The nodes of the group Patch: parameters, texts, tables and channels of operators.

use std::rc::Rc;

use patchcord_core::declaration::Family;
use patchcord_core::network::Network;
use patchcord_core::parameter::{ParValue, nearest_name};
use patchcord_core::patch::OpId;
use patchcord_core::table::{Index, Table};
use patchcord_logic::Value;
use patchcord_logic::convert::to_text;
use patchcord_logic::ports::PatchRequest;

use super::owned_value;
use crate::inputs;

/// Answers a request of a graph in the component `base`.
///
/// # Errors
/// In plain words: there is no such operator, parameter, row, column or channel, or it cannot be changed.
pub(super) fn answer(network: &Network, base: OpId, request: PatchRequest<'_>) -> Result<Value, String> {
    match request {
        PatchRequest::Parameter { operator, name } => {
            let op = find(network, base, operator)?;
            let value = network.eval(op, index(network, op, operator, name)?);
            Ok(match value {
                ParValue::Bool(flag) => Value::Bool(flag),
                ParValue::Int(number) => i32::try_from(number).map_or(Value::Float(number as f64), Value::Int),
                ParValue::Float(number) => Value::Float(number),
                ParValue::Str(text) => Value::String(text),
            })
        }
        PatchRequest::SetParameter { operator, name, value } => {
            let op = find(network, base, operator)?;
            let index = index(network, op, operator, name)?;
            network.set_par(op, index, &owned_value(value)).map_err(|error| error.to_string())?;
            Ok(Value::Nothing)
        }
        PatchRequest::Pulse { operator, name } => {
            let op = find(network, base, operator)?;
            let index = index(network, op, operator, name)?;
            network.pulse(op, index).map_err(|error| error.to_string())?;
            Ok(Value::Nothing)
        }
        PatchRequest::Text { operator } => {
            let op = find(network, base, operator)?;
            let has_text = network.patch().get(op).is_some_and(|op| op.declaration().family == Family::Dat);
            let text = network.read_content(op, patchcord_core::content::Content::to_text);
            text.filter(|_| has_text).map(Value::String).ok_or_else(|| format!("\"{operator}\" is no DAT"))
        }
        PatchRequest::SetText { operator, text } => {
            let op = editable(network, base, operator)?;
            network.patch_mut().set_text(op, text).map_err(|error| error.to_string())?;
            Ok(Value::Nothing)
        }
        PatchRequest::Table { operator } => {
            let op = find(network, base, operator)?;
            let table = inputs::table(network, op);
            let rows = table.rows().map(|row| Value::Array(Rc::new(row.iter().map(Value::text).collect())));
            Ok(Value::Array(Rc::new(rows.collect())))
        }
        PatchRequest::Cell { operator, row, column } => {
            let op = find(network, base, operator)?;
            let table = inputs::table(network, op);
            let (row_name, column_name) = (to_text(row), to_text(column));
            let cell = table.cell(place(row, &row_name), place(column, &column_name)).map(Value::text);
            cell.ok_or_else(|| no_cell(operator, &row_name, &column_name, &table))
        }
        PatchRequest::SetCell { operator, row, column, text } => {
            let op = editable(network, base, operator)?;
            let (row_name, column_name) = (to_text(row), to_text(column));
            let mut patch = network.patch_mut();
            let table = patch.table_mut(op).map_err(|error| error.to_string())?;
            let set = table.set_cell(place(row, &row_name), place(column, &column_name), text);
            set.map_err(|_| no_cell(operator, &row_name, &column_name, table))?;
            Ok(Value::Nothing)
        }
        PatchRequest::AppendRow { operator, cells } => {
            let op = editable(network, base, operator)?;
            let cells: Vec<String> = cells.iter().map(to_text).collect();
            let mut patch = network.patch_mut();
            let table = patch.table_mut(op).map_err(|error| error.to_string())?;
            table.append_row(&cells, None).map_err(|error| error.to_string())?;
            Ok(Value::Nothing)
        }
        PatchRequest::Channel { operator, channel } => {
            let op = find(network, base, operator)?;
            let channels = inputs::channels(network, op);
            let found = channels.channels.iter().find(|(name, _)| **name == *channel);
            let value = found.and_then(|(_, samples)| samples.last());
            value.map(|value| Value::Float(*value)).ok_or_else(|| {
                let nearest = nearest_name(channel, channels.channels.iter().map(|(name, _)| &**name));
                let hint = nearest.map(|name| format!("; there is \"{name}\"")).unwrap_or_default();
                format!("\"{operator}\" has no channel \"{channel}\"{hint}")
            })
        }
    }
}

fn find(network: &Network, base: OpId, operator: &str) -> Result<OpId, String> {
    let patch = network.patch();
    patch.find(base, operator).ok_or_else(|| {
        // Paths count from within the graph, which who has a table beside it forgets.
        let beside = format!("../{operator}");
        let hint = match patch.find(base, &beside) {
            Some(_) if !operator.is_empty() => format!("; there is \"{beside}\""),
            _ => String::new(),
        };
        format!("there is no operator \"{operator}\"{hint}")
    })
}

/// An operator whose content people may edit.
fn editable(network: &Network, base: OpId, operator: &str) -> Result<OpId, String> {
    let op = find(network, base, operator)?;
    let is_editable = network.patch().get(op).is_some_and(|op| op.declaration().editable);
    if is_editable { Ok(op) } else { Err(format!("what \"{operator}\" holds cannot be edited")) }
}

fn index(
    network: &Network,
    op: OpId,
    operator: &str,
    name: &str,
) -> Result<patchcord_core::declaration::ParIndex, String> {
    let patch = network.patch();
    let declaration = patch.get(op).ok_or_else(|| gone(operator))?.declaration();
    declaration.find_parameter(name).map(|(index, _)| index).ok_or_else(|| {
        let nearest = nearest_name(name, declaration.parameters().map(|(_, parameter)| &*parameter.name));
        let hint = nearest.map(|name| format!("; there is \"{name}\"")).unwrap_or_default();
        format!("\"{operator}\" has no parameter \"{name}\"{hint}")
    })
}

fn gone(operator: &str) -> String {
    format!("the operator \"{operator}\" is gone")
}

fn place<'a>(value: &Value, name: &'a str) -> Index<'a> {
    match value {
        Value::Int(number) => Index::Number(i64::from(*number)),
        Value::Nothing => Index::Number(0),
        _ => Index::Name(name),
    }
}

fn no_cell(operator: &str, row: &str, column: &str, table: &Table) -> String {
    format!(
        "\"{operator}\" has no cell in row \"{row}\", column \"{column}\": it has {} rows and {} columns",
        table.num_rows(),
        table.num_cols()
    )
}
