//! Values that the process must not print: whatever goes to standard error, and what a verb says, passes here.
use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

static SECRETS: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// From now on these values are not printed: not in logs, not in errors, not in a plan. The shorter a value, the more
/// that is no secret is hidden with it. Records that a job writes are not looked at.
pub fn hide(values: impl IntoIterator<Item = String>) {
    let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    secrets.extend(values.into_iter().filter(|value| !value.is_empty()));
    // A secret that contains another one is taken first.
    secrets.sort_by_key(|value| std::cmp::Reverse(value.len()));
    secrets.dedup();
}

/// The text without secrets.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    secrets.iter().fold(Cow::Borrowed(text), |text, secret| match text.contains(secret.as_str()) {
        true => Cow::Owned(text.replace(secret.as_str(), HIDDEN)),
        false => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        hide(["hunter2-abc".into(), "hunter2".into(), String::new()]);
        assert_eq!(redacted("password hunter2-abc, hunter2!"), "password ***, ***!");
        assert_eq!(redacted("nothing"), "nothing");
    }
}
