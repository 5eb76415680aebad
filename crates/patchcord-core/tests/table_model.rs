//! The table against the plainest table there is: a list of rows that are lists of strings.
//!
//! Random operations are applied to both, and after each one every cell, every row by number and the look-up of every
//! name must agree. Some operations add hundreds of rows, so that the pieces of which the table is made are cut and
//! joined; the model knows nothing of those.

use patchcord_core::pattern::Case;
use patchcord_core::table::{Index, Keep, Table};
use proptest::prelude::*;
use proptest::sample::Index as Pick;

/// Rows of equal length; no row without a column.
#[derive(Clone, Default, Debug, PartialEq)]
struct Model(Vec<Vec<String>>);

impl Model {
    fn cols(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// Makes all rows this long, or as long as the longest.
    fn align(&mut self, cols: Option<usize>) {
        let cols = cols.unwrap_or_else(|| self.0.iter().map(Vec::len).max().unwrap_or(0).max(1));
        self.0.iter_mut().for_each(|row| row.resize(cols, String::new()));
        self.0.retain(|row| !row.is_empty());
    }

    /// Rows and columns exchanged, so that columns can be changed as rows.
    fn turned(&self) -> Self {
        Self((0..self.cols()).map(|col| self.0.iter().map(|row| row[col].clone()).collect()).collect())
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|row| row[0] == name)
    }
}

#[derive(Clone, Debug)]
enum Change {
    Set(Pick, Pick, String),
    Splice { at: Pick, lines: Vec<Vec<String>> },
    AppendMany(usize),
    Replace { at: Pick, line: Vec<String>, entire: bool },
    Delete(Vec<Pick>),
    DropOldest(usize, bool),
    Clear(Keep),
    SetSize(usize, usize),
    DeleteNamed(String),
}

fn change() -> impl Strategy<Value = (bool, Change)> {
    let cell = || "[abc]{0,2}";
    let line = || proptest::collection::vec(cell(), 0..4);
    let pick = any::<Pick>;
    let keep = any::<(bool, bool, bool)>();
    let change = prop_oneof![
        4 => (pick(), pick(), cell()).prop_map(|(row, col, text)| Change::Set(row, col, text)),
        6 => (pick(), proptest::collection::vec(line(), 0..3)).prop_map(|(at, lines)| Change::Splice { at, lines }),
        2 => (1usize..700).prop_map(Change::AppendMany),
        2 => (pick(), line(), any::<bool>()).prop_map(|(at, line, entire)| Change::Replace { at, line, entire }),
        4 => proptest::collection::vec(pick(), 0..40).prop_map(Change::Delete),
        2 => (0usize..600, any::<bool>()).prop_map(|(most, heading)| Change::DropOldest(most, heading)),
        1 => keep.prop_map(|(size, first_row, first_col)| Change::Clear(Keep { size, first_row, first_col })),
        1 => (0usize..400, 0usize..40).prop_map(|(rows, cols)| Change::SetSize(rows, cols)),
        2 => cell().prop_map(Change::DeleteNamed),
    ];
    // Most changes are of rows.
    (proptest::bool::weighted(0.2), change)
}

/// Applies a change to the table. `on_cols` makes it a change of columns, where there is such a thing.
fn apply(table: &mut Table, on_cols: bool, change: &Change) {
    let (rows, cols) = (table.num_rows(), table.num_cols());
    let lines = if on_cols { cols } else { rows };
    match change {
        Change::Set(row, col, text) if rows > 0 => table.set_cell(row.index(rows), col.index(cols), text).unwrap(),
        Change::Set(..) => {}
        Change::Splice { at, lines: new } => {
            // One after the other, or all after one: two ways to the same place.
            let at = at.index(lines + 1);
            match (on_cols, new.as_slice(), at.checked_sub(1).map(Index::from)) {
                (false, [row], _) if at < rows => assert_eq!(table.insert_row(row, Some(at.into())), Ok(at)),
                (true, [col], _) if at < cols => assert_eq!(table.insert_col(col, Some(at.into())), Ok(at)),
                (false, new, None) => new.iter().rev().for_each(|row| assert_eq!(table.insert_row(row, None), Ok(0))),
                (true, new, None) => new.iter().rev().for_each(|col| assert_eq!(table.insert_col(col, None), Ok(0))),
                (false, new, after) => assert_eq!(table.append_rows(new, after), Ok(last(at, new.len()))),
                (true, new, after) => assert_eq!(table.append_cols(new, after), Ok(last(at, new.len()))),
            }
        }
        Change::AppendMany(count) => {
            (0..*count).for_each(|n| assert_eq!(table.append_row(&[n.to_string()], None), Ok(rows + n)));
        }
        Change::Replace { at, line, entire } if rows > 0 => {
            let index = Index::from(at.index(lines));
            let replaced =
                if on_cols { table.replace_col(index, line, *entire) } else { table.replace_row(index, line, *entire) };
            assert_eq!(replaced, Ok(at.index(lines)));
        }
        Change::Replace { .. } => {}
        Change::Delete(picks) => {
            let picks: Vec<_> = picks.iter().filter(|_| rows > 0).map(|pick| Index::from(pick.index(lines))).collect();
            if on_cols { table.delete_cols(&picks).unwrap() } else { table.delete_rows(&picks).unwrap() }
        }
        Change::DropOldest(most, heading) => {
            let dropped = table.drop_oldest(*most, *heading);
            assert_eq!(table.num_rows() + dropped, rows);
        }
        Change::Clear(keep) => table.clear(*keep),
        Change::SetSize(rows, cols) => table.set_size(*rows, *cols).unwrap(),
        Change::DeleteNamed(name) => drop(table.delete_row(name.as_str())),
    }
}

