//! What `new` writes: it must read back without errors and define every callback.

use std::fs;

use patchcord_runtime::project::{NEW_PROJECT_TYPES, NewProjectError, PatchFile, new_project};

use crate::types::TYPES;

#[test]
fn a_new_project_reads_without_errors_or_warnings() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("my \"first\" show");
    let written = new_project(&folder, "webserverDAT", TYPES).unwrap();
    assert_eq!(written, [folder.join("patch.toml"), folder.join("webserver1_callbacks.py")]);
    let file = PatchFile::read(&folder, TYPES).unwrap();
    assert!(file.warnings().is_empty(), "{:?}", file.warnings());
    assert_eq!(file.settings().name, "my \"first\" show");
    assert_eq!(file.operators().collect::<Vec<_>>(), ["/project1/webserver1", "/project1/webserver1_callbacks"]);
}

#[test]
fn the_callbacks_file_has_every_callback_with_the_arguments_of_the_declaration() {
    let folder = tempfile::tempdir().unwrap();
    new_project(folder.path(), "webserverDAT", TYPES).unwrap();
    let text = fs::read_to_string(folder.path().join("webserver1_callbacks.py")).unwrap();
    for expected in [
        "def onHTTPRequest(dat, request, response):\n    # A request came.\n",
        "    return response\n",
        "def onWebSocketRequest(dat, client):\n    # May it? Return False to refuse. Not in TouchDesigner.\n    return None\n",
        "def onWebSocketReceiveText(server, who, what):\n    # A text message came.\n    \
         server.webSocketSendText(who, what)\n",
        "def onServerStart(dat):\n    # The server listens.\n    pass\n",
    ] {
        assert!(text.contains(expected), "{expected}\nis missing in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn each_type_that_a_project_can_begin_with_gives_one_without_mistakes() {
    let parent = tempfile::tempdir().unwrap();
    for kind in NEW_PROJECT_TYPES {
        let folder = parent.path().join(kind);
        let written = new_project(&folder, kind, patchcord_operators::types()).unwrap();
        let file = PatchFile::read(&folder, patchcord_operators::types()).unwrap();
        assert!(file.warnings().is_empty(), "{:?}", file.warnings());
        let text = fs::read_to_string(&written[1]).unwrap();
        let operator = patchcord_operators::types().iter().find(|one| one.name == kind).unwrap();
        for callback in operator.callbacks {
            let definition = format!("\ndef {}({}):\n", callback.name, callback.arguments.join(", "));
            assert!(text.contains(&definition), "{definition} is missing in\n{text}");
        }
    }
}

#[test]
fn nothing_is_written_where_something_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    assert!(matches!(new_project(folder.path(), "webserverDAT", TYPES), Err(NewProjectError::NotEmpty { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let file = folder.path().join("notes.txt");
    assert!(matches!(new_project(&file, "webserverDAT", TYPES), Err(NewProjectError::NotAFolder { .. })));
    let elsewhere = folder.path().join("new");
    for (kind, types) in [("webserverDAT", &[][..]), ("textDAT", TYPES), ("", TYPES)] {
        assert!(matches!(new_project(&elsewhere, kind, types), Err(NewProjectError::NoSuchType { .. })), "{kind}");
    }
    assert!(!elsewhere.exists());
}
