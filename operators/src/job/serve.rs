//! A small HTTP server for pages of text: a thread of its own, few connections, one request each.
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// So many are served at once; more wait in the listener's queue.
const CONNECTIONS: usize = 16;

/// A connection that takes longer is closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is answered to a request.
pub(crate) type Page = (StatusCode, String);

/// Says what is at a path.
pub(crate) struct Server {
    pub page: Arc<dyn Fn(&str) -> Page + Send + Sync>,
}

/// A server that ends when this is dropped.
pub(crate) struct Served {
    /// Where it is.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join); // it has served all it could
    }
}

impl Server {
    /// Starts it.
    ///
    /// # Errors
    /// Where the address cannot be had; names it.
    pub fn start(self, at: SocketAddr) -> Result<Served, String> {
        let wrong = |e: std::io::Error| format!("--metrics {at}: cannot listen there: {e}");
        let tokio = Builder::new_current_thread().enable_all().build().map_err(wrong)?;
        let listener = tokio.block_on(TcpListener::bind(at)).map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || {
            tokio.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = self.accept(listener) => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("millstream-metrics".into()).spawn(serve).map_err(wrong)?;
        Ok(Served { address, stop: Some(stop), thread: Some(thread) })
    }

    async fn accept(&self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await; // out of file descriptors, most likely
                continue;
            };
            let page = Arc::clone(&self.page);
            tokio::spawn(async move {
                let _ = timeout(PATIENCE, answer(stream, page)).await; // a client that gave up does not matter
                drop(place);
            });
        }
    }
}

async fn answer(stream: TcpStream, page: Arc<dyn Fn(&str) -> Page + Send + Sync>) -> hyper::Result<()> {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let (status, text) = page(request.uri().path());
        let mut response = Response::new(text);
        *response.status_mut() = status;
        let plain = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, plain);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false).max_buf_size(16 << 10);
    http.serve_connection(TokioIo::new(stream), service).await
}
