//! `report.md` says what the page says, and every picture that it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lab::report;
use lab::results::{Results, TrialOutcome};
use tempfile::TempDir;

use crate::fixture;
use crate::fixture::figures;

struct Written {
    dir: TempDir,
    markdown: String,
    page: String,
}

fn written(results: &Results) -> Written {
    let dir = TempDir::new().unwrap();
    report::write(dir.path(), results).unwrap();
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let (markdown, page) = (read("report.md"), read("report.html"));
    Written { dir, markdown, page }
}

/// Alt text and file of every picture.
fn pictures(markdown: &str) -> Vec<(String, String)> {
    let lines =
        markdown.lines().filter_map(|line| line.strip_prefix("![")?.strip_suffix(')')?.split_once("]("));
    lines.map(|(alt, file)| (alt.to_owned(), file.to_owned())).collect()
}

/// Cells of every row of every table, as text.
fn rows_of_markdown(markdown: &str) -> BTreeSet<Vec<String>> {
    let rows = markdown.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    rows.map(|line| {
        let cells = line.trim_start_matches("| ").trim_end_matches(" |").split(" | ");
        cells.map(|cell| unescaped(&cell.replace('\\', ""))).collect()
    })
    .collect()
}

fn rows_of_page(page: &str) -> BTreeSet<Vec<String>> {
    // The charts' script has rows of its own.
    let own = page.split("* plotly.js v").next().unwrap();
    let rows = own.split("<tr>").skip(1).map(|row| row.split("</tr>").next().unwrap());
    rows.map(|row| {
        let cells = row.split("</th>").flat_map(|part| part.split("</td>")).filter(|part| part.contains('<'));
        cells.map(|cell| unescaped(cell.rsplit_once('>').map_or("", |(_, text)| text))).collect()
    })
    .collect()
}

fn unescaped(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    .replace("&#60;", "<")
    .replace("&#62;", ">")
}

#[test]
fn every_table_of_the_page_is_there_with_the_same_cells() {
    let Written { markdown, page, .. } = written(&fixture::plausible());
    let (ours, theirs) = (rows_of_markdown(&markdown), rows_of_page(&page));
    assert!(theirs.len() > 60, "{}", theirs.len());
    let missing: Vec<&Vec<String>> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn question_answer_and_verdicts_come_first() {
    let Written { markdown, .. } = written(&fixture::plausible());
    assert!(
        markdown.starts_with("# When does a server that blocks a thread per request stop scaling"),
        "{markdown}"
    );
    let (opening, rest) = markdown.split_once("\n## The lecture").unwrap();
    assert!(opening.contains("## The answer, here") && opening.contains("`event-loop`"), "{opening}");
    assert!(
        opening.contains("![Throughput against clients. pool leaves")
            && opening.contains("](charts/2-scale-1.svg)"),
        "{opening}"
    );
    assert!(rest.contains("### Verdict: what ran out"));
    assert!(
        rest.contains("| throughput\\_rps | right answers per second; of subscribers: ticks |"),
        "documented columns"
    );
}

#[test]
fn every_picture_that_is_named_exists_and_is_whole() {
    let Written { dir, markdown, page } = written(&fixture::plausible());
    let pictures = pictures(&markdown);
    assert_eq!(pictures.len(), figures(&page).len(), "one for each chart of the page");
    let mut bytes = 0;
    for (alt, file) in &pictures {
        assert!(alt.len() > 20, "{file} has no words: {alt}");
        let svg = fs::read_to_string(dir.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{file}");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count(), "{file}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{file}");
        bytes += svg.len();
    }
    assert!(bytes < 400 << 10, "{bytes} bytes");
    assert_eq!(there(dir.path()), pictures.into_iter().map(|(_, file)| file).collect());
}

/// The files in `charts/`.
fn there(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir.join("charts")).unwrap();
    entries.map(|entry| format!("charts/{}", entry.unwrap().file_name().to_string_lossy())).collect()
}

#[test]
fn a_report_that_is_made_again_leaves_no_picture_of_the_one_before_and_touches_no_other() {
    let mut results = fixture::plausible();
    let Written { dir, .. } = written(&results);
    fs::write(dir.path().join("charts/mine.svg"), "<svg/>").unwrap();
    let page = fs::read_to_string(dir.path().join("report.md")).unwrap();
    fs::write(dir.path().join("report.md"), page + "\n![My set-up](charts/mine.svg)\n").unwrap();
    results.experiments.truncate(1);
    results.trials.retain(|trial| trial.experiment == results.experiments[0].name);
    report::write(dir.path(), &results).unwrap();
    let markdown = fs::read_to_string(dir.path().join("report.md")).unwrap();
    let mut shown: BTreeSet<String> = pictures(&markdown).into_iter().map(|(_, file)| file).collect();
    assert!(!shown.is_empty());
    shown.insert("charts/mine.svg".into());
    assert_eq!(there(dir.path()), shown);
}

/// The chart of throughput has a mark for each trial and one for each cell that was drawn as its line.
#[test]
fn a_picture_has_the_points_of_its_chart() {
    let Written { dir, .. } = written(&fixture::plausible());
    let svg = fs::read_to_string(dir.path().join("charts/2-scale-1.svg")).unwrap();
    let marks = svg.matches("<circle ").count() + svg.matches("<polygon ").count();
    assert_eq!(marks, 24, "eight cells in three blocks");
    for label in [
        ">\nthread-per-request\n<",
        ">\nevent-loop\n<",
        "16 threads ÷ ",
        "CPU full",
        "requests/s (log scale)",
    ] {
        assert!(svg.contains(label), "{label} is not in\n{svg}");
    }
}

#[test]
fn what_comes_from_a_file_is_text_and_never_markup() {
    let evil = "</details> [x](http://y) | `a` <script>alert(1)</script> ![p](q)";
    let mut results = fixture::plausible();
    results.command = "```\nrm".into();
    for asked in &mut results.experiments {
        (asked.title, asked.question) = (evil.into(), evil.into());
    }
    for trial in &mut results.trials {
        trial.variant = Some(evil.into());
        trial.outcome = TrialOutcome::Void;
        trial.reason = Some(evil.into());
    }
    let Written { markdown, .. } = written(&results);
    assert!(!markdown.contains("<script") && !markdown.contains("[x](") && !markdown.contains("![p]("));
    assert_eq!(markdown.matches("<details>").count(), markdown.matches("</details>").count());
    assert_eq!(markdown.matches("```").count() % 2, 0);
}

#[test]
fn every_column_of_the_csv_is_documented() {
    let Written { dir, markdown, .. } = written(&fixture::plausible());
    let mut rows = csv::Reader::from_path(dir.path().join("results.csv")).unwrap();
    let documented = rows_of_markdown(markdown.split_once("The columns of results.csv").unwrap().1);
    for column in rows.headers().unwrap() {
        let row = documented.iter().find(|row| row[0] == column);
        assert!(row.is_some_and(|row| row[1].len() > 2), "{column} has no line");
    }
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/README.md");
    assert!(fs::read_to_string(readme).unwrap().contains("`results.csv`"), "and the way there is described");
}
