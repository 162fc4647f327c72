//! Field selection: `id,message,from{id,name},comments.limit(5).summary(true){id}`.

use super::GraphError;

/// How deep selections may nest.
const DEEPEST: usize = 16;

/// One selected field or edge. A call to an edge (`/{post}/comments?limit=5`) is read into the same shape, so that
/// nested and direct listings are answered alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// Arguments in their order: `limit(5)` is `("limit", "5")`.
    pub(crate) args: Vec<(String, String)>,
    /// The selection in braces; empty: the default fields.
    pub(crate) fields: Vec<Field>,
    /// The selection as it was written, for the address of the next page.
    pub(crate) inner: String,
}

impl Field {
    /// Reads a list of fields.
    pub(crate) fn list(text: &str) -> Result<Vec<Self>, GraphError> {
        let mut parser = Parser { text, at: 0 };
        let fields = parser.list(0)?;
        if parser.at < text.len() { Err(parser.error("end of string")) } else { Ok(fields) }
    }

    /// The last argument of this name.
    pub(crate) fn arg(&self, name: &str) -> Option<&str> {
        self.args.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The name that the answer uses: `as(alias)`, else the field's own.
    pub(crate) fn shown_as(&self) -> &str {
        self.arg("as").unwrap_or(&self.name)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn list(&mut self, depth: usize) -> Result<Vec<Field>, GraphError> {
        if depth > DEEPEST {
            return Err(self.error("a selection that is less deep"));
        }
        let mut fields = Vec::new();
        loop {
            self.space();
            if !matches!(self.rest().chars().next(), None | Some('}' | ',')) {
                fields.push(self.field(depth)?);
            }
            self.space();
            if !self.eat(',') {
                return Ok(fields);
            }
        }
    }

    fn field(&mut self, depth: usize) -> Result<Field, GraphError> {
        let mut field = Field { name: self.word()?.to_owned(), ..Field::default() };
        while self.eat('.') {
            let name = self.word()?.to_owned();
            field.args.push((name, self.value()?.to_owned()));
        }
        if self.eat('{') {
            let start = self.at;
            field.fields = self.list(depth + 1)?;
            self.text.get(start..self.at).unwrap_or_default().clone_into(&mut field.inner);
            if !self.eat('}') {
                return Err(self.error("\"}\""));
            }
        }
        Ok(field)
    }

    fn value(&mut self) -> Result<&'a str, GraphError> {
        if !self.eat('(') {
            return Err(self.error("\"(\""));
        }
        let Some(length) = self.rest().find(')') else {
            return Err(self.error("\")\""));
        };
        let value = self.rest().get(..length).unwrap_or_default();
        self.at += length + 1;
        Ok(value.trim())
    }

    fn word(&mut self) -> Result<&'a str, GraphError> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if length == 0 {
            return Err(self.error("a field name"));
        }
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.rest().starts_with(expected);
        self.at += if found { expected.len_utf8() } else { 0 };
        found
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, expected: &str) -> GraphError {
        let found: String = self.rest().chars().take(1).collect();
        let text =
            format!("Syntax error \"Expected {expected} instead of \"{found}\".\" at character {}", self.at);
        GraphError::new(2500, text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nested_selections_are_read() {
        let fields =
            Field::list("id, from{id,name},comments.summary(true).limit(0){message, from{id}}").unwrap();
        let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["id", "from", "comments"]);
        assert_eq!(fields[2].arg("limit"), Some("0"));
        assert_eq!(fields[2].arg("summary"), Some("true"));
        assert_eq!(fields[2].fields[1].fields[0].name, "id");
        assert_eq!(fields[2].inner, "message, from{id}");
    }

    #[test]
    fn broken_selections_are_refused() {
        for text in ["from{id", "from}", "a.limit", "a.limit(5", "a.(5)", &"a{".repeat(50), "ü"] {
            assert!(Field::list(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "[a-z_{}().,0-9 é]{0,60}") {
            let _ = Field::list(&text);
        }
    }
}
