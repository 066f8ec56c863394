//! The suites pass a source and a sink that keep the laws, and name the law that one breaks.
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::sink::{Sink, Staging, Writer, now};
use millstream_runtime::source::{Progress, Reader, Source, Splits};
use millstream_testkit::{sink_conforms, source_conforms};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

fn says(suite: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(suite)).expect_err("the suite finds nothing");
    panic.downcast_ref::<String>().cloned().expect("a text")
}

/// Numbers, some at a time; with a bug.
#[derive(Clone)]
struct Numbers(SourceBug, Rc<RefCell<u64>>);

#[derive(Clone, Copy, PartialEq)]
enum SourceBug {
    None,
    Growing,
    OffsetBehind,
    OtherTheSecondTime,
    MoreAfterTheEnd,
    OtherSplits,
}

struct NumberReader(SourceBug, u64, u64);

impl Source for Numbers {
    type Split = u32;
    type Reader = NumberReader;
    fn splits(&mut self) -> Result<Splits<u32>> {
        *self.1.borrow_mut() += 1;
        Ok(match self.0 {
            SourceBug::Growing => Splits::Growing(vec![3.into()]),
            SourceBug::OtherSplits => Splits::Fixed(vec![(*self.1.borrow() as u32).into()]),
            _ => Splits::Fixed(vec![1.into(), 2.into()]),
        })
    }
    fn open(&self, split: &u32, from: Option<u64>) -> Result<NumberReader> {
        *self.1.borrow_mut() += 1;
        let other = if self.0 == SourceBug::OtherTheSecondTime { *self.1.borrow() } else { u64::from(*split) };
        Ok(NumberReader(self.0, from.unwrap_or(0), other))
    }
}

impl Reader for NumberReader {
    type Item = (u64, u64);
    type Offset = u64;
    fn read(&mut self, batch: &mut Batch<(u64, u64)>) -> Result<Progress> {
        for _ in 0..4 {
            if self.1 >= 50 {
                if self.0 == SourceBug::MoreAfterTheEnd && batch.is_empty() {
                    batch.push((0, 0));
                }
                return Ok(if self.0 == SourceBug::Growing { Progress::Idle } else { Progress::Ended });
            }
            batch.push((self.2, self.1));
            self.1 += 1;
        }
        Ok(Progress::More)
    }
    fn offset(&self) -> u64 {
        if self.0 == SourceBug::OffsetBehind { self.1.saturating_sub(1) } else { self.1 }
    }
}

fn source(bug: SourceBug) -> impl Fn() -> Numbers {
    let opened = Rc::new(RefCell::new(0));
    move || Numbers(bug, Rc::clone(&opened))
}

#[test]
fn a_source_that_keeps_the_laws_passes_and_the_broken_law_of_others_is_named() {
    source_conforms(source(SourceBug::None));
    source_conforms(source(SourceBug::Growing));
    let wrong = [
        (SourceBug::OffsetBehind, "reading from an offset gives what followed it", "split 1: "),
        (SourceBug::OtherTheSecondTime, "a split opened twice gives the same", "record 0"),
        (SourceBug::MoreAfterTheEnd, "ended means ended", "split 1: "),
        (SourceBug::OtherSplits, "the same splits", "list different ones"),
    ];
    for (bug, law, place) in wrong {
        let said = says(|| source_conforms(source(bug)));
        assert!(said.contains(law) && said.contains(place), "{said}");
    }
}

/// A table of committed and staged records; with a bug.
#[derive(Clone)]
struct Table(SinkBug, Rc<RefCell<Tables>>);

#[derive(Default)]
struct Tables {
    staged: BTreeMap<(u64, u64), Vec<String>>,
    visible: Vec<((u64, u64), Vec<String>)>,
}

#[derive(Clone, Copy, PartialEq)]
enum SinkBug {
    None,
    AtOnce,
    Twice,
    OneName,
    Forgets,
    NextToo,
    KeepsStale,
}

struct TableWriter(Table, u64, Vec<String>);

impl Sink<String> for Table {
    type Writer = TableWriter;
    fn open(&self, worker: usize, staged: &[(u64, u64)]) -> Result<TableWriter> {
        let mut tables = self.1.borrow_mut();
        match self.0 {
            SinkBug::Forgets => tables.staged.clear(),
            SinkBug::KeepsStale if staged.is_empty() => {
                let stale = std::mem::take(&mut tables.staged);
                tables.visible.extend(stale);
            }
            _ => tables.staged.retain(|name, _| staged.contains(name)),
        }
        Ok(TableWriter(self.clone(), worker as u64, vec![]))
    }
    fn commit(&self, name: (u64, u64)) -> Staging<()> {
        let mut tables = self.1.borrow_mut();
        let staged = match self.0 {
            SinkBug::Twice => tables.staged.get(&name).cloned(),
            _ => tables.staged.remove(&name),
        };
        tables.visible.extend(staged.map(|records| (name, records)));
        now(Ok(()))
    }
}

impl Writer<String> for TableWriter {
    type Committable = (u64, u64);
    fn write(&mut self, batch: &mut Batch<String>) -> Result<()> {
        self.2.extend(batch.drain());
        Ok(())
    }
    fn prepare(&mut self, n: u64) -> Staging<Vec<(u64, u64)>> {
        let mut tables = self.0.1.borrow_mut();
        let name = (n, if self.0.0 == SinkBug::OneName { 0 } else { self.1 });
        let records = std::mem::take(&mut self.2);
        match self.0.0 {
            SinkBug::AtOnce => tables.visible.push((name, records)),
            SinkBug::NextToo => {
                self.2 = records.clone();
                tables.staged.insert(name, records);
            }
            _ => drop(tables.staged.insert(name, records)),
        }
        now(Ok(vec![name]))
    }
}

fn sink(bug: SinkBug) {
    let tables = Rc::<RefCell<Tables>>::default();
    let committed = || Ok(tables.borrow().visible.iter().flat_map(|(_, records)| records.clone()).collect());
    sink_conforms(|| Table(bug, Rc::clone(&tables)), committed);
}

#[test]
fn a_sink_that_keeps_the_laws_passes_and_the_broken_law_of_others_is_named() {
    sink(SinkBug::None);
    let wrong = [
        (SinkBug::AtOnce, "nothing is visible before its commit"),
        (SinkBug::Twice, "a commit may come twice"),
        (SinkBug::OneName, "two writers do not clash"),
        (SinkBug::Forgets, "what the checkpoint promised is committed"),
        (SinkBug::NextToo, "belongs to the next interval"),
        (SinkBug::KeepsStale, "what was prepared and is in no checkpoint never becomes visible"),
    ];
    for (bug, law) in wrong {
        let said = says(|| sink(bug));
        assert!(said.contains(law), "{said}");
    }
}
