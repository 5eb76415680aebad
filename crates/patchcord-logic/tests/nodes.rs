//! Every node by table: what it is given, and what comes out.

mod common;

use common::{compiled, run};
use patchcord_logic::convert::to_json;
use patchcord_logic::declaration::slug;
use patchcord_logic::nodes;

/// Runs one node once. `node` is what stands in its table; the outputs come as `name=json`, and what the console said.
fn outputs(node: &str) -> (Vec<String>, Vec<String>) {
    let text = format!(
        "[node.init]\ntype = \"On Initialize\"\nnext = \"it\"\n[node.it]\n{node}\nnext = \"after\"\n[node.after]\ntype = \"Console\"\nset.value = \"after\"\n"
    );
    let running = run(&text);
    let graph = running.engine.graph();
    let it = graph.bodies[0].node("it").unwrap();
    let outputs = it
        .outputs
        .iter()
        .map(|output| match running.engine.output("it", &output.name) {
            Some(value) => format!("{}={}", output.name, to_json(value, false)),
            None => format!("{} unset", output.name),
        })
        .collect();
    let said = running.outside.console.iter().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect();
    (outputs, said)
}

/// A row: the node, its outputs, and whether the pulse goes on (else what the console says instead).
fn check(rows: &[(&str, &[&str], &str)]) {
    for (node, expected, said) in rows {
        let (outputs, console) = outputs(node);
        assert_eq!(outputs, *expected, "{node}");
        let expected: Vec<&str> = if said.is_empty() { vec!["after"] } else { said.split('|').collect() };
        assert_eq!(console, expected, "{node}");
    }
}

#[test]
fn boolean_comparison_and_arithmetic() {
    check(&[
        ("type = 'AND'\nset = { input_1 = true, input_2 = true }", &["output=true"], ""),
        ("type = 'AND'\nset = { input_1 = true }", &["output=false"], ""),
        ("type = 'OR'\nset = { input_2 = true }", &["output=true"], ""),
        ("type = 'Negate'\nset.input = true", &["output=false"], ""),
        ("type = 'Is Equal'\nset = { data_type = 'String', a = 'x', b = 'x' }", &["c=true"], ""),
        ("type = 'Is Equal'\nset = { data_type = 'String', mode = 'IsNotEqual', a = 'x', b = 'x' }", &["c=false"], ""),
        ("type = 'Is Greater Equal'\nset = { default_value_a = 2, default_value_b = 2 }", &["c=true"], ""),
        ("type = 'Is Greater Equal'\nset = { mode = 'IsGreater', a = 2, b = 2 }", &["c=false"], ""),
        ("type = 'Is Less Equal'\nset = { data_type = 'Float', mode = 'IsLess', a = 1.5, b = 2 }", &["c=true"], ""),
        ("type = 'Add'\nset = { count = 3, input_1 = 1, input_2 = 2, input_3 = 3 }", &["output=6"], ""),
        (
            "type = 'Add'\nset = { data_type = 'Vector2', input_1 = [1, 2], input_2 = [0.5, 0.5] }",
            &["output=[1.5,2.5]"],
            "",
        ),
        (
            "type = 'Add'\nset = { input_1 = 2147483647, input_2 = 1 }",
            &["output unset"],
            "2147483648 does not fit into Int",
        ),
        (
            "type = 'Subtract'\nset = { data_type = 'Byte', input_1 = -128, input_2 = 1 }",
            &["output unset"],
            "-129 does not fit into Byte",
        ),
        ("type = 'Multiply'\nset = { data_type = 'Float', input_1 = 1.5, input_2 = 2 }", &["output=3.0"], ""),
        ("type = 'Divide'\nset = { dividend = -7, divisor = 2 }", &["quotient=-3"], ""),
        ("type = 'Divide'\nset = { dividend = 1, divisor = 0 }", &["quotient unset"], "division by zero"),
        ("type = 'Modulo'\nset = { dividend = -7, divisor = 2 }", &["remainder=-1"], ""),
        ("type = 'Increment'\nset.input = 4", &["output=5"], ""),
        ("type = 'Decrement'\nset = { input = 4, step = 3 }", &["output=1"], ""),
        ("type = 'Clamp'\nset = { value = 9, to = 5 }", &["result=5"], ""),
        ("type = 'Clamp'\nset = { value = 9, from = 6, to = 5 }", &["result unset"], "From (6) is above To (5)"),
        (
            "type = 'Random'\nset = { mode = 'Expert', seed = 1, minimum = 5, maximum = 5, data_type = 'Int' }",
            &["output=5"],
            "",
        ),
    ]);
    let (a, b) = (
        outputs("type = 'Random'\nset = { mode = 'Expert', seed = 7 }"),
        outputs("type = 'Random'\nset = { mode = 'Expert', seed = 7 }"),
    );
    assert_eq!(a, b);
}

