//! stub
use millstream_runtime::run::Status;
use std::net::SocketAddr;
use std::sync::Arc;
pub(crate) struct Served;
pub(crate) fn serve(at: SocketAddr, _job: &'static str, _status: Arc<Status>) -> Result<Served, String> {
    Err(format!("{at}: not in this build"))
}
