//! Files brought in by the program itself: routed like everything else, never twice, and from where they were left.

#![cfg(test)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sahut_tests::{Sahut, or_skip};

fn fresh() -> Option<Sahut> {
    or_skip(Sahut::with_archive())
}

fn done(sahut: &Sahut, arguments: &[&str]) -> String {
    sahut.done(arguments).unwrap()
}

fn import(sahut: &Sahut, file: &str, more: &[&str]) -> String {
    done(sahut, &[&["import", file, "--channel", "berkas", "--json"], more].concat())
}

/// A number of a JSON answer.
fn number(json: &str, name: &str) -> u64 {
    let (_, rest) =
        json.split_once(&format!("\"{name}\": ")).unwrap_or_else(|| panic!("no {name} in {json}"));
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

fn status(sahut: &Sahut, name: &str) -> u64 {
    number(&done(sahut, &["status", "--json"]), name)
}

fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what} takes too long");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn example() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/aduan.csv").to_owned()
}

/// Rows of a table that nobody wrote.
fn table(rows: usize) -> String {
    let mut text = "nomor,tanggal,isi\n".to_owned();
    for row in 0..rows {
        writeln!(text, "U-{row},2026-11-02,Lampu jalan nomor {row} mati").unwrap();
    }
    text
}

#[test]
fn what_is_brought_in_goes_to_the_offices_with_a_deadline() {
    let Some(mut sahut) = fresh() else { return };
    assert_eq!(number(&import(&sahut, &example(), &[]), "imported"), 10);
    sahut.start(&["run"]).unwrap();
    wait_until("routing", || status(&sahut, "messages_waiting") == 0);
    let inquiries = done(&sahut, &["inquiry", "list", "--json"]);
    assert!(inquiries.contains("\"due_at\"") && inquiries.contains("Lampu jalan mati"), "{inquiries}");
    assert!(status(&sahut, "inquiries") >= 8);
    assert!(status(&sahut, "notices_due") > 0);
    // While the program runs, too: the same rows in another file are no new messages.
    let copy = std::fs::read_to_string(example()).unwrap() + "\n";
    let copy = sahut.write("salinan.csv", &copy).unwrap();
    let again = import(&sahut, copy.to_str().unwrap(), &[]);
    assert_eq!((number(&again, "imported"), number(&again, "known")), (0, 10));
    assert!(import(&sahut, &example(), &[]).contains("\"finished_before\": true"));
    assert_eq!(status(&sahut, "messages"), 10);
}

#[test]
fn a_real_export_is_read_whole() {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/lapor_kab.tsv"));
    if !file.exists() {
        println!("skipped: {} is not there", file.display());
        return;
    }
    let Some(mut sahut) = fresh() else { return };
    let rows = std::fs::read_to_string(&file).unwrap().lines().count() as u64 - 1;
    let read = import(&sahut, file.to_str().unwrap(), &["--map", "text=text,subject=title"]);
    assert_eq!(number(&read, "imported") + number(&read, "known") + number(&read, "refused"), rows);
    assert!(number(&read, "refused") * 100 <= rows);
    sahut.start(&["run", "--roles", "route"]).unwrap();
    wait_until("routing", || status(&sahut, "messages_waiting") == 0);
    assert!(status(&sahut, "inquiries") > rows / 2);
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let Some(mut sahut) = fresh() else { return };
    let rows = 10_000;
    sahut.write("banyak.csv", &table(rows)).unwrap();
    sahut.launch(&["import", "banyak.csv", "--channel", "berkas"]).unwrap();
    wait_until("the first batch", || status(&sahut, "messages") > 0);
    sahut.kill();
    let before = status(&sahut, "messages");
    assert!(before < rows as u64, "it was killed on its way");
    let rest = import(&sahut, "banyak.csv", &[]);
    assert_eq!(
        (number(&rest, "imported"), number(&rest, "known")),
        (rows as u64, 0),
        "nothing was stored twice"
    );
    assert_eq!(status(&sahut, "messages"), rows as u64);
}

