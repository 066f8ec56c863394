//! `${NAME}` and `${NAME:-default}` in the texts of a file.
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Looks up a variable.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a text came to, and the variables that it took values from, with the values.
struct Filled {
    text: String,
    taken: Vec<(String, String)>,
}

/// What filling a table came to.
#[derive(Default)]
pub(crate) struct Fill {
    /// The variables that were used, with their values.
    pub taken: Vec<(String, String)>,
    /// Texts that could not be filled: where they start, and what is wrong.
    pub wrong: Vec<(usize, String)>,
}

/// Fills every text of a table.
pub(crate) fn fill(table: &mut DeTable<'_>, variables: Variables<'_>) -> Fill {
    let mut fill = Fill::default();
    table.iter_mut().for_each(|(_, value)| fill.value(value, variables));
    fill
}

impl Fill {
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, variables: Variables<'_>) {
        let at = value.span().start;
        match value.get_mut() {
            DeValue::String(text) if text.contains("${") => match filled(text, variables) {
                Ok(filled) => {
                    *text = Cow::Owned(filled.text);
                    self.taken.extend(filled.taken);
                }
                Err(what) => self.wrong.push((at, what)),
            },
            DeValue::Array(items) => items.iter_mut().for_each(|item| self.value(item, variables)),
            DeValue::Table(table) => table.iter_mut().for_each(|(_, item)| self.value(item, variables)),
            _ => {}
        }
    }
}

/// `$${` stands for `${` itself.
fn filled(text: &str, variables: Variables<'_>) -> Result<Filled, String> {
    let mut all = Filled { text: String::new(), taken: vec![] };
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        let inner = from.get(2..).unwrap_or("");
        if let Some(escaped) = before.strip_suffix('$') {
            all.text.push_str(escaped);
            all.text.push_str("${");
            rest = inner;
            continue;
        }
        all.text.push_str(before);
        let (variable, behind) = inner.split_once('}').ok_or("`${` without its `}`; write $${ for the characters")?;
        let (name, default) = variable.split_once(":-").map_or((variable, None), |(n, d)| (n, Some(d)));
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(format!("`${{{name}}}` is no variable: a name has letters, digits and _"));
        }
        match (variables(name).filter(|value| !value.is_empty()), default) {
            (Some(value), _) => {
                all.text.push_str(&value);
                all.taken.push((name.into(), value));
            }
            (None, Some(default)) => all.text.push_str(default),
            (None, None) => {
                return Err(format!("the environment has no {name}: set it, or write ${{{name}:-default}}"));
            }
        }
        rest = behind;
    }
    all.text.push_str(rest);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Result<String, String> {
        let variables = |name: &str| match name {
            "HOME" => Some("/home".to_string()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        filled(text, &variables).map(|f| f.text)
    }

    #[test]
    fn variables_and_defaults_are_filled_in() {
        assert_eq!(text("a ${HOME}/${NONE:-x} b").unwrap(), "a /home/x b");
        assert_eq!(text("${EMPTY:-x}${NONE:-}").unwrap(), "x");
        assert_eq!(text("$${HOME} $meta ${HOME}").unwrap(), "${HOME} $meta /home");
        assert!(text("${NONE}").unwrap_err().contains("has no NONE"));
        assert!(text("${EMPTY}").unwrap_err().contains("has no EMPTY"));
        assert!(text("${HOME").unwrap_err().contains("without its"));
        assert!(text("${a b}").unwrap_err().contains("no variable"));
    }
}
