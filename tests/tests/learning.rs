//! The program learns from what people put right, and is measured on labelled texts, from the outside.

#![cfg(test)]

use std::time::{Duration, Instant};

use sahut_tests::{Sahut, or_skip};
use serde_json::Value;

fn fresh() -> Option<Sahut> {
    or_skip(Sahut::with_archive())
}

fn done(sahut: &Sahut, arguments: &[&str]) -> String {
    sahut.done(arguments).unwrap()
}

fn json(sahut: &Sahut, arguments: &[&str]) -> Value {
    sahut.json(arguments).unwrap()
}

fn wait_for(what: &str, mut reached: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < Duration::from_mins(2), "{what} takes too long");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Complaints of one thing that no rule knows, each in its own words.
const TOWERS: [&str; 24] = [
    "Mohon menara seluler di samping rumah saya berdengung keras setiap malam",
    "Tolong pak, menara dekat masjid belum punya izin warga sekitar",
    "Sudah setahun menara di RT kami tidak dirawat, karatnya jatuh ke atap",
    "Menara operator itu pagarnya roboh, anak-anak main ke dalam, bahaya sekali",
    "Kami tidak pernah menerima kompensasi dari pemilik menara di dusun ini",
    "Kapan retribusi menara ditagih? kas desa menunggu bagiannya",
    "Genset menara meledak semalam, warga ketakutan, mohon ditindak",
    "Mohon dicek kekuatan menara yang miring sejak gempa kemarin",
    "Menara baru dibangun tanpa sosialisasi, tetangga keberatan semua",
    "Lampu peringatan di puncak menara padam sudah lama, tolong segera diganti",
    "Petir menyambar televisi saya gara-gara menara tidak ada penangkalnya",
    "Kontrak lahan menara habis tetapi perusahaan belum memperpanjang, mohon solusi",
    "Kabel dari menara menjuntai rendah, hampir mengenai kepala orang lewat",
    "Lapor, ada dua menara berdiri tanpa papan nama pemilik di kebun sebelah",
    "Suara kipas menara mengganggu bayi tidur, mohon perhatian",
    "Apakah radiasi menara aman? kami resah tinggal di bawahnya",
    "Menara bekas tidak dibongkar, besinya rusak dimakan umur",
    "Tanah di kaki menara longsor sedikit demi sedikit, tolong ditinjau",
    "Pemilik menara mengalihkan saluran pembuangan ke halaman kami",
    "Mohon pajak menara diumumkan supaya masyarakat tahu",
    "Solar genset menara tumpah dan mencemari sumur warga",
    "Pintu menara tidak dikunci, kemarin ada yang memanjat",
    "Tolong tertibkan menara ilegal di perbatasan kecamatan",
    "Sewa tempat menara belum dibayar kepada ibu saya sejak Januari",
];

/// What the rules know, each in its own words.
const ORDINARY: [&str; 10] = [
    "Mohon jalan rusak di depan pasar diperbaiki",
    "Jembatan gantung ke kebun kami hampir putus, tolong pak",
    "KTP saya belum jadi, blangko kosong terus, mohon dibantu",
    "Akta kelahiran anak salah nama, bagaimana cara memperbaikinya?",
    "Sampah menumpuk di terminal tidak diangkut, bau sekali",
    "Puskesmas tutup jam sepuluh, pasien menunggu lama, mohon ditindak",
    "Guru honorer belum digaji tiga bulan, tolong dinas pendidikan",
    "Bantuan sosial belum cair padahal nama saya terdaftar, mohon dicek",
    "Air PDAM mati sejak kemarin, tolong segera dialirkan",
    "Pupuk subsidi langka dan mahal, petani susah, mohon solusi",
];

#[test]
fn corrections_teach_the_running_program_and_it_says_so() {
    let Some(mut sahut) = fresh() else { return };
    sahut.import_texts(TOWERS.iter().chain(&ORDINARY).copied()).unwrap();
    sahut.start(&["run"]).unwrap();
    wait_for("routing", || json(&sahut, &["status"])["messages_waiting"] == 0);
    for aside in json(&sahut, &["aside", "list"]).as_array().unwrap() {
        done(&sahut, &["aside", "bring-back", &aside["message"].to_string()]);
    }
    let mut inquiries = Value::Null;
    wait_for("every inquiry", || {
        inquiries = json(&sahut, &["inquiry", "list"]);
        inquiries.as_array().unwrap().len() == TOWERS.len() + ORDINARY.len()
    });
    let question = "Mohon menara di gang Teuku diperiksa, warga resah";
    assert_ne!(json(&sahut, &["route", question])["office"], "bkd");
    for line in inquiries.as_array().unwrap() {
        let (number, office) = (line["number"].as_str().unwrap(), line["office"].as_str().unwrap());
        let tower = line["title"].as_str().unwrap().to_lowercase().contains("menara");
        let right = if tower { "bkd" } else { office };
        done(&sahut, &["inquiry", "give", number, right, "--reason", "retribusi menara", "--by", "Sekda"]);
    }
    wait_for("training", || json(&sahut, &["routing", "models"])["models"][0]["in_use"] == true);
    let learned = json(&sahut, &["route", question]);
    assert_eq!((&learned["office"], &learned["basis"]), (&"bkd".into(), &"learned".into()), "{learned}");
    let told = done(&sahut, &["route", question]);
    assert!(told.contains("Keputusan atas pesan serupa (model 1)"), "{told}");

    done(&sahut, &["routing", "use", "none"]);
    assert_ne!(json(&sahut, &["route", question])["office"], "bkd");
    done(&sahut, &["routing", "use", "1"]);
    assert_eq!(json(&sahut, &["route", question])["office"], "bkd");
    let unknown = sahut.run(&["routing", "use", "9"]).unwrap();
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("`sahut routing models`"), "{}", unknown.stderr);
}