#[test]
fn a_limit_leaves_the_rest_for_the_next_time() {
    let Some(sahut) = fresh() else { return };
    assert_eq!(number(&import(&sahut, &example(), &["--limit", "4"]), "position"), 4);
    assert_eq!(number(&import(&sahut, &example(), &[]), "imported"), 10);
}

#[test]
fn what_is_older_than_the_channel_counts_bothers_no_office() {
    let Some(mut sahut) = fresh() else { return };
    let rows = "nomor,tanggal,isi\nU-1,2019-12-30,Mohon jalan rusak diperbaiki\nU-2,2026-11-02,Mohon jalan rusak diperbaiki\n";
    let file = sahut.write("lama.csv", rows).unwrap();
    assert_eq!(number(&import(&sahut, file.to_str().unwrap(), &[]), "imported"), 2);
    sahut.start(&["run"]).unwrap();
    wait_until("routing", || status(&sahut, "messages_waiting") == 0);
    assert_eq!(status(&sahut, "inquiries"), 1);
    let kept = done(&sahut, &["aside", "list", "--json"]);
    assert!(kept.contains("2019-12-29T17:00:00Z"), "{kept}");
}

#[test]
fn a_bad_row_is_set_apart_and_its_neighbours_flow() {
    let Some(sahut) = fresh() else { return };
    let rows =
        "nomor,tanggal,isi,opd\n1,2026-11-02,air mati,samsat\n2,kemarin,air keruh,\n3,02/11/2026,air bau,\n";
    sahut.write("laporan.csv", rows).unwrap();
    let finished = sahut
        .run(&["import", "laporan.csv", "--channel", "berkas", "--map", "office=opd", "--json"])
        .unwrap();
    assert_eq!(finished.code, Some(0));
    assert_eq!((number(&finished.stdout, "imported"), number(&finished.stdout, "refused")), (1, 2));
    assert!(
        finished.stderr.contains("laporan.csv:2: there is no office samsat: the offices are"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("laporan.csv:3: a date such as"), "{}", finished.stderr);
    assert!(done(&sahut, &["quarantine", "list"]).contains("laporan.csv:3"));
    // Nothing but a file can give these rows again, and the answer says so.
    assert!(done(&sahut, &["quarantine", "retry"]).contains("2 row(s) of imported files"));
    assert!(done(&sahut, &["quarantine", "drop", "1", "2"]).contains("2 item(s) are dropped"));
    assert!(done(&sahut, &["quarantine", "list"]).contains("Nothing is set apart"));
}

#[test]
fn a_record_that_stands_again_with_other_words_revises_the_first() {
    let Some(mut sahut) = fresh() else { return };
    sahut
        .write(
            "laporan.csv",
            "nomor,tanggal,isi\n1,2026-11-02,Lampu jalan mati\n1,2026-11-02,Lampu jalan depan pasar mati\n",
        )
        .unwrap();
    let read = import(&sahut, "laporan.csv", &[]);
    assert_eq!((number(&read, "imported"), number(&read, "known"), number(&read, "position")), (1, 1, 2));
    sahut.start(&["run", "--roles", "route"]).unwrap();
    wait_until("routing", || status(&sahut, "messages_waiting") == 0);
    let inquiries = done(&sahut, &["inquiry", "list", "--json"]);
    assert!(inquiries.contains("depan pasar"), "{inquiries}");
}

#[test]
fn what_cannot_be_imported_says_the_next_step() {
    let Some(sahut) = fresh() else { return };
    sahut.write("kosong.csv", "").unwrap();
    sahut.write("a.csv", "isi,b\nx,y\n").unwrap();
    for (arguments, says) in [
        (vec!["tiada.csv", "--channel", "berkas"], "tiada.csv"),
        (vec!["kosong.csv", "--channel", "berkas"], "is empty"),
        (vec!["a.csv", "--channel", "lain"], "platform = \"import\""),
        (vec!["a.csv", "--channel", "berkas", "--map", "text=c"], "there are: isi, b"),
    ] {
        let finished = sahut.run(&[vec!["import"], arguments.clone()].concat()).unwrap();
        assert_ne!(finished.code, Some(0), "{arguments:?}");
        assert!(finished.stderr.contains(says), "{arguments:?}: {}", finished.stderr);
    }
}
