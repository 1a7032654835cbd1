//! A page as a reader has it: looked at, clicked into, typed into, printed. Everything waits for conditions.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
};
use chromiumoxide::cdp::browser_protocol::input::InsertTextParams;
use chromiumoxide::cdp::browser_protocol::page::{CaptureScreenshotFormat, PrintToPdfParams};
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use chromiumoxide::error::CdpError;
use chromiumoxide::layout::Point;
use chromiumoxide::page::ScreenshotParams;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::seen::{Listener, Seen};
use crate::support::{Browser, PATIENCE};

/// Between two looks at a page that is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// An open page. Whatever is waited for in it has to come within [`PATIENCE`].
pub(crate) struct Page<'b> {
    browser: &'b Browser,
    page: chromiumoxide::Page,
    listener: RefCell<Listener>,
    /// How the addresses begin that it may ask for.
    own: String,
}

impl Browser {
    /// Opens an address, as wide as a laptop and in light colours. It may ask for nothing but what begins with `own`.
    #[track_caller]
    pub(crate) fn open(&self, url: &str, own: &str) -> Page<'_> {
        let (page, listener) = self.run("a new page", async {
            let page = self.driver.new_page("about:blank").await?;
            let listener = Listener::of(&page).await?;
            Ok((page, listener))
        });
        let page = Page { browser: self, page, listener: RefCell::new(listener), own: own.into() };
        page.resize(1_280, 800);
        page.media("", "light");
        page.do_("it opens", async { page.page.goto(url).await.map(drop) });
        page
    }
}

