//! The files of the page, built into the program. Colours are the report's, cut out of its style sheet; the charts'
//! script is the one that the plotly crate carries.

use crate::report;

/// Content type and text of a file.
pub(super) fn named(path: &str) -> Option<(&'static str, &'static str)> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    const STYLE: &str = "text/css; charset=utf-8";
    Some(match path {
        "/" => ("text/html; charset=utf-8", include_str!("page/index.html")),
        "/style.css" => (STYLE, include_str!("page/style.css")),
        "/colors.css" => (STYLE, report::colors()),
        "/main.js" => (SCRIPT, include_str!("page/main.js")),
        "/charts.js" => (SCRIPT, include_str!("page/charts.js")),
        "/cells.js" => (SCRIPT, include_str!("page/cells.js")),
        "/controls.js" => (SCRIPT, include_str!("page/controls.js")),
        "/course.js" => (SCRIPT, include_str!("page/course.js")),
        "/lane.js" => (SCRIPT, include_str!("page/lane.js")),
        "/link.js" => (SCRIPT, include_str!("page/link.js")),
        "/words.js" => (SCRIPT, include_str!("page/words.js")),
        "/plotly.js" => (SCRIPT, report::charts_script()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_the_reports_and_nothing_else_of_it() {
        let (_, colors) = named("/colors.css").unwrap();
        for token in ["--page:", "--warm-1:", "--cool-1:", "prefers-color-scheme: dark"] {
            assert!(colors.contains(token), "{token}");
        }
        assert!(!colors.contains("box-sizing"), "rules of the report's own layout");
        assert_eq!(colors.matches('{').count(), colors.matches('}').count());
    }

    #[test]
    fn the_charts_script_is_plotly_alone_without_its_tags() {
        let (_, script) = named("/plotly.js").unwrap();
        assert!(
            script.starts_with("/**\n* plotly.js") || script.trim_start().starts_with("/*"),
            "{script:.60}"
        );
        assert!(!script.contains("</script>") && script.len() > 1_000_000);
    }

    #[test]
    fn every_file_that_the_page_asks_for_is_there() {
        let (_, page) = named("/").unwrap();
        // What was kept is not built in.
        let asked = |part: &&str| part.starts_with('/') && part.contains('.') && !part.starts_with("/kept/");
        for part in page.split(['"', '\'']).filter(asked) {
            assert!(named(part).is_some(), "{part}");
        }
        for file in ["main", "charts", "cells", "controls", "course", "lane", "link", "words"] {
            let (_, text) = named(&format!("/{file}.js")).unwrap();
            assert!(text.lines().count() <= 300, "{file}.js is longer than 300 lines");
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let asked = line.rsplit('"').nth(1).unwrap().trim_start_matches('.');
                assert!(named(asked).is_some(), "{file}.js: {asked}");
            }
        }
    }
}
