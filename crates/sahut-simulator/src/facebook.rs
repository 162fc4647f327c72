//! Facebook Pages: posts, comments of all depths, and what a page may do about them.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::call::Call;
use crate::graph::{
    Caller, Field, GraphError, Listing, Node, Reader, may_write, moment, need, need_manage_comments, reaches,
    select, written,
};
use crate::meta::{Account, Comment, NewComment, Post, Timeline, TokenKind, Writer};
use crate::state::State;

/// Characters in a comment.
const LONGEST_COMMENT: usize = 8000;

/// How long a comment can be answered privately, in days.
pub(crate) const PRIVATE_REPLY_DAYS: i64 = 7;

/// The list that an edge names, if it is one.
pub(crate) fn listing<'a>(
    reader: &Reader<'a>,
    node: Node<'a>,
    field: &Field,
) -> Result<Option<Listing<'a>>, GraphError> {
    let list = match (node, field.name.as_str()) {
        (Node::User(id), "accounts") => accounts(reader.state, id),
        (Node::Account(page), "feed") => posts(reader, page, field, |_| true)?,
        (Node::Account(page), "posts" | "published_posts") => {
            posts(reader, page, field, |post| post.writer == Writer::Account)?
        }
        (Node::Account(page), "visitor_posts" | "tagged") => {
            posts(reader, page, field, |post| post.writer != Writer::Account)?
        }
        (Node::Post(post), "comments") => comments(reader, post, None, field)?,
        (Node::Comment(comment), "comments") => {
            let post = reader.state.posts.get(&comment.post);
            let post = post.ok_or_else(|| GraphError::no_object("get", &comment.post))?;
            comments(reader, post, Some(&comment.id), field)?
        }
        _ => return Ok(None),
    };
    Ok(Some(list))
}

fn accounts<'a>(state: &'a State, user: &str) -> Listing<'a> {
    let pages = state.users.get(user).into_iter().flatten();
    let nodes = pages.filter_map(|page| state.accounts.get(page)).map(Node::Account).collect();
    Listing { usual: "access_token,category,name,id,tasks", ..Listing::of(nodes) }
}

fn posts<'a>(
    reader: &Reader<'a>,
    page: &'a Account,
    field: &Field,
    keep: impl Fn(&Post) -> bool,
) -> Result<Listing<'a>, GraphError> {
    need(reader.caller, 10, "pages_read_engagement")?;
    let nodes =
        newest_first(reader.state, &page.posts, field).filter(|post| keep(post)).map(Node::Post).collect();
    Ok(Listing::of(nodes))
}

/// Posts between `since` and `until`, newest first.
pub(crate) fn newest_first<'a>(
    state: &'a State,
    posts: &'a Timeline,
    field: &Field,
) -> impl Iterator<Item = &'a Post> {
    let since = field.arg("since").and_then(moment);
    let until = field.arg("until").and_then(moment);
    let between =
        move |post: &&Post| since.is_none_or(|at| post.at >= at) && until.is_none_or(|at| post.at <= at);
    posts.iter().rev().filter_map(|(_, id)| state.posts.get(id)).filter(between)
}

/// Comments of a post, or those below one comment. Without `filter=stream` only the uppermost ones that are not
/// hidden, oldest first: replies and filtered comments are silently absent.
fn comments<'a>(
    reader: &Reader<'a>,
    post: &'a Post,
    below: Option<&str>,
    field: &Field,
) -> Result<Listing<'a>, GraphError> {
    if reader.is_user() {
        return Ok(Listing::of(Vec::new()));
    }
    need(reader.caller, 10, "pages_read_engagement")?;
    need(reader.caller, 10, "pages_read_user_content")?;
    let stream = match field.arg("filter") {
        None | Some("toplevel") => false,
        Some("stream") => true,
        Some(_) => return Err(GraphError::parameter("Param filter must be one of {STREAM, TOPLEVEL}")),
    };
    let since = field.arg("since").and_then(moment);
    let wanted = |comment: &&Comment| match below {
        Some(parent) => comment.parent.as_deref() == Some(parent) && (stream || !comment.hidden),
        None => stream || (comment.parent.is_none() && !comment.hidden),
    };
    let mut found: Vec<Node<'a>> = timeline(reader.state, post)
        .filter(wanted)
        .filter(|comment| since.is_none_or(|at| comment.at >= at))
        .map(Node::Comment)
        .collect();
    if field.arg("order") == Some("reverse_chronological") {
        found.reverse();
    }
    let summary = json!({"order": "chronological", "total_count": found.len(), "can_comment": true});
    Ok(Listing { summary: Some(summary), ..Listing::of(found) })
}