/// What adding lines at a place gives as the place of the last one.
fn last(at: usize, count: usize) -> Option<usize> {
    (count > 0).then(|| at + count - 1)
}

fn apply_to_model(model: &mut Model, on_cols: bool, change: &Change) {
    if on_cols && matches!(change, Change::Splice { .. } | Change::Replace { .. } | Change::Delete(_)) {
        *model = model.turned();
        apply_to_model(model, false, change);
        *model = model.turned();
        return;
    }
    let (rows, cols) = (model.0.len(), model.cols());
    match change {
        Change::Set(row, col, text) if rows > 0 => model.0[row.index(rows)][col.index(cols)].clone_from(text),
        Change::Splice { at, lines } => {
            let at = at.index(rows + 1);
            drop(model.0.splice(at..at, lines.iter().cloned()));
            model.align(None);
        }
        Change::AppendMany(count) => {
            model.0.extend((0..*count).map(|n| vec![n.to_string()]));
            model.align(None);
        }
        Change::Replace { at, line, entire } if rows > 0 => {
            let old = &mut model.0[at.index(rows)];
            let rest = if *entire { &[] } else { old.get(line.len()..).unwrap_or_default() };
            *old = [line, rest].concat();
            // A replaced row may be the only long one; the table keeps its width.
            old.resize(old.len().max(cols), String::new());
            model.align(None);
        }
        Change::Delete(picks) if rows > 0 => {
            let gone: Vec<_> = picks.iter().map(|pick| pick.index(rows)).collect();
            let mut row = 0..;
            model.0.retain(|_| row.next().is_some_and(|row| !gone.contains(&row)));
        }
        Change::DropOldest(most, heading) => {
            let first = usize::from(*heading).min(rows);
            let dropped = (rows - first).saturating_sub(*most);
            model.0.drain(first..first + dropped);
        }
        Change::Clear(keep) => {
            let sized = keep.size || keep.first_row && keep.first_col;
            for (row, cells) in model.0.iter_mut().enumerate() {
                for (col, cell) in cells.iter_mut().enumerate() {
                    if !(keep.first_row && row == 0 || keep.first_col && col == 0) {
                        cell.clear();
                    }
                }
            }
            match (sized, keep.first_row, keep.first_col) {
                (true, ..) => {}
                (false, true, _) => model.0.truncate(1),
                (false, _, true) => model.align(Some(1)),
                (false, false, false) => model.0.clear(),
            }
        }
        Change::SetSize(rows, cols) => {
            model.0.resize(*rows, Vec::new());
            model.align(Some(*cols));
        }
        Change::DeleteNamed(name) => drop(model.named(name).map(|row| model.0.remove(row))),
        Change::Set(..) | Change::Replace { .. } | Change::Delete(_) => {}
    }
}

fn assert_same(table: &Table, model: &Model) {
    assert_eq!((table.num_rows(), table.num_cols()), (model.0.len(), model.cols()));
    for (row, expected) in table.rows().zip(&model.0) {
        assert!(row.iter().eq(expected), "{row:?} instead of {expected:?}");
    }
    assert_eq!(table.rows().rev().count(), model.0.len());
    for (number, expected) in model.0.iter().enumerate() {
        assert_eq!(table.row(number).map(|row| row.name()), Some(expected[0].as_str()));
    }
    // Twice, so that both the scan and the index answer.
    for _ in 0..2 {
        for name in ["", "a", "b", "aa", "abc", "7", "500"] {
            assert_eq!(table.row_index(name.into(), Case::Sensitive), model.named(name), "row '{name}'");
        }
    }
}

proptest! {
    #[test]
    fn a_table_does_what_a_list_of_lists_does(changes in proptest::collection::vec(change(), 1..30)) {
        let (mut table, mut model) = (Table::new(), Model::default());
        for (on_cols, change) in &changes {
            let before = (table.clone(), table.revision());
            apply(&mut table, *on_cols, change);
            apply_to_model(&mut model, *on_cols, change);
            assert_same(&table, &model);
            assert!(table == before.0 || table.revision() > before.1, "a change that the revision does not show");
        }
    }
}
