// Experiments: what is asked, where the reader thinks that each server breaks, and where it did.

import { token } from "/cells.js";
import { count, element, renew, say, table, time } from "/words.js";

const byId = (id) => document.getElementById(id);

/** No server here gets further. */
const MOST_GUESSED = 1_000_000;
/** A hand is not steady: what moves less is a click. */
const STEADY_PX = 6;

/** Wires the section; `start` gets a preset's name and the guesses, `stop` nothing; `colorOf` names a rung's colour. */
export function course({ start, stop, colorOf }) {
  let offers = [];
  let chosen = null;
  let guesses = [null, null];
  let told = null;
  /** The course that was over when its reader went on to another experiment. */
  let left = 0;
  /** Whose guess a click marks: the left server's first, then the right one's, then the left one's again. */
  let next = 0;
  let drawn = "";

  function offer(list) {
    offers = list;
    byId("presets").replaceChildren(
      ...list.map((one) => {
        const button = element("button", "preset", one.title);
        button.type = "button";
        button.id = `preset-${one.name}`;
        button.addEventListener("click", () => choose(one.name, true));
        button.dataset.name = one.name;
        return button;
      }),
    );
  }

  /** Shows an experiment, before it runs or while it does. */
  function choose(name, byHand) {
    chosen = offers.find((one) => one.name === name) ?? null;
    if (!chosen) return;
    if (byHand) {
      left = told?.id ?? left;
      [told, guesses, next] = [null, [null, null], 0];
    }
    for (const button of byId("presets").children) {
      button.setAttribute("aria-pressed", String(button.dataset.name === name));
    }
    byId("course").hidden = false;
    say(byId("course-title"), chosen.title);
    say(byId("course-question"), chosen.question);
    say(byId("course-watch"), `Watch for this: ${chosen.watch}`);
    say(byId("course-broken"), `A server counts as broken where ${chosen.broken}.`);
    say(byId("course-hint"), hint(chosen));
    byId("guess").replaceChildren(...guessing());
    draw(true);
  }

  /** A number for each server, and a click into the chart for those who can. */
  function guessing() {
    const fields = chosen.rungs.map((rung, place) => {
      const label = element("label", "", `${place === 0 ? "left" : "right"}: ${rung} breaks at `);
      const input = element("input");
      input.type = "number";
      input.min = 1;
      input.max = MOST_GUESSED;
      input.name = `guess_${place}`;
      input.id = `guess_${place}`;
      if (guesses[place] !== null) input.value = guesses[place];
      input.addEventListener("input", () => {
        again();
        guesses[place] = input.value === "" ? null : Number(input.value);
        draw(true);
      });
      label.append(input, ` ${chosen.unit}`);
      return label;
    });
    const run = element("button", "primary");
    run.id = "course-run";
    run.type = "submit";
    labelled(run);
    const end = element("button", "", "Stop");
    end.type = "button";
    end.id = "course-stop";
    end.addEventListener("click", stop);
    return [...fields, run, end];
  }

  function labelled(run) {
    if (run) say(run, guesses.includes(null) ? "Run it without a guess" : "Run it");
  }

  byId("guess").addEventListener("submit", (event) => {
    event.preventDefault();
    start(chosen.name, guesses);
  });

  /** What the lab says of the experiment that runs. */
  function frame(shown) {
    const now = shown && shown.id !== left ? shown : null;
    told = now;
    const running = Boolean(now) && !now.over;
    for (const button of byId("presets").children) button.disabled = running;
    if (!now) return draw(false);
    if (offers.length === 0) return undefined;
    if (chosen?.name !== now.name) {
      guesses = now.guesses;
      choose(now.name, false);
    }
    byId("course-run").disabled = running;
    byId("course-stop").hidden = !running;
    const level = `Level ${now.place + 1} of ${now.levels.length}: ${count(now.levels[now.place])} ${now.unit}`;
    say(byId("course-now"), running ? `${level}, ${Math.ceil(now.left_ms / 1000)} s left` : "");
    const sentences = byId("course-sentences");
    if (now.sentences.join("\n") !== [...sentences.children].map((line) => line.textContent).join("\n")) {
      sentences.replaceChildren(...now.sentences.map((sentence) => element("li", "", sentence)));
    }
    return draw(false);
  }

  /** Anew only where there is something new: a level takes seconds. */
  function draw(always) {
    if (!chosen) return;
    const points = told ? told.points : [[], []];
    const marks = told ? told.guesses : guesses;
    const key = JSON.stringify([chosen.name, points, marks, matchMedia("(prefers-color-scheme: dark)").matches]);
    labelled(byId("course-run"));
    if (!told) {
      say(byId("course-now"), "");
      byId("course-sentences").replaceChildren();
      byId("course-run").disabled = false;
      byId("course-stop").hidden = true;
    }
    if (!always && key === drawn) return;
    drawn = key;
    picture(chosen, points, marks);
    renew(byId("course-table"), figures(chosen, points));
  }

  function picture(one, points, marks) {
    const target = byId("course-chart");
    if (!window.Plotly) return;
    const colors = one.rungs.map((rung) => token(colorOf(rung)));
    const [sweep, guessed] = [isSweep(one), guessesOf(one, marks, colors)];
    const at = (place) => (sweep ? one.levels[place] : place + 1);
    const traces = points.map((lane, place) => ({
      x: lane.map((point) => at(point.place)),
      y: lane.map((point) => point.rps ?? 0),
      text: lane.map((point) => point.broke ?? ""),
      name: `${one.rungs[place]}${one.rungs[0] === one.rungs[1] ? ` (${place === 0 ? "left" : "right"})` : ""}`,
      mode: "lines+markers",
      line: { color: colors[place], width: 2.5, dash: place === 1 && colors[0] === colors[1] ? "dot" : "solid" },
      marker: { size: 10, symbol: lane.map((point) => (point.broke ? "x" : place === 0 ? "triangle-up" : "circle")) },
      customdata: lane.map((point) => point.level),
      hovertemplate: `%{customdata} ${one.unit}: %{y:.0f} requests/s<br>%{text}<extra></extra>`,
    }));
    const asked = one.asked_rps.map((rps, place) => [at(place), rps]).filter(([, rps]) => rps !== null);
    traces.push({
      x: asked.map(([level]) => level),
      y: asked.map(([, rps]) => rps),
      name: one.unit === "clients" ? "clients ÷ wait" : "what is asked",
      mode: "lines",
      line: { color: token("--axis"), width: 1.5, dash: "dash" },
      hoverinfo: "skip",
    });
    const font = { color: token("--ink"), family: getComputedStyle(document.body).fontFamily, size: 13 };
    const { least, most } = guessed;
    const highest = Math.max(1, most, ...traces.flatMap((trace) => trace.y));
    const axis = { gridcolor: token("--grid"), linecolor: token("--axis"), zeroline: false, automargin: true, fixedrange: true };
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font,
      margin: { t: 12, r: 12, b: 44, l: 60 },
      height: 340,
      showlegend: true,
      legend: { orientation: "h", y: -0.2 },
      // Nothing is dragged: a click is a guess, and a finger moves the page.
      dragmode: false,
      xaxis: {
        ...axis,
        ...(sweep
          ? { type: "log", title: { text: `${one.unit} (log)` }, range: [Math.log10(least) - 0.15, Math.log10(most) + 0.25] }
          : { type: "linear", title: { text: `${one.unit}, one level after the other` } }),
        tickvals: one.levels.map((_, place) => at(place)),
        ticktext: one.levels.map(count),
      },
      yaxis: { ...axis, title: { text: "requests/s" }, rangemode: "tozero", ...(sweep ? {} : { range: [0, highest * 1.1] }) },
      shapes: guessed.shapes,
      annotations: guessed.annotations,
    };
    window.Plotly.react(target, traces, layout, { displayModeBar: false, responsive: true });
    target.setAttribute("aria-label", `Requests per second against ${one.unit}; the table below has the figures.`);
  }

  /** After a run, a guess is for the next one. */
  function again() {
    if (told?.over) [left, told, next] = [told.id, null, 0];
  }

  /** A click into the chart is a guess. */
  function mark({ clientX, clientY }) {
    const along = chosen && guessedAlong(chosen);
    // Where plotly keeps the axes as they are drawn; there is no other way from a pixel to a value.
    const { xaxis, yaxis } = byId("course-chart")._fullLayout ?? {};
    if (!along || !xaxis || (told && !told.over)) return;
    const box = byId("course-chart").getBoundingClientRect();
    const [x, y] = [clientX - box.left - xaxis._offset, clientY - box.top - yaxis._offset];
    // Labels and the legend lie beside.
    if (x < 0 || y < 0 || x > xaxis._length || y > yaxis._length) return;
    const guess = Math.round(along === "x" ? 10 ** xaxis.p2l(x) : yaxis.p2l(y));
    if (!isGuess(guess)) return;
    again();
    guesses[next] = guess;
    byId("guess").elements[`guess_${next}`].value = guess;
    next = 1 - next;
    draw(true);
  }

  clicks(byId("course-chart"), mark);

  return { offer, frame };
}

