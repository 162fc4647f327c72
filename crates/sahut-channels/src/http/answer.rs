//! An answer, read whole within the limits.

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use super::HttpError;

/// The longest answer that is read, in bytes after inflation.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// An answer, read whole within the limits.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The host that was asked.
    pub host: String,
    /// HTTP status.
    pub status: u16,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// The body, inflated; at most 8 MiB.
    pub body: Vec<u8>,
}

impl Answer {
    pub(super) async fn read(host: String, mut response: reqwest::Response) -> Result<Self, HttpError> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MOST_BYTES => {
                    return Err(HttpError::TooLarge { host, most: MOST_BYTES });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(HttpError::from_reqwest(&host, &error)),
            }
        }
        let status = response.status().as_u16();
        Ok(Self { host, status, headers: std::mem::take(response.headers_mut()), body })
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first value of a header, when it is readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Reads the body as JSON. The error tells where it went wrong and nothing of what was written there.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error))
    }

    /// The error for a body of the wrong form.
    pub fn unreadable(&self, error: &serde_json::Error) -> HttpError {
        let what = format!(
            "{:?} error in JSON at line {} column {}",
            error.classify(),
            error.line(),
            error.column()
        );
        HttpError::Unreadable { host: self.host.clone(), status: self.status, what }
    }
}
