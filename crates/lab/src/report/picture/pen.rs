//! What draws: lines, shapes and texts in the colours of the page's light theme, on plotters' SVG.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A place, in pixels from the upper left.
pub(super) type At = (f64, f64);

/// What drawing comes to; into a string nothing can fail.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Draws on an area.
pub(super) struct Pen<'p, 'svg> {
    area: &'p DrawingArea<SVGBackend<'svg>, Shift>,
}

/// How a line looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stroke {
    pub(super) color: RGBAColor,
    pub(super) width: f64,
    pub(super) dash: Option<(i32, i32)>,
}

/// How a text looks, and where it stands to its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) color: RGBAColor,
    /// From its left end to its right end, 0 to 1.
    pub(super) anchor: f64,
}

/// Of lines of text, in sizes of its letters.
pub(super) const LINE_HEIGHT: f64 = 1.3;

/// The renderer divides the sizes that it is given by this.
const OF_RENDERER: f64 = 1.24;

impl Default for Look {
    fn default() -> Self {
        Self { size: 13.0, bold: false, color: color("@ink", 1.0), anchor: 0.0 }
    }
}

impl<'p, 'svg> Pen<'p, 'svg> {
    pub(super) fn new(area: &'p DrawingArea<SVGBackend<'svg>, Shift>) -> Self {
        Self { area }
    }

    /// From place to place.
    pub(super) fn line(&self, places: &[At], stroke: Stroke) -> Drawn {
        let places: Vec<(i32, i32)> = places.iter().copied().map(whole).collect();
        let style = stroke.color.stroke_width(stroke.width.round().max(1.0) as u32);
        match stroke.dash {
            _ if places.len() < 2 => Ok(()),
            None => self.area.draw(&PathElement::new(places, style)),
            Some((on, off)) => self.area.draw(&DashedPathElement::new(places, on, off, style)),
        }
    }

    /// A filled shape.
    pub(super) fn polygon(&self, corners: &[At], color: RGBAColor) -> Drawn {
        let corners: Vec<(i32, i32)> = corners.iter().copied().map(whole).collect();
        self.area.draw(&Polygon::new(corners, color.filled()))
    }

    pub(super) fn rectangle(&self, from: At, to: At, color: RGBAColor) -> Drawn {
        self.area.draw(&Rectangle::new([whole(from), whole(to)], color.filled()))
    }

    pub(super) fn circle(&self, center: At, radius: f64, color: RGBAColor, filled: bool) -> Drawn {
        let style = if filled { color.filled() } else { color.stroke_width(2) };
        self.area.draw(&Circle::new(whole(center), radius.round().max(1.0) as i32, style))
    }

    /// Diagonals over a rectangle, in place of its colour.
    pub(super) fn hatching(&self, from: At, to: At, color: RGBAColor) -> Drawn {
        const APART: f64 = 8.0;
        let ((left, top), (right, bottom)) = (from, to);
        let height = bottom - top;
        let stroke = Stroke { color, width: 1.0, dash: None };
        let mut foot = left + APART / 2.0;
        while foot < right + height {
            // Rising to the right from the lower edge, cut off at the sides.
            let (low, high) = (foot.min(right), (foot - height).max(left));
            self.line(&[(low, bottom - (foot - low)), (high, bottom - (foot - high))], stroke)?;
            foot += APART;
        }
        self.line(&[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], stroke)
    }

    /// A line of text whose middle is at that height.
    pub(super) fn text(&self, text: &str, at: At, look: Look) -> Drawn {
        let horizontal = match look.anchor {
            anchor if anchor < 0.25 => HPos::Left,
            anchor if anchor > 0.75 => HPos::Right,
            _ => HPos::Center,
        };
        let style = if look.bold { FontStyle::Bold } else { FontStyle::Normal };
        let font = FontDesc::new(FontFamily::SansSerif, look.size * OF_RENDERER, style);
        let style =
            TextStyle { font, color: look.color.to_backend_color(), pos: Pos::new(horizontal, VPos::Center) };
        let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
        self.area.draw(&Text::new(text, whole(at), style))
    }

