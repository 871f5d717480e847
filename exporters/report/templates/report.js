"use strict";
// The page shows the last epoch as it is written; this moves it to any other.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const slider = document.getElementById("epoch"), play = document.getElementById("play");
  const where = document.getElementById("where"), tip = document.getElementById("tip");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const SECONDS = Math.min(1.1, Math.max(0.08, 24 / data.epochs.length)), GLIDE = 0.35, FIELDS = 5;
  let shown = data.epochs.length - 1, current = shown, playing = false, ticket = 0;

  // --- cells: ribbons are drawn beside the middle of their lane
  const cells = data.cells.map((cell, number) => {
    const svg = document.querySelector(`svg[data-cell="${number}"]`);
    const labels = svg.querySelectorAll(".label");
    const lanes = [...svg.querySelectorAll(".lane")].map((group, index) => ({
      group, points: cell.lanes[index].points, name: cell.lanes[index].name,
      ribbons: [...group.querySelectorAll(".ribbon")], label: labels[index],
    }));
    const rows = [...document.querySelectorAll(`table[data-heat="${number}"] tbody tr`)];
    return {
      ...cell, lanes, heat: rows.map((row) => [...row.querySelectorAll("td")]),
      caption: document.querySelector(`[data-edges="${number}"]`),
    };
  });

  function beside(points, offset) {  // x, y and the normal of each point
    let d = "";
    for (let i = 0; i < points.length; i += 4) {
      const x = points[i] + points[i + 2] * offset, y = points[i + 1] + points[i + 3] * offset;
      d += (i ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1);
    }
    return d;
  }

  function drawRibbons(position) {
    const before = Math.floor(position), after = Math.min(before + 1, data.epochs.length - 1), t = position - before;
    for (const cell of cells) {
      const a = cell.frames[before], b = cell.frames[after];
      let at = 0;
      for (const lane of cell.lanes) for (const ribbon of lane.ribbons) {
        const value = (field) => a[at + field] * (1 - t) + b[at + field] * t;
        const width = value(1);
        ribbon.setAttribute("d", beside(lane.points, value(0)));
        ribbon.setAttribute("stroke-width", width.toFixed(2));
        ribbon.setAttribute("stroke-opacity", value(2).toFixed(3));
        at += FIELDS;
      }
    }
  }

  function drawNumbers(epoch) {
    for (const cell of cells) {
      const frame = cell.frames[epoch], count = cell.operations.length;
      let most = 0, edges = 0;
      for (let at = 0; at < frame.length; at += FIELDS) { most = Math.max(most, frame[at + 4]); edges += frame[at + 3]; }
      cell.caption.textContent = edges === 1 ? "1 edge" : `${edges} edges`;
      cell.lanes.forEach((lane, l) => {
        const [operation, text] = cell.labels[epoch][l];
        lane.label.setAttribute("class", `label op${operation}${text ? "" : " off"}`);
        if (text) lane.label.querySelector("text").textContent = text;
        cell.heat[l].forEach((box, k) => {
          const at = (l * count + k) * FIELDS, value = frame[at + 4], cut = !frame[at + 1];
          box.textContent = cut ? "·" : value.toFixed(2);
          box.style.setProperty("--v", cut || !most ? 0 : (value / most).toFixed(3));
          box.classList.toggle("derived", Boolean(frame[at + 3]));
        });
      });
    }
  }

  function drawCurves(position) {
    const before = Math.floor(position), after = Math.min(before + 1, data.epochs.length - 1);
    const epoch = data.epochs[before] + (data.epochs[after] - data.epochs[before]) * (position - before);
    const [first, last] = [data.epochs[0], data.epochs[data.epochs.length - 1]];
    for (const svg of document.querySelectorAll(".curves")) {
      const x0 = Number(svg.dataset.x0), x1 = Number(svg.dataset.x1), line = svg.querySelector(".cursor");
      const x = last > first ? x0 + (x1 - x0) * (epoch - first) / (last - first) : x0;
      line.setAttribute("x1", x.toFixed(2)); line.setAttribute("x2", x.toFixed(2));
    }
  }

  function drawEpoch(epoch) {
    const text = `epoch ${data.epochs[epoch]} of ${data.epochs[data.epochs.length - 1]}`;
    where.textContent = text;
    slider.value = epoch;
    slider.setAttribute("aria-valuetext", text);
    document.querySelectorAll("[data-series]").forEach((b) => { b.textContent = data.series[b.dataset.series][epoch]; });
    drawNumbers(epoch);
  }

  function show(epoch, seconds) {  // glides there, or jumps where motion is not wanted
    const from = current, begin = performance.now(), mine = ++ticket;
    shown = epoch;
    drawEpoch(epoch);
    const duration = still.matches ? 0 : seconds * 1000;
    const step = (now) => {
      if (mine !== ticket) return;
      const t = duration ? Math.min(1, Math.max(0, (now - begin) / duration)) : 1;
      current = from + (epoch - from) * t * t * (3 - 2 * t);
      drawRibbons(current); drawCurves(current);
      if (t < 1) requestAnimationFrame(step);
    };
    if (duration) requestAnimationFrame(step); else step(begin);
  }

  // --- playing
  let timer = 0;
  function setPlaying(on) {
    playing = on;
    clearTimeout(timer);
    play.classList.toggle("on", on);
    play.setAttribute("aria-label", on ? "Pause" : "Play");
    if (!on) return;
    if (shown === data.epochs.length - 1) show(0, 0);
    timer = setTimeout(next, SECONDS * 1000);
  }
  function next() {
    show(shown + 1, SECONDS * 0.8);
    if (shown < data.epochs.length - 1) timer = setTimeout(next, SECONDS * 1000); else setPlaying(false);
  }
  play.addEventListener("click", () => setPlaying(!playing));
  slider.addEventListener("input", () => { setPlaying(false); show(Number(slider.value), GLIDE); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || slider.disabled) return;
    const free = event.target === document.body;
    if (event.key === " " && (free || event.target === slider)) { event.preventDefault(); setPlaying(!playing); }
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (free && step) {
      event.preventDefault(); setPlaying(false);
      show(Math.min(data.epochs.length - 1, Math.max(0, shown + step)), GLIDE);
    }
  });

  // --- the tip: operations of a lane, cost of an edge
  function place(x, y) {
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(6, Math.min(x + 14, innerWidth - box.width - 6))}px`;
    tip.style.top = `${y + 16 + box.height > innerHeight ? Math.max(6, y - box.height - 12) : y + 16}px`;
  }
  function line(left, right, className) {
    const row = document.createElement("span"), name = document.createElement("i"), value = document.createElement("span");
    row.className = className; name.textContent = left; value.textContent = right;
    row.append(name, value);
    return row;
  }
  function heading(text) { const b = document.createElement("b"); b.textContent = text; return b; }
  for (const cell of cells) cell.lanes.forEach((lane, l) => {
    lane.group.addEventListener("pointermove", (event) => {
      const frame = cell.frames[shown], at = l * cell.operations.length * FIELDS;
      const rows = cell.operations.map((k, i) => ({ k, kept: frame[at + i * FIELDS + 3], cut: !frame[at + i * FIELDS + 1], value: frame[at + i * FIELDS + 4] }));
      rows.sort((a, b) => b.kept - a.kept || b.value - a.value);
      tip.replaceChildren(heading(lane.name), ...rows.map((row) =>
        line(data.operations[row.k], row.cut ? "cut" : row.value.toFixed(3), `op${row.k}${row.kept ? "" : " faint"}`)));
      place(event.clientX, event.clientY);
    });
    lane.group.addEventListener("pointerleave", () => { tip.hidden = true; });
  });
  const parts = [...document.querySelectorAll(".paper [data-edge], tr[data-edge]")];
  function mark(edge) { for (const part of parts) part.classList.toggle("on", part.dataset.edge === edge); }
  for (const part of parts) {
    const tell = (x, y) => {
      mark(part.dataset.edge);
      const text = part.dataset.tip;
      if (!text) return;
      tip.replaceChildren(...text.split("\n").map((row, i) => i ? line(row, "", "") : heading(row)));
      place(x, y);
    };
    const leave = () => { tip.hidden = true; mark(null); };
    part.addEventListener("pointermove", (event) => tell(event.clientX, event.clientY));
    part.addEventListener("pointerleave", leave);
    part.addEventListener("focus", () => { const box = part.getBoundingClientRect(); tell(box.left, box.bottom - 10); });
    part.addEventListener("blur", leave);
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { tip.hidden = true; mark(null); } });

  // --- light and dark
  const theme = document.getElementById("theme");
  let dark = matchMedia("(prefers-color-scheme: dark)").matches;
  function setTheme() { theme.setAttribute("aria-pressed", String(dark)); }
  theme.addEventListener("click", () => { dark = !dark; document.documentElement.style.colorScheme = dark ? "dark" : "light"; setTheme(); });
  setTheme();
})();
