//! From the text of a jq program to one that runs.
use crate::json::Val;
use jaq_core::compile::Undefined;
use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader, lex, parse};
use jaq_core::{Compiler, Filter};

/// What runs.
pub(super) type Program = Filter<JustLut<Val>>;

/// The names of the variables that every program has.
const VARIABLES: [&str; 1] = ["$meta"];

/// Compiles a program with jq's standard library. It reaches nothing outside: no modules, no inputs.
pub(super) fn compile(code: &str) -> Result<Program, String> {
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(definitions)
        .load(&arena, File { code, path: () })
        .map_err(|errors| first(errors).map_or_else(String::new, |error| not_loaded(code, error)))?;
    Compiler::default()
        .with_funs(functions)
        .with_global_vars(VARIABLES)
        .compile(modules)
        .map_err(|errors| first(errors).map_or_else(String::new, |undefined| not_compiled(code, undefined)))
}

fn first<E>(errors: Vec<(File<&str, ()>, E)>) -> Option<E> {
    errors.into_iter().next().map(|(_, error)| error)
}

fn not_loaded(code: &str, error: load::Error<&str>) -> String {
    match error {
        load::Error::Io(errors) => {
            let path = errors.first().map_or("", |(path, _)| path);
            format!("bad jq: a pipeline has no modules: {path:?}")
        }
        load::Error::Lex(errors) => errors.first().map_or_else(String::new, |error: &lex::Error<&str>| {
            format!("bad jq: {} expected {}", error.0.as_str(), place(code, error.1))
        }),
        load::Error::Parse(errors) => errors.first().map_or_else(String::new, |error: &parse::Error<&str>| {
            format!("bad jq: {} expected {}", error.0.as_str(), place(code, error.1))
        }),
    }
}

fn not_compiled(code: &str, undefined: Vec<(&str, Undefined)>) -> String {
    undefined.first().map_or_else(String::new, |(name, what)| {
        let arity = match what {
            Undefined::Filter(n) => format!("/{n}"),
            _ => String::new(),
        };
        let cure = if matches!(what, Undefined::Var) { "; there is $meta" } else { "" };
        format!("bad jq: there is no {} {name}{arity} {}{cure}", what.as_str(), place(code, name))
    })
}

/// Where in the program a part of it is.
fn place(code: &str, part: &str) -> String {
    let at = load::span(code, part).start;
    match code.get(at..) {
        Some(rest) if !rest.is_empty() => {
            let near: String = rest.chars().take(20).collect();
            format!("at character {}, before `{near}`", code.get(..at).unwrap_or("").chars().count() + 1)
        }
        _ => "at the end".into(),
    }
}
