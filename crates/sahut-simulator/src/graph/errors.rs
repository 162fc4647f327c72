//! Errors as Graph tells them.

use serde_json::{Value, json};

/// An error answer. Clients decide on `code`; the HTTP status varies in the wild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphError {
    pub(crate) code: i64,
    pub(crate) subcode: Option<i64>,
    pub(crate) status: u16,
    message: String,
}

impl GraphError {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        let status = match code {
            1 | 2 => 500,
            102 | 104 | 190 => 401,
            4 | 10 | 17 | 32 | 200..=299 | 368 | 80_000.. => 403,
            _ => 400,
        };
        Self { code, subcode: None, status, message: message.into() }
    }

    pub(crate) fn sub(mut self, subcode: i64) -> Self {
        self.subcode = Some(subcode);
        self
    }

    pub(crate) fn parameter(message: impl std::fmt::Display) -> Self {
        Self::new(100, format!("(#100) {message}"))
    }

    pub(crate) fn missing_parameter(name: &str) -> Self {
        Self::parameter(format_args!("The parameter {name} is required"))
    }

    pub(crate) fn no_object(verb: &str, id: &str) -> Self {
        let message = format!(
            "Unsupported {verb} request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
             permissions, or does not support this operation"
        );
        Self::new(100, message).sub(33)
    }

    pub(crate) fn no_field(field: &str, node: &str) -> Self {
        Self::parameter(format_args!("Tried accessing nonexisting field ({field}) on node type ({node})"))
    }

    pub(crate) fn permission(code: i64, scope: &str) -> Self {
        Self::new(code, format!("(#{code}) This endpoint requires the '{scope}' permission"))
    }

    pub(crate) fn body(&self, trace: &str) -> Value {
        let kind = if self.subcode == Some(33) { "GraphMethodException" } else { "OAuthException" };
        let mut error = json!({
            "message": self.message, "type": kind, "code": self.code, "fbtrace_id": trace,
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = json!(subcode);
        }
        if matches!(self.code, 1 | 2) {
            error["is_transient"] = json!(true);
        }
        json!({ "error": error })
    }
}
