//! Nexmark's queries on Millstream, beside plain loops and timely by hand: all of the program `nexmark` but its `main`, so
//! that its tests need not compile the queries again. See docs/nexmark.md.
#![allow(missing_docs, reason = "of a program: nobody else builds on it")]
mod brute;
mod calendar;
pub mod delays;
pub mod events;
mod full_bid;
pub mod hand;
pub mod measure;
pub mod options;
pub mod queries;
mod recovery;
mod report;
pub mod row;
pub mod run;
mod side;
mod stopwatch;
pub mod tally;
