//! The same view with `.await`: there is nowhere to go back to while the answer is not there.

use blocking_server::wsgi::{Application, Environ, StartResponse, Whole};

struct Slow;

async fn answer_of_another_service() -> &'static str {
    "at last"
}

impl Application for Slow {
    type Body = Whole;

    fn call(&self, _: &mut Environ<'_>, start: &mut dyn StartResponse) -> Whole {
        let text = answer_of_another_service().await;
        Whole::start(start, 200, "text/plain", text)
    }
}

fn main() {}
