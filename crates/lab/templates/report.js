// Draws the page's charts: colours from the page's theme, labels or a legend by the room there is.
"use strict";
(() => {
  const NARROW_PX = 460;
  const PRINT_PX = { width: 680, height: 360 };
  const charts = [...document.querySelectorAll(".chart")].map((at) => ({
    at,
    figure: JSON.parse(document.getElementById(at.dataset.figure).textContent),
    narrow: null,
  }));
  const touch = matchMedia("(pointer: coarse)").matches;

  // Figures name their colours ("@warm-1"); the style sheet knows them for both themes.
  function themed(value, style) {
    if (typeof value === "string") {
      return value.startsWith("@") ? style.getPropertyValue("--" + value.slice(1)).trim() || value : value;
    }
    if (Array.isArray(value)) return value.map((item) => themed(item, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item, style)]));
  }

  function fitted(layout, width) {
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.dragmode = touch ? false : "zoom";
    if (width >= NARROW_PX) return layout;
    // No room at the ends of the lines: a legend says which is which.
    const labels = (layout.annotations || []).filter((note) => note.name === "end-label");
    layout.annotations = (layout.annotations || []).filter((note) => !["end-label", "line-label"].includes(note.name));
    layout.showlegend = layout.showlegend || labels.length > 0;
    // Labels that point up at the right edge end there instead of reaching beyond it.
    for (const note of layout.annotations) {
      if (note.name !== "departure" || note.ay < 0) continue;
      Object.assign(note, note.ax < 0 ? { xanchor: "right", ax: -6 } : { ax: 10 });
    }
    if (layout.xaxis.title) layout.xaxis.title.text = layout.xaxis.title.text.replace(" (", "<br>(");
    layout.margin = { ...layout.margin, l: 48, r: 14 };
    layout.font.size = 12;
    return layout;
  }

  function draw(chart, print) {
    const width = print ? print.width : chart.at.clientWidth;
    const { data, layout } = themed(chart.figure, getComputedStyle(document.documentElement));
    chart.narrow = width < NARROW_PX;
    const shown = fitted(layout, width);
    // Most charts are pressed a little to fit on paper; one whose rows would then touch says how high it has to be.
    const most = shown.meta?.print_px ?? PRINT_PX.height;
    chart.at.style.maxHeight = print ? `${most}px` : "";
    if (print) {
      Object.assign(shown, { width, height: Math.min(most, chart.at.clientHeight), autosize: false });
    }
    return Plotly.react(chart.at, data, shown, {
      displaylogo: false,
      displayModeBar: touch || chart.narrow ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
      responsive: !print,
    });
  }

  // One after the other, so that the page can be read and scrolled meanwhile.
  async function drawAll() {
    for (const chart of charts) {
      await draw(chart);
      await new Promise((next) => setTimeout(next));
    }
    document.documentElement.dataset.charts = "drawn";
  }

  let resizing;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => charts.filter((chart) => chart.at.clientWidth < NARROW_PX !== chart.narrow).forEach((chart) => draw(chart)), 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  // Paper is light and as wide as paper, whatever the screen is.
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    charts.forEach((chart) => draw(chart, PRINT_PX));
  });
  addEventListener("afterprint", () => {
    delete document.documentElement.dataset.theme;
    drawAll();
  });

  drawAll();
})();