    /// Several lines, with their middle at that height.
    pub(super) fn lines(&self, lines: &[(String, bool)], (x, y): At, look: Look) -> Drawn {
        let height = look.size * LINE_HEIGHT;
        let first = y - height * (lines.len() as f64 - 1.0) / 2.0;
        for (place, (text, bold)) in lines.iter().enumerate() {
            let look = Look { bold: look.bold || *bold, ..look };
            self.text(text, (x, first + height * place as f64), look)?;
        }
        Ok(())
    }
}

/// `@warm-1` or `#b84a00`, as opaque as that; what has no such colour is ink.
pub(super) fn color(name: &str, opacity: f64) -> RGBAColor {
    if name.starts_with("rgba(0,0,0,0") {
        return TRANSPARENT;
    }
    let known = name.strip_prefix('@').and_then(|name| THEME.get(name).copied()).or_else(|| hex(name));
    let (red, green, blue) = known.or_else(|| THEME.get("ink").copied()).unwrap_or_default();
    RGBAColor(red, green, blue, opacity)
}

/// Between two colours.
pub(super) fn between(one: RGBAColor, other: RGBAColor, share: f64) -> RGBAColor {
    let mix =
        |one: u8, other: u8| (f64::from(one) + (f64::from(other) - f64::from(one)) * share).round() as u8;
    RGBAColor(mix(one.0, other.0), mix(one.1, other.1), mix(one.2, other.2), 1.0)
}

/// Lines of a text in plotly's little HTML, and whether each is bold.
pub(super) fn lines_of(text: &str) -> Vec<(String, bool)> {
    let mut bold = false;
    let mut lines = Vec::new();
    for line in text.split("<br>") {
        bold |= line.contains("<b>");
        let mut plain = String::new();
        let mut inside = false;
        for letter in line.chars() {
            match letter {
                '<' => inside = true,
                '>' if inside => inside = false,
                letter if !inside => plain.push(letter),
                _ => {}
            }
        }
        let plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        lines.push((plain, bold));
        bold &= !line.contains("</b>");
    }
    lines
}

/// About how wide a line is; fonts differ from one reader to the next.
pub(super) fn width_of((text, bold): &(String, bool), size: f64) -> f64 {
    text.chars().count() as f64 * size * if *bold { 0.62 } else { 0.56 }
}

fn whole((x, y): At) -> (i32, i32) {
    (x.round() as i32, y.round() as i32)
}

/// Colours of the light theme, as the page's style sheet has them.
static THEME: LazyLock<BTreeMap<&'static str, (u8, u8, u8)>> = LazyLock::new(|| {
    let light = crate::report::colors().split_once(":root {").map_or("", |(_, rest)| rest);
    let light = light.split_once('}').map_or(light, |(light, _)| light);
    let one = |rule: &'static str| {
        let (name, value) = rule.trim().strip_prefix("--")?.split_once(':')?;
        Some((name.trim(), hex(value.trim())?))
    };
    light.split(';').filter_map(one).collect()
});

/// `#rrggbb`
fn hex(text: &str) -> Option<(u8, u8, u8)> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).ok();
    Some((part(0)?, part(2)?, part(4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_light_theme() {
        assert_eq!(color("@ink", 1.0), RGBAColor(0x1d, 0x21, 0x27, 1.0));
        assert_eq!(color("#010203", 0.5), RGBAColor(1, 2, 3, 0.5));
        assert_eq!(color("@nothing", 1.0), color("@ink", 1.0));
        assert!(THEME.len() > 20, "{THEME:?}");
    }

    #[test]
    fn texts_lose_their_markup_and_keep_their_letters() {
        let lines = lines_of("<b>pool,<br>5 threads</b><br>a &lt; b &amp; c");
        let expected = [("pool,", true), ("5 threads", true), ("a < b & c", false)];
        assert_eq!(lines, expected.map(|(text, bold)| (text.to_owned(), bold)));
    }
}
