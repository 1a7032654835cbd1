// Draws the page's charts in the colours of its theme; where it is narrow a legend takes the place of labels.
"use strict";
(() => {
  const NARROW_PX = 460;
  /** A chart with its title and how to read it has to stay within a sheet, however many runs are in it. */
  const PRINT_PX = { width: 680, height: 760 };
  const charts = [...document.querySelectorAll(".chart")].map((at) => ({
    at,
    figure: JSON.parse(document.getElementById(at.dataset.figure).textContent),
    narrow: null,
  }));

{% include "themed.js" %}

  function draw(chart, printed) {
    const width = printed ? printed.width : chart.at.clientWidth;
    const { data, layout } = themed(chart.figure, getComputedStyle(document.documentElement));
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.dragmode = false;
    chart.narrow = width < NARROW_PX;
    if (chart.narrow) {
      const notes = layout.annotations || [];
      layout.showlegend = notes.some((note) => note.name === "end-label");
      layout.annotations = notes.filter((note) => note.name !== "end-label");
      layout.margin = { ...layout.margin, l: 48, r: 14 };
      layout.font.size = 12;
    }
    if (printed) {
      const rem = Number(getComputedStyle(chart.at).getPropertyValue("--rem"));
      Object.assign(layout, { width, height: Math.min(rem * 16, printed.height), autosize: false });
    }
    const options = { displaylogo: false, displayModeBar: false, responsive: !printed };
    return Plotly.react(chart.at, data, layout, options).then(() => (chart.at.dataset.drawn = "true"));
  }

  // One after the other, so that the page can be read and scrolled meanwhile. On paper none is drawn for the screen.
  let printing = false;
  async function drawAll() {
    for (const chart of charts) {
      if (!printing) await draw(chart);
      await new Promise((next) => setTimeout(next));
    }
    document.documentElement.dataset.charts = "drawn";
  }

  let resizing;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    const turned = (chart) => chart.at.clientWidth < NARROW_PX !== chart.narrow;
    resizing = setTimeout(() => charts.filter(turned).forEach((chart) => draw(chart)), 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  // Paper is light and as wide as paper, whatever the screen is.
  addEventListener("beforeprint", () => {
    printing = true;
    document.documentElement.dataset.theme = "light";
    charts.forEach((chart) => draw(chart, PRINT_PX));
  });
  addEventListener("afterprint", () => {
    printing = false;
    delete document.documentElement.dataset.theme;
    drawAll();
  });

  drawAll();
})();
