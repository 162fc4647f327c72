//! Who may call, for what, and how often.

use jiff::{SignedDuration, Timestamp};
use sahut_domain::channel::Platform;
use serde_json::{Value, json};

use super::GraphError;
use crate::call::Call;
use crate::meta::{Pace, Token, TokenKind};
use crate::moods::Mood;
use crate::state::State;

/// How long a long-lived token of a user or an Instagram account lasts, in days.
pub(crate) const TOKEN_DAYS: i64 = 60;

/// What a throttled call adds to the block, in seconds: calling while throttled lengthens it.
const INSISTENCE: i64 = 10;

/// Who is calling.
pub(crate) struct Caller {
    pub(crate) token: Token,
    /// As it was sent, for the addresses of next pages.
    pub(crate) text: String,
}

/// Says who is calling, or why the token does not tell.
pub(crate) fn identify(state: &State, call: &Call) -> Result<Caller, GraphError> {
    let text = call
        .token()
        .ok_or_else(|| GraphError::new(104, "An access token is required to request this resource."))?;
    let token = if text == format!("{}|{}", state.app.id, state.app.secret) {
        app_token(state)
    } else {
        state.tokens.get(&text).cloned().ok_or_else(|| GraphError::new(190, "Invalid OAuth access token."))?
    };
    alive(&token, state.now())?;
    Ok(Caller { token, text })
}

/// An app may look at tokens, nothing else.
fn app_token(state: &State) -> Token {
    Token {
        kind: TokenKind::User,
        holder: state.app.id.clone(),
        scopes: std::collections::BTreeSet::new(),
        issued_at: state.now(),
        expires_at: None,
        dead: None,
    }
}

fn alive(token: &Token, now: Timestamp) -> Result<(), GraphError> {
    let expired = token.expires_at.is_some_and(|at| at <= now).then_some(463);
    match token.dead.or(expired) {
        Some(subcode) => Err(GraphError::new(190, "Error validating access token").sub(subcode)),
        None => Ok(()),
    }
}

/// Counts a call, and refuses it where there were too many.
pub(crate) fn throttle(
    state: &mut State,
    call: &Call,
    caller: &Caller,
    mood: Mood,
) -> Result<(), GraphError> {
    let now = state.now();
    let code = limit_code(state, call, caller);
    let (hourly, per_second) = (state.limits.calls_per_hour, state.limits.conversation_calls_per_second);
    let regain = state.moods.regain;
    let pace = state.paces.entry(caller.token.holder.clone()).or_default();
    let busy = || GraphError::new(code, format!("(#{code}) There have been too many calls to this account."));
    if let Some(until) = pace.throttled_until.filter(|until| now < *until) {
        pace.throttled_until = until.checked_add(SignedDuration::from_secs(INSISTENCE)).ok();
        return Err(busy());
    }
    let weight = call.text("ids").map_or(1, |ids| ids.split(',').count());
    pace.calls.extend(std::iter::repeat_n(now, weight));
    forget(&mut pace.calls, now, 3600);
    if mood == Mood::AbsurdRateLimit {
        return Err(busy());
    }
    if mood == Mood::RateLimit || pace.calls.len() > hourly as usize {
        let minutes = if mood == Mood::RateLimit { regain } else { 60 };
        pace.throttled_until = now.checked_add(SignedDuration::from_mins(i64::from(minutes))).ok();
        return Err(busy());
    }
    if call.path.contains("conversations") || call.segments().first().is_some_and(|id| id.starts_with("t_")) {
        pace.conversation_calls.push_back(now);
        forget(&mut pace.conversation_calls, now, 1);
        if pace.conversation_calls.len() > per_second as usize {
            return Err(GraphError::new(613, "(#613) Calls to this api have exceeded the rate limit."));
        }
    }
    Ok(())
}

fn forget(calls: &mut std::collections::VecDeque<Timestamp>, now: Timestamp, seconds: i64) {
    let Ok(horizon) = now.checked_sub(SignedDuration::from_secs(seconds)) else { return };
    while calls.front().is_some_and(|at| *at <= horizon) {
        calls.pop_front();
    }
}

fn limit_code(state: &State, call: &Call, caller: &Caller) -> i64 {
    match caller.token.kind {
        TokenKind::User => 17,
        _ if call.path.ends_with("messages") => 80_006,
        TokenKind::Instagram => 80_002,
        TokenKind::Page => {
            let node = call.segments().first().copied().unwrap_or_default();
            let instagram = super::platform_of(state, node) == Some(Platform::Instagram);
            if instagram { 80_002 } else { 80_001 }
        }
    }
}

