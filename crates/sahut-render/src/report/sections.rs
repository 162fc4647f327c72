//! The sections of the report: what is told of the numbers, and in which tables they stand.

use jiff::civil::Date;
use sahut_domain::Language;
use sahut_domain::report::{BANDS, Counts, FEW, Month, OfficeCounts, Report, Span};

use super::cell::{Cell, share};
use super::document::{Chart, Column, Section, Table};
use crate::catalogue::say;
use crate::format::{month_name, weekday_name, whole, working_span};
use crate::words::word;

/// Ages from here on are old, in days.
const OLD: u64 = 7;

/// A channel is dormant after so many days.
const DORMANT: u64 = 30;

/// All sections, in their order. What happened to nobody has no section, except the main ones.
pub(super) fn all(report: &Report, language: Language) -> Vec<Section> {
    let speaker = Speaker { report, language };
    let mut sections = vec![speaker.summary(), speaker.ranking(), speaker.backlog()];
    sections.extend([
        speaker.longest_open(),
        speaker.arrivals(),
        speaker.kinds(),
        speaker.topics(),
        speaker.incidents(),
        speaker.moves(),
        speaker.parking(),
        speaker.channels(),
        speaker.set_aside(),
    ]);
    sections.retain(|section| !section.table.rows.is_empty());
    sections
}

struct Speaker<'a> {
    report: &'a Report,
    language: Language,
}

