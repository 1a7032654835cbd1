// One of the two lanes: a server, what it does, and what it costs.

import { doing, requests, size, tally, threads } from "/cells.js";
import { chart, range, spark } from "/charts.js";
import { bytes, cores, count, element, none, say, table, time } from "/words.js";

/** What stands in the tiles: name, value of a sample, how it reads. */
const TILES = [
  { name: "in flight", of: (sample) => sample.in_flight, show: count },
  { name: "threads", of: (sample) => sample.threads, show: count },
  { name: "memory", of: (sample) => sample.memory_bytes, show: bytes },
  { name: "CPU", of: (sample) => sample.cpu, show: cores },
  { name: "errors/s", of: (sample) => sample.errors_per_s, show: count },
];

const RATES = [(sample) => sample.rps, (sample) => sample.line_rps];
const TIMES = [(sample) => sample.p50_ms, (sample) => sample.p99_ms];
const MINUTE_MS = 61_000;
/** What ran out is decided anew with each frame; nobody reads faster than this. */
const READ_MS = 2000;
/** One slow second is none that something ran out in. */
const LASTS_MS = 1500;

/** Makes a lane; `restart` is called when its reader wants it back. */
export function lane(place, restart) {
  const root = element("article", "lane");
  root.id = `lane-${place}`;
  const name = element("h2");
  const waits = element("p", "hint");
  const head = element("div", "lane-head");
  head.append(name, waits);
  const now = element("p", "now");
  const rate = element("b", "big");
  const unit = element("span", "", " requests/s");
  const ofLine = element("span", "hint");
  now.append(rate, unit, " ", ofLine);
  const cause = element("p", "cause");
  const wreck = element("div", "wreck");
  wreck.hidden = true;
  const reason = element("p", "reason");
  const fate = element("h3");
  const again = element("button", "", "Start it again");
  again.type = "button";
  again.id = `restart-${place}`;
  again.addEventListener("click", () => restart(place));
  wreck.append(fate, reason, again);
  const rates = chart({
    title: "requests/s",
    show: count,
    lines: [
      { of: RATES[0], label: "answered", style: "main" },
      { of: RATES[1], label: "possible", style: "bound" },
    ],
  });
  const times = chart({
    title: "response time (log)",
    show: time,
    log: true,
    lines: [
      { of: TIMES[0], label: "p50", style: "main" },
      { of: TIMES[1], label: "p99", style: "tail" },
    ],
  });
  const latency = element("p", "latency");
  const tiles = TILES.map((tile) => {
    const box = element("div", "tile");
    const value = element("b");
    const line = spark();
    box.append(element("span", "hint", tile.name), value, line.root);
    return { ...tile, box, value, line };
  });
  const tileRow = element("div", "tiles");
  tileRow.append(...tiles.map((tile) => tile.box));
  const clouds = cloudsOf();
  // In rows that both lanes share. A wreck stands where its threads were, so that the other lane keeps its place.
  [head, now, cause, [wreck, clouds.root], tileRow, rates.root, latency, times.root].forEach((parts, row) => {
    for (const part of [parts].flat()) {
      part.style.gridRow = String(row + 1);
      root.append(part);
    }
  });
  let samples = [];
  const toldCause = held();

  return {
    root,
    samples: () => samples,
    edge: clouds.edge,
    past(told) {
      samples = told;
    },
    add(told, t_ms) {
      // Another process: what the former one did is not its history.
      if (told.state === "starting") samples = [];
      const last = samples.at(-1);
      if (told.now && (!last || told.now.t_ms > last.t_ms)) samples.push(told.now);
      samples = samples.filter((sample) => t_ms - sample.t_ms < MINUTE_MS);
    },
    draw(told, t_ms, both, open) {
      root.style.setProperty("--lane", `var(--${told.color})`);
      root.classList.toggle("down", told.state !== "up");
      say(name, told.rung);
      say(waits, told.waits ? `where a request waits – ${told.waits}` : "");
      const isWreck = told.state === "collapsed" || told.state === "failed";
      // The button that was pressed goes; who uses a keyboard is left beside the next thing to do.
      const leaves = !isWreck && wreck.contains(document.activeElement);
      wreck.hidden = !isWreck;
      if (leaves) document.getElementById("run").focus({ preventScroll: true });
      root.classList.toggle("wrecked", isWreck);
      say(fate, told.state === "collapsed" ? capital(told.collapsed) : "Not running");
      say(reason, told.reason ?? "");
      const seen = told.now;
      say(rate, told.state === "starting" ? "starting …" : count(seen?.rps));
      say(ofLine, told.state === "up" ? bound(seen, told.line, open) : "");
      const clause = toldCause(told);
      say(cause, clause);
      cause.classList.toggle("bad", clause !== "");
      say(latency, minute(seen));
      for (const tile of tiles) {
        say(tile.value, tile.show(seen ? tile.of(seen) : null));
        tile.line.draw(samples, tile.of, Math.max(...both.map((sample) => tile.of(sample) ?? 0), 0), t_ms);
      }
      rates.draw(samples, range(both, RATES, false), t_ms);
      times.draw(samples, range(both, TIMES, true), t_ms);
    },
    clouds: clouds.draw,
  };
}

function capital(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}

/** The clause as a sentence; what else was looked at stands in the table. */
function sentence(clause) {
  return clause ? `${capital(clause.replace(/ \(looked at: [^)]*\)/, ""))}.` : "";
}