/// What the headers say about an account's budget: percent used, and minutes until it is regained.
pub(crate) fn usage(state: &mut State, account: &str, mood: Mood) -> Vec<(&'static str, String)> {
    let absurd = usize::try_from(state.temper(account).below(4)).unwrap_or(0);
    let Some(pace) = state.paces.get(account) else { return Vec::new() };
    let regain = match mood {
        Mood::AbsurdRateLimit => [0, -5, 525_600, 9_999_999_999].get(absurd).copied().unwrap_or(0),
        _ => regain_minutes(pace, state.now()),
    };
    let percent = if regain > 0 || mood == Mood::RateLimit {
        100
    } else {
        percent(pace.calls.len(), state.limits.calls_per_hour)
    };
    let share = json!({"call_count": percent, "total_cputime": percent / 2, "total_time": percent / 2});
    let kind = match state.accounts.get(account).map(|account| account.platform) {
        Some(Platform::Instagram) => "instagram",
        Some(_) => "pages",
        None => return vec![("x-app-usage", share.to_string())],
    };
    let mut business = share.clone();
    business["type"] = json!(kind);
    business["estimated_time_to_regain_access"] = json!(regain);
    vec![
        ("x-app-usage", share.to_string()),
        ("x-business-use-case-usage", json!({account: [business]}).to_string()),
    ]
}

fn percent(calls: usize, hourly: u32) -> u64 {
    (calls as u64 * 100) / u64::from(hourly.max(1))
}

fn regain_minutes(pace: &Pace, now: Timestamp) -> i64 {
    pace.throttled_until.map_or(0, |until| (until.duration_since(now).as_secs() + 59) / 60).max(0)
}

/// Fails unless the token has this permission.
pub(crate) fn need(caller: &Caller, code: i64, scope: &str) -> Result<(), GraphError> {
    if caller.token.scopes.contains(scope) { Ok(()) } else { Err(GraphError::permission(code, scope)) }
}

/// Fails unless the token has one of these permissions.
pub(crate) fn need_any(caller: &Caller, scopes: &[&str]) -> Result<(), GraphError> {
    if scopes.iter().any(|scope| caller.token.scopes.contains(*scope)) {
        return Ok(());
    }
    Err(GraphError::permission(200, scopes.first().copied().unwrap_or_default()))
}

/// Whether the caller speaks for this account: its own, the linked one, or one of the user's pages.
pub(crate) fn reaches(state: &State, caller: &Caller, account: &str) -> bool {
    let holder = &caller.token.holder;
    let linked = state.accounts.get(account).and_then(|account| account.linked.as_ref());
    match caller.token.kind {
        TokenKind::Page => holder == account || linked == Some(holder),
        TokenKind::Instagram => holder == account,
        TokenKind::User => {
            state.users.get(holder).is_some_and(|pages| pages.iter().any(|page| page == account))
        }
    }
}

/// Fails unless the caller may write in the account's name.
pub(crate) fn may_write(state: &State, caller: &Caller, account: &str) -> Result<(), GraphError> {
    if caller.token.kind == TokenKind::User {
        return Err(GraphError::new(210, "(#210) A page access token is required to request this resource."));
    }
    if state.account(account)?.restricted {
        let message = "The action attempted has been deemed abusive or is otherwise disallowed";
        return Err(GraphError::new(368, message));
    }
    Ok(())
}

/// `GET /debug_token`.
pub(crate) fn debug_token(state: &State, call: &Call) -> Result<Value, GraphError> {
    let input = call.text("input_token").ok_or_else(|| GraphError::missing_parameter("input_token"))?;
    let Some(token) = state.tokens.get(&input) else {
        let error = json!({"code": 190, "message": "Invalid OAuth access token."});
        return Ok(json!({"data": {"error": error, "is_valid": false, "scopes": []}}));
    };
    let kind = if token.kind == TokenKind::Page { "PAGE" } else { "USER" };
    let ends = token.expires_at.map_or(0, Timestamp::as_second);
    let mut data = json!({
        "app_id": state.app.id, "type": kind, "application": "Sahut", "issued_at": token.issued_at.as_second(),
        "expires_at": ends, "data_access_expires_at": ends, "is_valid": true, "scopes": token.scopes,
        "user_id": token.holder,
    });
    if token.kind == TokenKind::Page {
        data["profile_id"] = json!(token.holder);
    }
    if let Err(error) = alive(token, state.now()) {
        data["is_valid"] = json!(false);
        data["error"] =
            json!({"code": error.code, "subcode": error.subcode, "message": "Error validating access token"});
    }
    Ok(json!({ "data": data }))
}

/// `GET /refresh_access_token`: a token that is at least a day old lives another 60 days.
pub(crate) fn refresh(state: &mut State, caller: &Caller) -> Result<Value, GraphError> {
    let now = state.now();
    let day = SignedDuration::from_hours(24);
    if caller.token.kind != TokenKind::Instagram || now.duration_since(caller.token.issued_at) < day {
        return Err(GraphError::parameter("The access token is not a long-lived one of at least 24 hours"));
    }
    let lasting = SignedDuration::from_hours(24 * TOKEN_DAYS);
    if let Some(token) = state.tokens.get_mut(&caller.text) {
        token.issued_at = now;
        token.expires_at = now.checked_add(lasting).ok();
    }
    Ok(json!({"access_token": caller.text, "token_type": "bearer", "expires_in": lasting.as_secs()}))
}
