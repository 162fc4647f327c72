use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const BOT: i64 = 4242;

fn read(update: &Value) -> Page {
    let raw = serde_json::value::to_raw_value(update).unwrap();
    let mut page = Page::default();
    Reader::new(Some(BOT)).read(&raw, &mut page);
    page
}

fn item(message: &Value) -> Item {
    let mut page = read(&json!({"update_id": 1, "message": message}));
    assert!(page.bad.is_empty(), "{:?}", page.bad);
    page.items.pop().unwrap()
}

/// A message in a private chat, with `more` fields added.
fn private(more: &Value) -> Value {
    let user =
        json!({"id": 77, "is_bot": false, "first_name": "Warga", "last_name": "Satu", "username": "warga1"});
    let chat = json!({"id": 77, "type": "private", "first_name": "Warga", "username": "warga1"});
    merged(json!({"message_id": 5, "from": user, "chat": chat, "date": 1_795_480_000}), more)
}

/// A message in a public supergroup.
fn group(message: i64, more: &Value) -> Value {
    let user = json!({"id": 77, "is_bot": false, "first_name": "Warga"});
    let chat = json!({"id": -1_001, "type": "supergroup", "title": "Forum Warga", "username": "forumwarga"});
    merged(json!({"message_id": message, "from": user, "chat": chat, "date": 1_795_480_000}), more)
}

