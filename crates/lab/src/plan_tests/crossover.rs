//! The grid of `crossover` is whole, and fits into its time.

use super::*;

#[test]
fn the_crossover_has_its_whole_grid_and_ends_in_time() {
    let grid = |options: &Options| -> BTreeSet<(String, u32)> {
        let (asked, cells) = first_block("crossover", options);
        assert!(asked.not_run.is_empty(), "{:?}", asked.not_run);
        let open = cells.iter().filter_map(|cell| Some((cell.load.rate_rps?, cell.window_ms)));
        // A p99 needs 1,000 answers, however many blocks there are; arrivals are random.
        assert!(open.clone().all(|(rps, window_ms)| rps * window_ms as f64 / 1_000.0 >= 1_200.0));
        assert_eq!(open.count(), 12, "four rungs, three waits");
        let closed = cells.iter().filter(|cell| cell.load.mode == Mode::Closed);
        closed.map(|cell| (cell.load.route.clone(), cell.load.clients)).collect()
    };
    let quick = Options { quick: true, ..Options::default() };
    let full = Options { full: true, ..Options::default() };
    assert_eq!([grid(&Options::default()).len(), grid(&full).len(), grid(&quick).len()], [15, 15, 9]);
    let seconds = |options: &Options| plan_of(&["crossover"], options, &two_cores()).estimate().as_secs();
    assert!(seconds(&Options::default()) <= 720, "{} s", seconds(&Options::default()));
    assert!(seconds(&quick) <= 150, "{} s", seconds(&quick));
}
