//! What connectors share that ask servers by HTTP.
use reqwest::Response;
use std::error::Error;

/// The body of an answer, if it has at most so many bytes.
///
/// # Errors
/// Says what went wrong, without the URL, which may hold a secret.
pub async fn bounded_body(mut response: Response, most: usize) -> Result<Vec<u8>, String> {
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.map_err(|e| with_causes(&e.without_url()))? {
        if body.len() + chunk.len() > most {
            return Err(format!("the answer is above the limit of {most} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with what caused it: reqwest's own text says only what was tried.
///
/// ```
/// use millstream_runtime::http::with_causes;
/// use std::io::{Error, ErrorKind};
/// let refused = Error::from(ErrorKind::ConnectionRefused);
/// assert_eq!(with_causes(&refused), "connection refused");
/// ```
pub fn with_causes(e: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(e), |e| (**e).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Failed(Option<Box<Failed>>, &'static str);

    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.1)
        }
    }

    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.0.as_ref().map(|cause| &**cause as _)
        }
    }

    #[test]
    fn an_error_says_what_caused_it_and_what_caused_that() {
        let failed = Failed(Some(Box::new(Failed(Some(Box::new(Failed(None, "reset"))), "connect"))), "request");
        assert_eq!(with_causes(&failed), "request: connect: reset");
    }
}
