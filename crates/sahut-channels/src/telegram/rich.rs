//! The words of a rich message (Bot API 10.1), which has blocks instead of a text.

use serde_json::Value;

/// Where blocks and formatted pieces keep words, in the order in which they are shown.
const PARTS: [&str; 11] = [
    "label",
    "summary",
    "text",
    "expression",
    "alternative_text",
    "blocks",
    "items",
    "cells",
    "tasks",
    "caption",
    "credit",
];

/// Parts that are lists of blocks, each on lines of its own.
const BLOCKS: [&str; 4] = ["blocks", "items", "cells", "tasks"];

/// All words of a rich message, block by block.
pub(super) fn words(message: &Value) -> String {
    let mut words = String::new();
    gather(message, &mut words);
    words
}

fn gather(value: &Value, words: &mut String) {
    match value {
        Value::String(text) => words.push_str(text),
        Value::Array(pieces) => pieces.iter().for_each(|piece| gather(piece, words)),
        Value::Object(fields) => {
            for part in PARTS {
                match fields.get(part) {
                    Some(Value::Array(blocks)) if BLOCKS.contains(&part) => {
                        for block in blocks {
                            gather(block, words);
                            new_line(words);
                        }
                    }
                    Some(inner) => gather(inner, words),
                    None => {}
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn new_line(words: &mut String) {
    if !words.is_empty() && !words.ends_with('\n') {
        words.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_become_lines() {
        let message = json!({"blocks": [
            {"type": "heading", "size": 1, "text": "Jalan rusak"},
            {"type": "paragraph", "text": ["Sudah ", {"type": "bold", "text": "dua minggu"}, "."]},
            {"type": "list", "items": [{"label": "1. ", "blocks": [{"type": "paragraph", "text": "licin"}]}]},
            {"type": "divider"},
        ]});
        assert_eq!(words(&message), "Jalan rusak\nSudah dua minggu.\n1. licin\n");
    }

    proptest! {
        #[test]
        fn any_text_finds_its_way(text in "[a-z ]{1,40}", depth in 0_usize..40) {
            let nested = (0..depth).fold(json!(text), |inner, _| json!({"type": "italic", "text": inner}));
            let found = words(&json!({"blocks": [{"type": "paragraph", "text": nested}]}));
            prop_assert_eq!(found.trim(), text.trim());
        }
    }
}
