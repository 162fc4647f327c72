//! Renders nodes and lists as the selection asks, and notes whose words were shown.

use std::cell::{Cell, RefCell};

use sahut_domain::channel::Platform;
use serde_json::{Map, Value, json};

use super::paging::{self, Listing};
use super::{Caller, Field, GraphError, reaches};
use crate::call::Call;
use crate::meta::{Account, Comment, Conversation, Letter, Post, TokenKind};
use crate::moods::Mood;
use crate::server::Answer;
use crate::state::State;
use crate::{facebook, instagram, messenger};

/// One thing that has an id.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    User(&'a str),
    Account(&'a Account),
    Post(&'a Post),
    Comment(&'a Comment),
    Conversation(&'a Conversation),
    Letter(&'a Letter),
}

impl<'a> Node<'a> {
    pub(crate) fn id(&self) -> &'a str {
        match self {
            Self::User(id) => id,
            Self::Account(account) => &account.id,
            Self::Post(post) => &post.id,
            Self::Comment(comment) => &comment.id,
            Self::Conversation(conversation) => &conversation.id,
            Self::Letter(letter) => &letter.id,
        }
    }

    fn account(&self) -> &'a str {
        match self {
            Self::User(id) => id,
            Self::Account(account) => &account.id,
            Self::Post(post) => &post.account,
            Self::Comment(comment) => &comment.account,
            Self::Conversation(conversation) => &conversation.account,
            Self::Letter(letter) => &letter.account,
        }
    }

    fn platform(&self) -> Platform {
        match self {
            Self::User(_) => Platform::Facebook,
            Self::Account(account) => account.platform,
            Self::Post(post) => post.platform,
            Self::Comment(comment) => comment.platform,
            Self::Conversation(conversation) => conversation.platform,
            Self::Letter(letter) => letter.platform,
        }
    }

    /// What the vendor calls it.
    pub(crate) fn type_name(&self) -> &'static str {
        match (self, self.platform()) {
            (Self::User(_), _) => "User",
            (Self::Account(_), Platform::Instagram) => "IGUser",
            (Self::Account(_), _) => "Page",
            (Self::Post(_), Platform::Instagram) => "IGMedia",
            (Self::Post(_), _) => "PagePost",
            (Self::Comment(_), Platform::Instagram) => "IGComment",
            (Self::Comment(_), _) => "Comment",
            (Self::Conversation(_), _) => "UnifiedThread",
            (Self::Letter(_), _) => "UnifiedMessage",
        }
    }

    /// What is shown where nobody selects fields.
    fn usual_fields(&self) -> &'static str {
        match (self, self.platform()) {
            (Self::Account(_) | Self::Post(_), Platform::Instagram) => "id",
            (Self::User(_) | Self::Account(_), _) => "name,id",
            (Self::Post(_), _) => "created_time,message,id",
            (Self::Comment(_), Platform::Instagram) => "timestamp,text,id",
            (Self::Comment(_), _) => "created_time,from,message,id",
            (Self::Conversation(_), _) => "id,updated_time",
            (Self::Letter(_), _) => "id,created_time",
        }
    }
}