/// All comments of a post, oldest first.
pub(crate) fn timeline<'a>(state: &'a State, post: &'a Post) -> impl DoubleEndedIterator<Item = &'a Comment> {
    post.comments.iter().filter_map(|(_, id)| state.comments.get(id))
}

/// A plain field of a node; absent where the vendor leaves it out.
pub(crate) fn field<'a>(
    reader: &Reader<'a>,
    node: Node<'a>,
    field: &Field,
) -> Result<Option<Value>, GraphError> {
    match node {
        Node::Account(page) => page_field(reader, page, field),
        Node::Post(post) => post_field(reader, post, field),
        Node::Comment(comment) => comment_field(reader, comment, field),
        _ if field.name == "name" => Ok(Some(json!("Admin"))),
        _ => Err(GraphError::no_field(&field.name, node.type_name())),
    }
}

fn page_field(reader: &Reader<'_>, page: &Account, field: &Field) -> Result<Option<Value>, GraphError> {
    let value = match field.name.as_str() {
        "name" => json!(page.name),
        "username" => json!(page.username),
        "category" => json!("Government organization"),
        "link" => json!(format!("https://www.facebook.com/{}", page.id)),
        "is_published" => json!(true),
        "verification_status" => json!("not_verified"),
        "tasks" => json!(["MODERATE", "MESSAGING", "ANALYZE", "CREATE_CONTENT", "MANAGE"]),
        "access_token" => return Ok(page_token(reader.state, &page.id).map(|token| json!(token))),
        "instagram_business_account" | "connected_instagram_account" => {
            return Ok(page.linked.as_ref().map(|id| select(&json!({ "id": id }), field)));
        }
        name => return Err(GraphError::no_field(name, "Page")),
    };
    Ok(Some(value))
}

fn page_token<'a>(state: &'a State, page: &str) -> Option<&'a String> {
    state
        .tokens
        .iter()
        .find(|(_, token)| token.kind == TokenKind::Page && token.holder == page && token.dead.is_none())
        .map(|(text, _)| text)
}

fn post_field(reader: &Reader<'_>, post: &Post, field: &Field) -> Result<Option<Value>, GraphError> {
    let value = match field.name.as_str() {
        "message" => reader.words(&post.account, &post.id, &post.text),
        "created_time" | "updated_time" => json!(written(post.at)),
        "from" => return Ok(from(reader, &post.account, &post.writer).map(|from| select(&from, field))),
        "permalink_url" => json!(format!("https://www.facebook.com/{}", post.id.replace('_', "/posts/"))),
        "status_type" => json!("mobile_status_update"),
        "is_published" => json!(true),
        "is_hidden" | "is_expired" => json!(false),
        "attachments" | "full_picture" | "picture" | "story" | "message_tags" | "shares" | "parent_id" => {
            return Ok(None);
        }
        name => return Err(GraphError::no_field(name, "PagePost")),
    };
    Ok(Some(value))
}

fn comment_field(reader: &Reader<'_>, comment: &Comment, field: &Field) -> Result<Option<Value>, GraphError> {
    let value = match field.name.as_str() {
        "message" => reader.words(&comment.account, &comment.id, &comment.text),
        "created_time" => json!(written(comment.at)),
        "from" => return Ok(from(reader, &comment.account, &comment.writer).map(|from| select(&from, field))),
        "parent" => {
            let parent = comment.parent.as_ref().and_then(|id| reader.state.comments.get(id));
            return parent.map(|parent| reader.object(Node::Comment(parent), &field.fields)).transpose();
        }
        "permalink_url" => json!(format!(
            "https://www.facebook.com/{}?comment_id={}",
            comment.post.replace('_', "/posts/"),
            comment.id.rsplit('_').next().unwrap_or_default()
        )),
        "comment_count" => json!(comment.replies),
        "is_hidden" => json!(comment.hidden),
        "can_reply_privately" => json!(can_reply_privately(reader.state, comment)),
        "can_comment" | "can_hide" | "can_like" | "can_remove" => json!(true),
        "is_private" | "user_likes" => json!(false),
        "like_count" => json!(0),
        "object" => json!({"id": comment.post}),
        "attachment"
        | "message_tags"
        | "application"
        | "admin_creator"
        | "private_reply_conversation"
        | "live_broadcast_timestamp" => return Ok(None),
        name => return Err(GraphError::no_field(name, "Comment")),
    };
    Ok(Some(value))
}

