// Numbers as people read them. Where there is none, a dash: "not known" is not 0.

export const none = "–";

/** 1234567 -> "1,234,567"; small numbers keep a decimal. */
export function count(value) {
  if (value === null || value === undefined) return none;
  const digits = Math.abs(value) > 0 && Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Milliseconds: 0.42 ms, 103 ms, 2.1 s. */
export function time(ms) {
  if (ms === null || ms === undefined) return none;
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 1)} s`;
  return `${ms >= 10 ? ms.toFixed(0) : ms.toFixed(2)} ms`;
}

/** 123456789 -> "118 MiB" */
export function bytes(value) {
  if (value === null || value === undefined) return none;
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** A share of one core and more: "37 %", "1.2 cores". */
export function cores(value) {
  if (value === null || value === undefined) return none;
  return value > 1.005 ? `${value.toFixed(1)} cores` : `${(value * 100).toFixed(0)} %`;
}

/** An element with a class and a text. */
export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Sets a text only where it differs, so that nothing is laid out anew without need. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** A table: a caption, headers, rows; the first column names the row. */
export function table(caption, headers, rows) {
  const made = element("table");
  made.append(element("caption", "", caption));
  const head = made.createTHead().insertRow();
  for (const text of headers) {
    const cell = element("th", "", text);
    cell.scope = "col";
    head.append(cell);
  }
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((text, place) => {
      const cell = element(place === 0 ? "th" : "td", place === 0 ? "" : "number", text);
      if (place === 0) cell.scope = "row";
      line.append(cell);
    });
  }
  return made;
}

/** Shows a table where there may be one already: in place if it has as many cells, so that who reads it keeps the place. */
export function renew(target, fresh) {
  const cells = (of) => [...of.querySelectorAll("caption, th, td")];
  const [shown, wanted] = [cells(target), cells(fresh)];
  if (shown.length !== wanted.length) target.replaceChildren(fresh);
  else shown.forEach((cell, nth) => say(cell, wanted[nth].textContent));
}
