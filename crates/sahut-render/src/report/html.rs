//! The report as one page: it needs nothing else, reads on a phone, and prints on A4.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, UndefinedBehavior, Value, context};

use super::{Chart, Document, Section, WriteError, chart};

/// The page.
pub fn html(document: &Document) -> Result<String, WriteError> {
    write(document).map_err(|error| WriteError(error.to_string()))
}

fn write(document: &Document) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("sheet.html", include_str!("../../templates/report.html"))?;
    let sections: Vec<Value> = document.sections.iter().map(|section| filled(document, section)).collect();
    environment.get_template("sheet.html")?.render(context! {
        lang => document.language.as_str(),
        letterhead => &document.letterhead,
        title => &document.title,
        subtitle => &document.subtitle,
        id => document.id_line(),
        notes => &document.notes,
        sections,
    })
}

fn filled(document: &Document, section: &Section) -> Value {
    let rows = &section.table.rows;
    let cell = |cell: &super::Cell| context! { text => document.text(cell), number => cell.is_number() };
    let column = |(at, column): (usize, &super::Column)| {
        let number = rows.first().and_then(|row| row.get(at)).is_some_and(super::Cell::is_number);
        context! { title => &column.title, number }
    };
    let drawn = section.chart.as_ref().map(|chart| {
        let title = match chart {
            Chart::Bars { title, .. } | Chart::Heat { title, .. } => title,
        };
        context! { title, svg => Value::from_safe_string(chart::svg(chart)) }
    });
    context! {
        title => &section.title,
        sentences => &section.sentences,
        chart => drawn,
        columns => section.table.columns.iter().enumerate().map(column).collect::<Vec<_>>(),
        rows => rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>()).collect::<Vec<_>>(),
    }
}
