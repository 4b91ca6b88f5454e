// Each chart is one stop of the keyboard: the arrows, Home and End go from run to run. Without this, the page still tells all.
for (const chart of document.querySelectorAll(".chart[data-points]")) {
  const points = JSON.parse(chart.dataset.points);
  const cursor = chart.querySelector(".cursor");
  const readout = chart.querySelector(".readout");
  const plot = chart.querySelector(".plot");
  let at = points.length - 1;
  const show = (index) => {
    at = Math.max(0, Math.min(points.length - 1, index));
    const [x, y, told] = points[at];
    cursor.style.left = `${x}%`;
    cursor.style.bottom = `${y}%`;
    cursor.hidden = false;
    readout.textContent = told;
  };
  const hide = () => {
    cursor.hidden = true;
    readout.textContent = "";
  };
  chart.addEventListener("focus", () => show(at));
  chart.addEventListener("blur", hide);
  chart.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: points.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    show(Math.round(((event.clientX - box.left) / box.width) * (points.length - 1)));
  });
  plot.addEventListener("pointerleave", () => document.activeElement === chart || hide());
}
