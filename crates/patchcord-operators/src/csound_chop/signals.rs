//! Which signals there are: what the table and the channels of the input say together.

use patchcord_core::content::Channels;
use patchcord_core::table::Table;
use patchcord_net::signal::{Direction, FloatSize, Kind, Layout, Variable};

use crate::channel_names::MAX_CHANNELS;

/// Columns of the table.
const COLUMNS: [&str; 4] = ["name", "type", "direction", "value"];

/// What holds where a row says nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Defaults {
    pub ksmps: usize,
    pub float: FloatSize,
    /// Type without a row; `None` asks the input.
    pub kind: Option<Kind>,
    /// This end is the host.
    pub is_host: bool,
}

/// A signal of this operator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Signal {
    /// Name, layout, and direction as the host sees it.
    pub variable: Variable,
    /// Where its values come from; `None` for one that comes in.
    pub source: Option<Source>,
}

/// Where the values of a signal that is sent come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// These channels of the input, one for each member.
    Channels(Vec<String>),
    /// Numbers of the table.
    Numbers(Vec<f64>),
    /// Texts of the table.
    Texts(Vec<String>),
}

/// A row of the table.
struct Row<'a> {
    name: &'a str,
    kind: &'a str,
    direction: &'a str,
    value: &'a str,
}

/// The signals, and what is wrong with rows, in words.
pub(super) fn signals(table: &Table, input: &Channels, defaults: Defaults) -> (Vec<Signal>, Vec<String>) {
    let (mut signals, mut wrong) = (Vec::<Signal>::new(), Vec::new());
    for row in rows(table) {
        if signals.iter().any(|known| known.variable.name == row.name) {
            wrong.push(format!("`{}` has two rows; the first one counts", row.name));
            continue;
        }
        match signal(&row, input, defaults) {
            Ok(signal) => signals.push(signal),
            Err(reason) => wrong.push(format!("`{}`: {reason}", row.name)),
        }
    }
    let mut taken: Vec<String> = signals.iter().map(|signal| signal.variable.name.clone()).collect();
    for signal in &signals {
        if let Some(Source::Channels(names)) = &signal.source {
            taken.extend_from_slice(names);
        }
    }
    for (name, _) in input.channels.iter().filter(|(name, _)| !taken.iter().any(|taken| **taken == **name)) {
        let row = Row { name, kind: "", direction: "out", value: "" };
        match signal(&row, input, defaults) {
            Ok(signal) => signals.push(signal),
            Err(reason) => wrong.push(format!("channel `{name}`: {reason}")),
        }
    }
    let mut members = 0;
    signals.retain(|signal| {
        members += if signal.source.is_none() { signal.variable.layout.members() } else { 0 };
        members <= MAX_CHANNELS
    });
    if members > MAX_CHANNELS {
        wrong.push(format!("what comes would be more than {MAX_CHANNELS} channels; the rest is left out"));
    }
    (signals, wrong)
}

/// The rows with a name. A first row with the name of a column is a heading and says which column is which.
fn rows(table: &Table) -> impl Iterator<Item = Row<'_>> {
    let cell = |row: usize, column: usize| table.row(row).and_then(|row| row.get(column)).unwrap_or("").trim();
    let columns = table.num_cols();
    let is_heading = (0..columns).any(|column| cell(0, column).eq_ignore_ascii_case(COLUMNS[0]));
    let at = COLUMNS.map(|name| match is_heading {
        true => (0..columns).find(|column| cell(0, *column).eq_ignore_ascii_case(name)),
        false => COLUMNS.iter().position(|known| *known == name),
    });
    let rows = (usize::from(is_heading)..table.num_rows()).map(move |row| {
        let [name, kind, direction, value] = at.map(|column| column.map_or("", |column| cell(row, column)));
        Row { name, kind, direction, value }
    });
    rows.filter(|row| !row.name.is_empty())
}

