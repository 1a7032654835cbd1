// Lines over the last minute, four times a second.
//
// Drawn by hand, as SVG paths: this page shares its CPUs with the servers it shows, and a chart that is laid out anew
// four times a second would be seen in their figures. Charts that change every few seconds are plotly's (course.js).

import { element } from "/words.js";

/** Of the lines alone, and stretched to what there is; room for the labels at their left is the style sheet's. */
const WIDTH = 600;
const HEIGHT = 150;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;
const MINUTE_MS = 60_000;

/** A chart. `lines`: { of(sample), label, style } each; `show`: how a value of the axis reads. */
export function chart({ title, lines, show, log = false }) {
  const root = element("figure", "live-chart");
  const caption = element("figcaption");
  caption.append(element("b", "", title));
  for (const line of lines) {
    const key = element("span", "key", line.label);
    key.prepend(swatch(line.style));
    caption.append(" ", key);
  }
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });
  const grid = make("g", { class: "grid" });
  const paths = lines.map((line) => make("path", { class: `line ${line.style}` }));
  svg.append(grid, ...paths);
  const labels = element("div", "labels");
  const frame = element("div", "plot");
  frame.append(svg, labels);
  root.append(caption, frame);
  let drawn = "";

  function draw(samples, range, now) {
    const y = scale(range, log);
    const ticks = log ? decades(range) : steps(range);
    const key = ticks.join();
    if (key !== drawn) {
      drawn = key;
      grid.replaceChildren(
        ...ticks.map((tick) => make("line", { x1: 0, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick) })),
      );
      labels.replaceChildren(
        ...ticks.map((tick) => {
          const label = element("span", "tick", show(tick));
          label.style.top = `${(y(tick) / HEIGHT) * 100}%`;
          return label;
        }),
        element("span", "from", "60 s ago"),
        element("span", "to", "now"),
      );
    }
    lines.forEach((line, place) => {
      paths[place].setAttribute("d", path(samples, line.of, y, now));
    });
    const last = samples.at(-1);
    const facts = lines.map((line) => `${line.label} ${last ? show(line.of(last)) : "unknown"}`);
    svg.setAttribute("aria-label", `${title}: ${facts.join(", ")}`);
  }

  return { root, draw };
}

/** Least and most of what several lanes show, so that all have one scale. */
export function range(samples, values, log) {
  let most = 0;
  let least = Infinity;
  for (const sample of samples) {
    for (const of of values) {
      const value = of(sample);
      if (value === null || value === undefined) continue;
      most = Math.max(most, value);
      if (value > 0) least = Math.min(least, value);
    }
  }
  if (!log) return [0, roundUp(Math.max(most, 1) * 1.05)];
  if (!Number.isFinite(least)) return [1, 1000];
  return [10 ** Math.floor(Math.log10(least)), 10 ** Math.ceil(Math.log10(Math.max(most, least * 1.01)))];
}

/** 1, 2, 2.5 or 5 times a power of ten, so that ticks are numbers that people know. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((round) => round >= value);
}

function steps([, most]) {
  return [0, most / 2, most];
}

function decades([least, most]) {
  const ticks = [];
  for (let tick = least; tick <= most * 1.001; tick *= 10) ticks.push(tick);
  return ticks;
}

function scale([least, most], log) {
  const inside = HEIGHT - TOP - BOTTOM;
  const share = log
    ? (value) => Math.log(Math.max(value, least) / least) / Math.log(most / least)
    : (value) => (value - least) / (most - least);
  return (value) => TOP + inside * (1 - Math.min(1, share(value)));
}

function path(samples, of, y, now) {
  let text = "";
  let pen = false;
  for (const sample of samples) {
    const value = of(sample);
    const age = now - sample.t_ms;
    if (value === null || value === undefined || age > MINUTE_MS) {
      pen = false;
      continue;
    }
    const x = WIDTH - RIGHT - (age / MINUTE_MS) * (WIDTH - RIGHT);
    text += `${pen ? "L" : "M"}${x.toFixed(1)} ${y(value).toFixed(1)}`;
    pen = true;
  }
  return text;
}

/** A small line without axes; `most` is the scale that it shares with the other lane's. */
export function spark() {
  const svg = make("svg", { viewBox: "0 0 100 24", class: "spark", "aria-hidden": "true", preserveAspectRatio: "none" });
  const line = make("path", { class: "line main" });
  svg.append(line);
  function draw(samples, of, most, now) {
    let text = "";
    for (const sample of samples) {
      const value = of(sample);
      const age = now - sample.t_ms;
      if (value === null || value === undefined || age > MINUTE_MS) continue;
      const x = 100 - (age / MINUTE_MS) * 100;
      text += `${text ? "L" : "M"}${x.toFixed(1)} ${(23 - 22 * Math.min(1, value / (most || 1))).toFixed(1)}`;
    }
    line.setAttribute("d", text);
  }
  return { root: svg, draw };
}

function swatch(style) {
  const svg = make("svg", { viewBox: "0 0 22 8", class: "swatch", "aria-hidden": "true" });
  svg.append(make("path", { class: `line ${style}`, d: "M0 4L22 4" }));
  return svg;
}

function make(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