impl Speaker<'_> {
    fn t(&self, key: &str, values: &[(&str, &str)]) -> String {
        say(self.language, key, values)
    }

    fn n(&self, number: u64) -> String {
        written(number, self.language)
    }

    fn section(
        &self,
        title: &str,
        sentences: Vec<String>,
        columns: &[(&str, u16)],
        rows: Vec<Vec<Cell>>,
    ) -> Section {
        let column = |(key, weight): &(&str, u16)| Column { title: self.t(key, &[]), weight: *weight };
        let table = Table { columns: columns.iter().map(column).collect(), rows };
        Section { title: self.t(title, &[]), sentences, chart: None, table }
    }

    fn summary(&self) -> Section {
        let total = &self.report.total;
        let counts = [
            ("report.summary.received", Cell::Count(total.received)),
            ("report.summary.answered", Cell::Count(total.answered)),
            ("report.summary.unanswered", Cell::Count(total.unanswered)),
            ("report.summary.needless", Cell::Count(total.needless)),
            ("report.summary.late", Cell::Count(total.late)),
            ("report.summary.late_unanswered", Cell::Count(total.late_unanswered)),
            ("report.summary.punctuality", punctuality(total)),
            ("report.summary.working_median", span(total.working.median)),
            ("report.summary.working_ninety", span(total.working.ninety)),
            ("report.summary.wall_median", span(total.wall.median)),
            ("report.summary.wall_ninety", span(total.wall.ninety)),
            ("report.summary.backlog", Cell::Count(total.backlog_total())),
            ("report.summary.outside_hours", Cell::Count(total.outside_hours)),
            ("report.summary.reopened", Cell::Count(total.reopened)),
        ];
        let rows = counts.into_iter().map(|(key, cell)| vec![Cell::Text(self.t(key, &[])), cell]).collect();
        let columns = [("report.summary.what", 3), ("report.summary.value", 1)];
        self.section(
            "report.summary.title",
            main_sentences(self.report.month, total, self.language),
            &columns,
            rows,
        )
    }

    fn ranking(&self) -> Section {
        let offices: Vec<&OfficeCounts> =
            self.report.offices.iter().filter(|office| office.counts.received > 0).collect();
        let row = |(place, OfficeCounts { office, counts }): (usize, &&OfficeCounts)| {
            vec![
                Cell::Count(place as u64 + 1),
                Cell::Text(office.name.clone()),
                Cell::Count(counts.received),
                Cell::Count(counts.answered),
                Cell::Count(counts.unanswered),
                Cell::Count(counts.late),
                Cell::Count(counts.judged()),
                punctuality(counts),
                span(counts.working.median),
                span(counts.working.ninety),
                span(counts.wall.median),
                span(counts.wall.ninety),
            ]
        };
        let columns = [
            ("report.ranking.place", 4),
            ("report.ranking.office", 18),
            ("report.ranking.received", 7),
            ("report.ranking.answered", 8),
            ("report.ranking.unanswered", 7),
            ("report.ranking.late", 9),
            ("report.ranking.judged", 7),
            ("report.ranking.punctuality", 9),
            ("report.ranking.working_median", 9),
            ("report.ranking.working_ninety", 9),
            ("report.ranking.wall_median", 9),
            ("report.ranking.wall_ninety", 9),
        ];
        let sentence = offices.iter().find(|office| office.counts.late > 0).or(offices.first()).map_or_else(
            || self.t("report.ranking.say_none", &[]),
            |worst| {
                let (late, received) = (self.n(worst.counts.late), self.n(worst.counts.received));
                let values =
                    [("office", worst.office.name.as_str()), ("late", &late), ("received", &received)];
                self.t("report.ranking.say", &values)
            },
        );
        let rows = offices.iter().enumerate().map(row).collect();
        let section = self.section("report.ranking.title", vec![sentence], &columns, rows);
        Section { chart: self.ranking_chart(&offices), ..section }
    }

    fn ranking_chart(&self, offices: &[&OfficeCounts]) -> Option<Chart> {
        let bar = |office: &&OfficeCounts| {
            let kept = shown_punctuality(&office.counts)?;
            let beside = format!("{} (n {})", share(kept, self.language), self.n(office.counts.judged()));
            Some((office.office.name.clone(), kept, beside))
        };
        let bars: Vec<_> = offices.iter().filter_map(bar).collect();
        let title = self.t("report.ranking.chart", &[]);
        (!bars.is_empty()).then_some(Chart::Bars { title, bars, full: 1000 })
    }

    fn band(&self, place: usize) -> String {
        let from = BANDS.get(place).copied().unwrap_or(0);
        match BANDS.get(place + 1) {
            Some(_) if from == 0 => self.t("report.backlog.first", &[]),
            Some(next) => {
                self.t("report.backlog.band", &[("from", &from.to_string()), ("to", &(next - 1).to_string())])
            }
            None => self.t("report.backlog.last", &[("from", &from.to_string())]),
        }
    }

    fn backlog(&self) -> Section {
        let total = &self.report.total;
        let row = |name: String, counts: &Counts| {
            let mut row = vec![Cell::Text(name)];
            row.extend(counts.backlog.iter().map(|count| Cell::Count(*count)));
            row.push(Cell::Count(counts.backlog_total()));
            row
        };
        let mut rows = vec![row(self.t("report.all", &[]), total)];
        let offices = self.report.offices.iter().filter(|office| office.counts.backlog_total() > 0);
        rows.extend(offices.map(|office| row(office.office.name.clone(), &office.counts)));
        let old = total.backlog.iter().zip(BANDS).filter(|(_, from)| *from >= OLD).map(|(count, _)| count);
        let (all, old) = (self.n(total.backlog_total()), self.n(old.sum()));
        let sentence = self.t("report.backlog.say", &[("total", &all), ("old", &old)]);
        let mut section =
            self.section("report.backlog.title", vec![sentence], &[("report.ranking.office", 3)], rows);
        let bands = (0..BANDS.len()).map(|place| Column { title: self.band(place), weight: 1 });
        section.table.columns.extend(bands);
        section.table.columns.push(Column { title: self.t("report.backlog.total", &[]), weight: 1 });
        let bars = total.backlog.iter().enumerate();
        let bars: Vec<_> = bars.map(|(place, count)| (self.band(place), *count, self.n(*count))).collect();
        let full = total.backlog.iter().copied().max().unwrap_or(0).max(1);
        section.chart = Some(Chart::Bars { title: self.t("report.backlog.chart", &[]), bars, full });
        section
    }

    fn longest_open(&self) -> Section {
        let open = &self.report.longest_open;
        let sentence = open.first().map_or_else(
            || self.t("report.longest.say_none", &[]),
            |first| {
                let values = [
                    ("number", first.number.as_str()),
                    ("office", &first.office.name),
                    ("days", &self.n(first.days)),
                ];
                self.t("report.longest.say", &values)
            },
        );
        let yes_no = |yes: bool| self.t(if yes { "report.yes" } else { "report.no" }, &[]);
        let rows = open.iter().map(|line| {
            vec![
                Cell::Text(line.number.clone()),
                Cell::Text(word(line.kind, self.language).to_owned()),
                Cell::Text(line.office.name.clone()),
                Cell::Moment(line.since),
                Cell::Count(line.days),
                Cell::Moment(line.due_at),
                Cell::Text(yes_no(line.late)),
            ]
        });
        let columns = [
            ("report.longest.number", 10),
            ("report.longest.kind", 12),
            ("report.ranking.office", 13),
            ("report.longest.since", 13),
            ("report.longest.days", 5),
            ("report.longest.due", 13),
            ("report.longest.late", 7),
        ];
        self.section("report.longest.title", vec![sentence], &columns, rows.collect())
    }

    fn arrivals(&self) -> Section {
        let arrivals = &self.report.arrivals;
        let total = &self.report.total;
        let hour = |hour: usize| format!("{hour:02}");
        let rows: Vec<Vec<Cell>> = arrivals
            .iter()
            .enumerate()
            .map(|(at, days)| {
                let mut row = vec![Cell::Text(hour(at))];
                row.extend(days.iter().map(|count| Cell::Count(*count)));
                row
            })
            .collect();
        let cells = arrivals.iter().enumerate();
        let cells = cells.flat_map(|(at, days)| days.iter().enumerate().map(move |(day, n)| (*n, at, day)));
        let busiest = cells.max_by_key(|(count, at, day)| (*count, std::cmp::Reverse((*at, *day))));
        let sentence = match busiest {
            Some((count, at, day)) if count > 0 => {
                let (outside, received) = (self.n(total.outside_hours), self.n(total.received));
                let (weekday, hour) = (self.day(day), hour(at));
                let values = [
                    ("outside", outside.as_str()),
                    ("received", &received),
                    ("weekday", &weekday),
                    ("hour", &hour),
                ];
                self.t("report.arrivals.say", &values)
            }
            _ => self.t("report.arrivals.say_none", &[]),
        };
        let mut section =
            self.section("report.arrivals.title", vec![sentence], &[("report.arrivals.hour", 1)], rows);
        let days: Vec<String> = (0..7).map(|day| self.day(day)).collect();
        section.table.columns.extend(days.iter().map(|day| Column { title: day.clone(), weight: 1 }));
        section.chart = Some(Chart::Heat {
            title: self.t("report.arrivals.chart", &[]),
            columns: days,
            rows: arrivals.iter().enumerate().map(|(at, days)| (hour(at), days.to_vec())).collect(),
        });
        section
    }

    /// A weekday, from 0 for Monday.
    fn day(&self, place: usize) -> String {
        // The first of June 2026 is a Monday.
        let day = i8::try_from(place).ok().and_then(|place| Date::new(2026, 6, 1 + place).ok());
        day.map_or_else(String::new, |day| weekday_name(day.weekday(), self.language))
    }

    fn kinds(&self) -> Section {
        let kinds = &self.report.kinds;
        let most = kinds.iter().rev().max_by_key(|kind| kind.received);
        let sentence = most.map(|most| {
            let kind = word(most.kind, self.language);
            self.t("report.kinds.say", &[("kind", kind), ("received", &self.n(most.received))])
        });
        let rows = kinds.iter().map(|kind| {
            vec![
                Cell::Text(word(kind.kind, self.language).to_owned()),
                Cell::Count(kind.received),
                Cell::Count(kind.answered),
                Cell::Count(kind.unanswered),
                Cell::Count(kind.late),
            ]
        });
        let columns = [
            ("report.kinds.kind", 3),
            ("report.ranking.received", 1),
            ("report.ranking.answered", 1),
            ("report.ranking.unanswered", 1),
            ("report.ranking.late", 1),
        ];
        self.section("report.kinds.title", sentence.into_iter().collect(), &columns, rows.collect())
    }

    fn topics(&self) -> Section {
        let topics = &self.report.topics;
        let sentence = topics.first().map(|(topic, count)| {
            self.t("report.topics.say", &[("topic", topic), ("count", &self.n(*count))])
        });
        let rows = topics.iter().map(|(topic, count)| vec![Cell::Text(topic.clone()), Cell::Count(*count)]);
        let columns = [("report.topics.topic", 3), ("report.topics.count", 1)];
        self.section("report.topics.title", sentence.into_iter().collect(), &columns, rows.collect())
    }

    fn incidents(&self) -> Section {
        let incidents = &self.report.incidents;
        let sentence = incidents.first().map(|first| {
            let count = self.n(first.inquiries);
            let values =
                [("incident", first.incident.as_str()), ("office", &first.office.name), ("count", &count)];
            self.t("report.incidents.say", &values)
        });
        let rows = incidents.iter().map(|incident| {
            vec![
                Cell::Text(incident.incident.clone()),
                Cell::Text(incident.office.name.clone()),
                Cell::Count(incident.inquiries),
                Cell::Count(incident.unanswered),
            ]
        });
        let columns = [
            ("report.incidents.incident", 2),
            ("report.ranking.office", 2),
            ("report.incidents.inquiries", 1),
            ("report.ranking.unanswered", 1),
        ];
        self.section("report.incidents.title", sentence.into_iter().collect(), &columns, rows.collect())
    }

    fn moves(&self) -> Section {
        let total = &self.report.total;
        let numbers = |counts: &Counts| {
            [counts.handed_away, counts.handed_in, counts.ping_pong, counts.three_hops, counts.reopened]
        };
        let sentence = self.t(
            "report.moves.say",
            &[
                ("count", &self.n(total.handed_away)),
                ("ping_pong", &self.n(total.ping_pong)),
                ("three", &self.n(total.three_hops)),
            ],
        );
        let columns = [
            ("report.ranking.office", 3),
            ("report.moves.away", 1),
            ("report.moves.arrived", 1),
            ("report.moves.ping_pong", 1),
            ("report.moves.three", 1),
            ("report.summary.reopened", 1),
        ];
        let rows = self.by_office(
            |counts| numbers(counts).map(Cell::Count).to_vec(),
            |counts| numbers(counts).iter().any(|n| *n > 0),
        );
        self.section("report.moves.title", vec![sentence], &columns, rows)
    }

    fn parking(&self) -> Section {
        let total = &self.report.total;
        let sentence = self.t(
            "report.parking.say",
            &[
                ("pauses", &self.n(total.pauses)),
                ("span", &spoken(total.paused_minutes, self.language)),
                ("asked", &self.n(total.extensions_asked)),
                ("granted", &self.n(total.extensions_granted)),
                ("refused", &self.n(total.extensions_refused)),
            ],
        );
        let columns = [
            ("report.ranking.office", 3),
            ("report.parking.pauses", 1),
            ("report.parking.paused", 1),
            ("report.parking.asked", 1),
            ("report.parking.granted", 1),
            ("report.parking.refused", 1),
        ];
        let row = |counts: &Counts| {
            vec![
                Cell::Count(counts.pauses),
                Cell::Span(Span { minutes: counts.paused_minutes, at_least: false }),
                Cell::Count(counts.extensions_asked),
                Cell::Count(counts.extensions_granted),
                Cell::Count(counts.extensions_refused),
            ]
        };
        let rows = self.by_office(row, |counts| {
            counts.pauses + counts.paused_minutes > 0
                || counts.extensions_asked + counts.extensions_granted + counts.extensions_refused > 0
        });
        self.section("report.parking.title", vec![sentence], &columns, rows)
    }

    /// A row for all and one for each office that has something to tell.
    fn by_office(
        &self,
        row: impl Fn(&Counts) -> Vec<Cell>,
        tells: impl Fn(&Counts) -> bool,
    ) -> Vec<Vec<Cell>> {
        let named = |name: String, counts: &Counts| {
            let mut cells = vec![Cell::Text(name)];
            cells.extend(row(counts));
            cells
        };
        let mut rows = vec![named(self.t("report.all", &[]), &self.report.total)];
        let offices = self.report.offices.iter().filter(|office| tells(&office.counts));
        rows.extend(offices.map(|office| named(office.office.name.clone(), &office.counts)));
        rows
    }

    fn channels(&self) -> Section {
        let channels = &self.report.channels;
        let dormant =
            channels.iter().filter(|channel| channel.dormant_days.is_none_or(|days| days >= DORMANT));
        let (count, dormant) = (self.n(channels.len() as u64), self.n(dormant.count() as u64));
        let sentence = self.t("report.channels.say", &[("count", &count), ("dormant", &dormant)]);
        let rows = channels.iter().map(|channel| {
            vec![
                Cell::Text(channel.name.clone()),
                Cell::Text(word(channel.platform, self.language).to_owned()),
                Cell::Text(channel.office.name.clone()),
                Cell::Count(channel.messages),
                Cell::Count(channel.replies),
                Cell::or_nothing(channel.last_activity, Cell::Moment),
                Cell::or_nothing(channel.dormant_days, Cell::Count),
                Cell::or_nothing(channel.complete_until, Cell::Moment),
            ]
        });
        let columns = [
            ("report.channels.name", 14),
            ("report.channels.platform", 9),
            ("report.ranking.office", 11),
            ("report.channels.messages", 6),
            ("report.channels.replies", 6),
            ("report.channels.last", 12),
            ("report.channels.dormant", 6),
            ("report.channels.complete", 12),
        ];
        self.section("report.channels.title", vec![sentence], &columns, rows.collect())
    }

    fn set_aside(&self) -> Section {
        let aside = &self.report.set_aside;
        let count = self.n(aside.iter().map(|(_, count)| count).sum());
        let back = self.n(self.report.brought_back);
        let sentence = self.t("report.aside.say", &[("count", &count), ("back", &back)]);
        let rows = aside.iter().map(|(kind, count)| {
            vec![Cell::Text(word(*kind, self.language).to_owned()), Cell::Count(*count)]
        });
        let columns = [("report.kinds.kind", 3), ("report.aside.count", 1)];
        self.section("report.aside.title", vec![sentence], &columns, rows.collect())
    }
}

