//! The state of an operator for one key, as a struct of handles.
use super::column::{Column, sealed::Sealed};
use super::cursor::Cursor;
use std::rc::Rc;
use std::time::Duration;

/// The state of an operator for one key: a struct of [`Value`](super::Value), [`List`](super::List) and
/// [`Map`](super::Map) fields. Derive it. The fields are handles; they always show the key whose record or timer is
/// being processed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a struct of state handles",
    label = "derive `KeyedState` on a struct whose fields are `Value<_>`, `List<_>` or `Map<_, _>`"
)]
pub trait KeyedState: 'static {
    /// Makes the handles, without state.
    fn open(space: &mut StateSpace) -> Self;

    /// The columns behind the handles, always in the same order.
    fn columns(&mut self) -> Vec<&mut dyn Column>;
}

impl KeyedState for () {
    fn open(_: &mut StateSpace) {}

    fn columns(&mut self) -> Vec<&mut dyn Column> {
        Vec::new()
    }
}

/// A single handle is a state of one column.
#[diagnostic::do_not_recommend]
impl<H: Handle> KeyedState for H {
    fn open(space: &mut StateSpace) -> Self {
        H::open(space, "state", None)
    }

    fn columns(&mut self) -> Vec<&mut dyn Column> {
        vec![H::column(self)]
    }
}

/// One handle of a [`KeyedState`]. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a state handle",
    label = "use `Value<_>`, `List<_>` or `Map<_, _>`"
)]
pub trait Handle: Sealed + 'static {
    /// Makes the handle for a field; its column has the field's name.
    fn open(space: &StateSpace, field: &'static str, ttl: Option<Duration>) -> Self;

    /// The column behind it.
    fn column(&mut self) -> &mut dyn Column;
}

/// Where a [`KeyedState`] opens its handles; a derive calls it.
pub struct StateSpace(Rc<Cursor>);

impl StateSpace {
    /// The handles will look where this cursor stands.
    pub fn new(cursor: &Rc<Cursor>) -> Self {
        Self(cursor.clone())
    }

    pub(super) fn cursor(&self) -> &Rc<Cursor> {
        &self.0
    }
}
