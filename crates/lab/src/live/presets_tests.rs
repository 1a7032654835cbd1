//! Presets: each is of the catalogue, within bounds, and asks what it shows.

use super::*;
use crate::experiment::CATALOGUE;

fn machine() -> Limits {
    Limits { files_soft: Some(20_000), pid_max: Some(32_768), ..Limits::default() }
}

fn named(name: &str) -> Preset {
    Preset::named(name, &machine()).unwrap()
}

#[test]
fn every_preset_is_of_the_catalogue_and_within_bounds_at_each_level() {
    let presets = Preset::all(&machine());
    for preset in &presets {
        assert!(CATALOGUE.iter().any(|(name, _)| *name == preset.name), "{}", preset.name);
        let offer = preset.offer();
        assert!(offer.question.ends_with('?'), "{}", offer.question);
        assert!(!offer.title.is_empty() && !offer.title.contains([':', '`']), "{}", offer.title);
        let waits = preset.settings.waits() || preset.settings.mode == Mode::Open;
        assert!(offer.asked_rps.iter().all(|asked| asked.is_some() == waits), "{}", preset.name);
        for level in &preset.levels {
            assert_eq!(preset.settings.at(*level).check(&machine()), Ok(()), "{}", preset.name);
        }
    }
    let missing = CATALOGUE.iter().filter(|(name, _)| !presets.iter().any(|one| one.name == *name));
    // Streams, and other people's servers.
    assert_eq!(missing.map(|(name, _)| *name).collect::<Vec<_>>(), ["subscribers", "targets"]);
}

#[test]
fn titles_are_cut_where_they_begin_to_speak_of_another_load() {
    let titles = ["spike", "stall", "cpu-hog", "lecture"].map(|name| named(name).title());
    assert_eq!(titles, ["Spike", "Stall", "CPU hog", "The lecture's experiment"]);
}

/// Of figures in a question: they are those of the settings, and not those of the experiment.
#[test]
fn questions_have_the_figures_of_what_is_shown() {
    let stall = named("stall");
    assert!(stall.question.contains(&format!("{} s", stall.stall_ms as f64 / 1_000.0)), "{}", stall.question);
    let spike = named("spike");
    let (usual, peak) = (spike.levels[0], spike.levels[2]);
    assert!(spike.question.contains(&format!("Usually {usual} ")), "{}", spike.question);
    assert!(spike.question.contains(&format!("then {peak} ")), "{}", spike.question);
    let downstream = named("downstream");
    let (at_once, wait_ms) = (downstream.settings.capacity.unwrap(), downstream.settings.wait_ms);
    assert!(downstream.question.contains(&format!("{at_once} calls at a time, {wait_ms} ms each")));
    let small = named("exhaustion").settings.server();
    assert_eq!((small.address_space.map(|most| most.0 >> 20), small.open_files), (Some(400), Some(1_536)));
    assert!(named("exhaustion").question.contains("400 MiB of addresses and open 1,536 files"));
}

#[test]
fn a_small_machine_has_fewer_levels_and_never_none() {
    let small = Limits { pid_max: Some(300), ..machine() };
    let scale = Preset::named("scale", &small).unwrap();
    assert_eq!(scale.levels, [16.0]);
    assert_eq!(Preset::named("slow-clients", &small).unwrap().settings.slow, 36);
    let tiny = Limits { pid_max: Some(40), ..machine() };
    assert_eq!(Preset::named("scale", &tiny).unwrap().levels.len(), 1);
    assert_eq!(Preset::named("nothing", &small), None);
}
