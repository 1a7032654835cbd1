// Draws the page's charts when they come near: colours from the page's theme, labels or a legend by the room there is.
"use strict";
(() => {
  const NARROW_PX = 460;
  const PRINT_PX = { width: 680, height: 400, tall: 640 };
  const charts = [...document.querySelectorAll(".chart")].map((at) => ({ at, narrow: null, wanted: false }));
  const of = new Map(charts.map((chart) => [chart.at, chart]));
  const touch = matchMedia("(pointer: coarse)").matches;

{% include "themed.js" %}

  function fitted({ data, layout }, width) {
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.dragmode = touch ? false : "zoom";
    if (width >= NARROW_PX) return withLegend(data, layout, 58);
    // No room at the ends of the lines: a legend says which is which.
    const labels = (layout.annotations || []).filter((note) => note.name === "end-label");
    layout.annotations = (layout.annotations || []).filter((note) => !["end-label", "line-label"].includes(note.name));
    layout.showlegend = layout.showlegend || labels.length > 0;
    // Labels that point up at the right edge end there instead of reaching beyond it.
    for (const note of layout.annotations) {
      if (note.name !== "departure" || note.ay < 0) continue;
      Object.assign(note, note.ax < 0 ? { xanchor: "right", ax: -6 } : { ax: 10 }, { ay: Math.min(note.ay, 48) });
    }
    if (layout.xaxis.title) layout.xaxis.title.text = layout.xaxis.title.text.replace(" (", "<br>(");
    layout.margin = { ...layout.margin, l: 48, r: 14 };
    layout.font.size = 12;
    return withLegend(data, layout, 74);
  }

  // Below the name of the axis, which with all that is above it takes so many pixels; two names stand beside each other.
  function withLegend(data, layout, above) {
    if (!layout.showlegend || layout.legend.y > 0) return layout;
    const names = data.filter((trace) => trace.name && trace.showlegend !== false).length;
    layout.margin = { ...layout.margin, b: above + 20 * Math.ceil(names / 2) };
    Object.assign(layout.legend, { yref: "container", y: 0, yanchor: "bottom" });
    return layout;
  }

  function draw(chart, print) {
    const { at } = chart;
    chart.figure ??= JSON.parse(document.getElementById(at.id + "-data").textContent);
    chart.wanted = true;
    const width = print ? print.width : at.clientWidth;
    const figure = themed(chart.figure, getComputedStyle(document.documentElement));
    chart.narrow = width < NARROW_PX;
    const shown = fitted(figure, width);
    if (print) {
      const rem = Number(getComputedStyle(at).getPropertyValue("--rem"));
      // Most charts are pressed a little to fit on paper; those with many rows or panels need their height.
      const most = shown.meta?.print_px ?? (rem > 36 ? print.tall : print.height);
      Object.assign(shown, { width, height: Math.min(rem * 16, most), autosize: false });
    }
    const options = {
      displaylogo: false,
      displayModeBar: touch || chart.narrow ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
      responsive: !print,
    };
    return Plotly.react(at, figure.data, shown, options).then(() => (at.dataset.drawn = "true"));
  }

  // One after the other, so that the page can be read and scrolled meanwhile.
  let drawing = Promise.resolve();
  // While the page is on paper, whatever still waits for its turn would come out as wide as the screen.
  let printing = false;
  function want(chart) {
    if (chart.wanted) return;
    chart.wanted = true;
    const next = async () => {
      if (!printing) await draw(chart);
      await new Promise((rest) => setTimeout(rest));
    };
    drawing = drawing.then(next).catch((error) => console.error(chart.at.id, error));
  }

  // For whoever wants all of them: tests, and people who save the page.
  function drawAll() {
    charts.forEach(want);
    return drawing.then(() => (document.documentElement.dataset.charts = "drawn"));
  }
  window.parkbench = { drawAll };

  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => want(of.get(entry.target))),
    { rootMargin: "600px 0px" },
  );
  charts.forEach((chart) => near.observe(chart.at));

  const again = (which) => charts.filter((chart) => chart.at.dataset.drawn && which(chart)).forEach((chart) => draw(chart));
  let resizing;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => again((chart) => chart.at.clientWidth < NARROW_PX !== chart.narrow), 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => again(() => true));

  // Paper is light and as wide as paper, whatever the screen is, and nobody opens anything on it.
  const opened = [];
  addEventListener("beforeprint", () => {
    printing = true;
    document.documentElement.dataset.theme = "light";
    for (const details of document.querySelectorAll("details.facts:not([open])")) {
      details.open = true;
      opened.push(details);
    }
    charts.forEach((chart) => draw(chart, PRINT_PX));
  });
  addEventListener("afterprint", () => {
    printing = false;
    delete document.documentElement.dataset.theme;
    opened.splice(0).forEach((details) => (details.open = false));
    charts.forEach((chart) => draw(chart));
  });

  // The contents close when they have served, and say where the reader is.
  const contents = document.querySelector("#contents details");
  if (contents) {
    const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
    contents.addEventListener("click", (event) => event.target.closest("a") && (contents.open = false));
    contents.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      contents.open = false;
      contents.querySelector("summary").focus();
    });
    const here = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          const link = links.get(target.id);
          if (isIntersecting) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        }
        const current = contents.querySelector("[aria-current]");
        contents.querySelector(".here").textContent = current ? current.textContent : "";
      },
      { rootMargin: "-15% 0px -80% 0px" },
    );
    for (const id of links.keys()) here.observe(document.getElementById(id));
  }

  // Where the clipboard is closed to pages that lie on a disk, the old way still works.
  async function copied(code) {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  }
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const said = button.nextElementSibling;
      said.textContent = (await copied(button.previousElementSibling)) ? "Copied" : "Selected: copy it with your keyboard";
      setTimeout(() => (said.textContent = ""), 3000);
    });
  }
})();
