//! Instagram: media, comments with one level of replies, and mentions on other people's media.

use serde_json::{Value, json};

use crate::call::Call;
use crate::facebook::{message, newest_first, place, timeline};
use crate::graph::{
    Caller, Field, GraphError, Listing, Node, Reader, may_write, need, need_manage_comments, reaches, select,
    written,
};
use crate::meta::{Account, Comment, NewComment, Post, TokenKind, Writer};
use crate::state::State;

/// Characters in a comment.
const LONGEST_COMMENT: usize = 2200;

/// Comments on a page of the list.
const COMMENTS_A_PAGE: usize = 50;

/// The list that an edge names, if it is one.
pub(crate) fn listing<'a>(
    reader: &Reader<'a>,
    node: Node<'a>,
    field: &Field,
) -> Result<Option<Listing<'a>>, GraphError> {
    let nodes: Vec<Node<'a>> = match (node, field.name.as_str()) {
        (Node::Account(account), "media") => {
            need_basic(reader.caller)?;
            newest_first(reader.state, &account.posts, field).map(Node::Post).collect()
        }
        (Node::Account(account), "tags") => {
            need_basic(reader.caller)?;
            newest_first(reader.state, &account.tagged, field).map(Node::Post).collect()
        }
        (Node::Account(_), "stories") => Vec::new(),
        (Node::Post(post), "comments") => return comments(reader, post, None).map(Some),
        (Node::Comment(comment), "replies") => {
            let post = reader.state.posts.get(&comment.post);
            let post = post.ok_or_else(|| GraphError::no_object("get", &comment.post))?;
            return comments(reader, post, Some(&comment.id)).map(Some);
        }
        _ => return Ok(None),
    };
    Ok(Some(Listing::of(nodes)))
}

/// Newest first, without hidden ones; replies only below their comment.
fn comments<'a>(reader: &Reader<'a>, post: &'a Post, below: Option<&str>) -> Result<Listing<'a>, GraphError> {
    need_manage_comments(reader.caller, post.platform)?;
    let found = timeline(reader.state, post).rev();
    let wanted = found.filter(|comment| comment.parent.as_deref() == below && !comment.hidden);
    let limit = (COMMENTS_A_PAGE, COMMENTS_A_PAGE);
    Ok(Listing { limit, ..Listing::of(wanted.map(Node::Comment).collect()) })
}

fn need_basic(caller: &Caller) -> Result<(), GraphError> {
    let instagram = caller.token.kind == TokenKind::Instagram;
    need(caller, 10, if instagram { "instagram_business_basic" } else { "instagram_basic" })
}

/// A plain field of a node; absent where the vendor leaves it out.
pub(crate) fn field<'a>(
    reader: &Reader<'a>,
    node: Node<'a>,
    field: &Field,
) -> Result<Option<Value>, GraphError> {
    match node {
        Node::Account(account) => account_field(reader, account, field),
        Node::Post(post) => media_field(reader, post, field),
        Node::Comment(comment) => comment_field(reader, comment, field),
        _ => Err(GraphError::no_field(&field.name, node.type_name())),
    }
}

fn account_field<'a>(
    reader: &Reader<'a>,
    account: &'a Account,
    field: &Field,
) -> Result<Option<Value>, GraphError> {
    let value = match field.name.as_str() {
        "username" => json!(account.username),
        "name" => json!(account.name),
        "user_id" => json!(account.id),
        "account_type" => json!("BUSINESS"),
        "biography" => json!(""),
        "media_count" => json!(account.posts.len()),
        "followers_count" | "follows_count" => json!(0),
        "is_published" => json!(true),
        "profile_picture_url" | "website" => return Ok(None),
        "mentioned_comment" => return mentioned_comment(reader, account, field).map(Some),
        "mentioned_media" => return mentioned_media(reader, account, field).map(Some),
        name => return Err(GraphError::no_field(name, "IGUser")),
    };
    Ok(Some(value))
}

fn mentioned_comment(reader: &Reader<'_>, account: &Account, field: &Field) -> Result<Value, GraphError> {
    let id = field.arg("comment_id").ok_or_else(|| GraphError::missing_parameter("comment_id"))?;
    let comment = reader.state.comments.get(id).filter(|comment| comment.account == account.id);
    let comment = comment.ok_or_else(|| GraphError::no_object("get", id))?;
    reader.object(Node::Comment(comment), &field.fields)
}

fn mentioned_media(reader: &Reader<'_>, account: &Account, field: &Field) -> Result<Value, GraphError> {
    let id = field.arg("media_id").ok_or_else(|| GraphError::missing_parameter("media_id"))?;
    let post = reader.state.posts.get(id).filter(|post| post.foreign && post.account == account.id);
    reader.object(Node::Post(post.ok_or_else(|| GraphError::no_object("get", id))?), &field.fields)
}

