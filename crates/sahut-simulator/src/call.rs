//! One call as a client made it, however its parameters travelled: query, form, JSON or multipart.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method, Uri, header};
use serde_json::Value;
use url::form_urlencoded;

/// A call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Decoded, without the slash in front.
    pub(crate) path: String,
    params: BTreeMap<String, Value>,
    bearer: Option<String>,
}

impl Call {
    /// Reads a call; a body that cannot be read has no parameters.
    pub(crate) fn read(method: Method, uri: &Uri, path: String, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut params: BTreeMap<String, Value> = pairs(uri.query().unwrap_or_default().as_bytes()).collect();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = text(header::CONTENT_TYPE);
        if media_type.starts_with("application/json") {
            if let Ok(Value::Object(fields)) = serde_json::from_slice(body) {
                params.extend(fields);
            }
        } else if let Some((_, boundary)) = media_type.split_once("boundary=") {
            params.extend(multipart(body, boundary.trim_matches('"')));
        } else {
            params.extend(pairs(body));
        }
        let bearer = text(header::AUTHORIZATION).strip_prefix("Bearer ").map(|token| token.trim().to_owned());
        Self { method, path, params, bearer }
    }

    /// A parameter as text; numbers and flags as they are written.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.params.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    /// A parameter as JSON, which a form carries as text.
    pub(crate) fn json(&self, name: &str) -> Option<Value> {
        match self.params.get(name)? {
            Value::String(text) => serde_json::from_str(text).ok(),
            Value::Null => None,
            other => Some(other.clone()),
        }
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    /// A flag; absent is false.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.text(name).as_deref(), Some("true" | "True" | "1"))
    }

    /// All parameters as text, by name.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        self.params.keys().filter_map(|name| Some((name.clone(), self.text(name)?))).collect()
    }

    /// The Graph access token, wherever it stands.
    pub(crate) fn token(&self) -> Option<String> {
        self.text("access_token").or_else(|| self.bearer.clone())
    }

    /// The parts of the path, without a version in front.
    pub(crate) fn segments(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.path.split('/').filter(|part| !part.is_empty()).collect();
        if parts.first().is_some_and(|part| is_version(part)) {
            parts.remove(0);
        }
        parts
    }

    /// The API version that was asked for, else the present one.
    pub(crate) fn version(&self) -> &str {
        self.path.split('/').next().filter(|part| is_version(part)).unwrap_or("v26.0")
    }

    /// Whose luck decides about this call: its token, or the first part of its path.
    pub(crate) fn caller(&self) -> &str {
        let token = self.params.get("access_token").and_then(Value::as_str).or(self.bearer.as_deref());
        token.unwrap_or_else(|| self.path.split('/').next().unwrap_or_default())
    }
}

fn is_version(part: &str) -> bool {
    let digits = part.strip_prefix('v').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn pairs(text: &[u8]) -> impl Iterator<Item = (String, Value)> {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
}

/// The text fields of a multipart body. Files are passed over: nobody answers citizens with files here.
fn multipart(body: &[u8], boundary: &str) -> Vec<(String, Value)> {
    let text = String::from_utf8_lossy(body);
    text.split(&format!("--{boundary}")).filter_map(part).collect()
}

fn part(text: &str) -> Option<(String, Value)> {
    let (head, content) = text.split_once("\r\n\r\n")?;
    let name = head.split("name=\"").nth(1)?.split('"').next()?;
    let content = content.strip_suffix("\r\n").unwrap_or(content);
    Some((name.to_owned(), Value::String(content.to_owned())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(media_type: &str, body: &str) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        let uri = "/v26.0/me?limit=5&access_token=A".parse().unwrap();
        Call::read(Method::POST, &uri, "v26.0/me".to_owned(), &headers, body.as_bytes())
    }

    #[test]
    fn parameters_are_found_however_they_travel() {
        let form = call("application/x-www-form-urlencoded", "text=a+b%26c&reply=%7B%22id%22%3A7%7D");
        let json = call("application/json", r#"{"text":"a b&c","reply":{"id":7}}"#);
        let parts = call(
            "multipart/form-data; boundary=XX",
            "--XX\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\na b&c\r\n--XX\r\n\
             Content-Disposition: form-data; name=\"reply\"\r\n\r\n{\"id\":7}\r\n--XX--\r\n",
        );
        for call in [form, json, parts] {
            assert_eq!(call.text("text").as_deref(), Some("a b&c"));
            assert_eq!(call.json("reply").unwrap()["id"], 7);
            assert_eq!(call.number("limit"), Some(5));
            assert_eq!(call.token().as_deref(), Some("A"));
            assert_eq!(call.segments(), ["me"]);
        }
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(body in prop::collection::vec(any::<u8>(), 0..200), boundary in "[-A-Z]{0,4}") {
            multipart(&body, &boundary);
        }
    }
}
