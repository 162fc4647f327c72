//! Replies as the common mail programs write them: only the writer's own words are left.

use sahut_mail::{Instruction, Limits, ReadMail, instruction, own_words};

macro_rules! mail {
    ($name:literal) => {
        sahut_mail::read(include_bytes!(concat!("mails/reply-", $name, ".eml")), &Limits::default()).unwrap()
    };
}

/// The words, however the program broke its lines.
fn words(mail: &ReadMail) -> Vec<String> {
    let own = own_words(&mail.text);
    own.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn only_the_writers_own_words_are_left() {
    for (name, mail, own) in [
        (
            "Gmail app",
            mail!("gmail-app"),
            &["Puskesmas buka kembali pukul 13.00.", "Mohon maaf atas antreannya."][..],
        ),
        ("Gmail web", mail!("gmail-web"), &["Sudah kami tindak lanjuti."]),
        (
            "Gmail below",
            mail!("gmail-below"),
            &["Petugas sudah di tempat.", "Antrean kami tambah satu loket."],
        ),
        (
            "Outlook",
            mail!("outlook-desktop"),
            &["Obat sudah tersedia sejak pagi ini.", "Silakan datang kembali."],
        ),
        ("Outlook mobile", mail!("outlook-mobile"), &["Vaksin tiba hari Senin."]),
        ("Outlook plain", mail!("outlook-plain"), &["Jadwal dokter sudah dipasang di loket."]),
        ("Apple Mail", mail!("apple-mail"), &["Kami cek ke puskesmas siang ini."]),
        ("Apple Mail, HTML", mail!("apple-mac"), &["Terima kasih, sudah kami teruskan ke bidang."]),
        (
            "Thunderbird",
            mail!("thunderbird"),
            &["Pintu samping dibuka mulai besok.", "Loket depan menyusul."],
        ),
        ("K-9", mail!("k9"), &["Petugas jaga sudah kami tegur."]),
        ("Yahoo", mail!("yahoo"), &["Rapat koordinasi besok pukul 09.00."]),
        ("Samsung", mail!("samsung"), &["Sudah kami jawab lewat telepon juga."]),
        ("nothing written", mail!("empty"), &[]),
    ] {
        assert_eq!(words(&mail), own, "{name}: {}", mail.text);
        assert_eq!(mail.automatic, None, "{name}");
        assert_eq!(mail.to[0].address, "sahut+77-abcdefghij234567@contoh.go.id", "{name}");
    }
}

#[test]
fn a_command_stands_in_the_first_line() {
    let said = instruction(&own_words(&mail!("command").text), jiff::civil::date(2026, 11, 26));
    let (until, note) = (jiff::civil::date(2026, 11, 27), "tim sudah berangkat".to_owned());
    assert_eq!(said, Ok(Instruction::InHand { until, note }));
}
