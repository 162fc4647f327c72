//! What exists on Meta's platforms: accounts, posts, comments, conversations, tokens; and how it comes and goes.
//!
//! Citizens' deeds (through the world) and clients' deeds (through the API) change it by the same verbs.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;
use sahut_domain::channel::Platform;
use sahut_domain::message::Surface;

use crate::graph::GraphError;
use crate::ledger::{Accepted, State as Shown, Written};
use crate::state::{Citizen, State, Unknown};
use crate::webhook;

/// A page or an Instagram account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) platform: Platform,
    pub(crate) name: String,
    pub(crate) username: String,
    /// The Instagram account of a page, or the page of an Instagram account.
    pub(crate) linked: Option<String>,
    /// Posts under its name, by time.
    pub(crate) posts: Timeline,
    pub(crate) conversations: Vec<String>,
    /// Other people's media that name it, by time.
    pub(crate) tagged: Timeline,
    /// The app lacks Advanced Access: answers carry no `from`.
    pub(crate) withholds_authors: bool,
    /// Blocked as abusive: reading works, writing is error 368.
    pub(crate) restricted: bool,
    /// Citizens who do not want its messages.
    pub(crate) blocked_by: BTreeSet<String>,
    pub(crate) subscribed_fields: String,
}

/// Identifiers by the time of what they name, oldest first.
pub(crate) type Timeline = Vec<(Timestamp, String)>;

/// Who wrote something: the account itself, or a citizen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Writer {
    Account,
    Citizen(Citizen),
}

#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) id: String,
    /// The account that can read what stands under it.
    pub(crate) account: String,
    pub(crate) platform: Platform,
    pub(crate) writer: Writer,
    pub(crate) text: String,
    pub(crate) at: Timestamp,
    /// Comments of all depths, by time.
    pub(crate) comments: Timeline,
    /// Somebody else's media, readable only through a mention.
    pub(crate) foreign: bool,
}

#[derive(Debug)]
pub(crate) struct Comment {
    pub(crate) id: String,
    pub(crate) post: String,
    pub(crate) account: String,
    pub(crate) platform: Platform,
    pub(crate) parent: Option<String>,
    pub(crate) writer: Writer,
    pub(crate) text: String,
    pub(crate) at: Timestamp,
    pub(crate) hidden: bool,
    /// How many comments answer it.
    pub(crate) replies: usize,
    /// A message was sent to its author because of it.
    pub(crate) privately_answered: bool,
}

#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) platform: Platform,
    pub(crate) citizen: Citizen,
    /// Oldest first.
    pub(crate) letters: Vec<String>,
    pub(crate) updated_at: Timestamp,
    /// When the citizen last wrote: the window for answers counts from here.
    pub(crate) citizen_wrote_at: Option<Timestamp>,
    pub(crate) unread: usize,
}

/// One direct message.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) id: String,
    pub(crate) conversation: String,
    pub(crate) account: String,
    pub(crate) platform: Platform,
    pub(crate) by_citizen: bool,
    pub(crate) text: String,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Page,
    User,
    Instagram,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// The account, or the user, that it speaks for.
    pub(crate) holder: String,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// The subcode of error 190 that it answers with.
    pub(crate) dead: Option<i64>,
}

/// How busy an account's callers were.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    pub(crate) calls: VecDeque<Timestamp>,
    pub(crate) conversation_calls: VecDeque<Timestamp>,
    pub(crate) throttled_until: Option<Timestamp>,
}

/// A comment that is about to be.
pub(crate) struct NewComment<'a> {
    pub(crate) post: &'a str,
    pub(crate) parent: Option<&'a str>,
    pub(crate) writer: Writer,
    pub(crate) text: &'a str,
    pub(crate) at: Timestamp,
}

impl State {
    pub(crate) fn account(&self, id: &str) -> Result<&Account, Unknown> {
        self.accounts.get(id).ok_or_else(|| Unknown::new("account", id))
    }

    pub(crate) fn account_mut(&mut self, id: &str) -> Result<&mut Account, Unknown> {
        self.accounts.get_mut(id).ok_or_else(|| Unknown::new("account", id))
    }

    pub(crate) fn add_post(
        &mut self,
        account: &str,
        writer: Writer,
        text: &str,
        at: Timestamp,
    ) -> Result<String, Unknown> {
        let platform = self.account(account)?.platform;
        let id = if platform == Platform::Instagram {
            self.digits("1789", 17)
        } else {
            format!("{account}_{}", self.digits("1", 15))
        };
        insert(&mut self.account_mut(account)?.posts, at, id.clone());
        let post = Post {
            id: id.clone(),
            account: account.to_owned(),
            platform,
            writer,
            text: text.to_owned(),
            at,
            comments: Vec::new(),
            foreign: false,
        };
        self.note_post(&post, Surface::Comment);
        webhook::post(self, &post);
        self.posts.insert(id.clone(), post);
        Ok(id)
    }

