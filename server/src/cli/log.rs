//! The log of the commands that run until they are stopped.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// What is logged where `RUST_LOG` does not say otherwise.
const LOG_FILTER: &str = "info,sqlx=warn,sea_orm_migration=warn";

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum LogForm {
    Text,
    Json,
}

pub(super) fn start_log(form: LogForm) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let ansi = std::io::stderr().is_terminal() && !no_color;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi);
    let started = match form {
        LogForm::Text => log.try_init(),
        LogForm::Json => log.json().with_file(true).with_line_number(true).try_init(),
    };
    if let Err(error) = started {
        eprintln!("the log does not start: {error}");
    }
}