fn media_field<'a>(reader: &Reader<'a>, post: &'a Post, field: &Field) -> Result<Option<Value>, GraphError> {
    let value = match field.name.as_str() {
        "caption" => reader.words(&post.account, &post.id, &post.text),
        "timestamp" => json!(written(post.at)),
        "media_type" => json!("IMAGE"),
        "media_product_type" => json!("FEED"),
        "permalink" => json!(permalink(post)),
        "shortcode" => json!(shortcode(post)),
        "media_url" => json!(format!("{}/media/{}.jpg", reader.state.url, post.id)),
        "comments_count" => json!(post.comments.len()),
        "like_count" => json!(0),
        "is_comment_enabled" => json!(true),
        "username" => json!(author(reader.state, &post.account, &post.writer).1),
        "owner" => json!({"id": author(reader.state, &post.account, &post.writer).0}),
        "children" | "thumbnail_url" | "alt_text" => return Ok(None),
        name => return Err(GraphError::no_field(name, "IGMedia")),
    };
    Ok(Some(value))
}

fn comment_field<'a>(
    reader: &Reader<'a>,
    comment: &'a Comment,
    field: &Field,
) -> Result<Option<Value>, GraphError> {
    let (id, username) = author(reader.state, &comment.account, &comment.writer);
    let withheld =
        reader.state.accounts.get(&comment.account).is_some_and(|account| account.withholds_authors);
    let value = match field.name.as_str() {
        "text" => reader.words(&comment.account, &comment.id, &comment.text),
        "timestamp" => json!(written(comment.at)),
        "username" | "from" if withheld && comment.writer != Writer::Account => return Ok(None),
        "username" => json!(username),
        "from" => select(&json!({"id": id, "username": username}), field),
        "user" if comment.writer == Writer::Account => json!({ "id": id }),
        "parent_id" => return Ok(comment.parent.as_ref().map(|parent| json!(parent))),
        "hidden" => json!(comment.hidden),
        "like_count" => json!(0),
        "media" => {
            let media = reader.state.posts.get(&comment.post).map(Node::Post);
            return media.map(|media| reader.object(media, &field.fields)).transpose();
        }
        "user" | "legacy_instagram_comment_id" => return Ok(None),
        name => return Err(GraphError::no_field(name, "IGComment")),
    };
    Ok(Some(value))
}

/// Identifier and user name of whoever wrote something.
fn author(state: &State, account: &str, writer: &Writer) -> (String, String) {
    match writer {
        Writer::Citizen(citizen) => (citizen.meta_id.clone(), citizen.handle.clone()),
        Writer::Account => {
            let username = state.accounts.get(account).map(|account| account.username.clone());
            (account.to_owned(), username.unwrap_or_default())
        }
    }
}

fn shortcode(post: &Post) -> String {
    format!("C{}", post.id.get(7..).unwrap_or_default())
}

fn permalink(post: &Post) -> String {
    format!("https://www.instagram.com/p/{}/", shortcode(post))
}

/// `POST /{comment}/replies`, `POST /{media}/comments`, `POST /{account}/mentions`. A reply to a reply lands under
/// the uppermost comment; hidden comments cannot be answered.
pub(crate) fn publish(
    state: &mut State,
    call: &Call,
    caller: &Caller,
    id: &str,
    edge: &str,
) -> Result<Value, GraphError> {
    let message = message(call, LONGEST_COMMENT)?;
    let target = if edge == "mentions" { mention_target(call)? } else { id.to_owned() };
    let no_object = || GraphError::no_object("post", &target);
    let (post, parent, account) = place(state, &target).ok_or_else(no_object)?;
    let fits = match edge {
        "mentions" => account == id && is_foreign(state, &post),
        "replies" => parent.is_some() && !is_foreign(state, &post),
        _ => parent.is_none() && !is_foreign(state, &post),
    };
    if !fits || !reaches(state, caller, &account) {
        return Err(no_object());
    }
    if state.comments.get(&target).is_some_and(|comment| comment.hidden) {
        return Err(GraphError::parameter("A hidden comment cannot be replied to"));
    }
    may_write(state, caller, &account)?;
    need_manage_comments(caller, sahut_domain::channel::Platform::Instagram)?;
    state.refuse_duplicate(&account, &target, &message)?;
    let new = NewComment {
        post: &post,
        parent: parent.as_deref(),
        writer: Writer::Account,
        text: &message,
        at: state.now(),
    };
    let comment = state.add_comment(new)?;
    state.accept(&account, "comment", &target, &message, &comment);
    Ok(json!({ "id": comment }))
}

fn is_foreign(state: &State, post: &str) -> bool {
    state.posts.get(post).is_some_and(|post| post.foreign)
}

/// What a mention answers: the comment where one is named, else the media.
fn mention_target(call: &Call) -> Result<String, GraphError> {
    let media = call.text("media_id").ok_or_else(|| GraphError::missing_parameter("media_id"))?;
    Ok(call.text("comment_id").unwrap_or(media))
}

/// `POST /{comment}` with `hide`.
pub(crate) fn update(state: &mut State, call: &Call, caller: &Caller, id: &str) -> Result<Value, GraphError> {
    let Some(comment) = state.comments.get(id) else { return Err(GraphError::no_object("post", id)) };
    let account = comment.account.clone();
    if !reaches(state, caller, &account) {
        return Err(GraphError::no_object("post", id));
    }
    need_manage_comments(caller, comment.platform)?;
    call.text("hide").ok_or_else(|| GraphError::missing_parameter("hide"))?;
    let hidden = call.flag("hide");
    may_write(state, caller, &account)?;
    state.hide_comment(id, hidden)?;
    state.accept(&account, if hidden { "hide" } else { "unhide" }, id, "", id);
    Ok(json!({"success": true}))
}
