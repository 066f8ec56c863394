//! The file of `--config`: its keys become flags in front of those of the command line, and are judged by the same
//! parser, so that a value means the same in both.
use super::flags::NOT_IN_FILES;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The largest file, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// The arguments with those of the file, if there is one. What the command line gives is left out of the file's.
pub(crate) fn with_file(command: &Command, argv: Vec<OsString>) -> Result<Vec<OsString>, String> {
    // What is wrong with the command line itself is said when it is parsed for good.
    let Ok(given) = command.clone().ignore_errors(true).try_get_matches_from(&argv) else { return Ok(argv) };
    let Some(path) = given.get_one::<PathBuf>("config") else { return Ok(argv) };
    let entries = read(path)?.into_iter().map(|(key, value)| Entry { whence: path.display().to_string(), key, value });
    with_entries(command, argv, entries.collect())
}

/// A key of a file that stands for a flag.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands, for errors: a file, or a file and a line.
    pub whence: String,
    /// The flag's name, with `_` for `-`.
    pub key: String,
    /// The flag's value, or values.
    pub value: Value,
}

/// The arguments with those that the entries stand for. What the command line gives is left out of theirs.
pub(crate) fn with_entries(
    command: &Command,
    argv: Vec<OsString>,
    entries: Vec<Entry>,
) -> Result<Vec<OsString>, String> {
    let Ok(given) = command.clone().ignore_errors(true).try_get_matches_from(&argv) else { return Ok(argv) };
    let mut flags = vec![];
    for Entry { whence, key, value } in entries {
        let wrong = |what: String| format!("{whence}: `{key}` {what}");
        let arg = find(command, &key).ok_or_else(|| wrong(unknown(command)))?;
        let its = as_flags(arg, &value).map_err(wrong)?;
        judge(command, &its).map_err(|e| wrong(format!("= {value}: {e}")))?;
        if !is_given(&given, arg) {
            flags.extend(its);
        }
    }
    let mut argv = argv.into_iter();
    Ok(argv.next().into_iter().chain(flags).chain(argv).collect())
}

fn read(path: &Path) -> Result<Table, String> {
    let wrong = |e: String| format!("{}: {e}", path.display());
    let len = std::fs::metadata(path).map_err(|e| wrong(format!("cannot be read: {e}")))?.len();
    if len > FILE_MAX {
        return Err(wrong(format!("has {len} bytes; a configuration has at most {FILE_MAX}")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    text.parse().map_err(|e: toml::de::Error| wrong(e.to_string().trim_end().into()))
}

fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| key_of(arg).is_some_and(|k| k == key))
}

fn key_of(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !NOT_IN_FILES.contains(long))?;
    Some(long.replace('-', "_"))
}

fn unknown(command: &Command) -> String {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let mut keys: Vec<String> = shown.filter_map(key_of).collect();
    keys.sort();
    format!("is no key of this job; it has {}", keys.join(", "))
}

fn is_given(given: &ArgMatches, arg: &Arg) -> bool {
    given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// The value as the flags that say the same.
fn as_flags(arg: &Arg, value: &Value) -> Result<Vec<OsString>, String> {
    let long = arg.get_long().unwrap_or_default();
    let bare = |times: usize| Ok(vec![OsString::from(format!("--{long}")); times]);
    match (arg.get_action(), value) {
        (ArgAction::SetTrue, Value::Boolean(on)) => bare(usize::from(*on)),
        (ArgAction::SetFalse, Value::Boolean(on)) => bare(usize::from(!*on)),
        (ArgAction::SetTrue | ArgAction::SetFalse, other) => Err(format!("= {other}: write true or false")),
        (ArgAction::Count, Value::Integer(n @ 0..=255)) => bare(usize::try_from(*n).unwrap_or_default()),
        (ArgAction::Count, other) => Err(format!("= {other}: write a number from 0 to 255")),
        (ArgAction::Append, Value::Array(all)) => all.iter().map(|one| flag(long, one)).collect(),
        (_, Value::Array(_)) => Err("takes one value, not a list".into()),
        (_, one) => Ok(vec![flag(long, one)?]),
    }
}

fn flag(long: &str, value: &Value) -> Result<OsString, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Integer(n) => n.to_string(),
        Value::Float(n) => n.to_string(),
        Value::Boolean(on) => on.to_string(),
        Value::Datetime(at) => at.to_string(),
        Value::Array(_) => return Err("takes a list of values, not of lists".into()),
        Value::Table(_) => return Err("takes a value, not a table: all keys are on one level".into()),
    };
    Ok(OsString::from(format!("--{long}={text}")))
}

/// Whether the parser takes these flags by themselves.
fn judge(command: &Command, flags: &[OsString]) -> Result<(), String> {
    let argv = std::iter::once(OsString::from("job")).chain(flags.iter().cloned());
    match command.clone().try_get_matches_from(argv) {
        Err(e) if e.kind() != ErrorKind::MissingRequiredArgument => {
            let text = e.render().to_string();
            let said: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            Err(said.join(" ").trim_start_matches("error: ").into())
        }
        _ => Ok(()),
    }
}
