//! Every mail with every sample in every language: what it says, and that a stranger's text cannot harm it.

#![expect(clippy::unwrap_used, reason = "a sample that cannot be made fails the test")]

mod samples;

use sahut_domain::inquiry::Kind;
use sahut_domain::notice::Template;
use sahut_render::{Context, Language, RenderedMail, render_mail};
use samples::{about, samples};

fn render(context: &Context, language: Language) -> RenderedMail {
    render_mail(context, language).unwrap()
}

#[test]
fn every_template_is_rendered_in_every_language() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, context) in samples() {
        for language in Language::ALL {
            let mail = render(&context, *language);
            settings.bind(|| {
                insta::assert_snapshot!(
                    format!("{name}.{language}"),
                    format!("Subject: {}\n\n{}", mail.subject, mail.plain)
                );
            });
        }
    }
    let covered: std::collections::HashSet<_> =
        samples().iter().map(|(_, context)| context.template()).collect();
    assert_eq!(covered.len(), Template::ALL.len(), "a template has no sample");
}

#[test]
fn both_bodies_say_the_same_and_stay_small() {
    for (name, context) in samples() {
        for language in Language::ALL {
            let mail = render(&context, *language);
            assert!(mail.html.len() < 20_000, "{name}: {} bytes", mail.html.len());
            assert!(
                mail.html.starts_with("<!doctype html>") && mail.html.trim_end().ends_with("</html>"),
                "{name}"
            );
            assert!((0..=3).contains(&mail.html.matches("<a ").count()), "{name}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
            let html = words(&readable(&mail.html));
            for line in
                mail.plain.lines().map(|line| line.trim_start_matches(['>', '-', ' ']).trim_end_matches(':'))
            {
                assert!(
                    html.contains(&words(line)),
                    "{name} in {language}: the HTML lacks {line:?} in {html}"
                );
            }
        }
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    for (name, context) in samples() {
        let html = render(&context, Language::Indonesian).html;
        for loader in ["<img", "<script", "<link", "<iframe", "src=", "url(", "@import"] {
            assert!(!html.contains(loader), "{name} holds {loader}");
        }
    }
}

#[test]
fn a_subject_stays_the_same_for_one_inquiry_at_one_office() {
    let subjects: std::collections::HashSet<_> = samples()
        .iter()
        .filter(|(name, _)| ["assignment", "follow_up", "reminder", "overdue", "reply_failed"].contains(name))
        .map(|(_, context)| render(context, Language::Indonesian).subject)
        .collect();
    assert_eq!(
        subjects.into_iter().collect::<Vec<_>>(),
        ["[K-2026-00123] Jalan rusak di Pasar Baru (Dinas PUPR)"]
    );
}

#[test]
fn a_citizens_numbers_do_not_leave_in_a_mail() {
    let mut about = about();
    about.said.text = "NIK 1707012345678901, wa 0812-3456-7890, surel warga.contoh@example.org".to_owned();
    let mail = render(&Context::Assignment(sahut_render::mail::Assignment { about }), Language::Indonesian);
    for body in [mail.plain, mail.html] {
        for secret in ["0123456", "3456-78", "warga.contoh"] {
            assert!(!body.contains(secret), "{body}");
        }
    }
}

#[test]
fn hostile_texts_are_harmless() {
    let megabyte = "<b>&\"'".repeat(170_000);
    let texts = [
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "</blockquote></div></body><h1>Palsu</h1>",
        "{{ 7 * 7 }}{% include \"look.html\" %}{number}",
        "baris\r\nBcc: korban@example.org\r\n\r\nisi palsu",
        "\u{202e}txet desrever\u{202c} \u{2066}isolated\u{2069}\u{0}\u{1b}[31m",
        "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}algo",
        &megabyte,
        &"a-".repeat(500_000),
        &"1 ".repeat(500_000),
        &"\n".repeat(1_000_000),
        "",
    ];
    for text in texts {
        for (name, context) in samples::saying(text) {
            let mail = render(&context, Language::Indonesian);
            let shown = text.chars().take(40).collect::<String>();
            assert!(!mail.subject.contains(char::is_control), "{name}: {shown:?}");
            assert!(mail.subject.chars().count() < 400, "{name}: {shown:?}");
            assert!(mail.html.len() < 20_000, "{name}: {} bytes for {shown:?}", mail.html.len());
            for body in [&mail.plain, &mail.html] {
                assert!(!body.contains(|c: char| c.is_control() && c != '\n'), "{name}: {shown:?}");
                assert!(!body.contains(['\u{202e}', '\u{2066}', '\u{309}']), "{name}: {shown:?}");
            }
            for tag in ["<script", "<img", "<h1", "<b>"] {
                assert!(!mail.html.contains(tag), "{name} lets {tag} through");
            }
            assert!(!mail.plain.contains("49"), "{name} evaluates what it was given");
            assert!(!mail.plain.contains("\nBcc:"), "{name}: a quoted line must not begin a line");
        }
    }
}

#[test]
fn a_link_that_is_no_web_address_is_left_out() {
    let mut about = about();
    about.link = Some("javascript:alert(1)".to_owned());
    about.said.permalink = Some("https://a.example/\" onclick=\"x".to_owned());
    let mail = render(&Context::Assignment(sahut_render::mail::Assignment { about }), Language::Indonesian);
    assert!(!mail.html.contains("<a ") && !mail.html.contains("javascript"));
    assert!(mail.plain.contains("sahut reply K-2026-00123"));
}

#[test]
fn an_emergency_is_called_one() {
    let mut about = about();
    about.kind = Kind::Emergency;
    let mail = render(&Context::Assignment(sahut_render::mail::Assignment { about }), Language::Indonesian);
    assert!(mail.plain.starts_with("DARURAT"));
}

/// The words of a page: without its head and tags, with its entities written out.
fn readable(html: &str) -> String {
    let body = html.split_once("<body").map_or("", |(_, body)| body);
    let mut out = String::new();
    for (at, piece) in body.replace("href=\"", ">").replace("\" style", "<").split('<').enumerate() {
        out.push_str(if at == 0 { "" } else { piece.split_once('>').map_or("", |(_, text)| text) });
        out.push(' ');
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")]
        .iter()
        .fold(out, |text, (entity, c)| text.replace(entity, c))
}
