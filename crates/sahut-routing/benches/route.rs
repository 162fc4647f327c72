//! What a decision with its explanation costs, by the rules alone and with a model in use, beside an Aho-Corasick walk
//! over the same texts: the least that finding phrases can cost. All run in turn in one process; CPU time of this thread
//! decides, medians are compared. And what it takes to train a model on ten thousand corrections.
//!
//! `cargo bench -p sahut-routing --bench route [-- --json]`

use std::fmt::Write as _;
use std::hint::black_box;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_domain::{Language, Timestamp};
use sahut_routing::{Input, Lesson, Model, RuleSet, Source, Taught, explain};

const OFFICES: usize = 40;
const PHRASES: usize = 2_000;
const TEXTS: usize = 20_000;
const ROUNDS: usize = 9;
/// At most so many times the CPU time of the limit.
const TARGET: f64 = 6.0;

/// Corrections that a model is trained on, and how long and how much memory that may take: seconds, MiB.
const LESSONS: usize = 10_000;
const TRAINING: f64 = 20.0;
const MEMORY: f64 = 200.0;
/// Seconds from one to the next: all are spread over five years, of which each is learned apart.
const BETWEEN: i64 = 15_700;

/// Words that phrases are made of.
const NOUNS: [&str; 40] = [
    "jalan",
    "jembatan",
    "sampah",
    "selokan",
    "lampu",
    "puskesmas",
    "sekolah",
    "pasar",
    "parkir",
    "angkot",
    "pupuk",
    "bantuan",
    "pajak",
    "izin",
    "akta",
    "kartu",
    "perpustakaan",
    "stadion",
    "wisata",
    "koperasi",
    "perizinan",
    "banjir",
    "longsor",
    "listrik",
    "sinyal",
    "internet",
    "perumahan",
    "tanah",
    "sawah",
    "ternak",
    "pegawai",
    "honorer",
    "upah",
    "lowongan",
    "korupsi",
    "pungutan",
    "ketertiban",
    "kebakaran",
    "imunisasi",
    "posyandu",
];
const QUALITIES: [&str; 50] = [
    "rusak",
    "mati",
    "berlubang",
    "menumpuk",
    "mampet",
    "padam",
    "roboh",
    "hilang",
    "kosong",
    "langka",
    "mahal",
    "liar",
    "kotor",
    "bocor",
    "putus",
    "gelap",
    "macet",
    "tutup",
    "terlambat",
    "ditolak",
    "dipotong",
    "tercemar",
    "meluap",
    "tersumbat",
    "retak",
    "amblas",
    "subsidi",
    "tunai",
    "daerah",
    "kabupaten",
    "negeri",
    "umum",
    "desa",
    "gratis",
    "lama",
    "baru",
    "sementara",
    "darurat",
    "keliling",
    "lanjutan",
    "ganda",
    "terpadu",
    "elektronik",
    "swasta",
    "bersama",
    "harian",
    "bulanan",
    "tahunan",
    "kecil",
    "besar",
];
/// Words that no phrase knows.
const FILLERS: [&str; 44] = [
    "pak",
    "mohon",
    "tolong",
    "segera",
    "sudah",
    "belum",
    "kami",
    "warga",
    "di",
    "yang",
    "dan",
    "ini",
    "itu",
    "sekali",
    "setiap",
    "hari",
    "minggu",
    "sejak",
    "kemarin",
    "depan",
    "rumah",
    "saya",
    "tidak",
    "ada",
    "karena",
    "untuk",
    "dari",
    "sampai",
    "sekarang",
    "terima",
    "kasih",
    "bagaimana",
    "kapan",
    "lagi",
    "terus",
    "banyak",
    "orang",
    "anak",
    "lewat",
    "malam",
    "pagi",
    "yg",
    "dgn",
    "jln",
];

fn main() {
    let rules = rules();
    let phrases: Vec<String> = (0..PHRASES).map(phrase).collect();
    let limit =
        AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(&phrases).unwrap_or_else(|e| stop(&e));
    let texts = texts();
    let bytes: usize = texts.iter().map(String::len).sum();
    let found: usize = texts.iter().map(|text| limit.find_overlapping_iter(text).count()).sum();
    let (taught, seconds, mebibytes) = train();
    let (mut ours, mut learned, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(cost(|| texts.iter().map(|text| limit.find_overlapping_iter(text.as_str()).count()).sum()));
        ours.push(cost(|| texts.iter().map(|text| told(&rules, text)).sum()));
        learned.push(cost(|| texts.iter().map(|text| told(&taught, text)).sum()));
    }
    let bare = median(&mut bare);
    if !json() {
        println!(
            "{TEXTS} texts of {} bytes, {PHRASES} phrases, {OFFICES} offices, {found} phrases in them",
            bytes / texts.len()
        );
    }
    report("route", "us/text", median(&mut ours), Some(bare), TARGET);
    report("route-learned", "us/text", median(&mut learned), Some(bare), TARGET);
    report("train", "s CPU", seconds, None, TRAINING);
    report("train-memory", "MiB", mebibytes, None, MEMORY);
}

