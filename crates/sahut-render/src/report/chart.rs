//! Charts as inline SVG, without a script. Every number in them stands in the table below as well.

use std::fmt::Write as _;

use super::Chart;

/// Width of a drawing: that of a small phone, so that its letters are as large as those around it.
const WIDTH: u64 = 340;

/// Height of a bar with its gap, and of a cell of a grid.
const BAR: u64 = 22;
const CELL: u64 = 14;

/// Where bars begin, and how long a full one is.
const LABEL: u64 = 112;
const LONGEST: u64 = 130;

/// A drawing.
pub(super) fn svg(chart: &Chart) -> String {
    match chart {
        Chart::Bars { title, bars, full } => draw_bars(title, bars, *full),
        Chart::Heat { title, columns, rows } => draw_heat(title, columns, rows),
    }
}

fn draw_bars(title: &str, bars: &[(String, u64, String)], full: u64) -> String {
    let mut svg = opened(title, bars.len() as u64 * BAR + 4);
    for (at, (label, length, beside)) in (0..).zip(bars) {
        let top = at * BAR + 2;
        let width = length.saturating_mul(LONGEST) / full.max(1);
        let (base, after) = (top + 14, LABEL + width + 6);
        let label = escaped(&shortened(label));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{label}</text><rect x=\"{LABEL}\" y=\"{top}\" \
             width=\"{}\" height=\"18\" fill=\"#1f5fa8\"/><text x=\"{after}\" y=\"{base}\">{}</text>",
            LABEL - 6,
            width.max(1),
            escaped(beside)
        );
    }
    svg + "</svg>"
}

fn draw_heat(title: &str, columns: &[String], rows: &[(String, Vec<u64>)]) -> String {
    let most = rows.iter().flat_map(|(_, counts)| counts).copied().max().unwrap_or(0).max(1);
    let mut svg = opened(title, (rows.len() as u64 + 1) * CELL + 6);
    let width = (WIDTH - 34) / (columns.len() as u64).max(1);
    for (at, column) in (0..).zip(columns) {
        let middle = 34 + at * width + width / 2;
        let _ =
            writeln!(svg, "<text x=\"{middle}\" y=\"11\" text-anchor=\"middle\">{}</text>", escaped(column));
    }
    for (line, (label, counts)) in (1..).zip(rows) {
        let top = line * CELL + 4;
        let _ =
            writeln!(svg, "<text x=\"28\" y=\"{}\" text-anchor=\"end\">{}</text>", top + 11, escaped(label));
        for (at, count) in (0..).zip(counts) {
            let (left, dark) = (34 + at * width, shade(*count, most));
            let _ = writeln!(
                svg,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"#1f5fa8\" fill-opacity=\"{dark}\"/>",
                width - 1,
                CELL - 1
            );
        }
    }
    svg + "</svg>"
}

fn opened(title: &str, height: u64) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"11\" fill=\"#1b1f24\">\n",
        escaped(title)
    )
}

/// How dark a cell is, as a share in hundredths: something is never as light as nothing.
fn shade(count: u64, most: u64) -> String {
    let hundredths = if count == 0 { 4 } else { 15 + count.saturating_mul(85) / most };
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// A label that fits beside its bar.
fn shortened(label: &str) -> String {
    const MOST: usize = 17;
    if label.chars().count() <= MOST {
        return label.to_owned();
    }
    label.chars().take(MOST - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
