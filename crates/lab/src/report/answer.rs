//! What the first screen and the overview say: cut out of the findings and never written anew, so that they cannot
//! say what the findings do not.
//!
//! A sentence that is too long for its place loses the figures that it has in brackets (its section has them), and what
//! is still too long ends where a clause does, with an ellipsis. The reader goes next to `html::first`.

use crate::report::findings::Finding;

/// Sentences on the first screen, at most; of one finding among several, at most.
const SENTENCES: usize = 3;
const OF_EACH: usize = 2;

/// Letters of a sentence on the first screen, and of one in the overview.
const LONGEST: usize = 340;
const LONGEST_IN_A_LINE: usize = 220;
/// Of which so many have to be left for another sentence.
const ROOM: usize = 80;

/// What stands in brackets and is no longer than this may be a part of a name.
const LONGEST_PART_OF_NAME: usize = 40;
const LONGEST_VARIANT: usize = 16;

/// Two or three sentences; fewer only where no more was found.
pub(crate) fn on_first_screen(findings: &[Finding]) -> Vec<String> {
    let answers = answers(findings);
    let of_each = if answers.len() == 1 { SENTENCES } else { OF_EACH };
    let first = |finding: &Finding, most: usize| -> Vec<String> {
        sentences(&finding.text).into_iter().take(most).map(|one| shortened(one, LONGEST)).collect()
    };
    let mut said: Vec<String> = answers.iter().flat_map(|finding| first(finding, of_each)).collect();
    said.truncate(SENTENCES);
    if said.len() == 1 && answers.len() == 1 {
        let others = findings.iter().filter(|finding| !std::ptr::eq(*finding, answers[0]));
        said.extend(others.flat_map(|finding| first(finding, 1)).take(1));
    }
    said
}

/// The first of them, short enough for a line or two; and the next, where the first leaves room for it.
pub(crate) fn in_a_line(findings: &[Finding]) -> Option<String> {
    let first = *answers(findings).first()?;
    let mut sentences = sentences(&first.text).into_iter();
    let said = shortened(sentences.next()?, LONGEST_IN_A_LINE);
    let room = LONGEST_IN_A_LINE.saturating_sub(said.chars().count());
    Some(match sentences.next() {
        Some(next) if room >= ROOM => format!("{said} {}", shortened(next, room)),
        _ => said,
    })
}

/// Headlines; where there are none, whatever was found.
fn answers(findings: &[Finding]) -> Vec<&Finding> {
    let headlines: Vec<&Finding> = findings.iter().filter(|finding| finding.headline).collect();
    if headlines.is_empty() { findings.iter().collect() } else { headlines }
}

/// One ends with a full stop before a blank and a capital or a rung's name, outside of brackets.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut from, mut depth) = (0, 0_i32);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            '.' | '!' | '?' if depth <= 0 => {
                let next = text[at + 1..].strip_prefix(' ').and_then(|rest| rest.chars().next());
                if next.is_some_and(|next| next.is_uppercase() || next == '`') {
                    found.push(text[from..=at].trim());
                    from = at + 1;
                }
            }
            _ => {}
        }
    }
    found.push(text[from..].trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

fn shortened(sentence: &str, longest: usize) -> String {
    let fits = |text: &str| text.chars().count() <= longest;
    if fits(sentence) {
        return sentence.to_owned();
    }
    let plain = without_asides(sentence);
    if fits(&plain) { plain } else { cut(&plain, longest) }
}

/// Without what stands in brackets, unless it is part of a name: `` `pool` (5 threads) ``, `the framework (async)`.
fn without_asides(sentence: &str) -> String {
    let mut out = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some(open) = rest.find(" (") {
        let Some(length) = up_to_closing(&rest[open + 1..]) else { break };
        let (before, aside) = (&rest[..open], &rest[open + 1..open + 1 + length]);
        out.push_str(before);
        let in_words = !aside.contains(|letter: char| letter.is_ascii_digit());
        let of_name = (in_words && aside.len() <= LONGEST_PART_OF_NAME)
            || (before.ends_with('`') && aside.len() <= LONGEST_VARIANT);
        if of_name {
            out.push(' ');
            out.push_str(aside);
        }
        rest = &rest[open + 1 + length..];
    }
    out.push_str(rest);
    out
}

/// Length of a text up to the bracket that closes its first letter.
fn up_to_closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + 1),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Ends after a clause, or else after a word, and never within a name or brackets.
fn cut(sentence: &str, longest: usize) -> String {
    let end = sentence.char_indices().nth(longest).map_or(sentence.len(), |(at, _)| at);
    let whole = |text: &str| {
        text.matches('`').count().is_multiple_of(2) && text.matches('(').count() == text.matches(')').count()
    };
    let after = |mark: &str| {
        let places = sentence[..end].rmatch_indices(mark).map(|(at, _)| &sentence[..at]);
        places.into_iter().find(|text| whole(text))
    };
    let clause = [after("; "), after(", ")].into_iter().flatten().max_by_key(|text| text.len());
    let kept = clause.filter(|text| text.len() > end / 2).or_else(|| after(" ")).unwrap_or(&sentence[..end]);
    format!("{kept} …")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_with_full_stops_and_not_within_numbers_or_brackets() {
        let text = "It takes 1.5 ms (as was said. Twice) on `pool`. `event-loop` takes 2. No p99: too few.";
        let all =
            ["It takes 1.5 ms (as was said. Twice) on `pool`.", "`event-loop` takes 2.", "No p99: too few."];
        assert_eq!(sentences(text), all);
        assert_eq!(sentences(""), [""; 0]);
        assert_eq!(sentences("No end (and no bracket. At all"), ["No end (and no bracket. At all"]);
    }

    #[test]
    fn what_is_too_long_loses_its_brackets_first() {
        let text = "`pool` (5 threads) gave 24 (95 % interval 23 to 25) for the framework (async)";
        assert_eq!(shortened(text, 100), text);
        assert_eq!(shortened(text, 60), "`pool` (5 threads) gave 24 for the framework (async)");
        assert_eq!(without_asides("open (1 for ever"), "open (1 for ever");
    }

    #[test]
    fn what_is_still_too_long_ends_with_a_clause_and_never_within_a_name() {
        let text = "First 1,024 of them, then `a, b` and c, then d and everything else that there is";
        assert_eq!(shortened(text, 45), "First 1,024 of them, then `a, b` and c …");
        assert_eq!(shortened("one two three four", 12), "one two …");
        assert_eq!(shortened("üüüüüüüüüü", 4), "üüüü …");
    }

    #[test]
    fn headlines_answer_and_where_there_are_none_everything_does() {
        let headline = |text: &str| Finding::headline(text.into());
        let two = [headline("One. Two. Three."), Finding::detail("No.".into()), headline("Four. Five.")];
        assert_eq!(on_first_screen(&two), ["One.", "Two.", "Four."]);
        assert_eq!(on_first_screen(&two[..2]), ["One.", "Two.", "Three."]);
        assert_eq!(
            on_first_screen(&[headline("One."), Finding::detail("No. More.".into())]),
            ["One.", "No."]
        );
        assert_eq!(on_first_screen(&two[1..2]), ["No."]);
        assert_eq!(in_a_line(&two).as_deref(), Some("One. Two."));
        let long = [headline(&format!("{}. Two.", "o".repeat(LONGEST_IN_A_LINE - ROOM)))];
        assert!(in_a_line(&long).unwrap().ends_with("oo."), "no room");
        assert_eq!((on_first_screen(&[]), in_a_line(&[])), (Vec::new(), None));
    }
}
