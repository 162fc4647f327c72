//! Reading a delivery. The form is our own and described for integrators in `docs/webhook.md`.

use jiff::Timestamp;
use sahut_domain::channel::Ailment;
use sahut_domain::message::{Attachment, Author, Item, Post, Surface, ThreadKey, Visibility};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::http::without_words;
use crate::reading::{bad, plain};
use crate::{BadItem, Page, Trouble};

/// A delivery of several things. A delivery of one message is that message alone.
#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    messages: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    posts: Option<Vec<&'a RawValue>>,
    deleted: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    thread: Option<String>,
    #[serde(default = "direct")]
    surface: Surface,
    post: Option<String>,
    parent: Option<String>,
    #[serde(default)]
    author: Writer,
    #[serde(default)]
    own: bool,
    #[serde(default)]
    automatic: bool,
    #[serde(default)]
    text: String,
    subject: Option<String>,
    written_at: Option<Timestamp>,
    edited_at: Option<Timestamp>,
    #[serde(default = "shown")]
    visibility: Visibility,
    permalink: Option<String>,
    #[serde(default)]
    attachments: Vec<File>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Writer {
    id: Option<String>,
    name: Option<String>,
    handle: Option<String>,
}

#[derive(Deserialize)]
struct File {
    url: String,
    media_type: Option<String>,
    name: Option<String>,
    bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Article {
    id: String,
    #[serde(default)]
    text: String,
    published_at: Timestamp,
    permalink: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

fn direct() -> Surface {
    Surface::Direct
}

fn shown() -> Visibility {
    Visibility::Shown
}

/// Reads a delivery. One message that cannot be read is set aside; a body that is no JSON object is read again by a
/// mended parser.
pub(super) fn read(body: &[u8], received_at: Timestamp) -> Result<Page, Trouble> {
    let unreadable = |error: serde_json::Error| Trouble::Again {
        ailment: Ailment::Parser,
        detail: format!("a delivery cannot be read: {}", without_words(&error)),
    };
    let whole: &RawValue = serde_json::from_slice(body).map_err(unreadable)?;
    let batch: Batch = serde_json::from_slice(body).map_err(unreadable)?;
    let mut page = Page { deleted: batch.deleted.unwrap_or_default(), ..Page::default() };
    let alone = batch.messages.is_none() && batch.posts.is_none() && page.deleted.is_empty();
    let messages = if alone { vec![whole] } else { batch.messages.unwrap_or_default() };
    for raw in messages {
        match message(raw, received_at) {
            Ok(item) => page.items.push(item),
            Err(bad) => page.bad.push(bad),
        }
    }
    for raw in batch.posts.unwrap_or_default() {
        match article(raw) {
            Ok(post) => page.posts.push(post),
            // Set apart as the delivery that it would be by itself, so that it is not read as a message later.
            Err(bad) => page.bad.push(BadItem { raw: format!("{{\"posts\":[{raw}]}}").into_bytes(), ..bad }),
        }
    }
    Ok(page)
}

fn message(raw: &RawValue, received_at: Timestamp) -> Result<Item, BadItem> {
    let message: Message = parse(raw)?;
    let text = plain(&message.text);
    if text.is_empty() && message.attachments.is_empty() {
        return Err(set_aside(raw, "a message needs a text or an attachment".to_owned()));
    }
    Ok(Item {
        thread: ThreadKey {
            external_id: filled(message.thread).unwrap_or_else(|| message.id.clone()),
            surface: message.surface,
            post: filled(message.post),
        },
        external_id: message.id,
        parent: filled(message.parent),
        author: message.author.into(),
        own: message.own,
        automatic: message.automatic,
        text,
        subject: filled(message.subject),
        written_at: message.written_at.unwrap_or(received_at),
        edited_at: message.edited_at,
        visibility: message.visibility,
        permalink: filled(message.permalink),
        attachments: message.attachments.into_iter().map(Attachment::from).collect(),
        raw: raw.get().as_bytes().to_vec(),
    })
}

fn article(raw: &RawValue) -> Result<Post, BadItem> {
    let article: Article = parse(raw)?;
    Ok(Post {
        external_id: article.id,
        text: plain(&article.text),
        published_at: article.published_at,
        permalink: filled(article.permalink),
    })
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, BadItem> {
    let parsed = serde_json::from_str(raw.get()).map_err(|error| set_aside(raw, without_words(&error)))?;
    if id(raw).is_some() { Ok(parsed) } else { Err(set_aside(raw, "the id is empty".to_owned())) }
}

fn set_aside(raw: &RawValue, error: String) -> BadItem {
    bad(id(raw), error, raw.get().as_bytes())
}

fn id(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok().map(|Named { id }| id).filter(|id| !id.is_empty())
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl From<Writer> for Author {
    fn from(writer: Writer) -> Self {
        Self { external_id: filled(writer.id), name: filled(writer.name), handle: filled(writer.handle) }
    }
}

impl From<File> for Attachment {
    fn from(file: File) -> Self {
        let name = file.name.as_deref().and_then(|name| name.rsplit(['/', '\\']).next());
        Self {
            media_type: file.media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            name: name.filter(|name| !name.is_empty()).map(str::to_owned),
            bytes: file.bytes,
            reference: Some(file.url),
            content: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn page(body: &serde_json::Value) -> Page {
        read(body.to_string().as_bytes(), "2026-11-24T03:00:00Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn one_message_may_come_alone() {
        let page = page(&json!({
            "id": "LAPOR-17", "text": "Lampu jalan mati\r\ndi Tubei", "subject": "Penerangan",
            "author": {"id": "u1", "name": "Warga"}, "written_at": "2026-11-24T09:30:00+07:00",
            "attachments": [{"url": "https://cdn.example/1.jpg", "media_type": "image/jpeg", "name": "a/b.jpg"}],
        }));
        let [item] = page.items.as_slice() else { panic!("{page:?}") };
        assert_eq!((item.external_id.as_str(), item.thread.external_id.as_str()), ("LAPOR-17", "LAPOR-17"));
        assert_eq!(item.thread.surface, Surface::Direct);
        assert_eq!(item.text, "Lampu jalan mati\ndi Tubei");
        assert_eq!(item.written_at, "2026-11-24T02:30:00Z".parse().unwrap());
        assert_eq!(item.attachments[0].name.as_deref(), Some("b.jpg"));
    }

    #[test]
    fn a_bad_message_leaves_its_neighbours_alone() {
        let page = page(&json!({
            "messages": [
                {"id": "1", "text": "satu"},
                {"id": "2", "text": 2},
                {"id": "", "text": "tiga"},
                {"text": "empat"},
                {"id": "5"},
                {"id": "6", "text": "enam", "thread": "t", "surface": "comment", "post": "p"},
            ],
            "posts": [{"id": "p", "text": "Kabar", "published_at": "2026-11-24T00:00:00Z"}, {"id": "q"}],
            "deleted": ["0"],
        }));
        let ids: Vec<_> = page.items.iter().map(|item| item.external_id.as_str()).collect();
        assert_eq!(ids, ["1", "6"]);
        assert_eq!(page.items[1].thread.post.as_deref(), Some("p"));
        assert_eq!(page.posts.len(), 1);
        assert_eq!(page.deleted, ["0"]);
        let errors: Vec<_> = page.bad.iter().map(|bad| bad.error.as_str()).collect();
        assert_eq!(page.bad.len(), 5, "{errors:?}");
        assert_eq!(page.bad[0].key, "2");
        assert!(errors[2].starts_with("missing field `id`"), "{errors:?}");
    }

    #[test]
    fn a_wrong_word_is_not_repeated_in_the_error() {
        let page = page(&json!({"id": "1", "text": "x", "surface": "jalan rusak"}));
        assert!(!page.bad[0].error.contains("jalan"), "{}", page.bad[0].error);
    }

    #[test]
    fn a_body_that_is_no_object_is_kept_for_later() {
        for body in ["", "[]", "17", "\"x\"", "{\"messages\": 1}", "{"] {
            let trouble = read(body.as_bytes(), Timestamp::UNIX_EPOCH).unwrap_err();
            assert_eq!(trouble.ailment(), Ailment::Parser, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_page_or_a_trouble(body: Vec<u8>) {
            let _ = read(&body, Timestamp::UNIX_EPOCH);
        }

        #[test]
        fn every_message_of_a_batch_is_read_or_set_aside(messages in proptest::collection::vec(any_json(), 0..8)) {
            let count = messages.len();
            let page = page(&json!({"messages": messages}));
            prop_assert_eq!(page.items.len() + page.bad.len(), count);
            prop_assert!(page.items.iter().all(|item| !item.external_id.is_empty()));
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|value| json!(value)),
            any::<i64>().prop_map(|value| json!(value)),
            ".*".prop_map(|value| json!(value)),
        ];
        let field =
            prop_oneof![Just("id"), Just("text"), Just("author"), Just("attachments"), Just("written_at")];
        leaf.prop_recursive(3, 16, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(|value| json!(value)),
                proptest::collection::hash_map(field.clone().prop_map(str::to_owned), inner, 0..5)
                    .prop_map(|value| json!(value)),
            ]
        })
    }
}
