//! An answer, read whole within the limits.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::HttpError;
use crate::trouble::come_back;

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

    /// When the `Retry-After` header (seconds or a date, RFC 9110) asks to come back; at most an hour ahead.
    pub fn retry_after(&self, now: Timestamp) -> Option<Timestamp> {
        let asked = self.header("retry-after")?.trim();
        let seconds = asked.parse().ok().or_else(|| {
            let date = rfc2822::parse(asked).ok()?.timestamp();
            Some(date.duration_since(now).as_secs())
        })?;
        Some(come_back(now, seconds))
    }

    /// Reads the body as JSON; what is read may borrow from it. The error tells where it went wrong and nothing of what
    /// was written there.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| HttpError::Unreadable {
            host: self.host.clone(),
            status: self.status,
            what: without_words(&error),
        })
    }
}

/// What is wrong with a piece of JSON. The error's own text may quote what a citizen wrote; only the name of a field
/// that is missing is passed on.
pub(crate) fn without_words(error: &serde_json::Error) -> String {
    let said = error.to_string();
    if error.is_data() && said.starts_with("missing field") {
        return said;
    }
    format!("{:?} error in JSON at line {} column {}", error.classify(), error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the error matters")]
    struct Note {
        id: String,
        hour: u8,
    }

    #[test]
    fn an_error_names_the_missing_field_and_never_the_words() {
        let told = |json: &str| without_words(&serde_json::from_str::<Note>(json).unwrap_err());
        assert_eq!(told(r#"{"hour":1}"#), "missing field `id` at line 1 column 10");
        assert_eq!(told(r#"{"id":"1","hour":"jalan rusak"}"#), "Data error in JSON at line 1 column 30");
        assert!(told(r#"{"id": rusak"#).starts_with("Syntax error in JSON"));
    }
}
