//! The live page under the hands of a reader: load, trouble, a collapse, a guess, a report. What it shows is held against
//! the frames that the lab sends, heard by a second page that is none.

use serde_json::Value;

use crate::charts;
use crate::lab_live::{Lab, Watch, both};
use crate::looks;
use crate::page::Page;
use crate::support::Browser;

/// Opens the page, and waits until both servers are up and the controls show what is set.
#[track_caller]
pub(crate) fn opened<'b>(browser: &'b Browser, lab: &Lab) -> (Page<'b>, Watch) {
    let origin = format!("http://{}/", lab.addr);
    let page = browser.open(&origin, &origin);
    let mut watch = lab.watch();
    watch.until_up();
    page.until("there is something to start", "!document.querySelector('#run').disabled");
    page.until("both servers are shown up", BOTH_UP);
    page.until("controls show what is set", "document.querySelector('[name=clients]').value !== ''");
    (page, watch)
}

const BOTH_UP: &str = "document.querySelectorAll('.lane:not(.down)').length === 2";

/// Types a number into a control, and waits until the lab says that it is set.
#[track_caller]
pub(crate) fn set(page: &Page<'_>, watch: &mut Watch, control: &str, number: u32) {
    page.type_into(&format!("[name={control}]"), &number.to_string());
    watch.until(control, |frame| frame["settings"][control] == number);
}

/// That a lane shows so many requests in flight.
pub(crate) fn in_flight(lane: usize, number: &str) -> String {
    format!("document.querySelectorAll('.lane')[{lane}].innerText.includes('{number} requests in flight')")
}

#[test]
fn five_hundred_clients_that_are_set_are_five_hundred_requests_in_flight() {
    let Some(browser) = Browser::start() else { return };
    let lab = Lab::start(["bare-thread-per-connection", "event-loop"]);
    let (page, mut watch) = opened(&browser, &lab);
    set(&page, &mut watch, "wait_ms", 1_000);
    set(&page, &mut watch, "clients", 500);
    page.click("#run");
    page.until("500 in flight are shown on the left", &in_flight(0, "500"));
    page.until("and on the right", &in_flight(1, "500"));
    let frame = watch
        .until("500 in flight are measured", |frame| both(frame, |lane| lane["now"]["in_flight"] == 500));
    assert_eq!((&frame["settings"]["clients"], &frame["on"]), (&Value::from(500), &Value::Bool(true)));
    #[cfg(target_os = "linux")]
    page.until(
        "a thread for each of them on the left",
        "/50\\d threads/.test(document.querySelectorAll('.lane')[0].innerText)",
    );

    // Reloaded in the middle: the load goes on, and the page knows of the minute before.
    let before: f64 = page.value("performance.timeOrigin");
    page.value::<Value>("location.reload()");
    page.until("it is another page", &format!("performance.timeOrigin > {before}"));
    page.until("it knows that there is load", "document.querySelector('#run').textContent === 'Pause'");
    page.until("and shows it", &in_flight(1, "500"));
    page.until(
        "with what was before",
        "document.querySelector('.lane .plot path.line.main').getAttribute('d').split('L').length > 8",
    );
    let clients: String = page.value("document.querySelector('[name=clients]').value");
    assert_eq!(clients, "500");
    let frame = lab.watch().until("a frame from now", |_| true);
    assert_eq!(frame["on"], true, "nobody stopped the load");

    page.value::<Value>("scrollTo({ top: 0, behavior: 'instant' })");
    page.picture("live.png");
    looks::fits(&page);
    looks::is_legible(&page);
    page.click("#run");
    watch.until("nothing in flight any more", |frame| both(frame, |lane| lane["now"]["in_flight"] == 0));
    page.assert_at_peace();
}

/// No planted fault: a server of threads runs out of addresses for its stacks, the event loop beside it does not.
#[cfg(target_os = "linux")]
#[test]
fn a_server_that_collapses_is_shown_collapsed_with_what_ran_out_and_started_again() {
    let Some(browser) = Browser::start() else { return };
    let lab = Lab::start(["thread-per-request", "event-loop"]);
    let (page, mut watch) = opened(&browser, &lab);
    page.click("[name=boxed]");
    watch.until("both are up in their boxes", |frame| {
        frame["settings"]["boxed"] == true && both(frame, |lane| lane["state"] == "up")
    });
    set(&page, &mut watch, "wait_ms", 500);
    set(&page, &mut watch, "clients", 400);
    page.click("#run");
    let wreck = "document.querySelector('.lane .wreck')";
    page.until("the collapse", &format!("{wreck}.checkVisibility()"));
    let reason = page.text(".lane .wreck");
    assert!(reason.contains("Collapsed: out of address space"), "{reason}");
    page.until("the event loop goes on", &in_flight(1, "400"));
    page.picture("live-collapse.png");
    looks::fits(&page);
    page.click("#run");
    // Started again under load it would collapse again.
    page.until("the load is off", "document.querySelector('#run').textContent === 'Start the load'");
    page.click(".lane .wreck button");
    page.until("it is back", &format!("!{wreck}.checkVisibility() && {BOTH_UP}"));
    page.assert_at_peace();
}

