// A cell for each thread, coloured by what it does, and a cell for each request in flight.
//
// All four clouds of the page have cells of one size, so that the eye compares numbers by area.

/** Letters as the lab sends them, with what they mean and the colour they have. */
export const doing = [
  { letter: "r", name: "running", color: "--part-4" },
  { letter: "w", name: "parked in a wait", color: "--part-3" },
  { letter: "l", name: "parked in a lock", color: "--part-1" },
  { letter: "s", name: "blocked on a socket", color: "--part-2" },
  { letter: "o", name: "parked elsewhere", color: "--part-6" },
];

/** More cells than this are too small to be seen. */
const most = 4096;

/** How many one cell stands for, by all numbers of the page: were each cut for itself, areas would say nothing. */
export function perCell(numbers) {
  return Math.max(1, Math.ceil(Math.max(...numbers) / most));
}

/** The largest size at which so many cells fit, 14 px at most. */
export function size(count, width, height) {
  let edge = 14;
  while (edge > 2 && Math.floor(width / edge) * Math.floor(height / edge) < count) edge -= 1;
  return edge;
}

/** How many of all threads do what. Of a sample, all are taken to do what it does, in its proportions. */
export function tally(seen, all) {
  const share = seen && seen.looked > 0 ? (all ?? seen.total) / seen.looked : 0;
  return new Map(doing.map(({ letter }) => [letter, Math.round((seen?.doing[letter] ?? 0) * share)]));
}

/** Draws threads, those that do the same together, so that areas can be compared. */
export function threads(canvas, counts, edge, per) {
  draw(canvas, doing.map(({ letter, color }) => [counts.get(letter), token(color)]), edge, per);
}

/** Draws requests in flight, all in the lane's colour. */
export function requests(canvas, count, color, edge, per) {
  draw(canvas, [[count, token(`--${color}`)]], edge, per);
}

/** What each canvas shows: most frames change nothing there, and thousands of cells take their time. */
const shows = new WeakMap();

function draw(canvas, groups, edge, per) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const dense = window.devicePixelRatio || 1;
  const key = JSON.stringify([groups, edge, per, width, height, dense]);
  if (shows.get(canvas) === key) return;
  shows.set(canvas, key);
  if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.clearRect(0, 0, width, height);
  const columns = Math.max(1, Math.floor(width / edge));
  const gap = edge > 4 ? 1.5 : edge > 2 ? 1 : 0.5;
  let place = 0;
  for (const [number, color] of groups) {
    // Who is there is seen, even where a cell stands for more.
    const count = number && Math.max(1, Math.round(number / per));
    pen.fillStyle = color;
    for (let nth = 0; nth < count; nth += 1, place += 1) {
      const x = (place % columns) * edge;
      const y = Math.floor(place / columns) * edge;
      if (y > height) return;
      pen.fillRect(x, y, edge - gap, edge - gap);
    }
  }
}

let cache = {};

/** A colour of the style sheet, as it is in this theme. */
export function token(name) {
  cache[name] ??= getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return cache[name];
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  cache = {};
});