fn from(reader: &Reader<'_>, account: &str, writer: &Writer) -> Option<Value> {
    let account = reader.state.accounts.get(account)?;
    match writer {
        Writer::Account => Some(json!({"name": account.name, "id": account.id})),
        Writer::Citizen(_) if account.withholds_authors => None,
        Writer::Citizen(citizen) => Some(json!({"name": citizen.handle, "id": citizen.meta_id})),
    }
}

/// Whether the author may still get a message because of this comment: once, and within a week.
pub(crate) fn can_reply_privately(state: &State, comment: &Comment) -> bool {
    let age = state.now().duration_since(comment.at);
    comment.writer != Writer::Account
        && !comment.privately_answered
        && age <= SignedDuration::from_hours(24 * PRIVATE_REPLY_DAYS)
}

/// `POST /{post or comment}/comments`: an answer under the page's name. Below a reply it lands under the uppermost.
pub(crate) fn publish(
    state: &mut State,
    call: &Call,
    caller: &Caller,
    target: &str,
) -> Result<Value, GraphError> {
    let message = message(call, LONGEST_COMMENT)?;
    let (post, parent, account) =
        place(state, target).ok_or_else(|| GraphError::no_object("post", target))?;
    if !reaches(state, caller, &account) {
        return Err(GraphError::no_object("post", target));
    }
    may_write(state, caller, &account)?;
    need(caller, 200, "pages_manage_engagement")?;
    state.refuse_duplicate(&account, target, &message)?;
    let writer = Writer::Account;
    let new = NewComment { post: &post, parent: parent.as_deref(), writer, text: &message, at: state.now() };
    let id = state.add_comment(new)?;
    state.accept(&account, "comment", target, &message, &id);
    Ok(json!({ "id": id }))
}

/// The words of an answer, held against the platform's length.
pub(crate) fn message(call: &Call, longest: usize) -> Result<String, GraphError> {
    let message = call.text("message").unwrap_or_default();
    if message.trim().is_empty() {
        return Err(GraphError::missing_parameter("message"));
    }
    if message.chars().count() > longest {
        return Err(GraphError::parameter(format_args!(
            "Param message must be at most {longest} characters"
        )));
    }
    Ok(message)
}

/// Where an answer to a post or comment goes: post, uppermost comment, account.
pub(crate) fn place(state: &State, target: &str) -> Option<(String, Option<String>, String)> {
    if let Some(post) = state.posts.get(target) {
        return Some((post.id.clone(), None, post.account.clone()));
    }
    let comment = state.comments.get(target)?;
    let uppermost = comment.parent.clone().unwrap_or_else(|| comment.id.clone());
    Some((comment.post.clone(), Some(uppermost), comment.account.clone()))
}

/// `POST /{comment}`: hide it, show it, or change one's own words.
pub(crate) fn update(state: &mut State, call: &Call, caller: &Caller, id: &str) -> Result<Value, GraphError> {
    let comment = state.comments.get(id).ok_or_else(|| GraphError::no_object("post", id))?;
    let (account, own) = (comment.account.clone(), comment.writer == Writer::Account);
    if !reaches(state, caller, &account) {
        return Err(GraphError::no_object("post", id));
    }
    need_manage_comments(caller, comment.platform)?;
    may_write(state, caller, &account)?;
    if call.text("is_hidden").is_some() {
        let hidden = call.flag("is_hidden");
        state.hide_comment(id, hidden)?;
        state.accept(&account, if hidden { "hide" } else { "unhide" }, id, "", id);
    } else {
        let message = message(call, LONGEST_COMMENT)?;
        if !own {
            return Err(GraphError::new(200, "(#200) Only the author may change a comment"));
        }
        state.edit_comment(id, &message)?;
        state.accept(&account, "edit", id, &message, id);
    }
    Ok(json!({"success": true}))
}
