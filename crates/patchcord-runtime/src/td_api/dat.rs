//! DAT and Cell.

use super::{Class, Member, stand_in, works};

pub(super) static DAT: Class = Class::new("DAT", "An operator that holds a text or a table.", MEMBERS).base("OP");

static MEMBERS: &[Member] = &[
    // ---- text ----
    works("text"),
    works("jsonObject"),
    works("module"),
    works("locals"),
    works("write()"),
    works("flush()").note("for `print(…, file=dat)`"),
    works("isatty()").note("for `print(…, file=dat)`"),
    works("save()"),
    stand_in("editingFile", "an empty text"),
    works("run()").gives("Run"),
    works("detectLanguage()"),
    works("isTable"),
    works("isText"),
    works("isEditable"),
    // ---- table ----
    works("numRows"),
    works("numCols"),
    works("cell()").gives("Cell"),
    works("cells()").gives("[Cell]"),
    works("row()").gives("[Cell]"),
    works("col()").gives("[Cell]"),
    works("rows()"),
    works("cols()"),
    works("findCell()").gives("Cell"),
    works("findCells()").gives("[Cell]"),
    works("appendRow()"),
    works("appendRows()"),
    works("appendCol()"),
    works("appendCols()"),
    works("insertRow()"),
    works("insertCol()"),
    works("replaceRow()"),
    works("replaceCol()"),
    works("deleteRow()"),
    works("deleteRows()"),
    works("deleteCol()"),
    works("deleteCols()"),
    works("clear()"),
    works("setSize()"),
    works("copy()"),
    stand_in("scroll()", "nothing: no window would scroll"),
    stand_in("export", "a flag that is kept"),
];

pub(super) static CELL: Class = Class::new(
    "Cell",
    "One place of a table; acts like the text that stands there.",
    &[
        works("val"),
        works("row"),
        works("col"),
        works("owner").gives("DAT"),
        works("valid"),
        works("offset()").gives("Cell"),
        works("run()").gives("Run"),
    ],
);

pub(super) static CHANGED_DAT_INFO: Class = Class::new(
    "ChangedDATInfo",
    "What differs in a table: what `onTableChange` is given.",
    &[
        works("rowsChanged"),
        works("rowsAdded"),
        works("rowsRemoved"),
        works("colsChanged"),
        works("colsAdded"),
        works("colsRemoved"),
        works("cellsChanged").gives("[Cell]"),
        works("sizeChanged"),
    ],
);
