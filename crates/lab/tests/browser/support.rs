//! A real browser: found, started for one test, and ended with it. Next: `page.rs`, what a test does in it.

use std::env;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use chromiumoxide::browser::BrowserConfig;
use chromiumoxide::detection::{self, DetectionOptions};
use chromiumoxide::error::CdpError;
use chromiumoxide::handler::viewport::Viewport;
use futures_util::StreamExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What a page may take for anything, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a browser that was asked to close may take for it.
const CLOSING: Duration = Duration::from_secs(10);

/// A browser of its own for each test: what one leaves behind, no other can see.
pub(crate) struct Browser {
    runtime: Runtime,
    pub(crate) driver: chromiumoxide::Browser,
    /// Messages from the browser that the driver does not understand: browsers move on faster than drivers do.
    unread: Arc<Mutex<Vec<Value>>>,
    _profile: TempDir,
}

impl Browser {
    /// None where there is no browser, which is said.
    pub(crate) fn start() -> Option<Self> {
        let executable =
            detection::default_executable(DetectionOptions::default()).map_err(|why| skipped(&why)).ok()?;
        let profile = tempfile::tempdir().expect("a directory for its profile");
        let config = BrowserConfig::builder()
            .chrome_executable(executable)
            .new_headless_mode()
            .user_data_dir(profile.path())
            .viewport(None::<Viewport>)
            .launch_timeout(PATIENCE)
            .request_timeout(PATIENCE)
            .surface_invalid_messages()
            .args(["disable-component-update", "disable-gpu", "no-default-browser-check"])
            // Even if a page asked for something elsewhere, it would not get it.
            .arg(("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"));
        // The sandbox refuses root, which is who runs tests in a container.
        let root = rustix::process::getuid().is_root();
        let config = if root { config.no_sandbox() } else { config };
        let config = config.build().expect("the executable is given");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime for the driver");
        let launched = runtime.block_on(chromiumoxide::Browser::launch(config));
        let (driver, mut handler) = launched.expect("the browser starts");
        let unread = Arc::<Mutex<Vec<Value>>>::default();
        let list = Arc::clone(&unread);
        runtime.spawn(async move {
            while let Some(news) = handler.next().await {
                match news {
                    Ok(()) => {}
                    Err(CdpError::InvalidMessage(text, _)) => {
                        list.lock()
                            .expect("nobody panics with it")
                            .extend(serde_json::from_str::<Value>(&text));
                    }
                    Err(_) => break,
                }
            }
        });
        Some(Self { runtime, driver, unread, _profile: profile })
    }

    /// Does something with the driver; the reason where that fails.
    pub(crate) fn attempt<T>(
        &self,
        work: impl Future<Output = chromiumoxide::Result<T>>,
    ) -> Result<T, String> {
        let bounded = async { tokio::time::timeout(PATIENCE, work).await };
        match self.runtime.block_on(bounded) {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(_) => Err(format!("the browser did not answer within {PATIENCE:?}")),
        }
    }

    /// Likewise, where it must not fail.
    #[track_caller]
    pub(crate) fn run<T>(&self, what: &str, work: impl Future<Output = chromiumoxide::Result<T>>) -> T {
        self.attempt(work).unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Messages that the driver did not understand and that are for this session.
    pub(crate) fn unread(&self, session: &str) -> Vec<Value> {
        let all = self.unread.lock().expect("nobody panics with it");
        all.iter().filter(|message| message["sessionId"] == session).cloned().collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let Self { runtime, driver, .. } = self;
        runtime.block_on(async {
            // Asked to close, it ends its helpers too. Otherwise it is killed, by its own process id.
            let closing = async {
                _ = driver.close().await;
                driver.wait().await
            };
            if tokio::time::timeout(CLOSING, closing).await.is_err() {
                _ = driver.kill().await;
            }
        });
    }
}

/// Says that a test did not take place, past the test harness, which would keep it to itself.
fn skipped(why: &str) {
    const REMEDY: &str = "install Chromium (in Debian: chromium) or name a browser in CHROME";
    let required = env::var_os("PARKBENCH_BROWSER").is_some_and(|value| value == "required");
    assert!(!required, "PARKBENCH_BROWSER=required, and there is none: {why}; {REMEDY}");
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    _ = writeln!(io::stderr(), "{test}: skipped for want of a browser ({why}); {REMEDY}");
}
