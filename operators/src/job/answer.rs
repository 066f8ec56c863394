//! What a call of a job's command line comes to.
use super::secrets::redacted;
use millstream_runtime::run::LOST_CODE;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

/// What a call has to say at its end, and its exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// 0: fine; 1: the job failed; 2: the job, its graph or the call must be changed first; 75: another process of the
    /// job was lost, and all are to be started again.
    pub code: u8,
    /// For standard output.
    pub out: String,
    /// For standard error.
    pub err: String,
}

impl Answer {
    /// All is well.
    pub(crate) fn fine(out: impl Into<String>) -> Self {
        Self { out: out.into(), ..Self::default() }
    }

    /// The world is not as it should be: trying again later may help.
    pub(crate) fn failed(what: impl AsRef<str>) -> Self {
        Self { code: 1, ..Self::default() }.with_error(what.as_ref())
    }

    /// Another process of the job was lost.
    pub(crate) fn lost(what: impl AsRef<str>) -> Self {
        Self { code: LOST_CODE as u8, ..Self::default() }.with_error(what.as_ref())
    }

    /// The call, the job or its state must be changed first.
    pub(crate) fn refused(what: impl AsRef<str>) -> Self {
        Self::refused_for(&[what])
    }

    /// The same with several mistakes, each an `error:` of its own.
    pub(crate) fn refused_for(mistakes: &[impl AsRef<str>]) -> Self {
        let answer = Self { code: 2, ..Self::default() };
        mistakes.iter().fold(answer, |answer, mistake| answer.with_error(mistake.as_ref()))
    }

    /// All is well where nothing is wrong; else each mistake is an `error:` of its own.
    pub(crate) fn failed_for(mistakes: &[impl AsRef<str>]) -> Self {
        let answer = Self { code: u8::from(!mistakes.is_empty()), ..Self::default() };
        mistakes.iter().fold(answer, |answer, mistake| answer.with_error(mistake.as_ref()))
    }

    fn with_error(mut self, what: &str) -> Self {
        let _ = writeln!(self.err, "error: {what}"); // a String takes everything
        self
    }

    /// Says it. A reader that has gone away does not matter.
    pub(crate) fn print(&self) -> ExitCode {
        let _ = std::io::stdout().write_all(redacted(&self.out).as_bytes());
        let _ = std::io::stderr().write_all(redacted(&self.err).as_bytes());
        ExitCode::from(self.code)
    }
}
