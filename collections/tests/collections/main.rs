//! Collections against plain computations: after each step, and killed anywhere.
mod crashing;
mod drawing;
mod model;
mod stepping;