fn signal(row: &Row<'_>, input: &Channels, defaults: Defaults) -> Result<Signal, String> {
    if !patchcord_signal::is_subprotocol(row.name) {
        return Err("a signal's name has letters, digits or any of !#$%&'*+-.^_`|~ and no spaces".to_owned());
    }
    let has_channel = |name: &str| input.channels.iter().any(|(channel, _)| **channel == *name);
    let (named, dims) = if row.kind.is_empty() { (None, Vec::new()) } else { parse_type(row.kind)? };
    let members = |count: usize| -> Vec<String> {
        if dims.is_empty() {
            vec![row.name.to_owned()]
        } else {
            (0..count).map(|at| format!("{}{at}", row.name)).collect()
        }
    };
    let is_wired = has_channel(&members(1)[0]) && named != Some(Kind::Text);
    let is_out = match row.direction.to_ascii_lowercase().as_str() {
        "" => is_wired || !row.value.is_empty(),
        "out" => true,
        "in" => false,
        other => return Err(format!("the direction is `in` or `out`, not `{other}`")),
    };
    let automatic = if is_out && is_wired && input.slice.is_some() { Kind::Audio } else { Kind::Control };
    let kind = named.or(defaults.kind).unwrap_or(automatic);
    let block = if kind == Kind::Audio { defaults.ksmps } else { 1 };
    let layout = Layout::new(kind, defaults.float, block, &dims).map_err(|error| error.to_string())?;
    let source = match is_out {
        false => None,
        true if is_wired => Some(Source::Channels(members(layout.members()))),
        true => Some(value(&layout, row.value)?),
    };
    let direction = if is_out == defaults.is_host { Direction::Outgoing } else { Direction::Incoming };
    Ok(Signal { variable: Variable { name: row.name.to_owned(), layout, direction }, source })
}

/// Reads a type as Csound writes it: `k`, `a[2]`, `k[2][3]`.
fn parse_type(text: &str) -> Result<(Option<Kind>, Vec<usize>), String> {
    let wrong = || format!("`{text}` is no type; types are a, k, i, S and arrays of them such as k[4]");
    let (letter, rest) = text.split_at_checked(1).ok_or_else(wrong)?;
    let kind = [Kind::Audio, Kind::Control, Kind::Init, Kind::Text].into_iter().find(|kind| {
        let own = kind.letter().to_string();
        own == letter
    });
    let kind = kind.ok_or_else(wrong)?;
    let mut dims = Vec::new();
    for dim in rest.split_inclusive(']') {
        let size = dim.strip_prefix('[').and_then(|dim| dim.strip_suffix(']'));
        dims.push(size.and_then(|size| size.trim().parse().ok()).ok_or_else(wrong)?);
    }
    Ok((Some(kind), dims))
}

/// What the table says is sent.
fn value(layout: &Layout, text: &str) -> Result<Source, String> {
    let count = layout.members();
    match (layout.kind(), layout.is_array()) {
        (Kind::Audio, _) => Err("the input has no such channel, and a table has no a-rate values".to_owned()),
        (Kind::Text, false) => Ok(Source::Texts(vec![text.to_owned()])),
        (Kind::Text, true) if text.is_empty() => Ok(Source::Texts(vec![String::new(); count])),
        (Kind::Text, true) => {
            let texts: Vec<String> = serde_json::from_str(text)
                .map_err(|_| "the value of an array of texts is JSON: [\"one\", \"two\"]".to_owned())?;
            if texts.len() == count { Ok(Source::Texts(texts)) } else { Err(other_count(count, texts.len())) }
        }
        _ if text.is_empty() => Ok(Source::Numbers(vec![0.0; count])),
        _ => {
            let words = text.split([' ', ',']).filter(|word| !word.is_empty());
            let numbers: Result<Vec<f64>, String> =
                words.map(|word| word.parse().map_err(|_| format!("`{word}` is no number"))).collect();
            let numbers = numbers?;
            if numbers.len() == count { Ok(Source::Numbers(numbers)) } else { Err(other_count(count, numbers.len())) }
        }
    }
}

