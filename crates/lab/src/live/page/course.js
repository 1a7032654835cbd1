// Experiments: what is asked, where the reader thinks that each server breaks, and where it did.

import { token } from "/cells.js";
import { count, element, say, table, time } from "/words.js";

const byId = (id) => document.getElementById(id);

/** Wires the section; `start` gets a preset's name and the guesses, `stop` nothing; `colorOf` names a rung's colour. */
export function course({ start, stop, colorOf }) {
  let offers = [];
  let chosen = null;
  let guesses = [null, null];
  let told = null;
  /** The course that was over when its reader went on to another experiment. */
  let left = 0;
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
      input.max = 1_000_000;
      input.name = `guess_${place}`;
      input.id = `guess_${place}`;
      if (guesses[place] !== null) input.value = guesses[place];
      input.addEventListener("input", () => {
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
    const level = now.levels[now.place];
    say(
      byId("course-now"),
      running
        ? `Level ${now.place + 1} of ${now.levels.length}: ${count(level)} ${now.unit}, ${Math.ceil(now.left_ms / 1000)} s left`
        : "",
    );
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
    byId("course-table").replaceChildren(figures(chosen, points));
  }

  function picture(one, points, marks) {
    const target = byId("course-chart");
    if (!window.Plotly) return;
    const colors = one.rungs.map((rung) => token(colorOf(rung)));
    const sweep = isSweep(one);
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
    const [least, most] = [Math.min(...one.levels), Math.max(...one.levels, ...marks.filter(Boolean))];
    const guessed = sweep ? marks : [];
    const shapes = guessed.flatMap((guess, place) =>
      guess ? [{ type: "line", x0: guess, x1: guess, yref: "paper", y0: 0, y1: 1, line: { color: colors[place], width: 2, dash: "dot" } }] : [],
    );
    const annotations = guessed.flatMap((guess, place) =>
      guess
        ? [{ x: Math.log10(guess), yref: "paper", y: 1 - place * 0.1, text: `your guess: ${one.rungs[place]}`, showarrow: false, xanchor: guess > Math.sqrt(least * most) ? "right" : "left", font: { color: colors[place] } }]
        : [],
    );
    const font = { color: token("--ink"), family: getComputedStyle(document.body).fontFamily, size: 13 };
    const axis = { gridcolor: token("--grid"), linecolor: token("--axis"), zeroline: false, automargin: true };
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font,
      margin: { t: 12, r: 12, b: 44, l: 60 },
      height: 340,
      showlegend: true,
      legend: { orientation: "h", y: -0.2 },
      xaxis: {
        ...axis,
        ...(sweep
          ? { type: "log", title: { text: `${one.unit} (log)` }, range: [Math.log10(least) - 0.15, Math.log10(most) + 0.25] }
          : { type: "linear", title: { text: `${one.unit}, one level after the other` } }),
        tickvals: one.levels.map((_, place) => at(place)),
        ticktext: one.levels.map(count),
      },
      yaxis: { ...axis, title: { text: "requests/s" }, rangemode: "tozero" },
      shapes,
      annotations,
    };
    window.Plotly.react(target, traces, layout, { displayModeBar: false, responsive: true });
    target.setAttribute("aria-label", `Requests per second against ${one.unit}; the table below has the figures.`);
    target.onclick = (event) => mark(event, one);
  }

  /** A click marks a guess: left server first, then right, then left again. */
  let next = 0;
  function mark(event, one) {
    if (told || !isSweep(one)) return;
    // Where plotly keeps the axis as it is drawn; there is no other way from a pixel to a value.
    const axis = byId("course-chart")._fullLayout?.xaxis;
    if (!axis) return;
    const box = byId("course-chart").getBoundingClientRect();
    const guess = Math.round(10 ** axis.p2l(event.clientX - box.left - axis._offset));
    if (!(guess >= 1 && guess <= 1_000_000)) return;
    guesses[next] = guess;
    byId("guess").elements[`guess_${next}`].value = guess;
    next = 1 - next;
    draw(true);
  }

  return { offer, frame };
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