/// What the main numbers say, one sentence for each.
pub(crate) fn main_sentences(month: Month, total: &Counts, language: Language) -> Vec<String> {
    let n = |number| written(number, language);
    let (month, judged) = (month_name(month, language), n(total.judged()));
    let received = [
        ("month", month),
        ("received", n(total.received)),
        ("answered", n(total.answered)),
        ("unanswered", n(total.unanswered)),
        ("needless", n(total.needless)),
    ];
    let received = received.each_ref().map(|(name, value)| (*name, value.as_str()));
    let late = [("late", &*n(total.late)), ("late_unanswered", &n(total.late_unanswered))];
    let punctual = match shown_punctuality(total) {
        Some(kept) => {
            let values = [("share", &*share(kept, language)), ("judged", &judged)];
            say(language, "report.summary.say_punctual", &values)
        }
        None => say(language, "report.summary.say_few", &[("judged", &judged)]),
    };
    let mut sentences = vec![
        say(language, "report.summary.say_received", &received),
        say(language, "report.summary.say_late", &late),
        punctual,
    ];
    for (key, spread) in
        [("report.summary.say_working", &total.working), ("report.summary.say_wall", &total.wall)]
    {
        if let (Some(median), Some(ninety)) = (spread.median, spread.ninety) {
            let (median, ninety) = (waited(median, language), waited(ninety, language));
            sentences.push(say(language, key, &[("median", &median), ("ninety", &ninety)]));
        }
    }
    sentences
}