fn merged(mut object: Value, more: &Value) -> Value {
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

#[test]
fn a_private_message_is_a_direct_conversation() {
    let item = item(&private(&json!({"text": "Puskesmas tutup jam berapa?\r\nTerima kasih"})));
    assert_eq!(item.external_id, "77:5");
    assert_eq!(item.thread, ThreadKey { external_id: "77".into(), surface: Surface::Direct, post: None });
    assert_eq!(item.text, "Puskesmas tutup jam berapa?\nTerima kasih");
    assert_eq!(item.author.name.as_deref(), Some("Warga Satu"));
    assert_eq!(item.author.key(), Some("77"));
    assert_eq!(item.permalink, None, "a person's user name leads to the person, not to the message");
    assert!(!item.own && !item.automatic);
    let again = Reader::new(None);
    let mut page = Page::default();
    again.read(serde_json::from_slice(&item.raw).unwrap(), &mut page);
    assert_eq!(page.items, [item], "the raw payload is enough to read it again");
}

#[test]
fn an_edit_is_the_same_message_with_new_words() {
    let edited = private(&json!({"text": "Puskesmas Tubei", "edit_date": 1_795_480_060}));
    let page = read(&json!({"update_id": 2, "edited_message": edited}));
    assert_eq!(page.items[0].external_id, "77:5");
    assert_eq!(page.items[0].edited_at, Some(Timestamp::from_second(1_795_480_060).unwrap()));
    assert_eq!(page.items[0].text, "Puskesmas Tubei");
}

#[test]
fn an_album_is_one_thread_in_which_one_picture_has_the_words() {
    let photo = |message: i64, more: &Value| {
        let sizes = json!([{"file_id": "s", "file_size": 1}, {"file_id": "l", "file_size": 90}]);
        let base = merged(json!({"media_group_id": "g9", "photo": sizes}), more);
        item(&group(message, &base))
    };
    let first = photo(10, &json!({"caption": "Jembatan putus"}));
    let second = photo(11, &json!({}));
    assert_eq!(first.thread, second.thread);
    assert_eq!((first.text.as_str(), second.text.as_str()), ("Jembatan putus", ""));
    assert_eq!(second.attachments[0].reference.as_deref(), Some("l"));
    assert_eq!(second.attachments[0].media_type, "image/jpeg");

    let answer = json!({"text": "di mana?", "message_thread_id": 11, "reply_to_message": group(11, &json!({"media_group_id": "g9"}))});
    assert_eq!(item(&group(12, &answer)).thread, first.thread);
}

#[test]
fn each_tree_of_a_group_stands_alone() {
    let question = item(&group(20, &json!({"text": "Kapan jalan diperbaiki?"})));
    assert_eq!(question.thread.external_id, "-1001:20");
    assert_eq!(question.thread.surface, Surface::Comment);
    assert_eq!(question.permalink.as_deref(), Some("https://t.me/forumwarga/20"));

    let bot = json!({"from": {"id": BOT, "is_bot": true, "first_name": "Bot"}, "message_thread_id": 20});
    let thanks =
        json!({"text": "Kalau besok?", "message_thread_id": 20, "reply_to_message": group(21, &bot)});
    let thanks = item(&group(22, &thanks));
    assert_eq!(thanks.thread, question.thread);
    assert_eq!(thanks.parent.as_deref(), Some("-1001:21"));

    let other = item(&group(23, &json!({"text": "Lampu mati"})));
    assert_ne!(other.thread, question.thread);
}

#[test]
fn comments_on_a_channels_post_hang_under_it() {
    let channel = json!({"id": -1_002, "type": "channel", "title": "Dinas"});
    let forward = group(
        30,
        &json!({"is_automatic_forward": true, "text": "Jadwal vaksin",
                "forward_origin": {"type": "channel", "chat": channel, "message_id": 8, "date": 1}}),
    );
    assert_eq!(
        read(&json!({"update_id": 1, "message": forward})),
        Page::default(),
        "the post itself is not a message"
    );
    let comment = json!({"text": "Untuk lansia?", "message_thread_id": 30, "reply_to_message": forward});
    let comment = item(&group(31, &comment));
    assert_eq!(comment.thread.external_id, "-1001:30");
    assert_eq!(comment.thread.post.as_deref(), Some("-1002:8"));

    let deeper = json!({"text": "ya", "message_thread_id": 30, "reply_to_message": group(31, &json!({"message_thread_id": 30}))});
    assert_eq!(item(&group(32, &deeper)).thread.external_id, "-1001:30");
}

#[test]
fn a_topic_of_a_forum_holds_many_trees() {
    let opener = group(40, &json!({"forum_topic_created": {"name": "Jalan"}, "is_topic_message": true}));
    let in_topic =
        json!({"message_thread_id": 40, "is_topic_message": true, "text": "a", "reply_to_message": opener});
    let first = item(&group(41, &in_topic));
    assert_eq!((first.thread.external_id.as_str(), first.parent), ("-1001:41", None));
    assert_eq!(item(&group(42, &in_topic)).thread.external_id, "-1001:42");
}

#[test]
fn a_channels_posts_are_posts() {
    let post = json!({"message_id": 8, "date": 1_795_480_000, "caption": "Jadwal vaksin",
                      "chat": {"id": -1_002, "type": "channel", "title": "Dinas", "username": "dinas"}});
    let page = read(&json!({"update_id": 1, "channel_post": post}));
    assert!(page.items.is_empty());
    assert_eq!(page.posts[0].external_id, "-1002:8");
    assert_eq!(page.posts[0].text, "Jadwal vaksin");
    assert_eq!(page.posts[0].permalink.as_deref(), Some("https://t.me/dinas/8"));
}

#[test]
fn telegrams_own_notes_are_nobodys_words() {
    for note in
        ["new_chat_members", "pinned_message", "migrate_to_chat_id", "left_chat_member", "new_chat_title"]
    {
        let page = read(&json!({"update_id": 1, "message": group(50, &json!({ note: {"id": 1} }))}));
        assert_eq!(page, Page::default(), "{note}");
    }
    assert_eq!(read(&json!({"update_id": 1, "poll_answer": {}})), Page::default());
}

#[test]
fn content_of_an_unknown_kind_is_kept_as_an_empty_message() {
    let item = item(&private(&json!({"hologram": {"file_id": "x"}})));
    assert_eq!((item.text.as_str(), item.external_id.as_str()), ("", "77:5"));
}

#[test]
fn places_and_cards_are_references() {
    let place = item(&private(&json!({"location": {"latitude": -3.25, "longitude": 102.5}})));
    assert_eq!(place.attachments[0].reference.as_deref(), Some("geo:-3.25,102.5"));
    let venue = json!({"location": {"latitude": 0.0, "longitude": 0.0},
                       "venue": {"title": "Pasar", "address": "Jl. Raya", "location": {}}});
    assert_eq!(item(&private(&venue)).text, "Pasar\nJl. Raya");
    let file =
        json!({"document": {"file_id": "d", "file_name": "../surat.pdf", "mime_type": "application/pdf"}});
    assert_eq!(item(&private(&file)).attachments[0].name.as_deref(), Some("surat.pdf"));
}

#[test]
fn who_speaks_is_told_apart() {
    let bot = |id: i64| json!({"text": "x", "from": {"id": id, "is_bot": true, "first_name": "B"}});
    let ours = item(&group(60, &bot(BOT)));
    assert!(ours.own && !ours.automatic);
    let another = item(&group(61, &bot(1)));
    assert!(!another.own && another.automatic);

    let speaker = |id: i64| {
        let stand_in = json!({"id": 1_087_968_824, "is_bot": true, "first_name": "Group"});
        json!({"text": "x", "from": stand_in, "sender_chat": {"id": id, "type": "supergroup", "title": "T"}})
    };
    assert!(item(&group(62, &speaker(-1_001))).own, "an administrator speaks for the group");
    let channel = item(&group(63, &speaker(-5)));
    assert!(!channel.own && !channel.automatic);
    assert_eq!(channel.author.key(), Some("-5"));
}

#[test]
fn a_broken_update_is_set_aside_under_its_number_without_its_words() {
    let page = read(&json!({"update_id": 9, "message": {"text": "jalan rusak", "message_id": "x"}}));
    assert_eq!(page.bad[0].key, "update:9");
    assert!(!page.bad[0].error.contains("rusak"));
    assert!(String::from_utf8_lossy(&page.bad[0].raw).contains("rusak"));

    let absurd = private(&json!({"text": "x", "date": i64::MAX}));
    assert_eq!(read(&json!({"update_id": 10, "message": absurd})).bad.len(), 1);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        ".*".prop_map(|value| json!(value)),
    ];
    let names = prop::sample::select(vec![
        "update_id",
        "message",
        "edited_message",
        "channel_post",
        "message_id",
        "chat",
        "id",
        "type",
        "date",
        "text",
        "from",
        "reply_to_message",
        "photo",
        "file_id",
        "sender_chat",
        "rich_message",
        "blocks",
        "edit_date",
    ]);
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|value| json!(value)),
            prop::collection::hash_map(names.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|value| json!(value)),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_or_set_aside(update in any_json()) {
        let page = read(&update);
        prop_assert!(page.items.len() + page.posts.len() + page.bad.len() <= 1);
        prop_assert!(page.bad.iter().all(|bad| !bad.key.is_empty()));
    }

    #[test]
    fn any_text_and_any_number_survive(text in "\\PC{1,60}", chat in i64::MIN..-1, message: i64) {
        let shown = json!({"message_id": message, "date": 1, "text": text,
                           "chat": {"id": chat, "type": "group"}, "from": {"id": 1}});
        let item = item(&shown);
        prop_assert_eq!(item.external_id, format!("{chat}:{message}"));
        prop_assert_eq!(item.text, text.trim());
    }
}
