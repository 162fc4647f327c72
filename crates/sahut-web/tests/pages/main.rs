//! The pages behind the links in mails, through their router: what they show, what a form does, and what nobody may.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod world;

use axum::http::StatusCode;
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::State;
use sahut_domain::notice::Template;
use sahut_domain::reply::{Intent, Limit};
use world::{Answer, World, at};

/// A form as a browser sends it: what stands in the page, and what was typed.
fn filled(page: &Answer, typed: &[(&str, &str)]) -> String {
    let hidden = ["key", "version"].map(|name| (name, page.hidden(name)));
    let hidden = hidden.iter().map(|(name, value)| (*name, value.as_str()));
    let mut form = url_form(hidden);
    form.push('&');
    form.push_str(&url_form(typed.iter().copied()));
    form
}

fn url_form<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect()
    };
    pairs.map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn a_link_shows_the_inquiry_and_changes_nothing() {
    let world = World::new().await;
    let before = world.journal().await;
    for path in ["", "/not-ours", "/answer", "/whatever"] {
        let page = world.get(&format!("{}{path}", world.link())).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        for said in ["puskesmas tutup", "Dinkes", "Tenggat:", "Jawab warga", "Bukan wewenang kami"] {
            assert!(page.body.contains(said), "{said} is missing in {}", page.body);
        }
        assert!(page.body.len() < 14_000, "{} bytes", page.body.len());
    }
    assert!(world.get(&format!("{}/not-ours", world.link())).await.body.contains("id=\"not-ours\" open"));
    assert_eq!(world.journal().await, before, "looking changes nothing");
}

#[tokio::test]
async fn headers_allow_nothing_but_the_page() {
    let world = World::new().await;
    for path in [world.link(), "/i/tidak-ada".to_owned()] {
        let page = world.get(&path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn an_answer_is_queued_once_however_often_it_is_sent() {
    let world = World::new().await;
    let page = world.get(&world.link()).await;
    let form = filled(&page, &[("text", "Terima kasih,\r\nkami periksa."), ("intent", "progress")]);
    let first = world.post(&format!("{}/answer", world.link()), &form).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.body);
    let second = world.post(&format!("{}/answer", world.link()), &form).await;
    assert_eq!(first.header("location"), second.header("location"));
    let replies = world.inquiry().await.replies;
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_eq!(
        (replies[0].text.as_str(), replies[0].author.as_str()),
        ("Terima kasih,\nkami periksa.", "Admin Dinkes")
    );
    assert_eq!(world.intent_of_reply().await, Intent::Progress);
    let done = world.get(&first.header("location")).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.body.contains("sedang dibawa ke kanal"), "{}", done.body);
    assert!(world.acted("admin@dinkes.example").await, "who acts is remembered");
}

#[tokio::test]
async fn two_people_at_once_are_told_about_each_other() {
    let world = World::new().await;
    let (first, second) = (world.get(&world.link()).await, world.get(&world.link()).await);
    let answer = |text| [("text", text), ("intent", "answer")];
    world.post(&format!("{}/answer", world.link()), &filled(&first, &answer("Baik, kami kerjakan."))).await;
    let late =
        world.post(&format!("{}/answer", world.link()), &filled(&second, &answer("Sudah selesai."))).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(
        late.body.contains("Berubah sejak Anda membukanya") && late.body.contains("Admin Dinkes"),
        "{}",
        late.body
    );
    assert!(late.body.contains("Sudah selesai."), "what was typed is not lost");
    assert_eq!(world.inquiry().await.replies.len(), 1);
    let again =
        world.post(&format!("{}/answer", world.link()), &filled(&late, &answer("Sudah selesai."))).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "knowing it, they may");
    assert_eq!(world.inquiry().await.replies.len(), 2);
}