/// Rules with a model trained on texts as long as reports are, and what that took: seconds of this thread, and by how
/// many MiB the process's memory grew at most.
fn train() -> (RuleSet, f64, f64) {
    let mut rules = rules();
    let texts = texts();
    let reports: Vec<(String, String)> = (0..LESSONS)
        .map(|number| {
            let parts = [0, 7_919, 12_011].map(|step| texts[(number + step) % TEXTS].as_str());
            // People decide by what stands there, mostly.
            (parts.join(". "), format!("dinas-{:02}", parts[0].len() * 7 % OFFICES))
        })
        .collect();
    let lessons: Vec<Lesson<'_>> = reports
        .iter()
        .zip(0..)
        .map(|((text, office), number)| Lesson {
            input: Input::of(text),
            taught: Taught::Seat(office),
            // Over five years, so that each is learned apart.
            at: Timestamp::from_second(number * BETWEEN).unwrap_or_default(),
        })
        .collect();
    let (before, memory) = (cpu_nanoseconds(), mebibytes("VmRSS"));
    let model = Model::learn(&rules, &lessons);
    #[expect(clippy::cast_precision_loss, reason = "seconds of work")]
    let seconds = (cpu_nanoseconds() - before) as f64 / 1e9;
    let grown = mebibytes("VmHWM") - memory;
    rules.teach(model, 1);
    (rules, seconds, grown)
}

/// A figure of the process's memory, as Linux tells it.
fn mebibytes(name: &str) -> f64 {
    let told = std::fs::read_to_string("/proc/self/status").unwrap_or_else(|e| stop(&e));
    let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kibibytes: f64 =
        line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default();
    kibibytes / 1024.0
}

fn json() -> bool {
    std::env::args().any(|argument| argument == "--json")
}

/// A decision with its explanation, as an office would read it.
fn told(rules: &RuleSet, text: &str) -> usize {
    let decision = rules.decide(&Input::of(black_box(text)));
    explain(&decision, &|office| office.to_string(), Language::Indonesian).len()
}

/// CPU microseconds a text that some work over all texts takes.
fn cost(work: impl FnOnce() -> usize) -> f64 {
    let before = cpu_nanoseconds();
    black_box(work());
    #[expect(clippy::cast_precision_loss, reason = "seconds of work over thousands of texts")]
    let nanoseconds = (cpu_nanoseconds() - before) as f64 / TEXTS as f64;
    nanoseconds / 1_000.0
}

/// What this thread has run so far, as Linux counts it.
fn cpu_nanoseconds() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_else(|e| stop(&e));
    told.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

fn median(rounds: &mut [f64]) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

/// One line: ours beside the limit, or beside a fixed figure.
fn report(name: &str, unit: &str, ours: f64, limit: Option<f64>, target: f64) {
    let ratio = limit.map(|limit| ours / limit);
    let met = ratio.unwrap_or(ours) <= target;
    let number = |value: Option<f64>| value.map_or_else(|| "null".to_owned(), |value| format!("{value:.3}"));
    if json() {
        let promise = if limit.is_some() { format!("<= {target}x") } else { format!("<= {target} {unit}") };
        println!(
            r#"{{"name":"{name}","unit":"{unit}","ours":{ours:.3},"limit":{},"ratio":{},"target":"{promise}","met":{met}}}"#,
            number(limit),
            number(ratio)
        );
    } else {
        println!(
            "{name:<14} {ours:.3} {unit}  limit {}  ratio {}  target {target}",
            number(limit),
            number(ratio)
        );
    }
}

fn phrase(number: usize) -> String {
    let noun = NOUNS[number % NOUNS.len()];
    let quality = QUALITIES[number / NOUNS.len() % QUALITIES.len()];
    format!("{noun} {quality}")
}

fn rules() -> RuleSet {
    let gate = "[[kind]]\nkind = \"complaint\"\nstrong = [\"mohon\", \"tolong\"]\nnormal = [\"tidak ada\", \"belum\", \"sudah\"]\n\
                [[kind]]\nkind = \"information\"\nnormal = [\"bagaimana\", \"kapan\"]\n\
                [[kind]]\nkind = \"thanks\"\nweak = [\"terima kasih\"]\n\
                [words]\nyg = \"yang\"\ndgn = \"dengan\"\njln = \"jalan\"\n";
    let mut sources = vec![Source { path: "gate.toml".to_owned(), text: gate.to_owned() }];
    let mut offices = Vec::new();
    for office in 0..OFFICES {
        let code = format!("dinas-{office:02}");
        let mut text = format!("duty = \"{code}\"\n[[topic]]\nname = \"urusan\"\nstrong = [");
        for number in (office..PHRASES).step_by(OFFICES) {
            let _ = write!(text, "\"{}\", ", phrase(number));
        }
        sources.push(Source { path: format!("{code}.toml"), text: text + "]\n" });
        offices.push((OfficeCode::parse(&code).unwrap_or_else(|e| stop(&e)), OfficeKind::Technical));
    }
    let fallback = offices[0].0.clone();
    RuleSet::compile(&sources, &offices, &fallback).unwrap_or_else(|problems| stop(&problems[0]))
}

/// Texts of about 123 bytes: filler with one to three phrases, and one text in eight with none.
fn texts() -> Vec<String> {
    let mut seed = 7_u64;
    let mut chance = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap_or_default() % below
    };
    let text = |number: usize| {
        let phrases = if number.is_multiple_of(8) { 0 } else { 1 + chance(3) };
        let mut words: Vec<String> = (0..phrases).map(|_| phrase(chance(PHRASES))).collect();
        while words.iter().map(|word| word.len() + 1).sum::<usize>() < 120 {
            let at = chance(words.len() + 1);
            words.insert(at, FILLERS[chance(FILLERS.len())].to_owned());
        }
        words.join(" ")
    };
    (0..TEXTS).map(text).collect()
}

fn stop(reason: &dyn std::fmt::Display) -> ! {
    eprintln!("{reason}");
    std::process::exit(1)
}
