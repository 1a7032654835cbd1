//! What of a line lies within the axes: theirs ends at the edge, as on the page.

use crate::report::picture::pen::At;

/// From the upper left corner to the lower right one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) from: At,
    pub(super) to: At,
}

impl Area {
    /// Half a pixel beyond its edges belongs to it.
    pub(super) fn has(&self, (x, y): At) -> bool {
        (self.from.0 - 0.5..=self.to.0 + 0.5).contains(&x)
            && (self.from.1 - 0.5..=self.to.1 + 0.5).contains(&y)
    }

    /// The pieces of a line that lie in it.
    pub(super) fn pieces(&self, line: &[At]) -> Vec<Vec<At>> {
        let mut pieces: Vec<Vec<At>> = Vec::new();
        for ends in line.windows(2) {
            let Some((from, to)) = self.stretch(ends[0], ends[1]) else { continue };
            match pieces.last_mut() {
                Some(piece) if piece.last() == Some(&from) => piece.push(to),
                _ => pieces.push(vec![from, to]),
            }
        }
        pieces
    }

    /// What of a straight line lies in it (Y.-D. Liang, B. Barsky, ACM Transactions on Graphics 3(1), 1984).
    fn stretch(&self, from: At, to: At) -> Option<(At, At)> {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let edges = [
            (-dx, from.0 - self.from.0),
            (dx, self.to.0 - from.0),
            (-dy, from.1 - self.from.1),
            (dy, self.to.1 - from.1),
        ];
        let (mut enters, mut leaves) = (0.0_f64, 1.0_f64);
        for (towards, room) in edges {
            if towards == 0.0 {
                if room < 0.0 {
                    return None;
                }
            } else if towards < 0.0 {
                enters = enters.max(room / towards);
            } else {
                leaves = leaves.min(room / towards);
            }
        }
        let at = |share: f64| (from.0 + share * dx, from.1 + share * dy);
        // Ends that are kept stay as they are, to the last bit.
        let start = if enters > 0.0 { at(enters) } else { from };
        let end = if leaves < 1.0 { at(leaves) } else { to };
        (enters <= leaves).then_some((start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Area = Area { from: (0.0, 0.0), to: (10.0, 10.0) };

    #[test]
    fn a_line_ends_at_the_edge_and_begins_again_where_it_comes_back() {
        let inside = [(1.0, 1.0), (5.0, 2.0), (9.0, 9.0)];
        assert_eq!(AREA.pieces(&inside), [inside.to_vec()]);
        let out_and_back = [(5.0, 5.0), (5.0, 15.0), (7.0, 15.0), (7.0, 5.0)];
        assert_eq!(AREA.pieces(&out_and_back), [[(5.0, 5.0), (5.0, 10.0)], [(7.0, 10.0), (7.0, 5.0)]]);
        let across = [(-5.0, 5.0), (15.0, 5.0)];
        assert_eq!(AREA.pieces(&across), [[(0.0, 5.0), (10.0, 5.0)]]);
        assert!(AREA.pieces(&[(-5.0, -5.0), (-1.0, 20.0)]).is_empty());
    }
}
