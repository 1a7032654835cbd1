// What each chart of the page shows, as plotly has it, beside the table behind it. One expression.
(() => {
  function trace(one, layout) {
    const kind = one.type ?? "scatter";
    const mode = one.mode ?? (kind === "bar" ? "markers" : "lines");
    // Rungs have rows: then the figure is what stands across. Rows are named, and never on a logarithmic scale.
    const axis = layout[`yaxis${(one.yaxis ?? "y").slice(1)}`] ?? {};
    const rows = one.orientation === "h" || (axis.ticktext !== undefined && axis.type !== "log");
    const figures = Array.from((rows || typeof one.y?.[0] === "string" ? one.x : one.y) ?? []);
    return {
      name: one.name ?? "",
      kind,
      points: one.z ? one.z.flat().length : Math.min(one.x?.length ?? 0, one.y?.length ?? 0),
      figures: figures.filter(Number.isFinite),
      // A line through medians has marks too small to be seen, and what is hatched counts for nothing.
      marked: mode.includes("markers") && one.marker?.size !== 1 && one.marker?.pattern?.shape !== "/",
    };
  }

  return Array.from(document.querySelectorAll(".chart"), (chart) => {
    const figure = chart.closest("figure");
    const behind = figure.querySelector("details table");
    const cells = (row) => Array.from(row.cells, (cell) => cell.textContent.trim());
    return {
      id: chart.id || figure.id,
      points: chart.dataset.points === undefined ? null : Number(chart.dataset.points),
      drawn: chart.querySelector(".main-svg") !== null,
      alt: chart.getAttribute("aria-label") ?? "",
      marks: chart.querySelectorAll(".scatterlayer .points path.point").length,
      traces: (chart.data ?? []).map((one) => trace(one, chart.layout)),
      headers: behind ? cells(behind.tHead.rows[0]) : [],
      rows: behind ? Array.from(behind.tBodies[0].rows, cells) : [],
    };
  });
})()