#[test]
fn strings() {
    check(&[
        ("type = 'Concat Strings'\nset = { input_1 = 'a', input_2 = 'b' }", &["output=\"ab\""], ""),
        (
            "type = 'Format'\nset = { default_pattern = '%s is %05.1f', parameters = ['String', 'Float'], parameter_1 = 'x', parameter_2 = 2.5 }",
            &["formatted=\"x is 002.5\""],
            "",
        ),
        (
            "type = 'Format'\nset = { default_pattern = '%d', parameters = ['String'], parameter_1 = 'x' }",
            &["formatted unset"],
            "parameter 1 is String, which %d does not take",
        ),
        ("type = 'FormatArray'\nset = { pattern = '%d-%s', values = [1, 'b'] }", &["formatted=\"1-b\""], ""),
        ("type = 'Split'\nset = { string = 'a,b,,c', delimiter = ',' }", &["array=[\"a\",\"b\",\"\",\"c\"]"], ""),
        ("type = 'Split'\nset.string = 'äb'", &["array=[\"ä\",\"b\"]"], ""),
        (
            "type = 'Join'\nset = { array_of_strings = ['a', 1, true], separator = '-' }",
            &["joined_string=\"a-1-true\""],
            "",
        ),
        ("type = 'Contains'\nset = { string = 'hello', pattern = 'ell' }", &["contains=true"], ""),
        ("type = 'StartsWith'\nset = { string = 'hello', pattern = 'ell' }", &["starts_with=false"], ""),
        ("type = 'EndsWith'\nset = { string = 'hello', pattern = 'lo' }", &["ends_with=true"], ""),
        ("type = 'Compare'\nset = { string_1 = 'a', string_2 = 'b' }", &["result=-1", "equal=false"], ""),
        ("type = 'IndexOf'\nset = { string = 'ääxa', pattern = 'x' }", &["index_of=2", "found=true"], ""),
        (
            "type = 'IndexOf'\nset = { string = 'axax', pattern = 'x', start_index = 2 }",
            &["index_of=3", "found=true"],
            "",
        ),
        (
            "type = 'IndexOf'\nset = { string = 'axax', pattern = 'x', end_index = 1 }",
            &["index_of=-1", "found=false"],
            "",
        ),
        ("type = 'Substring'\nset = { source = 'hellö', start_index = 3 }", &["substring=\"lö\""], ""),
        ("type = 'Substring'\nset = { source = 'hello', start_index = 1, length = 2 }", &["substring=\"el\""], ""),
        ("type = 'Replace'\nset = { string = 'a.b.c', from = '.', to = '' }", &["result=\"abc\""], ""),
        (
            "type = 'ReplaceRegex'\nset = { string = 'a1b22', from = '([0-9]+)', to = '<$1>' }",
            &["result=\"a<1>b<22>\""],
            "",
        ),
        (
            "type = 'MatchRegex'\nset = { string = 'ä1b22', regex = '[0-9]+', count_all_matches = true }",
            &["found=true", "position=1", "match_count=2"],
            "",
        ),
        ("type = 'Length'\nset.string = 'äb'", &["length=2"], ""),
        ("type = 'Lower'\nset.string = 'ÄB'", &["result=\"äb\""], ""),
        ("type = 'Upper'\nset.string = 'äb'", &["result=\"ÄB\""], ""),
        ("type = 'Trim'\nset.string = '  a '", &["trimmed=\"a\""], ""),
        ("type = 'Trim'\nset = { string = 'xxaxy', characters = 'xy' }", &["trimmed=\"a\""], ""),
        ("type = 'JSON Parse'\nset.value = '[1,{}]'", &["output=[1,{}]", "is_array=true"], ""),
        ("type = 'JSON Stringify'\nset.input = { a = 1 }", &["output=\"{\\\"a\\\":1}\""], ""),
    ]);
    let (_, said) = outputs("type = 'MatchRegex'\nset = { string = 'x', regex = '(' }");
    assert!(said[0].starts_with("the regular expression is wrong"), "{said:?}");
    let (_, said) = outputs("type = 'JSON Parse'\nset.value = '{'");
    assert!(said[0].starts_with("not JSON"), "{said:?}");
}

