//! What is kept of a program's standard error to say what it died of.

use std::collections::VecDeque;

/// The first lines and the last ones. Between them a server whose threads all fail at the same says one thing
/// over and over, and would push out what came before it: the line that names the cause.
#[derive(Debug, Clone, Default)]
pub struct Excerpt {
    first: Vec<String>,
    last: VecDeque<String>,
}

/// How many are kept at either end.
const AT_EACH_END: usize = 20;

impl Excerpt {
    /// The next line.
    pub fn push(&mut self, line: String) {
        if self.first.len() < AT_EACH_END {
            self.first.push(line);
            return;
        }
        if self.last.len() == AT_EACH_END {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// All that is kept, in the order in which it was said.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.first.iter().chain(&self.last).map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<S> for Excerpt {
    fn from_iter<I: IntoIterator<Item = S>>(lines: I) -> Self {
        let mut excerpt = Self::default();
        for line in lines {
            excerpt.push(line.into());
        }
        excerpt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_pushes_out_neither_its_beginning_nor_its_end() {
        let excerpt: Excerpt = (0..1_000).map(|line| line.to_string()).collect();
        let kept: Vec<&str> = excerpt.lines().collect();
        assert_eq!((kept.len(), kept[0], kept[19]), (40, "0", "19"));
        assert_eq!((kept[20], kept[39]), ("980", "999"));
    }

    #[test]
    fn of_a_few_lines_each_is_kept_once() {
        let excerpt: Excerpt = (0..25).map(|line| line.to_string()).collect();
        assert!(excerpt.lines().eq((0..25).map(|line| line.to_string())));
    }
}
