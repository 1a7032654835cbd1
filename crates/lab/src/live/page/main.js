// Puts the page together: frames in, commands out.

import { perCell } from "/cells.js";
import { controls } from "/controls.js";
import { course } from "/course.js";
import { counts, figures, lane } from "/lane.js";
import { command, listen, presets } from "/link.js";
import { count, renew, say } from "/words.js";

const byId = (id) => document.getElementById(id);
const status = byId("status");
let last = null;
/** What was refused, until something is accepted, and what the lab notes, with when it was first said. */
let refused = { text: "", at: 0 };
let noted = { text: "", at: 0 };
/** For so long they come before a lane that does not run. */
const PASSING_MS = 8000;

async function ask(what) {
  // What the lab notes is on the last command: after another it counts as new.
  [refused, noted] = [since(await command(what)), since("")];
  if (refused.text) told(refused.text, true);
}

function told(text, bad) {
  say(status, text);
  status.classList.toggle("bad", bad);
}

const lanes = [0, 1].map((place) => lane(place, (which) => ask({ do: "restart", lane: which })));
byId("lanes").append(...lanes.map((one) => one.root));
const form = controls(byId("controls"), (settings) => ask({ do: "set", settings }));
const experiments = course({
  start: (name, guesses) => ask({ do: "preset", name, guesses }),
  stop: () => ask({ do: "stop" }),
  colorOf: (rung) => `--${last?.colors[rung] ?? "ink"}`,
});

byId("run").addEventListener("click", () => ask({ do: "run", on: !last?.on }));
byId("reset").addEventListener("click", () => ask({ do: "reset" }));
byId("keep").addEventListener("click", () => ask({ do: "keep" }));
byId("stall").addEventListener("click", () => ask({ do: "stall", for_ms: 3000 }));

function frame(now) {
  last = now;
  for (const id of ["run", "reset", "keep"]) byId(id).disabled = false;
  say(byId("run"), now.on ? "Pause" : "Start the load");
  byId("open-report").hidden = !now.kept;
  document.body.classList.remove("lost");
  form.offer(Object.keys(now.colors));
  form.told(now);
  now.lanes.forEach((one, place) => lanes[place].add(one, now.t_ms));
  if (isWorthDrawing(now.t_ms)) draw(now);
  experiments.frame(now.course);
  told(...said(now));
}

function draw(now) {
  const both = lanes.flatMap((one) => one.samples());
  const per = perCell(now.lanes.flatMap(counts));
  const edge = Math.min(...now.lanes.map((one, place) => lanes[place].edge(one, per)));
  now.lanes.forEach((one, place) => {
    lanes[place].draw(one, now.t_ms, both, now.settings.mode === "open");
    lanes[place].clouds(one, edge, per);
  });
  if (byId("table").parentElement.open) renew(byId("table"), figures(now.lanes));
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");
let drawn = -Infinity;

/** Not where nobody looks: drawing takes CPU from the servers. Once a second for who wants less to move. */
function isWorthDrawing(t_ms) {
  const soon = calm.matches && t_ms >= drawn && t_ms - drawn < 1000;
  if (document.hidden || soon) return false;
  drawn = t_ms;
  return true;
}

/** One line on how things are. */
function said(now) {
  const wrong = trouble(now);
  if (noted.text !== (now.note ?? "")) noted = since(now.note ?? "");
  for (const { text, at } of [refused, noted]) {
    if (text && (!wrong || performance.now() - at < PASSING_MS)) return [text, true];
  }
  if (now.kept && now.t_ms - keptAt(now) < 20_000) {
    return [`Kept: ${now.kept.trials} trials, in ${now.kept.dir}/report.html`, false];
  }
  if (wrong) return [wrong, true];
  if (now.lanes.some((one) => one.state === "starting")) return ["Servers are starting …", false];
  if (!now.on) return ["No load. Start it, or take an experiment below.", false];
  const { mode, clients, rate_rps: rate } = now.settings;
  if (mode === "open") return [`${count(rate)} requests/s are due on each server.`, false];
  return [`${count(clients)} ${clients === 1 ? "client asks" : "clients ask"} each server.`, false];
}

/** Of lanes that do not run. */
function trouble(now) {
  const down = now.lanes.filter((one) => one.state === "collapsed").map((one) => one.rung);
  if (down.length > 0) return `${down.join(" and ")} collapsed; what it said stands in its lane.`;
  if (now.lanes.some((one) => one.state === "failed")) return "A lane does not run; why stands in it.";
  return "";
}

function since(text) {
  return { text, at: performance.now() };
}

let kept = { nth: 0, at: 0 };
function keptAt(now) {
  if (now.kept.nth !== kept.nth) kept = { nth: now.kept.nth, at: now.t_ms };
  return kept.at;
}

listen({
  frame,
  past: (past) => past.lanes.forEach((samples, place) => lanes[place].past(samples)),
  lost(text) {
    document.body.classList.add("lost");
    told(text, true);
  },
});
presets().then(experiments.offer, () => {});
