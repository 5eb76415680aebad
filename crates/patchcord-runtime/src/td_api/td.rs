//! The module td: what every script has without an import.

use super::{Class, Member, raises, stand_in, works};

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
    works("sysinfo"),
    stand_in("monitors", "an empty list"),
    stand_in("licenses", "an empty list"),
    stand_in("passive()", "the operator itself, which is read as always"),
    works("var()"),
    works("varExists()"),
    works("varOwner()"),
    raises("fetchStamp()", "there is no Copy SOP"),
    raises("clear()", "the textport is a terminal"),
    // ---- classes that are no class of operators, parameters … ----
    works("ParMode"),
    works("Error").note("`td.Error` and `td.tdError` are one class"),
    works("tdError"),
    works("CallbackTimeout").note("raised in a callback that runs too long").beyond(),
];
