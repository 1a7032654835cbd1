//! The charts of a report: all drawn, with as many points as they should have, and the table behind each says the same.

use serde::Deserialize;

use crate::page::Page;

/// A chart as it stands on the page.
#[derive(Debug, Deserialize)]
pub(crate) struct Chart {
    pub(crate) id: String,
    /// How many points the page says it has, where it does.
    pub(crate) points: Option<usize>,
    drawn: bool,
    alt: String,
    /// Marks that were drawn.
    marks: usize,
    traces: Vec<Trace>,
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A line, a set of marks, or bars.
#[derive(Debug, Deserialize)]
struct Trace {
    name: String,
    kind: String,
    points: usize,
    /// What it shows, across or upwards.
    figures: Vec<f64>,
    /// Whether each figure has a mark or a bar of its own.
    marked: bool,
}

/// Brings each chart into sight, since it is drawn when it is seen; then reads all of them.
#[track_caller]
pub(crate) fn drawn(page: &Page<'_>) -> Vec<Chart> {
    let charts: usize = page.value("document.querySelectorAll('.chart').length");
    for place in 0..charts {
        let chart = format!("document.querySelectorAll('.chart')[{place}]");
        page.value::<serde_json::Value>(&format!(
            "{chart}.scrollIntoView({{ block: 'center', behavior: 'instant' }})"
        ));
        page.until(
            &format!("chart {place} is drawn"),
            &format!("{chart}.dataset.drawn === 'true' || {ALL_DRAWN}"),
        );
    }
    page.value::<serde_json::Value>("scrollTo({ top: 0, behavior: 'instant' })");
    page.value(include_str!("charts.js"))
}

/// Where charts are few the page draws all of them at once, and says so.
const ALL_DRAWN: &str = "document.documentElement.dataset.charts === 'drawn'";

impl Chart {
    /// Drawn, described, and with as many points as were meant.
    #[track_caller]
    pub(crate) fn assert_whole(&self) {
        let id = &self.id;
        assert!(self.drawn && !self.traces.is_empty(), "{id} is drawn: {self:?}");
        assert!(self.alt.len() > 20, "{id} says what it shows: {:?}", self.alt);
        let points: usize = self.traces.iter().map(|trace| trace.points).sum();
        assert_eq!(
            self.points.unwrap_or(points),
            points,
            "{id}: points that were meant, and that plotly has"
        );
        assert!(points > 0, "{id} shows something");
        let marked = self.traces.iter().filter(|trace| trace.marked && trace.kind == "scatter");
        let marks: usize = marked.map(|trace| trace.figures.len()).sum();
        assert!(self.marks >= marks, "{id}: {} marks for {marks} figures", self.marks);
    }

    /// Each mark's figure stands in the table, and each median and trial of the table has its place in the chart.
    #[track_caller]
    pub(crate) fn assert_same_as_its_table(&self) {
        let id = &self.id;
        assert!(!self.rows.is_empty(), "{id} has a table behind it");
        let told: Vec<Figure> = self.rows.iter().flatten().flat_map(|cell| figures(cell)).collect();
        for trace in self.traces.iter().filter(|trace| trace.marked && trace.counts()) {
            for value in &trace.figures {
                assert!(
                    told.iter().any(|figure| figure.is(*value)),
                    "{id}: {value} of {:?} is drawn, and not in {:#?}",
                    trace.name,
                    self.rows
                );
            }
        }
        self.assert_columns_are_drawn(is_drawn);
    }

    /// Each figure of some columns of the table has its place in the chart. Returns how many columns those are.
    #[track_caller]
    pub(crate) fn assert_columns_are_drawn(&self, which: impl Fn(&str) -> bool) -> usize {
        let id = &self.id;
        let shown: Vec<f64> = self.traces.iter().flat_map(|trace| trace.figures.clone()).collect();
        let headers = self.headers.iter().enumerate();
        let columns: Vec<(usize, &String)> = headers.filter(|(_, header)| which(header)).collect();
        for (column, header) in &columns {
            for figure in self.rows.iter().flat_map(|row| figures(&row[*column])) {
                let drawn = shown.iter().any(|value| figure.is(*value));
                assert!(drawn, "{id}: {figure:?} of {header:?} is not in the chart, which has {shown:?}");
            }
        }
        columns.len()
    }
}

impl Trace {
    /// What counts is in the table; the rest is hatched or crossed out, with its reason beside it.
    fn counts(&self) -> bool {
        !["void", "collapsed", "not run"].iter().any(|not| self.name.ends_with(&format!(", {not}")))
    }
}

/// Columns whose figures are in the picture, whatever else a table has.
fn is_drawn(header: &str) -> bool {
    header.starts_with("median") || header == "each trial"
}

/// A number as it is written: how far off may what was written be?
#[derive(Debug)]
struct Figure {
    value: f64,
    half_a_digit: f64,
}

impl Figure {
    fn is(&self, value: f64) -> bool {
        (self.value - value).abs() <= self.half_a_digit * 1.001
    }
}

/// The numbers of a cell: `157; 1,105; 0.50 (p99 2.1)` has four.
fn figures(cell: &str) -> Vec<Figure> {
    let parts = cell.split(|letter: char| !(letter.is_ascii_digit() || letter == '.' || letter == ','));
    let number = |part: &str| {
        let plain = part.trim_end_matches(['.', ',']).replace(',', "");
        let places = plain.split_once('.').map_or(0, |(_, places)| places.len());
        let value = plain.parse().ok()?;
        Some(Figure { value, half_a_digit: 0.5 * 10_f64.powi(-(places as i32)) })
    };
    parts.filter_map(number).collect()
}

#[test]
fn numbers_are_read_as_they_are_written() {
    let read = |cell: &str| figures(cell).iter().map(|figure| figure.value).collect::<Vec<_>>();
    assert_eq!(read("157; 1,105; 0.50 (p99 2.1)"), [157.0, 1_105.0, 0.5, 99.0, 2.1]);
    assert_eq!(read("–"), [0.0; 0]);
    let [whole] = &figures("1,105")[..] else { panic!("one") };
    assert!(whole.is(1_104.6) && whole.is(1_105.5) && !whole.is(1_106.0));
}
