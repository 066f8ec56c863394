//! What every state backend must do: random work against a plain model, snapshots and restores, refusals.
//!
//! A backend's own tests call [`backend_conforms`]; it panics with the seed and the step where it found a difference.
mod claims;
mod model;
mod subject;
mod world;

use super::backend::Backend;

/// Makes an empty backend with a cursor of its own.
pub type Make<'a> = &'a dyn Fn() -> Box<dyn Backend<String>>;

/// Seeds of the random part. Each takes a few milliseconds.
const SEEDS: u64 = 60;

/// Runs every claim on fresh backends.
///
/// # Panics
/// Where the backend does not conform; says how.
pub fn backend_conforms(make: Make<'_>) {
    claims::keys_have_their_group(make);
    claims::one_snapshot_is_outstanding(make);
    claims::other_schemas_are_refused(make);
    claims::old_values_are_migrated(make);
    claims::unknown_columns_are_named(make);
    claims::first_values_are_checked(make);
    claims::short_lived_rows_leave_nothing(make);
    claims::what_comes_and_goes_fills_no_memory(make);
    for seed in 0..SEEDS {
        world::World::new(make, seed).run(false);
    }
}

/// The claim of a backend that writes nothing ahead of a snapshot: no cell is in it twice.
///
/// # Panics
/// Where one is; says how.
pub fn cells_are_written_once(make: Make<'_>) {
    for seed in 0..SEEDS {
        world::World::new(make, seed).run(true);
    }
}
