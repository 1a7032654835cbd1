//! A view that waits for another service and keeps its thread: this is what WSGI is for.

use blocking_server::wsgi::{Application, Environ, StartResponse, Whole};

struct Slow;

fn answer_of_another_service() -> &'static str {
    std::thread::sleep(std::time::Duration::from_millis(10));
    "at last"
}

impl Application for Slow {
    type Body = Whole;

    fn call(&self, _: &mut Environ<'_>, start: &mut dyn StartResponse) -> Whole {
        let text = answer_of_another_service();
        Whole::start(start, 200, "text/plain", text)
    }
}

pub(crate) fn main() {
    fn is_an_application(_: impl Application) {}
    is_an_application(Slow);
}
