//! Texts written to mislead: disguised advertisements, sarcasm, mixed languages, things that only look like an emergency.

use sahut_domain::decision::Decision;
use sahut_domain::inquiry::Kind;

use crate::regency::Shipped;

const CORPUS: &str = include_str!("corpus.tsv");

#[test]
fn nobody_is_misled() {
    let rules = Shipped::read("lebong").compile();
    let mut wrong = Vec::new();
    let mut texts = 0;
    for line in CORPUS.lines().filter(|line| !line.starts_with('#')) {
        let [kind, to, text] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let decision = rules.decide(&sahut_routing::Input::of(&unescaped(text)));
        texts += 1;
        if !is_kind(&decision, kind) || !goes_to(&decision, to) {
            let office = decision.office.as_ref().map(ToString::to_string).unwrap_or_default();
            wrong.push(format!(
                "{kind} {to}: {text}\n    {} {office} {:?} {:?}",
                decision.kind, decision.doubt, decision.outside
            ));
        }
    }
    assert!(texts >= 150, "only {texts} texts");
    assert!(wrong.is_empty(), "{} of {texts}:\n{}", wrong.len(), wrong.join("\n"));
}

fn is_kind(decision: &Decision, wanted: &str) -> bool {
    match wanted {
        "needed" => decision.kind.needs_action(),
        "idle" => matches!(decision.kind, Kind::Noise | Kind::Thanks),
        "calm" => decision.kind != Kind::Emergency,
        kind => decision.kind.as_str() == kind,
    }
}

fn goes_to(decision: &Decision, wanted: &str) -> bool {
    match wanted.split_once(':') {
        Some(("outside", name)) => decision.outside.as_deref() == Some(name),
        _ if wanted == "-" => true,
        _ if wanted == "triage" => decision.needs_triage(),
        _ => {
            !decision.needs_triage()
                && decision.office.as_ref().is_some_and(|office| office.as_str() == wanted)
        }
    }
}

/// Characters that cannot be seen are written `\u{200b}`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').unwrap();
        whole.push(u32::from_str_radix(number, 16).ok().and_then(char::from_u32).unwrap());
        whole.push_str(rest);
    }
    whole
}
