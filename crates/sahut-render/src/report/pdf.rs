//! The report on paper: A4, with letterhead, page numbers and the report's number at the foot of every sheet.

use super::paper::{Face, LEFT, Paper, WIDTH, lines};
use super::{Cell, Chart, Document, Section, Table};
use crate::catalogue::say;

/// Sizes of letters, in points.
const TEXT: f32 = 9.5;
const NOTE: f32 = 8.0;
const SMALL: f32 = 7.5;
const HEADING: f32 = 12.0;

/// Room around a cell.
const PAD: f32 = 3.0;

/// The bytes of the file. The same document gives the same bytes.
pub fn pdf(document: &Document) -> Vec<u8> {
    let mut paper = Paper::new();
    head(&mut paper, document);
    for section in &document.sections {
        write_section(&mut paper, document, section);
    }
    let title = format!("{}, {}", document.title, document.subtitle);
    paper.bind(&title, document.language.as_str(), |page, pages| {
        let (page, pages) = (page.to_string(), pages.to_string());
        let number = say(document.language, "report.page", &[("page", &page), ("pages", &pages)]);
        (document.id_line(), number)
    })
}

fn head(paper: &mut Paper, document: &Document) {
    paper.skip(13.0);
    paper.words(LEFT, Face::Bold, 13.0, &document.letterhead.to_uppercase());
    paper.skip(22.0);
    paper.words(LEFT, Face::Bold, 17.0, &document.title);
    paper.skip(15.0);
    paper.words(LEFT, Face::Plain, 11.0, &document.subtitle);
    paper.rule(7.0, WIDTH, 1.5);
    paper.skip(9.0);
    for note in &document.notes {
        paper.paragraph(Face::Plain, NOTE, note);
    }
}

fn write_section(paper: &mut Paper, document: &Document, section: &Section) {
    // A heading is never left alone at the foot of a sheet.
    if !paper.need(110.0) {
        paper.skip(20.0);
    }
    paper.skip(HEADING);
    paper.words(LEFT, Face::Bold, HEADING, &section.title);
    paper.skip(3.0);
    for sentence in &section.sentences {
        paper.paragraph(Face::Plain, TEXT, sentence);
    }
    paper.skip(6.0);
    match &section.chart {
        Some(Chart::Bars { title, bars, full }) => {
            paper.skip(NOTE);
            paper.words(LEFT, Face::Plain, NOTE, title);
            paper.skip(2.0);
            draw_bars(paper, bars, *full);
        }
        // The table of a grid is drawn as one: its cells are as dark as they are full.
        Some(Chart::Heat { .. }) | None => {}
    }
    write_table(paper, document, section);
}

fn draw_bars(paper: &mut Paper, bars: &[(String, u64, String)], full: u64) {
    const LABEL: f32 = 130.0;
    const LONGEST: f32 = 250.0;
    for (label, length, beside) in bars {
        paper.need(12.0);
        paper.skip(11.0);
        let shown = lines(Face::Plain, NOTE, label, LABEL - 6.0).into_iter().next().unwrap_or_default();
        paper.words_to(LEFT + LABEL - 4.0, Face::Plain, NOTE, &shown);
        let width = (share_of(*length, full) * LONGEST).max(0.5);
        paper.fill(LEFT + LABEL, -2.0, (width, 9.0), 1.0);
        paper.words(LEFT + LABEL + width + 4.0, Face::Plain, NOTE, beside);
    }
    paper.skip(8.0);
}

/// A part of a whole; both are counts of things.
fn share_of(part: u64, whole: u64) -> f32 {
    let small = |count: u64| f32::from(u16::try_from(count.min(60_000)).unwrap_or(u16::MAX));
    if whole <= 60_000 { small(part) / small(whole.max(1)) } else { small(part * 1000 / whole) / 1000.0 }
}

fn write_table(paper: &mut Paper, document: &Document, section: &Section) {
    let table = &section.table;
    let edges = edges(table);
    let most = match &section.chart {
        Some(Chart::Heat { rows, .. }) => rows.iter().flat_map(|(_, counts)| counts).copied().max(),
        _ => None,
    };
    write_headings(paper, table, &edges);
    for row in &table.rows {
        let texts: Vec<Vec<String>> = row
            .iter()
            .zip(&edges)
            .map(|(cell, (from, to))| lines(Face::Plain, SMALL, &document.text(cell), to - from - PAD * 2.0))
            .collect();
        let height = tallest(&texts);
        if paper.need(height + 2.0) {
            write_headings(paper, table, &edges);
        }
        if let Some(most) = most.filter(|most| *most > 0) {
            shade(paper, row, &edges, most);
        }
        write_row(paper, &texts, row, &edges, Face::Plain);
        paper.rule(2.5, width_of(&edges), 0.4);
        paper.skip(1.5);
    }
}

fn shade(paper: &mut Paper, row: &[Cell], edges: &[(f32, f32)], most: u64) {
    for (cell, (from, to)) in row.iter().zip(edges) {
        if let Cell::Count(count @ 1..) = cell {
            let strength = 0.1 + 0.45 * share_of(*count, most);
            paper.fill(*from, -SMALL * 1.25 - 2.5, (to - from, SMALL * 1.25 + 1.5), strength);
        }
    }
}

fn write_headings(paper: &mut Paper, table: &Table, edges: &[(f32, f32)]) {
    let texts: Vec<Vec<String>> = table
        .columns
        .iter()
        .zip(edges)
        .map(|(column, (from, to))| lines(Face::Bold, SMALL, &column.title, to - from - PAD * 2.0))
        .collect();
    paper.need(tallest(&texts) + 30.0);
    let under = table.rows.first().cloned().unwrap_or_default();
    write_row(paper, &texts, &under, edges, Face::Bold);
    paper.rule(3.0, width_of(edges), 0.8);
    paper.skip(2.5);
}

/// Writes the lines of a row's cells; the pen ends at the last of them.
fn write_row(paper: &mut Paper, texts: &[Vec<String>], row: &[Cell], edges: &[(f32, f32)], face: Face) {
    let top = paper.height;
    for ((text, (from, to)), cell) in texts.iter().zip(edges).zip(row) {
        paper.height = top;
        for line in text {
            paper.skip(SMALL * 1.25);
            if cell.is_number() {
                paper.words_to(to - PAD, face, SMALL, line);
            } else {
                paper.words(from + PAD, face, SMALL, line);
            }
        }
    }
    paper.height = top - tallest(texts);
}

fn tallest(texts: &[Vec<String>]) -> f32 {
    let most = texts.iter().map(Vec::len).max().unwrap_or(1);
    f32::from(u16::try_from(most).unwrap_or(u16::MAX)) * SMALL * 1.25
}

fn width_of(edges: &[(f32, f32)]) -> f32 {
    edges.last().map_or(WIDTH, |(_, to)| to - LEFT)
}

/// Where the columns begin and end.
fn edges(table: &Table) -> Vec<(f32, f32)> {
    let whole: f32 = table.columns.iter().map(|column| f32::from(column.weight)).sum();
    // A table of few narrow columns does not go across the whole sheet.
    let width = if table.columns.len() <= 2 { WIDTH * 0.6 } else { WIDTH };
    let mut edge = LEFT;
    let next = |column: &super::Column| {
        let from = edge;
        edge += width * f32::from(column.weight) / whole.max(1.0);
        (from, edge)
    };
    table.columns.iter().map(next).collect()
}
