//! Whether a mail comes from where it says: what our own server found out about it.

use crate::ReadMail;

impl ReadMail {
    /// Whether the server that calls itself `server` found that this mail comes from the domain in its From
    /// (RFC 8601, `Authentication-Results`): DMARC passed, or DKIM or SPF passed for exactly that domain.
    ///
    /// Each server puts its results on top, so only those above the first of another server are its own: what stands
    /// below came with the mail, and anybody can write it. A mail that names several senders is never vouched for.
    pub fn is_vouched_for_by(&self, server: &str) -> bool {
        let Some(domain) = self.from.as_ref().and_then(|from| from.address.rsplit('@').next()) else {
            return false;
        };
        let plain: Vec<String> = self.authentication.iter().map(|header| without_comments(header)).collect();
        let ours = plain.iter().map_while(|header| {
            let (name, results) = header.split_once(';')?;
            let name = name.split_whitespace().next()?;
            name.eq_ignore_ascii_case(server).then_some(results)
        });
        !self.has_many_senders
            && ours.flat_map(|results| results.split(';')).any(|result| passes(result, domain))
    }
}

/// Whether one result says that the mail comes from a domain.
fn passes(result: &str, domain: &str) -> bool {
    let words: Vec<String> = result.split_whitespace().map(str::to_lowercase).collect();
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    match words.first().map(String::as_str) {
        // `auth`: our server took it from somebody who had signed in.
        Some("dmarc=pass" | "auth=pass") => value("header.from").is_none_or(|from| from == domain),
        Some("dkim=pass") => value("header.d") == Some(domain),
        Some("spf=pass") => {
            value("smtp.mailfrom").and_then(|from| from.rsplit('@').next()).is_some_and(|from| from == domain)
        }
        _ => false,
    }
}

/// A header without its comments and quoted texts: a sender can bring along what stands in them, also a "; dmarc=pass".
fn without_comments(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    let (mut depth, mut quoted) = (0_usize, false);
    let mut rest = header.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' if quoted || depth > 0 => drop(rest.next()),
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{Limits, ReadMail, read};

    fn mail(results: &[&str], from: &str) -> ReadMail {
        let mut headers = String::new();
        for result in results {
            headers = format!("{headers}Authentication-Results: {result}\r\n");
        }
        let raw = format!("{headers}From: {from}\r\nSubject: x\r\n\r\nhalo\r\n");
        read(raw.as_bytes(), &Limits::default()).unwrap()
    }

    fn is_trusted(results: &[&str]) -> bool {
        mail(results, "Admin <admin@dinkes.go.id>").is_vouched_for_by("mx.lebong.go.id")
    }

    #[test]
    fn our_servers_word_is_believed() {
        for result in [
            "mx.lebong.go.id; dmarc=pass (p=reject) header.from=dinkes.go.id",
            "MX.lebong.go.id 1; spf=fail; dkim=pass header.d=dinkes.go.id header.s=a",
            "mx.lebong.go.id; spf=pass (sender is 10.0.0.1) smtp.mailfrom=admin@dinkes.go.id",
            "mx.lebong.go.id; auth=pass smtp.auth=admin",
        ] {
            assert!(is_trusted(&[result]), "{result}");
        }
    }

    #[test]
    fn whatever_a_stranger_can_write_is_not() {
        let forged = "mx.lebong.go.id; dmarc=pass header.from=dinkes.go.id";
        assert!(!is_trusted(&[]));
        assert!(!is_trusted(&["mx.penipu.id; dmarc=pass header.from=dinkes.go.id"]), "another server");
        assert!(!is_trusted(&["mx.penipu.id; spf=fail", forged]), "it came with the mail");
        for result in [
            "mx.lebong.go.id; dmarc=fail header.from=dinkes.go.id",
            "mx.lebong.go.id; dmarc=pass header.from=penipu.id",
            "mx.lebong.go.id; dkim=pass header.d=penipu.id",
            "mx.lebong.go.id; spf=pass smtp.mailfrom=x@penipu.id",
            "mx.lebong.go.id; spf=fail (said \"; dmarc=pass\") smtp.mailfrom=x@penipu.id",
            "mx.lebong.go.id; spf=fail smtp.mailfrom=\"x; dmarc=pass\"@penipu.id",
            "mx.lebong.go.id; spf=fail (a \\) ; dmarc=pass) smtp.mailfrom=penipu.id",
        ] {
            assert!(!is_trusted(&[result]), "{result}");
        }
        let two = mail(&[forged], "admin@dinkes.go.id, penipu@penipu.id");
        assert!(!two.is_vouched_for_by("mx.lebong.go.id"), "two senders");
        let twice = mail(&[forged], "penipu@penipu.id\r\nFrom: admin@dinkes.go.id");
        assert!(!twice.is_vouched_for_by("mx.lebong.go.id"), "a second From");
    }

    proptest! {
        #[test]
        fn any_header_is_survived(header in "[ -~]{0,200}") {
            is_trusted(&[&header]);
        }

        #[test]
        fn what_stands_in_a_comment_never_counts(comment in "[^()\\\\\"\r\n]{0,60}") {
            let header = format!("mx.lebong.go.id; spf=fail ({comment}; dmarc=pass) smtp.mailfrom=x");
            prop_assert!(!is_trusted(&[&header]));
        }
    }
}