impl Page<'_> {
    #[track_caller]
    fn do_<T>(&self, what: &str, work: impl Future<Output = chromiumoxide::Result<T>>) -> T {
        self.browser.run(what, work)
    }

    /// What an expression of JavaScript comes to in the page; promises are awaited.
    #[track_caller]
    pub(crate) fn value<T: DeserializeOwned>(&self, expression: &str) -> T {
        self.attempt(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn attempt<T: DeserializeOwned>(&self, expression: &str) -> Result<T, String> {
        let asked =
            EvaluateParams::builder().expression(expression).await_promise(true).return_by_value(true);
        let asked = asked.build()?;
        let answer = self.browser.attempt(async {
            let answer = self.page.execute(asked).await?.result;
            match answer.exception_details {
                Some(thrown) => Err(CdpError::JavascriptException(Box::new(thrown))),
                None => Ok(answer.result.value.unwrap_or(Value::Null)),
            }
        })?;
        serde_json::from_value(answer).map_err(|error| error.to_string())
    }

    /// Waits until an expression is true in the page, which may be on its way to another page meanwhile.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, condition: &str) {
        let condition = format!("Boolean({condition})");
        let last = RefCell::new(String::new());
        self.wait(
            || match self.attempt::<bool>(&condition) {
                Ok(is_so) => is_so,
                Err(error) => {
                    *last.borrow_mut() = error;
                    false
                }
            },
            || {
                let text = self.attempt::<String>("document.body.innerText.slice(0, 1500)");
                format!(
                    "never: {what} ({condition})\nthe page: {text:?}\n{} {:?}",
                    last.borrow(),
                    self.seen().troubles
                )
            },
        );
    }

    /// Waits until something is so, whatever it is.
    #[track_caller]
    pub(crate) fn wait(&self, mut is_so: impl FnMut() -> bool, otherwise: impl FnOnce() -> String) {
        // Anew for each thing: a test of many takes minutes on a busy machine, though none of them is late.
        let until = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < until, "{}", otherwise());
            std::thread::sleep(LOOK);
        }
    }

    /// The text of the first element that a selector finds, blanks put together.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        self.texts(selector).into_iter().next().unwrap_or_else(|| panic!("there is no {selector}"))
    }

    /// The texts of all of them.
    #[track_caller]
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let all = format!("Array.from(document.querySelectorAll({selector:?}), (one) => one.textContent)");
        let blanks = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.value::<Vec<String>>(&all).into_iter().map(blanks).collect()
    }

    /// A click with the mouse into the middle of an element, as soon as it can be clicked.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let at = format!("document.querySelector({selector:?})");
        self.until(
            &format!("{selector} can be clicked"),
            &format!("{at}?.checkVisibility() && !{at}.disabled"),
        );
        let middle = self.value(&format!(
            "(() => {{ const at = {at}; at.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const box = at.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        self.click_at(middle);
    }

    /// A click with the mouse at a place of the window.
    #[track_caller]
    pub(crate) fn click_at(&self, [x, y]: [f64; 2]) {
        self.do_("a click", async { self.page.click(Point::new(x, y)).await.map(drop) });
    }

    /// Clicks into a field, takes what is in it, and types something else.
    #[track_caller]
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        self.click(selector);
        self.value::<Value>("document.activeElement.select()");
        self.do_("typing", async { self.page.execute(InsertTextParams::new(text)).await.map(drop) });
    }

    /// Takes an option of a list.
    #[track_caller]
    pub(crate) fn choose(&self, selector: &str, option: &str) {
        self.until(&format!("{selector} is there"), &format!("document.querySelector({selector:?})"));
        self.value::<Value>(&format!(
            "(() => {{ const at = document.querySelector({selector:?}); at.value = {option:?}; \
             at.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
        ));
    }

    /// The window gets another size.
    #[track_caller]
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = SetDeviceMetricsOverrideParams::new(width, height, 1.0, false);
        self.do_("another size", async { self.page.execute(size).await.map(drop) });
    }

    /// `"print"` or `""` for the screen, in a `"light"` or `"dark"` theme.
    #[track_caller]
    pub(crate) fn media(&self, media: &str, theme: &str) {
        let scheme = MediaFeature::new("prefers-color-scheme", theme);
        let asked = SetEmulatedMediaParams::builder().media(media).features([scheme]).build();
        self.do_("another medium", async { self.page.execute(asked).await.map(drop) });
    }

    /// Leaves a picture of the window among the screens.
    #[track_caller]
    pub(crate) fn picture(&self, name: &str) {
        fs::write(screens().join(name), self.png()).expect("the picture can be kept");
    }

    /// A picture of the window.
    #[track_caller]
    pub(crate) fn png(&self) -> Vec<u8> {
        let png = ScreenshotParams::builder().format(CaptureScreenshotFormat::Png).build();
        self.do_("a picture", self.page.screenshot(png))
    }

    /// On A4 paper, with colours and the margins that the page asks for.
    #[track_caller]
    pub(crate) fn pdf(&self) -> Vec<u8> {
        let a4 = PrintToPdfParams {
            paper_width: Some(8.27),
            paper_height: Some(11.69),
            print_background: Some(true),
            ..PrintToPdfParams::default()
        };
        self.do_("printing", self.page.pdf(a4))
    }

    /// What the page asked for and what went wrong in it, so far.
    pub(crate) fn seen(&self) -> Seen {
        // Events are sent before the answer to a later question, and are handed on in the driver's next round.
        for _ in 0..2 {
            _ = self.attempt::<u8>("0");
        }
        let unread = self.browser.unread(self.page.session_id().as_ref());
        self.listener.borrow_mut().so_far(&unread)
    }

    /// No error and no exception so far, and no request that leaves.
    #[track_caller]
    pub(crate) fn assert_at_peace(&self) {
        let Seen { requests, troubles } = self.seen();
        assert!(troubles.is_empty(), "{troubles:#?}");
        assert!(requests.iter().any(|url| url.starts_with(&self.own)), "it was opened: {requests:?}");
        let own = |url: &&String| ["data:", "blob:", &self.own].iter().any(|start| url.starts_with(start));
        let elsewhere: Vec<_> = requests.iter().filter(|url| !own(url)).collect();
        assert!(elsewhere.is_empty(), "the page asked for {elsewhere:#?}");
    }
}

/// Where pictures are left: below `target`.
pub(crate) fn screens() -> PathBuf {
    let screens = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screens");
    fs::create_dir_all(&screens).expect("a directory for pictures");
    screens
}
