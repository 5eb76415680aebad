//! The JSON DAT: the parts of a JSON text that a JSONPath finds (TouchDesigner reference, section 5; RFC 9535).

use std::rc::Rc;

use patchcord_core::content::Content;
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, ContentKind, Family, Input, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::inputs;

/// The JSON DAT.
pub static JSON_DAT: OperatorType = OperatorType {
    name: "jsonDAT",
    label: "JSON DAT",
    family: Family::Dat,
    summary: "Shows the parts of the JSON text at its input that a JSONPath finds.",
    content: ContentKind::Text,
    editable: false,
    inputs: &[Input { label: "JSON", help: "A text that is JSON." }],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

const PAGES: &[Page] = &[
    Page {
        name: "JSON",
        parameters: &[
            Parameter::str("filter", "Filter", "$").help(
                "JSONPath (RFC 9535) of what is shown: `$.clients[0].name` is one value, `$.clients[*].name` and all \
                 others that can find several are a list. Empty, all is shown.",
            ),
            Parameter::menu(
                "output",
                "Output",
                "filterresult",
                &[MenuEntry::new("filterresult", "Filter Result"), MenuEntry::new("expression", "Expression")],
            )
            .help("What is shown. `expression` is not computed here: it is an error that says so."),
            Parameter::str("expression", "Expression", "")
                .help("Kept for scripts that set it: an Evaluate or a script does what it would."),
            Parameter::toggle("formatoutput", "Format Output", true)
                .help("Writes the result on several lines. Off, it is one line."),
            Parameter::toggle("holdlast", "Hold Last", false)
                .help("Keeps showing the last result while the input is no JSON. Off, nothing is shown then."),
        ],
    },
    COMMON_DAT_PAGE,
];

const FILTER: ParIndex = ParIndex::of(PAGES, "filter");
const OUTPUT: ParIndex = ParIndex::of(PAGES, "output");
const FORMATOUTPUT: ParIndex = ParIndex::of(PAGES, "formatoutput");
const HOLDLAST: ParIndex = ParIndex::of(PAGES, "holdlast");

/// Cause of the problem that nothing can be shown.
const JSON: &str = "json";

struct JsonDat(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    Rc::new(JsonDat(op))
}

impl Worker for JsonDat {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let text = |index| network.eval(self.0, index).to_text();
        let is_on = |index| network.eval(self.0, index).is_on();
        let holds = is_on(HOLDLAST);
        let source =
            inputs::source(network, self.0, 0).and_then(|source| network.read_content(source, Content::to_text));
        let result = match source.filter(|source| !source.trim().is_empty()) {
            _ if &*text(OUTPUT) == "expression" => Err(Problem::error(
                JSON,
                "expressions are not computed here",
                "set `output` to filterresult, and compute in a script",
            )),
            None => Ok(String::new()),
            Some(source) => found(&source, &text(FILTER), is_on(FORMATOUTPUT)),
        };
        match result {
            Ok(result) => {
                network.clear_problem(self.0, JSON);
                network.patch_mut().put_content(self.0, Content::of_text(result));
            }
            Err(problem) => {
                network.report(self.0, problem);
                if !holds {
                    network.patch_mut().put_content(self.0, Content::of_text(""));
                }
            }
        }
    }
}

/// What a path finds in a text.
fn found(text: &str, filter: &str, formatted: bool) -> Result<String, Problem> {
    let filter = if filter.trim().is_empty() { "$" } else { filter.trim() };
    let path = JsonPath::parse(filter).map_err(|error| {
        Problem::error(JSON, format!("`filter` is no JSONPath: {error}"), "such as $.clients[*].name")
    })?;
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Problem::warning(JSON, format!("the input is no JSON: {error}"), "nothing is shown"))?;
    let nodes = path.query(&value).all();
    // What can find one value at most is that value.
    let is_one = !filter.contains(['*', '?', ':', ',']) && !filter.contains("..");
    let write = |value: &Value| {
        let written = if formatted { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        // A value that was read can be written.
        written.unwrap_or_default()
    };
    Ok(match (is_one, nodes.first()) {
        (true, None) => String::new(),
        (true, Some(node)) => write(node),
        (false, _) => write(&Value::Array(nodes.into_iter().cloned().collect())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        r#"{"name": "show", "clients": [{"id": 1, "on": true}, {"id": 2, "on": false}], "a": {"id": 3}}"#;

    #[test]
    fn paths_find_values_and_lists() {
        for (filter, result) in [
            ("$.name", r#""show""#),
            ("$.clients[1].id", "2"),
            ("$.clients[-1].on", "false"),
            ("$.nothing", ""),
            ("$.clients[*].id", "[1,2]"),
            ("$..id", "[1,2,3]"),
            ("$.clients[?@.on == true].id", "[1]"),
            ("$.clients[0:1].id", "[1]"),
            ("$.nothing[*]", "[]"),
            ("$.a", r#"{"id":3}"#),
            (" $.a ", r#"{"id":3}"#),
        ] {
            let mut found = found(TEXT, filter, false).unwrap_or_else(|problem| problem.message.to_string());
            if filter == "$..id" {
                // Which branch comes first is not said by the standard.
                let mut numbers: Vec<i64> = serde_json::from_str(&found).unwrap();
                numbers.sort_unstable();
                found = serde_json::to_string(&numbers).unwrap();
            }
            assert_eq!(found, result, "{filter}");
        }
        assert_eq!(found(TEXT, "$.a", true).unwrap(), "{\n  \"id\": 3\n}");
        assert_eq!(found(TEXT, "", false), found(TEXT, "$", false), "no filter leaves all");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let message = |text, filter| found(text, filter, false).unwrap_err().message.to_string();
        assert!(message(TEXT, "clients[").starts_with("`filter` is no JSONPath"));
        assert!(message("{", "$").starts_with("the input is no JSON"));
    }
}