    /// Somebody else's media under which an account is named, or in whose caption it is.
    pub(crate) fn add_foreign_post(
        &mut self,
        account: &str,
        author: Citizen,
        caption: &str,
        at: Timestamp,
    ) -> String {
        let post = Post {
            id: self.digits("1790", 17),
            account: account.to_owned(),
            platform: Platform::Instagram,
            writer: Writer::Citizen(author),
            text: caption.to_owned(),
            at,
            comments: Vec::new(),
            foreign: true,
        };
        let id = post.id.clone();
        if !caption.is_empty() {
            self.note_post(&post, Surface::Mention);
            webhook::mention(self, account, &id, None);
        }
        self.posts.insert(id.clone(), post);
        id
    }

    fn note_post(&mut self, post: &Post, surface: Surface) {
        let Writer::Citizen(citizen) = &post.writer else { return };
        self.ledger.write(Written {
            account: post.account.clone(),
            platform: post.platform,
            surface,
            id: post.id.clone(),
            place: post.id.clone(),
            handle: citizen.handle.clone(),
            text: post.text.clone(),
            at: post.at,
            state: Shown::Shown,
            served: 0,
        });
    }

    pub(crate) fn add_comment(&mut self, new: NewComment<'_>) -> Result<String, Unknown> {
        let post = self.posts.get(new.post).ok_or_else(|| Unknown::new("post", new.post))?;
        let (account, platform, foreign) = (post.account.clone(), post.platform, post.foreign);
        let id = if platform == Platform::Instagram {
            self.digits("1785", 17)
        } else {
            let number = new.post.rsplit('_').next().unwrap_or_default();
            format!("{number}_{}", self.digits("2", 16))
        };
        let comment = Comment {
            id: id.clone(),
            post: new.post.to_owned(),
            account,
            platform,
            parent: new.parent.map(ToOwned::to_owned),
            writer: new.writer,
            text: new.text.to_owned(),
            at: new.at,
            hidden: false,
            replies: 0,
            privately_answered: false,
        };
        let surface = if foreign { Surface::Mention } else { Surface::Comment };
        self.note_comment(&comment, surface);
        if surface == Surface::Mention {
            webhook::mention(self, &comment.account, new.post, Some(&id));
        } else {
            webhook::comment(self, &comment, "add");
        }
        if let Some(post) = self.posts.get_mut(new.post) {
            insert(&mut post.comments, comment.at, id.clone());
        }
        if let Some(parent) = new.parent.and_then(|parent| self.comments.get_mut(parent)) {
            parent.replies += 1;
        }
        self.comments.insert(id.clone(), comment);
        Ok(id)
    }

    fn note_comment(&mut self, comment: &Comment, surface: Surface) {
        if let Writer::Citizen(citizen) = &comment.writer {
            self.ledger.write(Written {
                account: comment.account.clone(),
                platform: comment.platform,
                surface,
                id: comment.id.clone(),
                place: comment.post.clone(),
                handle: citizen.handle.clone(),
                text: comment.text.clone(),
                at: comment.at,
                state: Shown::Shown,
                served: 0,
            });
        }
    }

    pub(crate) fn edit_comment(&mut self, id: &str, text: &str) -> Result<(), Unknown> {
        self.change_comment(id, "edited", |comment| text.clone_into(&mut comment.text))?;
        self.change_written(id, |line| text.clone_into(&mut line.text));
        Ok(())
    }

    pub(crate) fn hide_comment(&mut self, id: &str, hidden: bool) -> Result<(), Unknown> {
        self.change_comment(id, if hidden { "hide" } else { "unhide" }, |comment| comment.hidden = hidden)?;
        self.change_written(id, |line| line.state = if hidden { Shown::Hidden } else { Shown::Shown });
        Ok(())
    }

    /// Deletes a comment and what answers it.
    pub(crate) fn delete_comment(&mut self, id: &str) -> Result<(), Unknown> {
        let comment = self.comments.get(id).ok_or_else(|| Unknown::new("comment", id))?;
        let post = self.posts.get(&comment.post);
        let children: Vec<String> = post
            .iter()
            .flat_map(|post| &post.comments)
            .filter(|(_, child)| {
                self.comments.get(child).is_some_and(|child| child.parent.as_deref() == Some(id))
            })
            .map(|(_, child)| child.clone())
            .collect();
        for child in children {
            self.delete_comment(&child)?;
        }
        self.change_written(id, |line| line.state = Shown::Deleted);
        let Some(comment) = self.comments.remove(id) else { return Ok(()) };
        if let Some(post) = self.posts.get_mut(&comment.post) {
            post.comments.retain(|(_, other)| other != id);
        }
        if let Some(parent) = comment.parent.as_ref().and_then(|parent| self.comments.get_mut(parent)) {
            parent.replies -= 1;
        }
        webhook::comment(self, &comment, "remove");
        Ok(())
    }