#[tokio::test]
async fn what_a_platform_does_not_take_is_told_before_and_after() {
    let mut world = World::new().await;
    world.limit(Limit::Length { platform: "Telegram", unit: "characters", has: 0, most: 20 });
    let page = world.get(&world.link()).await;
    assert!(page.body.contains("Telegram menerima paling banyak 20 karakter"), "{}", page.body);
    let long = "jawaban yang jauh terlalu panjang untuk kanal ini";
    let refused = world
        .post(&format!("{}/answer", world.link()), &filled(&page, &[("text", long), ("intent", "answer")]))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused.body.contains("terlalu panjang: 49 karakter") && refused.body.contains(long),
        "{}",
        refused.body
    );
    assert!(world.inquiry().await.replies.is_empty(), "nothing was sent");
}

#[tokio::test]
async fn every_act_is_done_in_the_name_of_its_person() {
    let world = World::new().await;
    for (act, text, list, kind) in [
        ("note", "sudah ditelepon", "", EventKind::InquiryNoted),
        ("in-hand", "menunggu teknisi", "in-hand-until", EventKind::InquiryAcknowledged),
        ("more-time", "perlu survei", "more-time-until", EventKind::ExtensionAsked),
    ] {
        let page = world.get(&world.link()).await;
        let until = page.choice(list);
        let form = filled(&page, &[("text", text), ("until", &until)]);
        let done = world.post(&format!("{}/{act}", world.link()), &form).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{act}: {}", done.body);
        let last = world.inquiry().await.events.pop().unwrap();
        assert_eq!((last.kind, last.actor.as_str()), (kind, "Admin Dinkes"), "{act}");
    }
    let page = world.get(&world.link()).await;
    for shown in ["sudah ditelepon", "menunggu teknisi", "perlu survei"] {
        assert!(page.body.contains(shown), "{shown} is not shown");
    }
    assert!(!page.body.contains("more-time-until"), "it is asked for once");
}