#[test]
fn dictionaries_and_arrays() {
    check(&[
        ("type = 'Dictionary Value'\nset.value = { a = 1, b = 'x' }", &["output={\"a\":1,\"b\":\"x\"}"], ""),
        (
            "type = 'Get Dictionary Element'\nset = { dictionary = { a = 1, b = '2' }, keys = [{ key = 'a', data_type = 'Float' }, { key = 'b', data_type = 'Int' }] }",
            &["dictionary={\"a\":1,\"b\":\"2\"}", "value.a=1.0", "value.b=2"],
            "",
        ),
        (
            "type = 'Get Dictionary Element'\nset = { dictionary = { }, keys = [{ key = 'a', data_type = 'Int' }] }",
            &["dictionary={}", "value.a=0"],
            "the dictionary has no key \"a\"",
        ),
        (
            "type = 'Set Dictionary Element'\nset = { dictionary = { a = 1 }, key = 'b', data_type = 'Int', value = 2 }",
            &["dictionary={\"a\":1,\"b\":2}"],
            "",
        ),
        (
            "type = 'Set Dictionary Elements'\nset = { dictionary = { a = 1, z = 9 }, keys = [{ key = 'b', data_type = 'Int' }, { key = 'a', data_type = 'String' }], value.a = 'x' }",
            &["dictionary={\"a\":\"x\",\"z\":9,\"b\":0}"],
            "",
        ),
        (
            "type = 'Erase Dictionary Element'\nset = { dictionary = { a = 1, b = 2 }, keys = ['a', 'c'] }",
            &["dictionary={\"b\":2}"],
            "",
        ),
        (
            "type = 'Get Dictionary Keys'\nset.dictionary = { a = 1, b = 2 }",
            &["dictionary={\"a\":1,\"b\":2}", "keys=[\"a\",\"b\"]"],
            "",
        ),
        (
            "type = 'Get Dictionary Values'\nset.dictionary = { a = 1, b = 2 }",
            &["dictionary={\"a\":1,\"b\":2}", "values=[1,2]"],
            "",
        ),
        (
            "type = 'Has Dictionary Key'\nset = { dictionary = { a = false }, key = 'a' }",
            &["dictionary={\"a\":false}", "has=true"],
            "",
        ),
        (
            "type = 'Has Dictionary Key'\nset = { dictionary = { a = 1 }, key = 'b' }",
            &["dictionary={\"a\":1}", "has=false"],
            "",
        ),
        ("type = 'Size of Dictionary'\nset.dictionary = { a = 1 }", &["dictionary={\"a\":1}", "size=1"], ""),
        (
            "type = 'Merge Dictionaries'\nset = { dictionary_1 = { a = 1 }, dictionary_2 = { a = 2, b = 3 } }",
            &["new_dictionary={\"a\":1,\"b\":3}"],
            "",
        ),
        ("type = 'Array Value'\nset.value = [1, 'x']", &["output=[1,\"x\"]"], ""),
        (
            "type = 'Get Array Element'\nset = { array = [5, 6], index = 1, data_type = 'Int' }",
            &["array=[5,6]", "value=6"],
            "",
        ),
        (
            "type = 'Get Array Element'\nset = { array = [5], index = 10, data_type = 'Int' }",
            &["array=[5]", "value=0"],
            "cannot get array element 10: the array has 1|after",
        ),
        (
            "type = 'Set Array Element'\nset = { array = [1], index_1 = 2, value_1 = 'x' }",
            &["array=[1,null,\"x\"]"],
            "",
        ),
        (
            "type = 'Set Array Element'\nset = { array = [1], index_1 = -1 }",
            &["array unset"],
            "an index of -1 is before the array",
        ),
        ("type = 'Push Array Element'\nset = { array = [1], value_1 = 2 }", &["array=[1,2]"], ""),
        ("type = 'Push Array Element'\nset = { array = [1], value_1 = 2, add_to_end = false }", &["array=[2,1]"], ""),
        ("type = 'Pop Array Element'\nset.array = [1, 2]", &["array=[1]", "value=2"], ""),
        ("type = 'Pop Array Element'\nset = { array = [1, 2], pop_end = false }", &["array=[2]", "value=1"], ""),
        (
            "type = 'Pop Array Element'\nset.data_type = 'Int'",
            &["array=[]", "value=0"],
            "cannot take an element from an empty array|after",
        ),
        ("type = 'Insert Array Element'\nset = { array = [1, 3], index_1 = 1, value_1 = 2 }", &["array=[1,2,3]"], ""),
        (
            "type = 'Insert Array Element'\nset = { array = [1], index_1 = 5 }",
            &["array unset"],
            "cannot insert at 5: the array has 1",
        ),
        (
            "type = 'Remove Array Element'\nset = { array = [1, 2, 3], count = 2, index_1 = 2, index_2 = 0 }",
            &["array=[2]"],
            "",
        ),
        (
            "type = 'Remove Array Element'\nset = { array = [1], index_1 = 1 }",
            &["array unset"],
            "cannot remove element 1: the array has 1",
        ),
        ("type = 'Length of Array'\nset.array = [1, 2]", &["length=2", "array=[1,2]"], ""),
    ]);
}

