//! Which values of a file are nobody's business.
use toml::de::{DeTable, DeValue};

/// A key or a variable with one of these in its name holds a secret.
const SECRET: [&str; 9] =
    ["password", "passwd", "passphrase", "secret", "token", "credential", "jaas", "api_key", "private_key"];

/// Shorter values are not hidden: hiding `a` would hide every `a`.
const SHORTEST: usize = 4;

/// Whether a key or variable holds a secret, by its name.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['.', '-'], "_");
    SECRET.iter().any(|word| name.contains(word))
}

/// The values that must not be printed: those of secret keys, those of secret variables, passwords in URLs.
pub(super) fn secrets(table: &DeTable<'_>, taken: &[(String, String)]) -> Vec<String> {
    let mut all = vec![];
    of_table(table, &mut all);
    all.extend(taken.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.clone()));
    all.retain(|value| value.len() >= SHORTEST);
    all
}

fn of_table(table: &DeTable<'_>, all: &mut Vec<String>) {
    for (key, value) in table {
        of_value(value.get_ref(), is_secret(key.get_ref()), all);
    }
}

fn of_value(value: &DeValue<'_>, secret: bool, all: &mut Vec<String>) {
    match value {
        DeValue::String(text) if secret => all.push(text.to_string()),
        DeValue::String(text) => all.extend(password_of_url(text)),
        DeValue::Array(items) => items.iter().for_each(|item| of_value(item.get_ref(), secret, all)),
        DeValue::Table(table) => of_table(table, all),
        _ => {}
    }
}

/// `http://user:password@host`.
fn password_of_url(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_found_wherever_they_stand() {
        let text = r#"
            [sinks.out]
            url = "http://me:hunter2@host:80/path@x"
            options = { "sasl.password" = "geheim", "client.id" = "me" }
            list = [{ api_key = "k1k1" }]
        "#;
        let table = DeTable::parse(text).unwrap();
        let taken = [("DB_TOKEN".into(), "tttt".into()), ("HOST".into(), "localhost".into())];
        let mut found = secrets(table.get_ref(), &taken);
        found.sort();
        assert_eq!(found, ["geheim", "hunter2", "k1k1", "tttt"]);
    }
}
