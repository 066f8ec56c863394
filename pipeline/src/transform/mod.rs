//! The transforms that need no connector.
mod dedupe;
mod filter;
mod map;
mod route;
mod window;

use crate::registry::Registry;

/// Adds them.
pub(crate) fn register(registry: &mut Registry) {
    registry.transform::<dedupe::Dedupe>("dedupe");
    registry.transform::<filter::Filter>("filter");
    registry.transform::<map::Map>("map");
    registry.transform::<route::Route>("route");
    registry.transform::<window::Window>("window");
}