/** What ran out, held long enough to be read: one that flickers would move both lanes. */
function held() {
  let shown = "";
  let since = 0;
  let first = null;
  return ({ state, stalled_ms, ran_out }) => {
    const now = performance.now();
    const stalled = stalled_ms > 0;
    first = ran_out ? (first ?? now) : null;
    const lasts = first !== null && now - first >= LASTS_MS;
    const text = stalled ? "The services behind it stand still." : lasts ? sentence(ran_out) : "";
    // A stall is the reader's doing, and begins and ends at once.
    if (stalled || state !== "up" || shown === "" || now - since >= READ_MS) {
      if (text !== shown) [shown, since] = [text, stalled ? -Infinity : now];
    }
    return shown;
  };
}

/** The line, and which of the two it is. */
function bound(seen, line, open) {
  const rps = seen?.line_rps;
  if (!rps) return "";
  const asked = line?.asked_rps ?? Infinity;
  const which = rps < asked ? "cores ÷ CPU time of a request" : open ? "what is due" : "clients ÷ wait";
  return `of ${count(rps)} possible (${which})`;
}

/** All figures of both lanes, for those who would rather read. */
export function figures(told) {
  const row = (text, of) => [text, ...told.map((one) => of(one.now ?? {}, one))];
  const rows = [
    row("requests/s", (now) => count(now.rps)),
    row("its line, requests/s", (now) => count(now.line_rps)),
    row("p50, last second", (now) => time(now.p50_ms)),
    row("p99, last second", (now) => time(now.p99_ms)),
    row("p50, last minute", (now) => time(now.minute_p50_ms)),
    row("p99, last minute", (now) => time(now.minute_p99_ms)),
    ...TILES.map((tile) => row(tile.name, (now) => tile.show(tile.of(now)))),
    row("slow clients", (now) => count(now.slow)),
    ...doing.map(({ letter, name }) => row(`threads ${name}`, (_, one) => count(one.threads ? tally(one.threads, one.now?.threads).get(letter) : null))),
    row("state", (_, one) => one.state),
    row("what ran out", (_, one) => one.ran_out ?? none),
  ];
  return table("Both servers, now", ["", ...told.map((one) => one.rung)], rows);
}

function minute(seen) {
  if (!seen) return "";
  return `last second: p50 ${time(seen.p50_ms)}, p99 ${time(seen.p99_ms)} · last minute: p50 ${time(seen.minute_p50_ms)}, p99 ${time(seen.minute_p99_ms)}`;
}

/** How many threads there are, and how many requests in flight. */
export function counts({ now, threads: seen }) {
  return [now?.threads ?? seen?.total ?? 0, now?.in_flight ?? 0];
}

/** Threads and requests in flight, side by side. */
function cloudsOf() {
  const root = element("div", "clouds");
  const threadBox = cloud();
  const requestBox = cloud();
  const legend = element("ul", "legend");
  const keys = doing.map(({ letter, name, color }) => {
    const key = element("li");
    const mark = element("i");
    mark.style.background = `var(${color})`;
    const text = element("span");
    key.append(mark, text);
    key.hidden = true;
    legend.append(key);
    return { letter, name, key, text };
  });
  root.append(threadBox.root, requestBox.root, legend);

  function edge(told, per) {
    const { clientWidth: width, clientHeight: height } = threadBox.canvas;
    return Math.min(...counts(told).map((number) => size(Math.ceil(number / per), width, height)));
  }

  function draw(told, cell, per) {
    const seen = told.threads;
    const total = told.now?.threads ?? seen?.total ?? null;
    const groups = tally(seen, total);
    threads(threadBox.canvas, groups, cell, per);
    const inFlight = told.state === "up" ? told.now?.in_flight ?? 0 : 0;
    requests(requestBox.canvas, inFlight, told.color, cell, per);
    say(threadBox.title, `${count(total)} ${total === 1 ? "thread" : "threads"}`);
    say(requestBox.title, `${count(inFlight)} ${inFlight === 1 ? "request" : "requests"} in flight`);
    const several = per > 1 ? `a cell stands for ${count(per)}` : "";
    say(threadBox.note, [several, seen?.without ?? sampled(seen)].filter(Boolean).join("; "));
    say(requestBox.note, several);
    const said = keys.filter(({ letter }) => groups.get(letter) > 0);
    for (const { letter, name, key, text } of keys) {
      key.hidden = groups.get(letter) === 0;
      say(text, `${count(groups.get(letter))} ${name}`);
    }
    const facts = said.map(({ letter, name }) => `${groups.get(letter)} ${name}`).join(", ");
    threadBox.canvas.setAttribute("aria-label", `Threads: ${facts || "none seen"}`);
    requestBox.canvas.setAttribute("aria-label", `${inFlight} requests in flight`);
  }

  return { root, edge, draw };
}

function sampled(seen) {
  if (!seen || seen.looked >= seen.total) return "";
  return `${count(seen.looked)} of ${count(seen.total)} looked at, others in turn; it takes ${(seen.cost * 100).toFixed(1)} % of a core`;
}

function cloud() {
  const root = element("figure", "cloud");
  const title = element("figcaption");
  const note = element("span", "hint");
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  root.append(title, canvas, note);
  return { root, title, note, canvas };
}
