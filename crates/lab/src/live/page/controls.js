// The controls: what is set, sent whole with each change. What the lab says is set comes back with every frame.

import { count, say } from "/words.js";

const byId = (id) => document.getElementById(id);

/** Between two changes that are sent, so that a slider that is pulled does not send a hundred. */
const PAUSE_MS = 150;
/** A number takes longer to type: 2 and 20 and 200 are not meant. */
const TYPING_MS = 600;
/** After a change by hand, frames from before it must not pull the controls back. */
const OWN_MS = 1500;

/** Kinds of load, as the choice explains them. */
const LOOPS = {
  closed: "Each client sends again when its answer is there.",
  open: "Requests are due on a schedule, whatever the server does.",
};

/** Wires the form; `send` gets settings to be sent. */
export function controls(form, send) {
  const fields = form.elements;
  let settings = null;
  let most = null;
  let changed = -Infinity;
  /** What of the lab's settings the controls show; nothing where they may differ. */
  let written = "";
  let timer = null;
  let rungs = [];

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("focusout", () => {
    written = "";
  });
  form.addEventListener("input", ({ target }) => {
    if (!settings) return;
    // The number counts; a slider of a thousand steps cannot say all of them.
    for (const name of ["clients", "rate_rps"]) {
      if (target === fields[`${name}_log`]) fields[name].value = fromLog(target, most[name]);
      else if (target === fields[name]) fields[`${name}_log`].value = toLog(target.value, most[name]);
    }
    changed = performance.now();
    written = "";
    show();
    clearTimeout(timer);
    timer = setTimeout(() => {
      const asked = read();
      if (asked) send(asked);
    }, target.type === "number" ? TYPING_MS : PAUSE_MS);
  });

  /** From the controls; null while one of them is being typed in and makes no sense yet. */
  function read() {
    if (!form.checkValidity()) return null;
    // What cannot be changed stays as it is set: it may have been left half typed.
    const kept = (name, value) => (fields[name].disabled ? settings[name] : value);
    const whole = (name) => Math.round(Number(fields[name].value));
    const number = (name) => kept(name, whole(name));
    return {
      rungs: [fields.rung_0.value, fields.rung_1.value],
      mode: fields.mode.value,
      clients: number("clients"),
      rate_rps: Number(fields.rate_rps.value),
      ask: fields.ask.value,
      wait_ms: number("wait_ms"),
      rounds: number("rounds"),
      keep_alive: !fields.close.checked,
      pool: number("pool"),
      boxed: fields.boxed.checked,
      delay: fields.delay.value,
      capacity: kept("capacity", fields.capacity.value === "" ? null : whole("capacity")),
      errors: kept("errors", whole("errors") / 100),
      slow: number("slow"),
      hog: fields.hog.checked,
    };
  }

  function write(from) {
    const values = {
      rung_0: from.rungs[0],
      rung_1: from.rungs[1],
      mode: from.mode,
      clients: from.clients,
      clients_log: toLog(from.clients, most.clients),
      rate_rps: from.rate_rps,
      rate_rps_log: toLog(from.rate_rps, most.rate_rps),
      ask: from.ask,
      wait_ms: from.wait_ms,
      rounds: from.rounds,
      pool: from.pool,
      delay: from.delay,
      capacity: from.capacity ?? "",
      errors: Math.round(from.errors * 100),
      slow: from.slow,
    };
    for (const [name, value] of Object.entries(values)) {
      // A number that is being typed is left alone until its reader goes elsewhere.
      const typing = fields[name] === document.activeElement && fields[name].type === "number";
      if (!typing) fields[name].value = value;
    }
    fields.close.checked = !from.keep_alive;
    fields.hog.checked = from.hog;
    fields.boxed.checked = from.boxed;
  }

  /** What depends on other controls. */
  function show() {
    const open = fields.mode.value === "open";
    for (const part of form.querySelectorAll("[data-for]")) {
      part.hidden = part.dataset.for !== fields.mode.value;
    }
    fields.clients_log.setAttribute("aria-valuetext", `${fields.clients.value} clients`);
    fields.rate_rps_log.setAttribute("aria-valuetext", `${fields.rate_rps.value} requests per second`);
    say(byId("loop"), LOOPS[fields.mode.value]);
    say(byId("most"), open ? `At most ${count(most.rate_rps)} requests/s.` : `At most ${count(most.clients)} clients here (${most.because}).`);
    fields.clients.max = most.clients;
    fields.rate_rps.max = most.rate_rps;
    fields.slow.max = most.clients;
    fields.pool.max = most.pool;
    const does = working(fields);
    for (const [name, something] of Object.entries(does)) fields[name].disabled = !something;
    say(byId("services"), does.stall ? "Services behind" : "Services: not called");
  }

  return {
    /** What the lab says is set. */
    told(told) {
      most = told.most;
      settings = told.settings;
      const text = JSON.stringify([settings, most]);
      if (performance.now() - changed < OWN_MS || text === written) return;
      written = text;
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
      written = "";
    },
  };
}

/** Whether a control does anything. Of one that does not, a reader would think that what it sets makes no difference. */
function working({ ask, delay, rung_0: left, rung_1: right }) {
  const calls = ["weather", "sun", "city"].includes(ask.value);
  return {
    // What was recorded takes as long as it took.
    wait_ms: ask.value === "wait" || (calls && delay.value !== "lecture"),
    rounds: ask.value === "hash",
    pool: ["pool", "offload"].some((rung) => rung === left.value || rung === right.value),
    delay: calls,
    capacity: calls,
    errors: calls,
    stall: calls,
  };
}

/** A slider of a thousand steps from 1 to `most`, each by the same factor. */
function fromLog(slider, most) {
  return Math.max(1, Math.round(most ** (Number(slider.value) / 1000)));
}

function toLog(value, most) {
  return most > 1 ? Math.round((Math.log(Math.max(1, Number(value))) / Math.log(most)) * 1000) : 0;
}