#[test]
fn the_stall_button_stops_the_services_for_a_while() {
    let Some(browser) = Browser::start() else { return };
    let lab = Lab::start(["bare-thread-per-connection", "event-loop"]);
    let (page, mut watch) = opened(&browser, &lab);
    page.choose("[name=ask]", "weather");
    watch.until("the services are asked", |frame| frame["settings"]["ask"] == "weather");
    set(&page, &mut watch, "clients", 20);
    page.click("#run");
    let rps = |lane: &Value| lane["now"]["rps"].as_f64().unwrap_or(0.0);
    watch.until("answers", |frame| both(frame, |lane| rps(lane) > 0.0));
    page.click("#stall");
    let stands = "document.querySelector('.lane .cause').textContent.includes('stand still')";
    page.until("it is said that the services stand still", stands);
    watch.until("nobody is answered", |frame| {
        both(frame, |lane| lane["stalled_ms"].as_f64() > Some(0.0) && rps(lane) == 0.0)
    });
    page.until("it is over", &format!("!{stands}"));
    watch.until("everybody is answered", |frame| both(frame, |lane| rps(lane) > 0.0));
    page.assert_at_peace();
}

#[test]
fn guess_and_measurement_stand_together_and_can_be_taken_as_a_report() {
    let Some(browser) = Browser::start() else { return };
    let lab = Lab::start(["pool", "event-loop"]);
    let (page, mut watch) = opened(&browser, &lab);
    page.click("#presets [data-name=lecture]");
    // The left server's by mouse, the right one's by keyboard.
    let chart = "document.querySelector('#course-chart')";
    page.until("the chart is drawn", &format!("{chart}._fullLayout?.xaxis"));
    let middle: [f64; 2] = page.value(&format!(
        "(() => {{ {chart}.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
         const [box, {{ xaxis, _size }}] = [{chart}.getBoundingClientRect(), {chart}._fullLayout]; \
         return [box.left + xaxis._offset + xaxis._length / 2, box.top + _size.t + _size.h / 2]; }})()"
    ));
    page.click_at(middle);
    page.until("the left guess is in its field", "document.querySelector('[name=guess_0]').value > 1");
    page.type_into("[name=guess_1]", "12");
    page.until("both are marked on the chart", &format!("{chart}.layout.shapes.length === 2"));
    let left: String = page.value("document.querySelector('[name=guess_0]').value");
    page.picture("live-guess.png");

    page.click("#course-run");
    watch.until("two levels", |frame| {
        frame["course"]["points"][1].as_array().is_some_and(|points| points.len() == 2)
    });
    page.click("#course-stop");
    page.until("two sentences", "document.querySelectorAll('#course-sentences li').length === 2");
    let sentences = page.texts("#course-sentences li");
    let frame = watch.until("its end", |frame| frame["course"]["over"] == true);
    assert_eq!(Value::from(sentences.clone()), frame["course"]["sentences"]);
    for (sentence, guess) in sentences.iter().zip([left.as_str(), "12"]) {
        assert!(sentence.contains(&format!("Your guess was {guess}:")), "{sentence}");
    }
    page.until("guesses are marked still", &format!("{chart}.layout.shapes.length === 2"));
    let drawn: Vec<Vec<f64>> = page.value(&format!("{chart}.data.slice(0, 2).map((trace) => [...trace.y])"));
    for (lane, drawn) in drawn.iter().enumerate() {
        let points = frame["course"]["points"][lane].as_array().expect("points");
        let measured: Vec<f64> = points.iter().filter_map(|point| point["rps"].as_f64()).collect();
        assert_eq!(*drawn, measured, "lane {lane}");
    }
    let rows: usize = page.value("document.querySelectorAll('#course-table tbody tr').length");
    assert_eq!(rows, drawn.iter().map(Vec::len).sum::<usize>(), "the table behind it");

    page.click("#keep");
    page.until("it is kept", "document.querySelector('#status').textContent.startsWith('Kept')");
    let (dir, results) = lab.results(&watch.until("it is kept", |frame| frame["kept"].is_object()));
    assert_eq!(results.trials.len(), 4, "two levels of two servers");
    assert!(dir.join("report.html").is_file());
    let link: String = page.value("document.querySelector('#open-report:not([hidden])').href");
    let report = browser.open(&link, &format!("http://{}/", lab.addr));
    report.until("it has an answer", "document.querySelector('#answer li')");
    for chart in charts::drawn(&report) {
        chart.assert_whole();
        chart.assert_same_as_its_table();
    }
    report.assert_at_peace();
    page.assert_at_peace();
}