#[test]
fn talk_is_brought_back_and_an_inquiry_is_closed_as_talk() {
    let Some(mut sahut) = fresh() else { return };
    sahut.import_texts(["Wkwkwk mantap jiwa", "Mohon jalan rusak di Topos diperbaiki"]).unwrap();
    sahut.start(&["run"]).unwrap();
    wait_for("routing", || json(&sahut, &["status"])["messages_waiting"] == 0);
    let aside = json(&sahut, &["aside", "list"]);
    assert_eq!(aside[0]["text"], "Wkwkwk mantap jiwa", "{aside}");
    let message = aside[0]["message"].to_string();
    done(&sahut, &["aside", "bring-back", &message]);
    wait_for("routing", || json(&sahut, &["inquiry", "list", "--triage"]).as_array().unwrap().len() == 1);
    let back = json(&sahut, &["inquiry", "list", "--triage"]);
    let number = back[0]["number"].as_str().unwrap();
    let tried = json(&sahut, &["rules", "try", "regency"]);
    assert_eq!((&tried["unopened"], &tried["people"]), (&0.into(), &0.into()), "{tried}");
    assert_eq!(tried["decided_by_running"], tried["decided_the_same"], "{tried}");
    done(&sahut, &["inquiry", "talk", number]);
    assert_eq!(json(&sahut, &["inquiry", "show", number])["state"], "closed");
    let tried = json(&sahut, &["rules", "try", "regency"]);
    assert_eq!((&tried["people"], &tried["running_agrees"]), (&1.into(), &0.into()), "{tried}");
    let closed = sahut.run(&["inquiry", "talk", number]).unwrap();
    assert_eq!(closed.code, Some(1));
    assert!(closed.stderr.contains("is closed already; nothing was changed"), "{}", closed.stderr);
    let again = sahut.run(&["aside", "bring-back", &message]).unwrap();
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("is not set aside"), "{}", again.stderr);
    done(&sahut, &["selfcheck"]);
}

#[test]
fn labelled_texts_are_measured_without_an_installation() {
    let Some(sahut) = or_skip(Sahut::new()) else { return };
    let rows = "title\ttext\tlabel\taccept\n\
        Jalan\tJalan rusak parah di depan pasar, mohon diperbaiki\tpupr\t\n\
        KTP\tKTP saya belum jadi, blangko kosong\tdisdukcapil\t\n\
        Sampah\tSampah menumpuk tidak diangkut\tdlh\tpupr\n\
        Listrik\tListrik padam dua hari\tluar:pln\t\n\
        Bantuan\tBantuan sosial belum cair\tdlh\t\n";
    let file = sahut.write("uji.tsv", rows).unwrap();
    let file = file.to_str().unwrap();
    let measured = json(&sahut, &["routing", "evaluate", file, "--text", "title,text", "--accept", "accept"]);
    assert_eq!((&measured["rows"], &measured["accuracy"]), (&5.into(), &0.8.into()), "{measured}");
    assert_eq!(measured["confusions"][0]["chosen"], "dinsos");
    let gate = json(&sahut, &["routing", "evaluate", file, "--gate=pupr,disdukcapil,dlh,luar:pln"]);
    assert_eq!(gate["rows"], 5);
    sahut.write("direct.tsv", "text\tlabel\tsurat\nktp saya\tya\tya\nktp saya\tbukan\ttidak\n").unwrap();
    let direct = json(&sahut, &["routing", "evaluate", "direct.tsv", "--gate=ya", "--direct", "surat"]);
    assert_eq!(direct["accuracy"], 1.0, "{direct}");
    let learned = json(&sahut, &["routing", "evaluate", file, "--text", "title,text", "--learn", file]);
    assert!(learned["accuracy"].as_f64().unwrap() >= 0.8, "{learned}");

    let missing = sahut.run(&["routing", "evaluate", file, "--text", "isi"]).unwrap();
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.stderr.contains("there is no column \"isi\"; there are: title, text"),
        "{}",
        missing.stderr
    );
    let nobody = sahut.run(&["routing", "evaluate", file, "--label", "title"]).unwrap();
    assert_eq!(nobody.code, Some(2), "{}", nobody.stderr);
}