#[tokio::test]
async fn what_is_passed_on_is_the_next_offices() {
    let world = World::new().await;
    let page = world.get(&format!("{}/not-ours", world.link())).await;
    let nobody = world
        .post(
            &format!("{}/not-ours", world.link()),
            &filled(&page, &[("text", "bukan kami"), ("office", "")]),
        )
        .await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    let form = filled(&nobody, &[("text", "urusan jalan"), ("office", "pupr")]);
    let done = world.post(&format!("{}/not-ours", world.link()), &form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let confirmed = world.get(&done.header("location")).await;
    assert!(confirmed.body.contains("Aduan ini sekarang ada di PUPR"), "{}", confirmed.body);
    let old = world.get(&world.link()).await;
    assert_eq!(old.status, StatusCode::GONE);
    assert!(old.body.contains("PUPR") && !old.body.contains("puskesmas"), "{}", old.body);
    let new = world.get(&world.link_for("pupr", "admin@pupr.example")).await;
    assert!(new.body.contains("urusan jalan") && new.body.contains("puskesmas tutup"), "{}", new.body);
}

#[tokio::test]
async fn only_what_was_answered_can_be_settled() {
    let world = World::new().await;
    let page = world.get(&world.link()).await;
    assert!(!page.body.contains("id=\"settle\""), "{}", page.body);
    let early = world.post(&format!("{}/settle", world.link()), &filled(&page, &[])).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    world.answer_elsewhere().await;
    let page = world.get(&world.link()).await;
    let done = world.post(&format!("{}/settle", world.link()), &filled(&page, &[])).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(world.inquiry().await.line.state, State::Closed);
}

#[tokio::test]
async fn a_link_that_is_not_good_says_what_to_do() {
    let world = World::new().await;
    let good = world.link();
    let cut = &good[..good.len() - 3];
    for (path, status) in [
        (cut.to_owned(), StatusCode::NOT_FOUND),
        (format!("{cut}AAA"), StatusCode::NOT_FOUND),
        ("/i/%F0%9F%92%A9".to_owned(), StatusCode::NOT_FOUND),
        (world.link_until(at(-1)), StatusCode::GONE),
        (world.link_for("dinkes", "pensiun@dinkes.example"), StatusCode::FORBIDDEN),
        (world.link_for("dinkes", "admin@pupr.example"), StatusCode::FORBIDDEN),
        (world.link_for("pupr", "admin@pupr.example"), StatusCode::GONE),
        (world.link_for("kominfo", "admin@dinkes.example"), StatusCode::GONE),
    ] {
        let page = world.get(&path).await;
        assert_eq!(page.status, status, "{path}: {}", page.body);
        assert!(page.body.contains("<h1>") && !page.body.contains("puskesmas"), "{path}: {}", page.body);
        let acted = world.post(&format!("{path}/note"), "key=12345678&text=x&version=1").await;
        assert_eq!(acted.status, status, "{path}: {}", acted.body);
    }
    assert_eq!(world.inquiry().await.events.len(), world.begun, "nobody did anything");
}

#[tokio::test]
async fn a_guesser_is_slowed_and_a_good_link_goes_on() {
    let world = World::new().await;
    let mut last = StatusCode::OK;
    for guess in 0..40 {
        last = world.get(&format!("/i/{guess:048}")).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(world.get(&world.link()).await.status, StatusCode::OK);
    for _ in 0..200 {
        last = world.get(&world.link()).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "one inquiry is not asked for without end");
    world.clock.advance(60);
    assert_eq!(world.get(&world.link()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_of_another_site_or_without_its_key_does_nothing() {
    let world = World::new().await;
    let page = world.get(&world.link()).await;
    let form = filled(&page, &[("text", "x")]);
    let path = format!("{}/note", world.link());
    let foreign = world.post_with(&path, &form, &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let huge = format!("{form}&office={}", "x".repeat(300_000));
    for body in ["text=x&version=1", "key=a%2Fb%2Fc%2Fd%2Fe&text=x", "version=viele&key=12345678", &huge] {
        assert_eq!(world.post(&path, body).await.status, StatusCode::BAD_REQUEST, "{body:.60}");
    }
    assert_eq!(world.inquiry().await.events.len(), world.begun);
}

#[tokio::test]
async fn a_program_that_looks_through_mails_is_not_taken_for_a_person() {
    let world = World::new().await;
    world.get(&world.link()).await;
    assert!(!world.seen("admin@dinkes.example").await);
    world.get_with(&world.link(), &[("sec-fetch-mode", "navigate")]).await;
    assert!(world.seen("admin@dinkes.example").await);
}

#[tokio::test]
async fn an_answer_that_needs_approval_waits_for_it() {
    let mut world = World::new().await;
    let length = Limit::Length { platform: "Telegram", unit: "characters", has: 0, most: 20 };
    world.approve_by("Kepala Dinkes", "kepala@dinkes.example", Some(length));
    let answer = |text| [("text", text), ("intent", "answer")];
    let page = world.get(&world.link()).await;
    let long = filled(&page, &answer("jawaban yang terlalu panjang"));
    let refused = world.post(&format!("{}/answer", world.link()), &long).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "nobody approves what cannot leave");
    let form = filled(&page, &answer("Sudah buka lagi."));
    let sent = world.post(&format!("{}/answer", world.link()), &form).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    world.post(&format!("{}/answer", world.link()), &form).await;
    assert!(world.inquiry().await.replies.is_empty(), "nothing leaves");
    assert_eq!(world.waiting().await, ["Sudah buka lagi."]);
    assert_eq!(world.owed().await, [(Template::Approval, "kepala@dinkes.example".to_owned())]);
    let done = world.get(&sent.header("location")).await;
    assert!(done.body.contains("setelah disetujui Kepala Dinkes"), "{}", done.body);
}

#[tokio::test]
async fn a_link_made_for_one_person_is_never_published() {
    let world = World::new().await;
    let page = world.get(&world.link()).await;
    let text = "Baik.\n> https://sahut.lebong.example/i/rahasia";
    let form = filled(&page, &[("text", text), ("intent", "answer")]);
    let refused = world.post(&format!("{}/answer", world.link()), &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("kutipan"), "{}", refused.body);
    assert!(world.inquiry().await.replies.is_empty());
}
