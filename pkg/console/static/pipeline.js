// The plots of the pipeline: uPlot on columns that are asked for anew every ten
// seconds while the page is seen.
"use strict";

const section = document.querySelector("[data-plots]");
const colours = {
  light: ["#3a51cf", "#a8231b", "#11683a", "#7d4a00", "#7b3fa8", "#1f7f8c"],
  dark: ["#9aabff", "#ff9d95", "#72d8a0", "#f2c16f", "#d3a3ff", "#7ad3df"],
};
let drawn = [];

function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

// span returns "1.5 min" for seconds.
function span(seconds) {
  if (seconds == null) return "–";
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${(seconds / size).toFixed(1).replace(/\.0$/, "")} ${unit}`;
  }
  return `${Math.round(seconds)} s`;
}

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const plain = (value) => (value == null ? "–" : number.format(value));
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

// plans are the plots: their columns and how values are written.
const plans = {
  rate: (data) => ({ lines: data.durables.map((d) => [d.name, d.rate]), write: plain }),
  behind: (data) => ({ lines: data.durables.map((d) => [d.name, d.behind]), write: plain }),
  oldest: (data) => ({ lines: data.durables.map((d) => [d.name, d.oldest]), write: span }),
  arriving: (data) => ({ lines: [["arriving", data.arriving], ["dead letters", data.letters]], write: plain }),
};

// draw makes the plot of one place anew.
function draw(place, data) {
  const { lines, write } = plans[place.dataset.plot](data);
  const palette = colours[dark() ? "dark" : "light"];
  const css = getComputedStyle(document.body);
  const text = dark() ? "#a3a7b7" : "#5b5c6b";
  const grid = { stroke: dark() ? "#272a34" : "#e3e3e9", width: 1 };
  const font = `12px ${css.fontFamily}`;
  const axis = { stroke: text, grid, ticks: grid, font };
  const plot = new uPlot({
    width: place.clientWidth, height: 200, padding: [10, 28, 0, 0],
    cursor: { y: false, points: { size: 7 } },
    legend: { live: true },
    scales: { y: { range: (u, min, max) => [0, Math.max(max, 1) * 1.05] } },
    axes: [
      { ...axis, values: (u, ticks) => ticks.map((t) => clock.format(t * 1000)), space: 70 },
      { ...axis, size: 52, values: (u, ticks) => ticks.map(write) },
    ],
    series: [
      { label: "At", value: (u, v) => (v == null ? "–" : exact.format(v * 1000)) },
      ...lines.map(([label], i) => ({ label, stroke: palette[i % palette.length], width: 1.75, spanGaps: false, points: { show: false }, value: (u, v) => write(v) })),
    ],
  }, [data.at, ...lines.map(([, column]) => column || data.at.map(() => null))], place);
  plot.root.querySelector("canvas").setAttribute("role", "img");
  plot.root.querySelector("canvas").setAttribute("aria-label", summary(lines, write));
  return plot;
}

// summary says what a plot shows to who does not see it.
function summary(lines, write) {
  return lines.map(([label, column]) => {
    const known = (column || []).filter((v) => v != null);
    return known.length ? `${label}: now ${write(known[known.length - 1])}, at most ${write(Math.max(...known))}` : `${label}: unknown`;
  }).join("; ");
}

// show draws every plot.
function show(data) {
  const grid = section.querySelector(".plot-grid");
  if (data.at.length < 2) return;
  grid.hidden = false;
  section.querySelector("[data-plots-empty]").hidden = true;
  for (const plot of drawn) plot.destroy();
  drawn = [...section.querySelectorAll("[data-plot]")].map((place) => draw(place, data));
  section.dataset.drawn = String(data.at.length);
}

let last = null;
async function refresh() {
  if (document.hidden || section.matches(":hover") && last) return; // who reads a value keeps it
  const answer = await fetch(section.dataset.plots, { headers: { Accept: "application/json" } });
  if (!answer.ok || answer.redirected) return;
  last = await answer.json();
  show(last);
}

let width = innerWidth;
addEventListener("resize", () => { if (last && innerWidth !== width) { width = innerWidth; show(last); } });
document.addEventListener("theme", () => last && show(last));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => last && show(last));
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
setInterval(refresh, 10000);
refresh();
