//! What each command is called with, for who asks by `--help`.

use std::ffi::OsString;
use std::fmt::Write as _;

/// A command as its user writes it.
struct Command {
    name: &'static str,
    options: &'static str,
    /// What it does, line by line.
    what: &'static [&'static str],
}

const COMMANDS: [Command; 8] = [
    Command {
        name: "up",
        options: "[--data DIR] [--port N] [--workers N] [--validators N] [--hubs N] [--fresh] [--no-market-maker]",
        what: &[
            "builds and starts the whole system, prints its URL, stops it on Ctrl-C; several validators are processes of",
            "their own, the first of which serves hub and pages; several hubs are marketplaces of their own on one chain,",
            "and each worker serves all of them",
        ],
    },
    Command { name: "test", options: "[STAGE...]", what: &["runs every check, or only the stages named"] },
    Command {
        name: "fuzz",
        options: "[TEST] [--seconds N]",
        what: &[
            "tries the parsers of what strangers send with broken input, each for N seconds (60 where none are named);",
            "a failure tells its AITBC_FUZZ_SEED, with which it comes again",
        ],
    },
    Command {
        name: "soak",
        options: "economics [--seeds N] [--help] | network [--minutes N] [--seed S]",
        what: &[
            "economics: simulates miners that cheat beside honest ones and prints what each earns; `soak economics --help`",
            "lists its parameters",
            "network: runs four validators and a follower under load, kills, pauses and cuts them off by the seed that it",
            "prints, and checks that they keep one chain, lose nothing and mint what was signed",
        ],
    },
    Command {
        name: "bench",
        options: "[NAME...] [--json FILE]",
        what: &["measures figures against their bars, all or those of docs/BENCHMARKS.md that are named"],
    },
    Command {
        name: "engine",
        options: "cpu | cuda [--into DIR]",
        what: &["fetches ONNX Runtime's library, without or with CUDA, to where workers look for it"],
    },
    Command {
        name: "extension",
        options: "",
        what: &[
            "builds the wallet as an extension of Chromium and Firefox in target/extension: a folder to load, and an archive",
        ],
    },
    Command { name: "doctor", options: "", what: &["lists the tools, their versions and what is missing"] },
];

/// All commands.
pub(crate) fn of_all() -> String {
    let mut usage = "usage: cargo xtask <command>\n".to_owned();
    for command in &COMMANDS {
        // Writing to a string does not fail.
        let _ = write!(usage, "\n  {:<10}{}", command.name, command.options);
        usage.truncate(usage.trim_end().len());
        for line in command.what {
            let _ = write!(usage, "\n            {line}");
        }
    }
    usage
}

/// One command, where the arguments after its name ask for that.
pub(crate) fn asked_for(name: &str, arguments: &[OsString]) -> Option<String> {
    let command = COMMANDS.iter().find(|command| command.name == name)?;
    // What is soaked is a program with a help of its own.
    let own = if name == "soak" { &arguments[..arguments.len().min(1)] } else { arguments };
    own.iter().any(|argument| argument == "--help" || argument == "-h").then(|| {
        let called = format!("usage: cargo xtask {name} {}", command.options);
        format!("{}\n\n{}", called.trim_end(), command.what.join("\n"))
    })
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, asked_for, of_all};

    fn asked(name: &str, arguments: &[&str]) -> Option<String> {
        asked_for(name, &arguments.iter().map(Into::into).collect::<Vec<_>>())
    }

    #[test]
    fn each_command_has_a_help_and_nothing_else_is_one() {
        for command in &COMMANDS {
            let help = asked(command.name, &["--help"]).unwrap();
            assert!(help.starts_with(&format!("usage: cargo xtask {}", command.name)), "{help}");
            assert!(help.contains(command.what[0]) && of_all().contains(command.what[0]), "{help}");
            assert_eq!(asked(command.name, &["-h"]), Some(help));
            assert_eq!(asked(command.name, &[]), None);
        }
        assert!(asked("up", &["--port", "8000", "--help"]).unwrap().contains("--validators N"));
        assert_eq!(asked("up", &["--helpful"]), None);
        assert_eq!(asked("down", &["--help"]), None);
    }

    #[test]
    fn the_help_of_what_is_soaked_is_left_to_it() {
        assert!(asked("soak", &["--help"]).is_some());
        assert_eq!(asked("soak", &["economics", "--help"]), None);
    }
}
