// The controls: what is set, sent whole with each change. What the lab says is set comes back with every frame.

import { count, say } from "/words.js";

/** Between two changes that are sent, so that a slider that is pulled does not send a hundred. */
const PAUSE_MS = 150;
/** After a change by hand, frames from before it must not pull the controls back. */
const OWN_MS = 1500;

/** Wires the form; `send` gets settings to be sent. */
export function controls(form, send) {
  const fields = form.elements;
  let settings = null;
  let most = null;
  let changed = -Infinity;
  let timer = null;
  let rungs = [];

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    if (!settings) return;
    changed = performance.now();
    show();
    clearTimeout(timer);
    timer = setTimeout(() => {
      const asked = read();
      if (asked) send(asked);
    }, PAUSE_MS);
  });

  /** From the controls; null while one of them is being typed in and makes no sense yet. */
  function read() {
    if (!form.checkValidity()) return null;
    const number = (name) => Math.round(Number(fields[name].value));
    return {
      rungs: [fields.rung_0.value, fields.rung_1.value],
      mode: fields.mode.value,
      clients: fromLog(fields.clients, most.clients),
      rate_rps: fromLog(fields.rate_rps, most.rate_rps),
      ask: fields.ask.value,
      wait_ms: number("wait_ms"),
      rounds: number("rounds"),
      keep_alive: !fields.close.checked,
      pool: number("pool"),
      delay: fields.delay.value,
      capacity: fields.capacity.value === "" ? null : number("capacity"),
      errors: number("errors") / 100,
      slow: number("slow"),
      hog: fields.hog.checked,
    };
  }

  function write(from) {
    fields.rung_0.value = from.rungs[0];
    fields.rung_1.value = from.rungs[1];
    fields.mode.value = from.mode;
    fields.clients.value = toLog(from.clients, most.clients);
    fields.rate_rps.value = toLog(from.rate_rps, most.rate_rps);
    fields.ask.value = from.ask;
    fields.wait_ms.value = from.wait_ms;
    fields.rounds.value = from.rounds;
    fields.close.checked = !from.keep_alive;
    fields.pool.value = from.pool;
    fields.delay.value = from.delay;
    fields.capacity.value = from.capacity ?? "";
    fields.errors.value = Math.round(from.errors * 100);
    fields.slow.value = from.slow;
    fields.hog.checked = from.hog;
  }

  /** What depends on other controls: the numbers of sliders, and what has no effect now. */
  function show() {
    const open = fields.mode.value === "open";
    for (const label of form.querySelectorAll("[data-for]")) {
      label.hidden = label.dataset.for !== fields.mode.value;
    }
    const clients = fromLog(fields.clients, most.clients);
    const rate = fromLog(fields.rate_rps, most.rate_rps);
    say(fields.clients_out, count(clients));
    say(fields.rate_out, count(rate));
    fields.clients.setAttribute("aria-valuetext", `${clients} clients`);
    fields.rate_rps.setAttribute("aria-valuetext", `${rate} requests per second`);
    say(
      document.getElementById("most"),
      open ? `at most ${count(most.rate_rps)} requests/s` : `at most ${count(most.clients)} clients here (${most.because})`,
    );
    fields.slow.max = most.clients;
  }

  return {
    /** What the lab says is set. */
    told(told) {
      most = told.most;
      const same = JSON.stringify(told.settings) === JSON.stringify(settings);
      settings = told.settings;
      if (performance.now() - changed < OWN_MS || same) return;
      write(settings);
      show();
    },
    /** The rungs on offer. */
    offer(names) {
      if (names.join() === rungs.join()) return;
      rungs = names;
      for (const select of [fields.rung_0, fields.rung_1]) {
        select.replaceChildren(...names.map((name) => new Option(name, name)));
      }
      if (settings) write(settings);
    },
  };
}

/** A slider of a thousand steps from 1 to `most`, each by the same factor. */
function fromLog(slider, most) {
  return Math.max(1, Math.round(most ** (Number(slider.value) / 1000)));
}

function toLog(value, most) {
  return most > 1 ? Math.round((Math.log(Math.max(1, value)) / Math.log(most)) * 1000) : 0;
}
