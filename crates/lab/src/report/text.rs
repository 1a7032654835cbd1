//! Numbers and names as people read them: three significant digits, thousands apart, a unit on each.

use crate::ladder::LADDER;

/// Three significant digits, thousands separated: `4.72`, `20.8`, `160`, `20,300`. For sentences; more
/// digits would claim a precision that a few seconds of measuring do not have.
pub(crate) fn rounded(value: f64) -> String {
    if !value.is_finite() {
        return "?".into();
    }
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-6..1e15).contains(&value.abs()) {
        return format!("{value:.2e}");
    }
    let places = 2 - value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(places);
    let value = (value * scale).round() / scale;
    // Rounding may have carried into a new digit: 9.999 is 10.0, not 10.00.
    let places = 2 - value.abs().log10().floor() as i32;
    with_separators(&format!("{value:.*}", places.clamp(0, 12) as usize))
}

/// As many digits as a table can use: whole numbers from 100 on and where there is no fraction, else three
/// significant digits.
pub(crate) fn exact(value: f64) -> String {
    let whole = value.abs() >= 100.0 || value.fract() == 0.0;
    if value.is_finite() && whole { with_separators(&format!("{value:.0}")) } else { rounded(value) }
}

/// A count.
pub(crate) fn count(value: u64) -> String {
    with_separators(&value.to_string())
}

/// `3 trials`, `1 trial`.
pub(crate) fn counted(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// Binary units, which is what memory comes in.
pub(crate) fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = value;
    let mut unit = 0;
    while value.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", rounded(value), UNITS[unit])
}

/// Seconds from one second on, milliseconds below, microseconds below a hundredth of one.
pub(crate) fn milliseconds(value: f64) -> String {
    if value >= 1_000.0 {
        format!("{} s", rounded(value / 1_000.0))
    } else if value > 0.0 && value < 0.01 {
        format!("{} µs", rounded(value * 1_000.0))
    } else {
        format!("{} ms", rounded(value))
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

/// First letter in upper case; rung names in backticks stay as they are.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// First letter in lower case, for a sentence that goes on after an introduction.
pub(crate) fn continued(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Breaks a paragraph into lines of at most `width` characters, all but the first indented.
pub(crate) fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("{indent}{word}"));
        } else {
            if !line.trim().is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

/// Place on the ladder; rungs that this program does not know come last.
pub(crate) fn ladder_place(rung: &str) -> usize {
    LADDER.iter().position(|known| known.name == rung).unwrap_or(LADDER.len())
}

fn with_separators(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) =
        number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_separators() {
        let shown =
            [0.0, 0.001_234, 0.999_9, 4.72, 20.81, 160.4, 999.6, 5_190.0, 20_312.0, 1_234_567.0, -42.0]
                .map(rounded);
        let expected =
            ["0", "0.00123", "1.00", "4.72", "20.8", "160", "1,000", "5,190", "20,300", "1,230,000", "-42.0"];
        assert_eq!(shown, expected);
        assert_eq!([exact(20_312.4), exact(4.7249), exact(16.0)], ["20,312", "4.72", "16"]);
        assert_eq!([rounded(f64::NAN), rounded(f64::INFINITY), exact(f64::NAN)], ["?", "?", "?"]);
        assert_eq!([rounded(1e308), rounded(5e-324), rounded(-2e-9)], ["1.00e308", "4.94e-324", "-2.00e-9"]);
    }

    #[test]
    fn units() {
        assert_eq!([bytes(512.0), bytes(81_920.0), bytes(3e9)], ["512 B", "80.0 KiB", "2.79 GiB"]);
        assert_eq!([milliseconds(101.26), milliseconds(1_450.0)], ["101 ms", "1.45 s"]);
        assert_eq!([counted(1, "trial"), counted(2_048, "client")], ["1 trial", "2,048 clients"]);
    }

    #[test]
    fn lists_and_lines() {
        let list = |items: &[&str]| listed(&items.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!([list(&[]), list(&["a"]), list(&["a", "b", "c"])], ["", "a", "a, b and c"]);
        assert_eq!(wrapped("one two three four", 9, "  "), "one two\n  three\n  four");
        assert_eq!(wrapped("", 9, "  "), "");
        assert_eq!(sentence("no trial"), "No trial");
    }
}
