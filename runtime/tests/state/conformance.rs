//! The backend in memory conforms.
use millstream_runtime::state::{Cursor, Memory, conformance::backend_conforms};

#[test]
fn memory_conforms() {
    backend_conforms(&|| Box::new(Memory::new(&Cursor::new())));
}
