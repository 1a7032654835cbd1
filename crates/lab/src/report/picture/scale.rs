//! An axis: from values and names to pixels.

use crate::report::picture::figure::{Axis, Place};
use crate::report::text::exact;

/// Linear, logarithmic or of names.
#[derive(Debug)]
pub(super) struct Scale {
    log: bool,
    /// What the axis begins and ends with, as logarithms where it is logarithmic.
    ends: (f64, f64),
    pixels: (f64, f64),
    /// Categories in their order.
    names: Vec<String>,
}

/// About so many ticks where nobody says which, and so much room for each.
const TICKS: f64 = 6.0;
const TICK_PX: f64 = 32.0;

impl Scale {
    /// None where nothing on it has a place. Names have their places in the order in which they come, as plotly
    /// has it.
    pub(super) fn of<'p>(
        axis: &Axis,
        places: impl Iterator<Item = &'p Place>,
        pixels: (f64, f64),
    ) -> Option<Self> {
        let mut names: Vec<String> = Vec::new();
        let mut values: Vec<f64> = Vec::new();
        for place in places {
            match place {
                Place::Number(value) => values.push(*value),
                Place::Name(name) if !names.contains(name) => names.push(name.clone()),
                Place::Name(_) => {}
            }
        }
        let log = axis.kind.as_deref() == Some("log");
        let of_values = || {
            let logs = values.iter().map(|value| if log { value.log10() } else { *value });
            let known: Vec<f64> = logs.filter(|value| value.is_finite()).collect();
            let low = known.iter().copied().reduce(f64::min)?;
            let high = known.iter().copied().reduce(f64::max)?;
            let pad = if high > low { (high - low) * 0.05 } else { 0.5 };
            Some((low - pad, high + pad))
        };
        let of_names = || (!names.is_empty()).then(|| (-0.5, names.len() as f64 - 0.5));
        let ends = axis.range.or_else(of_names).or_else(of_values)?;
        let proper = ends.0.is_finite() && ends.1.is_finite() && ends.0 != ends.1;
        proper.then_some(Self { log, ends, pixels, names })
    }

    /// Where a value or a name is; none where it has no place.
    pub(super) fn at(&self, place: &Place) -> Option<f64> {
        match place {
            Place::Number(value) if self.log => self.pixel(value.log10()),
            Place::Number(value) => self.pixel(*value),
            Place::Name(name) => self.pixel(self.names.iter().position(|known| known == name)? as f64),
        }
    }

    /// The same of notes, which take logarithms on a logarithmic axis.
    pub(super) fn note(&self, place: &Place) -> Option<f64> {
        match place {
            Place::Number(value) => self.pixel(*value),
            name => self.at(name),
        }
    }

    /// The same of a plain number in the axis's own units (the place of a row, or the corner of a square).
    pub(super) fn pixel(&self, value: f64) -> Option<f64> {
        let share = (value - self.ends.0) / (self.ends.1 - self.ends.0);
        let pixel = self.pixels.0 + share * (self.pixels.1 - self.pixels.0);
        // A little outside is drawn, and cut off by nobody; far outside is a mistake.
        let far = (self.pixels.1 - self.pixels.0).abs();
        let (low, high) = (self.pixels.0.min(self.pixels.1) - far, self.pixels.0.max(self.pixels.1) + far);
        Some(pixel).filter(|pixel| pixel.is_finite()).map(|pixel| pixel.clamp(low, high))
    }

    /// Length of one unit, in pixels.
    pub(super) fn unit(&self) -> f64 {
        ((self.pixels.1 - self.pixels.0) / (self.ends.1 - self.ends.0)).abs()
    }

    /// From pixel to pixel, the smaller first.
    pub(super) fn span(&self) -> (f64, f64) {
        (self.pixels.0.min(self.pixels.1), self.pixels.0.max(self.pixels.1))
    }

    /// Where ticks are, and what they say.
    pub(super) fn ticks(&self, axis: &Axis) -> Vec<(f64, String)> {
        let ticks: Vec<(Option<f64>, String)> = match &axis.tickvals {
            Some(values) => {
                let text = |place: usize, value: f64| {
                    axis.ticktext.get(place).cloned().unwrap_or_else(|| exact(value))
                };
                let tick =
                    |(place, value): (usize, &f64)| (self.at(&Place::Number(*value)), text(place, *value));
                values.iter().enumerate().map(tick).collect()
            }
            None if !self.names.is_empty() => self
                .names
                .iter()
                .enumerate()
                .map(|(place, name)| (self.pixel(place as f64), name.clone()))
                .collect(),
            None if self.log => {
                let (low, high) = (self.ends.0.min(self.ends.1), self.ends.0.max(self.ends.1));
                let decades = low.ceil() as i32..=high.floor() as i32;
                decades.map(|ten| (self.pixel(f64::from(ten)), exact(10_f64.powi(ten)))).collect()
            }
            None => self.even().into_iter().map(|(value, text)| (self.pixel(value), text)).collect(),
        };
        let (low, high) = self.span();
        let inside = |pixel: &f64| (low - 0.5..=high + 0.5).contains(pixel);
        ticks.into_iter().filter_map(|(pixel, text)| Some((pixel.filter(inside)?, text))).collect()
    }

    /// At 1, 2 or 5 times a power of ten.
    fn even(&self) -> Vec<(f64, String)> {
        let (low, high) = (self.ends.0.min(self.ends.1), self.ends.0.max(self.ends.1));
        let length = (self.pixels.1 - self.pixels.0).abs();
        let raw = (high - low) / (length / TICK_PX).clamp(2.0, TICKS);
        let ten = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * ten).into_iter().find(|step| *step >= raw);
        let step = step.unwrap_or(raw);
        let places = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
        // Of absurd values there are no even ones.
        if !step.is_normal() || last.saturating_sub(first) > 3 * TICKS as i64 {
            return Vec::new();
        }
        let text = |value: f64| if places == 0 { exact(value) } else { format!("{value:.places$}") };
        (first..=last).map(|n| n as f64 * step).map(|value| (value, text(value))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(kind: &str, range: Option<(f64, f64)>) -> Axis {
        Axis { kind: Some(kind.into()), range, ..Axis::default() }
    }

    #[test]
    fn equal_factors_have_equal_lengths_on_a_logarithmic_axis() {
        let scale = Scale::of(&axis("log", Some((0.0, 2.0))), [].iter(), (100.0, 300.0)).unwrap();
        let at = |value: f64| scale.at(&Place::Number(value)).unwrap();
        assert_eq!([at(1.0), at(10.0), at(100.0)], [100.0, 200.0, 300.0]);
        assert_eq!(scale.note(&Place::Number(1.0)), Some(200.0), "notes take logarithms");
        assert_eq!(scale.at(&Place::Number(0.0)), None, "zero has no logarithm");
        let ticks: Vec<String> = scale.ticks(&axis("log", None)).into_iter().map(|(_, text)| text).collect();
        assert_eq!(ticks, ["1", "10", "100"]);
    }

    #[test]
    fn names_have_their_places_in_the_order_in_which_they_come() {
        let names = ["b", "a", "b"].map(|name| Place::Name(name.into()));
        let scale = Scale::of(&axis("-", Some((1.5, -0.5))), names.iter(), (0.0, 200.0)).unwrap();
        assert_eq!(scale.at(&names[0]), Some(150.0));
        assert_eq!(scale.at(&names[1]), Some(50.0));
        assert_eq!(scale.at(&Place::Name("c".into())), None);
    }

    #[test]
    fn ticks_are_even_where_nobody_says_which() {
        let scale = Scale::of(&axis("linear", Some((0.0, 1.3))), [].iter(), (0.0, 1300.0)).unwrap();
        let ticks: Vec<String> =
            scale.ticks(&axis("linear", None)).into_iter().map(|(_, text)| text).collect();
        assert_eq!(ticks, ["0.0", "0.5", "1.0"]);
        assert!(Scale::of(&axis("linear", None), [].iter(), (0.0, 1.0)).is_none(), "nothing has no scale");
    }
}
