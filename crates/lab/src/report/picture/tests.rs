//! Pictures of constructed charts.

use super::*;
use crate::report::tables::Table;

/// A chart of these traces, as JSON.
fn chart(data: &str, layout: &str) -> Chart {
    Chart {
        title: "Throughput <of> all & sundry".into(),
        how_to_read: String::new(),
        alt: "event-loop 1, pool 2".into(),
        figure: format!("{{\"data\":{data},\"layout\":{layout}}}"),
        table: Table::default(),
        main: false,
        height_rem: 20.0,
    }
}

/// Every element that was opened is closed, and nothing stands outside.
#[track_caller]
fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap().trim_end_matches('/');
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
}

fn marks(svg: &str) -> usize {
    svg.matches("<circle ").count() + svg.matches("<polygon ").count()
}

const AXES: &str = r#"{"xaxis":{"type":"log","range":[0,3],"tickvals":[1,10,100],"ticktext":["1","10","100"]},
    "yaxis":{"type":"linear","range":[0,100]}}"#;

#[test]
fn a_mark_for_each_point_where_it_belongs() {
    let data = r#"[{"type":"scatter","mode":"markers","x":[1,1000,null],"y":[0,100,5],
        "marker":{"symbol":"circle","size":10,"color":"@cool-1"}},
        {"type":"scatter","mode":"lines+markers","x":[10],"y":[50],"marker":{"symbol":"triangle-up","size":9}}]"#;
    let svg = svg(&chart(data, AXES)).unwrap();
    assert_well_formed(&svg);
    assert_eq!(marks(&svg), 3, "{svg}");
    // From the lower left to the upper right of the plotting area: 64 to 876, 298 to 78.
    assert!(svg.contains("cx=\"64\" cy=\"298\"") && svg.contains("cx=\"876\" cy=\"78\""), "{svg}");
    assert!(svg.contains("fill=\"#0062A3\""), "in the colours of the light theme");
    assert!(svg.contains("<title>Throughput &lt;of&gt; all &amp; sundry</title>"), "{svg}");
    assert!(svg.contains("<desc>event-loop 1, pool 2</desc>"));
}

#[test]
fn invisible_marks_are_not_drawn_and_gaps_stay_gaps() {
    let data = r#"[{"type":"scatter","mode":"lines+markers","x":[1,10,100,1000],"y":[1,2,null,3],
        "marker":{"size":1},"line":{"dash":"solid"}}]"#;
    let svg = svg(&chart(data, AXES)).unwrap();
    assert_eq!(marks(&svg), 0);
}

#[test]
fn bars_are_as_long_as_their_values_and_stack() {
    let axes = r#"{"barmode":"stack","bargap":0.4,"xaxis":{"range":[0,10]},"yaxis":{"range":[0.5,-0.5]}}"#;
    let data = r#"[{"type":"bar","orientation":"h","x":[4],"y":["pool"],"marker":{"color":"@part-1"}},
        {"type":"bar","orientation":"h","x":[6],"y":["pool"],"marker":{"color":["@part-2"],"pattern":{"shape":"/"}}}]"#;
    let svg = svg(&chart(data, axes)).unwrap();
    assert_well_formed(&svg);
    // 812 pixels for 10: the first ends at 64 + 325 and the second, hatched, goes on from there.
    assert!(svg.contains("<rect x=\"64\" y=\"122\" width=\"325\""), "{svg}");
    assert!(svg.contains("389,122 876,122"), "{svg}");
    let light = svg_of_bar(r#","opacity":0.5"#);
    assert!(light.contains("opacity=\"0.5\"") && !svg_of_bar("").contains("opacity=\"0.5\""), "{light}");
}

fn svg_of_bar(more: &str) -> String {
    let data = format!(r#"[{{"type":"bar","orientation":"h","x":[4],"y":["pool"]{more}}}]"#);
    svg(&chart(&data, r#"{"xaxis":{"range":[0,10]},"yaxis":{"range":[0.5,-0.5]}}"#)).unwrap()
}

#[test]
fn a_map_has_a_square_for_each_value_and_none_where_there_is_none() {
    let data = r##"[{"type":"heatmap","x":[0,1],"y":[0,1],"z":[[-1,0],[1,null]],"text":[["a","b"],["c","d"]],
        "zmin":-1,"zmax":1,"colorscale":[[0,"#000000"],[0.5,"#808080"],[1,"#ffffff"]]}]"##;
    let svg = svg(&chart(data, r#"{"xaxis":{"range":[-0.5,1.5]},"yaxis":{"range":[1.5,-0.5]}}"#)).unwrap();
    assert_well_formed(&svg);
    let filled = |color: &str| svg.matches(&format!("fill=\"{color}\"")).count();
    assert_eq!([filled("#000000"), filled("#808080"), filled("#FFFFFF")], [1, 1, 1], "{svg}");
}

#[test]
fn what_is_not_known_is_not_drawn_half() {
    assert!(svg(&chart("[]", AXES)).is_none());
    assert!(svg(&chart(r#"[{"type":"scatter3d"}]"#, AXES)).is_none());
    assert!(svg(&Chart { figure: "no JSON".into(), ..chart("[]", "{}") }).is_none());
}

#[test]
fn what_a_server_logged_cannot_break_the_picture() {
    let data = r#"[{"type":"bar","orientation":"h","x":[1],"y":["<b>a\u0007</b> &lt;/svg&gt; \"q\""]}]"#;
    let svg = svg(&chart(data, "{}")).unwrap();
    assert_well_formed(&svg);
    assert!(svg.contains("a &lt;/svg&gt; &quot;q&quot;"), "{svg}");
}
