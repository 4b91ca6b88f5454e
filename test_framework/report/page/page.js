// The list of all tests, and a cursor on the timeline. Without this, the page still tells all but that list.
const tiers = JSON.parse(document.getElementById("data")?.textContent ?? "[]");
const MOST = 200;

const time = (ms) => (ms < 1000 ? `${+ms.toPrecision(3)} ms` : ms < 60000 ? `${+(ms / 1000).toPrecision(3)} s`
  : `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`);
const nodeid = (tier, row) => (row[1] ? `${tier.files[row[0]]}::${row[1]}` : tier.files[row[0]]);

// Each lane is one stop of the keyboard: the arrows, Home and End go from one test, or one provider, to the next.
for (const timeline of document.querySelectorAll(".timeline")) {
  const tier = tiers[timeline.dataset.tier];
  const readout = timeline.querySelector(".readout");
  const percent = (ms) => Math.min(100, (100 * ms) / tier.milliseconds);
  for (const lane of timeline.querySelectorAll(".lane")) {
    const number = Number(lane.dataset.lane);
    const track = lane.querySelector(".track");
    const cursor = lane.querySelector(".cursor");
    let parts = null;
    let at = 0;
    const known = () => (parts ??= lane.dataset.kind === "service" ? tier.starts[number]
      : tier.tests.filter((row) => row[6] === number).sort((a, b) => a[5] - b[5]).map((row) => [row[5], row[5] + row[4],
        `${tier.outcomes[row[2]]}, ${time(row[4])} at ${time(row[5])}: ${nodeid(tier, row)}`
        + (tier.services[row[3]] ? ` (${tier.services[row[3]]})` : "")]));
    const show = (index) => {
      at = Math.max(0, Math.min(known().length - 1, index));
      const [from, to, told] = known()[at];
      cursor.style.left = `min(${percent(from)}%, calc(100% - 4px))`;
      cursor.style.width = `${percent(to) - percent(from)}%`;
      cursor.hidden = false;
      readout.textContent = told;
    };
    const hide = () => {
      cursor.hidden = true;
      readout.textContent = "";
    };
    lane.addEventListener("focus", () => show(at));
    lane.addEventListener("blur", hide);
    lane.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: Infinity }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      show(to);
    });
    track.addEventListener("pointermove", (event) => {
      const box = track.getBoundingClientRect();
      const ms = ((event.clientX - box.left) / box.width) * tier.milliseconds;
      const next = known().findIndex(([from]) => from > ms);
      show((next < 0 ? known().length : next) - 1);
    });
    track.addEventListener("pointerleave", () => document.activeElement === lane || hide());
  }
}

const list = document.getElementById("list");
if (list) {
  const words = document.getElementById("words");
  const outcome = document.getElementById("outcome");
  const found = document.getElementById("found");
  const all = tiers.flatMap((tier) => tier.tests.map((row) => ({ tier, row, name: nodeid(tier, row),
    outcome: tier.outcomes[row[2]] })));
  for (const each of [...new Set(all.map((test) => test.outcome))].sort()) outcome.add(new Option(each, each));
  const cell = (text, kind = "") => {
    const made = document.createElement("td");
    made.textContent = text;
    made.className = kind;
    return made;
  };
  // May break where `html.py` lets a name break.
  const named = (name) => {
    const made = cell("", "left");
    for (const part of name.split(/(?<=::|[/._[])/)) made.append(part, document.createElement("wbr"));
    return made;
  };
  const search = () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    const hits = all.filter((test) => (!outcome.value || test.outcome === outcome.value)
      && wanted.every((word) => test.name.toLowerCase().includes(word)));
    list.replaceChildren(...hits.slice(0, MOST).map(({ tier, row, name, outcome: told }) => {
      const line = document.createElement("tr");
      line.append(cell(told, told), named(name), cell(time(row[4])), cell(tier.services[row[3]] || "-", "left"));
      return line;
    }));
    const shown = hits.length > MOST ? `; the first ${MOST} are shown` : "";
    found.textContent = `${hits.length.toLocaleString("en")} of ${all.length.toLocaleString("en")} tests${shown}`;
  };
  list.closest(".scroll").hidden = false;
  words.form.addEventListener("submit", (event) => event.preventDefault());
  words.addEventListener("input", search);
  outcome.addEventListener("change", search);
  search();
}

// On paper nothing can be unfolded.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