fn other_count(expected: usize, got: usize) -> String {
    format!("the value has {got} members, and the type {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Defaults = Defaults { ksmps: 64, float: FloatSize::F64, kind: None, is_host: true };

    fn input(names: &[&str], slice: Option<u64>) -> Channels {
        let channels = names.iter().map(|name| ((*name).into(), vec![1.0])).collect();
        Channels { slice, ..Channels::new(60.0, channels) }
    }

    fn read(rows: &[&[&str]], input: &Channels, defaults: Defaults) -> (Vec<String>, Vec<String>) {
        let (signals, wrong) = signals(&Table::from_rows(rows).unwrap(), input, defaults);
        let say = |signal: &Signal| {
            let variable = &signal.variable;
            let source = match &signal.source {
                None => "comes".to_owned(),
                Some(Source::Channels(names)) => names.join(" "),
                Some(Source::Numbers(numbers)) => format!("{numbers:?}"),
                Some(Source::Texts(texts)) => format!("{texts:?}"),
            };
            format!("{} {} {}: {source}", variable.name, variable.layout, variable.direction)
        };
        (signals.iter().map(say).collect(), wrong)
    }

    #[test]
    fn a_channel_needs_no_row() {
        let wired = input(&["tx", "ty"], None);
        assert_eq!(read(&[], &wired, HOST).0, ["tx k out: tx", "ty k out: ty"]);
        let sliced = input(&["left"], Some(0));
        assert_eq!(read(&[], &sliced, HOST).0, ["left a out: left"]);
        let init = Defaults { kind: Some(Kind::Init), ..HOST };
        assert_eq!(read(&[], &sliced, init).0, ["left i out: left"]);
    }

    #[test]
    fn rows_say_type_direction_and_value() {
        let wired = input(&["kamp", "karr0", "karr1", "karr2", "gain"], None);
        let rows: &[&[&str]] = &[
            &["name", "type", "direction", "value"],
            &["kamp", "i", "", ""],
            &["karr", "k[3]", "", ""],
            &["kfreq", "", "", ""],
            &["aout", "a[2]", "in", ""],
            &["Stitle", "S", "", "Hello there"],
            &["kxy", "k[2]", "out", "1, 2.5"],
            &["gain", "k", "in", ""],
            &["", "k", "", ""],
        ];
        let expected = [
            "kamp i out: kamp",
            "karr k[3] out: karr0 karr1 karr2",
            "kfreq k in: comes",
            "aout a[2] in: comes",
            "Stitle S out: [\"Hello there\"]",
            "kxy k[2] out: [1.0, 2.5]",
            "gain k in: comes",
        ];
        assert_eq!(read(rows, &wired, HOST), (expected.map(str::to_owned).to_vec(), Vec::new()));
        // A heading may have another order, and may be missing.
        assert_eq!(read(&[&["type", "name"], &["a", "left"]], &input(&[], None), HOST).0, ["left a in: comes"]);
        assert_eq!(read(&[&["left", "a"]], &input(&[], None), HOST).0, ["left a in: comes"]);
    }

    #[test]
    fn of_a_client_what_comes_goes_out_of_the_host() {
        let client = Defaults { is_host: false, ..HOST };
        let rows: &[&[&str]] = &[&["aout", "a", "in"], &["kfreq", "k", "out", "440"]];
        assert_eq!(read(rows, &input(&[], None), client).0, ["aout a out: comes", "kfreq k in: [440.0]"]);
    }

    #[test]
    fn what_is_wrong_is_said_and_the_rest_goes_on() {
        let rows: &[&[&str]] = &[
            &["a b", "k"],
            &["k1", "x"],
            &["k2", "k[0]"],
            &["k3", "k", "up"],
            &["k4", "k", "out", "loud"],
            &["k5", "k[2]", "out", "1"],
            &["a6", "a", "out"],
            &["S7", "S[2]", "out", "one"],
            &["k8", "k[2"],
            &["k9"],
            &["k9"],
        ];
        let (signals, wrong) = read(rows, &input(&["c 1"], None), HOST);
        assert_eq!(signals, ["k9 k in: comes"]);
        assert_eq!(wrong.len(), 11, "{wrong:#?}");
        assert!(wrong.iter().any(|line| line.starts_with("`k1`: `x` is no type")), "{wrong:#?}");
    }

    #[test]
    fn channels_are_bounded() {
        let (signals, wrong) = read(&[&["k1", "k[9000]"], &["k2", "k[9000]"]], &input(&[], None), HOST);
        assert_eq!((signals.len(), wrong.len()), (1, 1));
    }
}
