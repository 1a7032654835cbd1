//! What the page is made of.

use super::support::Lab;

#[test]
fn the_page_asks_nobody_else_for_anything() {
    let lab = Lab::start(["event-loop", "event-loop"]);
    let page = lab.get("/");
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("http"), "no other host: {policy}");
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/colors.css", "text/css; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/plotly.js", "text/javascript; charset=utf-8"),
    ] {
        let file = lab.get(path);
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"), "{path}");
        let text = String::from_utf8(file.body).expect("text");
        let elsewhere = ["src=\"http", "href=\"http", "@import", "url(http", "from \"http"];
        let found = elsewhere.iter().find(|other| path != "/plotly.js" && text.contains(**other));
        assert_eq!(found, None, "{path}");
    }
    let presets: serde_json::Value = serde_json::from_slice(&lab.get("/presets").body).expect("JSON");
    let presets = presets.as_array().expect("a list");
    assert!(presets.len() > 10);
    for preset in presets {
        for (text, least) in [("title", 4), ("question", 20), ("watch", 20), ("broken", 20)] {
            assert!(preset[text].as_str().is_some_and(|text| text.len() >= least), "{text} of {preset}");
        }
    }
}