#[test]
fn flow_values_and_utilities() {
    check(&[
        ("type = 'Toggle'", &["is_on=true"], ""),
        ("type = 'String Value'\nset.value = 'x'", &["output=\"x\""], ""),
        ("type = 'Bool Value'\nset.default_value = true", &["output=true"], ""),
        ("type = 'Numerical Value'\nset = { data_type = 'Byte', value = 5, input = 6 }", &["output=6"], ""),
        (
            "type = 'Conversion'\nset = { input_data_type = 'String', output_data_type = 'Int', input = '12' }",
            &["output=12"],
            "",
        ),
        (
            "type = 'Conversion'\nset = { input_data_type = 'String', output_data_type = 'Int', input = 'x' }",
            &["output=0"],
            "\"x\" is no Int",
        ),
        ("type = 'Is Data Type'\nset = { data_type = 'Int', input = 3 }", &["output=true"], ""),
        ("type = 'Is Data Type'\nset = { data_type = 'Int', input = 3.5 }", &["output=false"], ""),
        ("type = 'Create CustomID'", &["output=\"CustomID 1\""], ""),
        (
            "type = 'Get Command Line Option'\nset = { option_type = 'Int', option_name = 'seat' }",
            &["option_value=7"],
            "",
        ),
        ("type = 'Now (UTC)'\nset.offset_ms = 5", &["utc_unix_ms=5.0"], ""),
        (
            "type = 'Date Time Formatter'\nset = { utc_unix_ms = 1709127900000 }",
            &["output=\"2024-02-28 13:45:00\""],
            "",
        ),
        (
            "type = 'Date Time Formatter'\nset = { utc_unix_ms = 1709127900000, timezone = 'Local', format_examples = 'Wednesday, 28 February 2024', format = '%H:%M %A' }",
            &["output=\"14:45 Wednesday\""],
            "",
        ),
        (
            "type = 'Date Time Formatter'\nset = { utc_unix_ms = 0, timezone = 'Offset', timezone_offset_ms = -3600000, dst = true, format_examples = '13:45' }",
            &["output=\"00:00\""],
            "",
        ),
        (
            "type = 'Assert'\nset = { operator = '<', a = 3, b = 2, label = 'order' }",
            &["c=false"],
            "assertion \"order\" failed: 3 < 2|after",
        ),
        ("type = 'Console'\nset = { data_type = 'Array', value = [1, 2] }", &["output=[1,2]"], "[1,2]|after"),
    ]);
}

#[test]
fn declarations_are_complete_and_their_names_are_one_each() {
    let mut titles = std::collections::HashSet::new();
    for node_type in nodes::ALL {
        let title = node_type.title;
        assert!(titles.insert(title), "{title} is there twice");
        assert!(!node_type.group.is_empty() && node_type.help.ends_with('.'), "{title}");
        let mut slugs = std::collections::HashSet::new();
        for attribute in node_type.attributes {
            assert!(slugs.insert(slug(attribute.name)), "{title}: {}", attribute.name);
            assert!(attribute.help.ends_with('.'), "{title}: {}", attribute.name);
        }
        for socket in node_type.inputs.iter().chain(node_type.outputs) {
            assert!(socket.help.ends_with('.'), "{title}: {}", socket.name);
        }
        for socket in node_type.pulse_inputs.iter().chain(node_type.pulse_outputs) {
            assert!(socket.help.ends_with('.'), "{title}: {}", socket.name);
        }
        for socket in node_type.inputs {
            if let Some(attribute) = socket.attribute {
                assert!(node_type.attribute(attribute).is_some(), "{title}: {} takes {attribute}", socket.name);
            } else {
                assert!(!slugs.contains(&slug(socket.name)), "{title}: {} is an attribute, too", socket.name);
            }
        }
    }
}

#[test]
fn a_node_that_is_off_ends_the_branch_and_one_that_is_passed_lets_it_through() {
    let text = |more: &str| {
        format!(
            "[node.init]\ntype = 'On Initialize'\nnext = 'a'\n[node.a]\ntype = 'Console'\n{more}\nnext = 'b'\n[node.b]\ntype = 'Console'\nset.value = 'b'\n"
        )
    };
    assert_eq!(run(&text("enabled = false")).said(), [""; 0]);
    assert_eq!(run(&text("pass_through = true")).said(), ["b"]);
    let (_, findings) = compiled("[node.a]\ntype = 'On Initialize'\npass_through = true\n");
    assert_eq!(findings[0].message, "\"On Initialize\" has no Pulse Pass Through");
}
