//! How long the experiments of the catalogue take together, and that their answers have intervals.

use super::*;

#[test]
fn the_whole_catalogue_ends_in_time() {
    let names: Vec<_> = crate::experiment::CATALOGUE.iter().map(|(name, _)| *name).collect();
    let minutes = |options: &Options| plan_of(&names, options, &two_cores()).estimate().as_secs_f64() / 60.0;
    let all = Options { all: true, ..Options::default() };
    assert!(minutes(&all) <= 85.0);
    assert!(minutes(&Options { quick: true, ..all.clone() }) <= 14.0);
    for planned in plan_of(&names, &all, &two_cores()).experiments {
        let (asked, blocks) = (planned.asked, planned.blocks.len());
        assert!(blocks >= 5 || asked.demonstration, "{}: {blocks} blocks are no interval", asked.name);
    }
}

#[test]
fn the_four_experiments_of_the_ladder_end_in_time() {
    let names = ["ladder", "bridges", "subscribers", "connections"];
    let minutes = |options: &Options| plan_of(&names, options, &two_cores()).estimate().as_secs_f64() / 60.0;
    let (default, quick) =
        (minutes(&Options::default()), minutes(&Options { quick: true, ..Options::default() }));
    assert!((8.0..=14.0).contains(&default), "{default:.1} minutes");
    assert!(quick <= 3.0, "{quick:.1} minutes");
}
