//! The module td: what every script has without an import.

use super::{Class, Member, NOT_YET, raises, works};

pub(super) static TD: Class = Class::module(
    "td",
    "What every script has without an import, and `import td` gives. Operator types have a table of their own below.",
    MEMBERS,
);

static MEMBERS: &[Member] = &[
    works("me").gives("OP"),
    works("op()").gives("OP").note("`op.Shortcut` finds a component by its global shortcut"),
    works("ops()").gives("[OP]"),
    works("parent()").gives("COMP").note("`parent.Shortcut` climbs to the component with that parent shortcut"),
    works("root").gives("COMP"),
    works("mod"),
    works("ext"),
    works("iop"),
    works("ipar"),
    works("run()").gives("Run"),
    works("runs").gives("runs"),
    works("debug()"),
    works("project").gives("project"),
    works("app").gives("app"),
    works("absTime").gives("absTime"),
    works("ui").gives("ui"),
    works("tdu").gives("tdu"),
    works("families"),
    works("isMainThread()"),
    raises("sysinfo", "there is no object for the machine").instead("os.cpu_count() and the module platform"),
    raises("monitors", super::NO_WINDOW),
    raises("licenses", super::NO_LICENCES),
    raises("passive()", NOT_YET),
    raises("var()", "there are no variables of components").instead("os.environ, storage or a parameter"),
    raises("varExists()", "there are no variables of components").instead("os.environ, storage or a parameter"),
    raises("varOwner()", "there are no variables of components").instead("fetchOwner()"),
    raises("fetchStamp()", "there is no Copy SOP"),
    raises("clear()", "the textport is a terminal"),
    // ---- classes that are no class of operators, parameters … ----
    works("ParMode"),
    works("Error").note("`td.Error` and `td.tdError` are one class"),
    works("tdError"),
    works("CallbackTimeout").note("raised in a callback that runs too long").beyond(),
];
