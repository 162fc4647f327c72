//! Calendars whose holidays are not known for much longer: the operators are told, and told again each week.

use jiff::civil::Date;
use sahut_domain::notice::Template;
use sahut_store::StoreError;
use sahut_store::notify::NewNotice;

use crate::Context;

/// Tells the operators, once a week, of every calendar that ends soon.
pub async fn warn(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let regency = context.regency.get();
    let ending = regency.calendars.values().filter_map(|calendar| {
        Some((calendar.name.as_str(), monday(calendar.date_of(now)), calendar.ends_soon(now)?))
    });
    let ending: Vec<_> = ending.collect();
    if ending.is_empty() {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    for (calendar, week, until) in ending {
        let Some(event) = tx.note_calendar_ending(calendar, week, until, now).await? else { continue };
        let notice = |person: sahut_domain::office::Person| NewNotice {
            event,
            template: Template::CalendarEnds,
            recipient: person,
            office: None,
            inquiry: None,
            channel: None,
            urgent: false,
            not_before: now,
        };
        tx.owe(regency.operators(now).into_iter().map(notice).collect(), now).await?;
    }
    tx.commit().await
}

/// The Monday of a day's week.
fn monday(date: Date) -> Date {
    let behind = i64::from(date.weekday().to_monday_zero_offset());
    date.checked_sub(jiff::Span::new().days(behind)).unwrap_or(date)
}