/** Clicks by mouse, pen or finger. Plotly makes clicks of its own, some of them of a finger that moves the page. */
function clicks(target, act) {
  let down = null;
  target.addEventListener("pointerdown", (event) => {
    down = event.isPrimary && event.button === 0 ? event : null;
  });
  // While a button is down, plotly lays something over the whole page.
  document.addEventListener("pointerup", (event) => {
    if (down && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < STEADY_PX) act(event);
    down = null;
  });
  document.addEventListener("pointercancel", () => {
    down = null;
  });
}

/** A number may be half typed. */
function isGuess(value) {
  return value !== null && value >= 1 && value <= MOST_GUESSED;
}

/** Where guesses lie: across where levels grow; else a rate is as high as what is answered. */
function guessedAlong(one) {
  if (isSweep(one)) return "x";
  return one.unit === "requests/s" ? "y" : null;
}

function hint(one) {
  const click = { x: ", or click into the chart", y: ", or click into the chart at its height" }[guessedAlong(one)];
  return click ? `Type a number${click}: first for the left server, then for the right one.` : "Type a number for each server.";
}

/** Guesses as lines with labels, as plotly takes them, and what the chart spans with them. */
function guessesOf(one, marks, colors) {
  const along = guessedAlong(one);
  const lines = marks.map((guess, place) => ({ guess, place })).filter(({ guess }) => along && isGuess(guess));
  const values = [...one.levels, ...lines.map(({ guess }) => guess)];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const shapes = lines.map(({ guess, place }) => ({
    type: "line",
    ...(along === "x" ? { x0: guess, x1: guess, yref: "paper", y0: 0, y1: 1 } : { y0: guess, y1: guess, xref: "paper", x0: 0, x1: 1 }),
    line: { color: colors[place], width: 2, dash: "dot" },
  }));
  const annotations = lines.map(({ guess, place }) => ({
    ...(along === "x"
      ? { x: Math.log10(guess), yref: "paper", y: 1 - place * 0.1, xanchor: guess > Math.sqrt(least * most) ? "right" : "left" }
      : { y: guess, yanchor: "bottom", xref: "paper", x: place, xanchor: place === 0 ? "left" : "right" }),
    text: `your guess: ${one.rungs[place]}`,
    showarrow: false,
    font: { color: colors[place] },
  }));
  return { shapes, annotations, least, most };
}

/** Whether levels only grow. Where they come back, as after a spike, they are drawn one after the other. */
function isSweep(one) {
  return one.levels.every((level, place) => place === 0 || level > one.levels[place - 1]);
}

function figures(one, points) {
  const rows = one.levels.flatMap((level, nth) =>
    points.flatMap((lane, place) => {
      const point = lane.find(({ place: of }) => of === nth);
      if (!point) return [];
      return [[`${count(level)} ${one.unit}`, one.rungs[place], count(point.rps), count(point.asked_rps), time(point.p50_ms), time(point.p99_ms), point.broke ?? ""]];
    }),
  );
  return table(one.title, [one.unit, "server", "requests/s", "asked", "p50", "p99", "what broke"], rows);
}