/// One office and its late inquiries, in a line.
pub(crate) fn worst_line(office: &OfficeCounts, language: Language) -> String {
    let (late, received) = (written(office.counts.late, language), written(office.counts.received, language));
    let values = [("office", &*office.office.name), ("late", &late), ("received", &received)];
    say(language, "mail.monthly_report.worst_line", &values)
}

pub(crate) fn written(number: u64, language: Language) -> String {
    whole(i64::try_from(number).unwrap_or(i64::MAX), language)
}

fn spoken(minutes: u64, language: Language) -> String {
    working_span(i64::try_from(minutes.saturating_mul(60)).unwrap_or(i64::MAX), language)
}

fn waited(span: Span, language: Language) -> String {
    let said = spoken(span.minutes, language);
    if span.at_least { say(language, "report.at_least", &[("span", &said)]) } else { said }
}

/// The punctuality, where enough can be judged.
fn shown_punctuality(counts: &Counts) -> Option<u64> {
    counts.punctuality().filter(|_| counts.judged() >= FEW)
}

fn punctuality(counts: &Counts) -> Cell {
    Cell::or_nothing(shown_punctuality(counts), Cell::Share)
}

fn span(span: Option<Span>) -> Cell {
    Cell::or_nothing(span, Cell::Span)
}