    /// Gives a comment another time, as an app does that writes with a date of its own.
    pub(crate) fn backdate_comment(&mut self, id: &str, at: Timestamp) -> Result<(), Unknown> {
        let comment = self.comments.get_mut(id).ok_or_else(|| Unknown::new("comment", id))?;
        comment.at = at;
        if let Some(post) = self.posts.get_mut(&comment.post) {
            post.comments.retain(|(_, other)| other != id);
            insert(&mut post.comments, at, id.to_owned());
        }
        self.change_written(id, |line| line.at = at);
        Ok(())
    }

    fn change_comment(
        &mut self,
        id: &str,
        verb: &'static str,
        change: impl FnOnce(&mut Comment),
    ) -> Result<(), Unknown> {
        let mut comment = self.comments.remove(id).ok_or_else(|| Unknown::new("comment", id))?;
        change(&mut comment);
        webhook::comment(self, &comment, verb);
        self.comments.insert(id.to_owned(), comment);
        Ok(())
    }

    fn change_written(&mut self, comment: &str, change: impl FnOnce(&mut Written)) {
        let Some(account) = self.comments.get(comment).map(|comment| comment.account.clone()) else { return };
        self.ledger.change(&account, comment, change);
    }

    /// The conversation of an account with a citizen, begun where there is none.
    pub(crate) fn conversation(&mut self, account: &str, citizen: &Citizen) -> Result<String, Unknown> {
        let key = (account.to_owned(), citizen.meta_id.clone());
        if let Some(id) = self.talks.get(&key) {
            return Ok(id.clone());
        }
        let platform = self.account(account)?.platform;
        let id = match platform {
            Platform::Instagram => format!("aWdfZAG06{}", self.letters(48)),
            _ => format!("t_{}", self.digits("10", 17)),
        };
        let conversation = Conversation {
            id: id.clone(),
            account: account.to_owned(),
            platform,
            citizen: citizen.clone(),
            letters: Vec::new(),
            updated_at: Timestamp::UNIX_EPOCH,
            citizen_wrote_at: None,
            unread: 0,
        };
        self.conversations.insert(id.clone(), conversation);
        self.account_mut(account)?.conversations.push(id.clone());
        self.talks.insert(key, id.clone());
        Ok(id)
    }

    /// A direct message in a conversation.
    pub(crate) fn add_letter(
        &mut self,
        conversation: &str,
        by_citizen: bool,
        text: &str,
        at: Timestamp,
    ) -> Result<String, Unknown> {
        let id = format!("m_{}", self.letters(64));
        let place = self
            .conversations
            .get_mut(conversation)
            .ok_or_else(|| Unknown::new("conversation", conversation))?;
        place.letters.push(id.clone());
        place.updated_at = place.updated_at.max(at);
        if by_citizen {
            place.citizen_wrote_at = place.citizen_wrote_at.max(Some(at));
            place.unread += 1;
        } else {
            place.unread = 0;
        }
        let letter = Letter {
            id: id.clone(),
            conversation: place.id.clone(),
            account: place.account.clone(),
            platform: place.platform,
            by_citizen,
            text: text.to_owned(),
            at,
        };
        if by_citizen {
            let citizen = place.citizen.clone();
            self.note_letter(&letter, &citizen);
            webhook::letter(self, &letter, &citizen);
        }
        self.letters.insert(id.clone(), letter);
        Ok(id)
    }

    /// Keeps what a client had done.
    pub(crate) fn accept(&mut self, account: &str, deed: &str, target: &str, text: &str, id: &str) {
        let at = self.now();
        self.ledger.accepted.push(Accepted {
            account: account.to_owned(),
            deed: deed.to_owned(),
            target: target.to_owned(),
            text: text.to_owned(),
            id: id.to_owned(),
            at,
            answered: true,
        });
    }

    /// Refuses words that the same target has already got, where the limits say so.
    pub(crate) fn refuse_duplicate(&self, account: &str, target: &str, text: &str) -> Result<(), GraphError> {
        let same = |line: &Accepted| line.account == account && line.target == target && line.text == text;
        if self.limits.refuse_duplicates && self.ledger.accepted.iter().any(same) {
            return Err(GraphError::new(506, "(#506) Duplicate status message"));
        }
        Ok(())
    }

    fn note_letter(&mut self, letter: &Letter, citizen: &Citizen) {
        self.ledger.write(Written {
            account: letter.account.clone(),
            platform: letter.platform,
            surface: Surface::Direct,
            id: letter.id.clone(),
            place: letter.conversation.clone(),
            handle: citizen.handle.clone(),
            text: letter.text.clone(),
            at: letter.at,
            state: Shown::Shown,
            served: 0,
        });
    }
}

/// Puts an identifier at its time; after those of the same time.
pub(crate) fn insert(list: &mut Timeline, at: Timestamp, id: String) {
    let place = list.partition_point(|(other, _)| *other <= at);
    list.insert(place, (at, id));
}