/// Reads for one call.
pub(crate) struct Reader<'a> {
    pub(crate) state: &'a State,
    pub(crate) caller: &'a Caller,
    /// Address and version, for the addresses of next pages.
    address: String,
    /// Strikes the first list that is shown.
    mood: Cell<Mood>,
    /// Account and identifier of each message whose words are in the answer.
    shown: RefCell<Vec<(String, String)>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(state: &'a State, call: &Call, caller: &'a Caller, mood: Mood) -> Self {
        let address = format!("{}/{}", state.url, call.version());
        Self { state, caller, address, mood: Cell::new(mood), shown: RefCell::default() }
    }

    /// `GET /{node}`.
    pub(crate) fn node(self, id: &str, field: &Field) -> Result<Answer, GraphError> {
        let body = self.object(self.find(id)?, &field.fields)?;
        Ok(self.answer(body))
    }

    /// `GET /{node}/{edge}`.
    pub(crate) fn edge(self, id: &str, field: &Field) -> Result<Answer, GraphError> {
        let node = self.find(id)?;
        let list = self
            .listing(node, field)?
            .ok_or_else(|| GraphError::new(2500, format!("Unknown path components: /{}", field.name)))?;
        let body = self.page(node, &list, field)?;
        Ok(self.answer(body))
    }

    fn answer(self, body: Value) -> Answer {
        let mut answer = Answer::ok(body);
        answer.shown = self.shown.into_inner();
        answer
    }

    fn find(&self, id: &str) -> Result<Node<'a>, GraphError> {
        let state = self.state;
        let account = || state.accounts.get(id).map(Node::Account);
        let post = || state.posts.get(id).filter(|post| !post.foreign).map(Node::Post);
        let comment =
            || state.comments.get(id).filter(|comment| !self.is_foreign(comment)).map(Node::Comment);
        let conversation = || state.conversations.get(id).map(Node::Conversation);
        let letter = || state.letters.get(id).map(Node::Letter);
        let user = || state.users.get_key_value(id).map(|(id, _)| Node::User(id));
        account()
            .or_else(post)
            .or_else(comment)
            .or_else(conversation)
            .or_else(letter)
            .filter(|node| reaches(state, self.caller, node.account()))
            .or_else(|| user().filter(|node| node.id() == self.caller.token.holder))
            .ok_or_else(|| GraphError::no_object("get", id))
    }

    /// Somebody else's media are read through mentions only.
    fn is_foreign(&self, comment: &Comment) -> bool {
        self.state.posts.get(&comment.post).is_none_or(|post| post.foreign)
    }

    /// One node with the selected fields; `id` always comes along.
    pub(crate) fn object(&self, node: Node<'a>, fields: &[Field]) -> Result<Value, GraphError> {
        let usual;
        let fields = if fields.is_empty() {
            usual = Field::list(node.usual_fields())?;
            &usual
        } else {
            fields
        };
        let mut object = Map::new();
        object.insert("id".to_owned(), json!(node.id()));
        for field in fields.iter().filter(|field| field.name != "id") {
            let value = match self.listing(node, field)? {
                Some(list) => self.nested(node, &list, field)?,
                None => self.field(node, field)?,
            };
            if let Some(value) = value {
                object.insert(field.shown_as().to_owned(), value);
            }
        }
        Ok(Value::Object(object))
    }

    /// A list inside an object; left out when it is empty and nobody asked for its summary.
    fn nested(&self, node: Node<'a>, list: &Listing<'a>, field: &Field) -> Result<Option<Value>, GraphError> {
        let page = self.page(node, list, field)?;
        let empty = list.nodes.is_empty() && page.get("summary").is_none();
        Ok((!empty).then_some(page))
    }

    fn page(&self, node: Node<'a>, list: &Listing<'a>, field: &Field) -> Result<Value, GraphError> {
        let mood = self.mood.replace(Mood::Fine);
        let window = paging::window(list, field, mood)?;
        let usual = Field::list(list.usual)?;
        let fields = if field.fields.is_empty() { &usual } else { &field.fields };
        let mut data = Vec::new();
        let nodes = list.nodes.get(window.start..window.end).unwrap_or_default();
        let unlucky = nodes.len() / 2;
        for (at, node) in nodes.iter().enumerate() {
            let shown_before = self.shown.borrow().len();
            let mut item = self.object(*node, fields)?;
            if mood == Mood::BadItem && at == unlucky {
                paging::spoil(&mut item);
                self.shown.borrow_mut().truncate(shown_before);
            }
            data.push(item);
        }
        if mood == Mood::Reorder {
            let half = data.len() / 2;
            data.rotate_left(half);
        }
        let mut page = json!({ "data": data });
        if let Some(paging) = window.paging(&self.address, node.id(), &self.caller.text, field) {
            page["paging"] = paging;
        }
        if let (Some(summary), Some("true" | "1")) = (&list.summary, field.arg("summary")) {
            page["summary"] = summary.clone();
        }
        Ok(page)
    }

    fn listing(&self, node: Node<'a>, field: &Field) -> Result<Option<Listing<'a>>, GraphError> {
        match (node, node.platform()) {
            (Node::Conversation(_) | Node::Letter(_), _) => Ok(messenger::listing(self, node, field)),
            (Node::Account(account), _) if field.name == "conversations" => {
                messenger::conversations(self, account, field).map(Some)
            }
            (_, Platform::Instagram) => instagram::listing(self, node, field),
            _ => facebook::listing(self, node, field),
        }
    }

    fn field(&self, node: Node<'a>, field: &Field) -> Result<Option<Value>, GraphError> {
        match (node, node.platform()) {
            (Node::Conversation(_) | Node::Letter(_), _) => messenger::field(self, node, field),
            (_, Platform::Instagram) => instagram::field(self, node, field),
            _ => facebook::field(self, node, field),
        }
    }

    /// The words of a citizen, noted as shown.
    pub(crate) fn words(&self, account: &str, id: &str, text: &str) -> Value {
        self.shown.borrow_mut().push((account.to_owned(), id.to_owned()));
        json!(text)
    }

    /// Whether the caller is a user who gets empty lists where a page would get comments.
    pub(crate) fn is_user(&self) -> bool {
        self.caller.token.kind == TokenKind::User
    }
}

/// An object of plain values with only the selected ones; all when nothing is selected.
pub(crate) fn select(object: &Value, field: &Field) -> Value {
    let Value::Object(all) = object else { return object.clone() };
    let chosen = |name: &str| field.fields.is_empty() || field.fields.iter().any(|field| field.name == name);
    Value::Object(all.iter().filter(|(name, _)| chosen(name)).map(|(n, v)| (n.clone(), v.clone())).collect())
}
