// The player of a recording. The audio is asked for when somebody plays it, not
// before: each playback is in the audit log. Until then the picture of its
// loudness, which the server reads from the audio, is all there is.
"use strict";
(() => {
  const svg = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // text returns "1:02:05".
  function text(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const minutes = Math.floor(whole / 60);
    const rest = String(whole % 60).padStart(2, "0");
    if (minutes < 60) return `${minutes}:${rest}`;
    return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
  }

  // bars draws heights from 0 to 1 as bars around a middle, all in one path.
  function bars(heights, width, middle, reach) {
    const step = 4, count = Math.max(1, Math.floor(width / step));
    let path = "";
    for (let i = 0; i < count; i++) {
      const from = Math.floor(i * heights.length / count);
      const to = Math.max(from + 1, Math.floor((i + 1) * heights.length / count));
      let height = 0;
      for (let j = from; j < to; j++) height = Math.max(height, heights[j] || 0);
      const half = Math.max(1, height * reach);
      path += `M${i * step} ${(middle - half).toFixed(1)}h2.5v${(2 * half).toFixed(1)}h-2.5z`;
    }
    return path;
  }

  class Player {
    constructor(root) {
      this.root = root;
      this.audio = new Audio();
      this.audio.preload = "none";
      this.audio.src = root.dataset.player;
      this.length = Number(root.dataset.duration) || 0;
      this.wave = root.querySelector("[data-wave]");
      this.position = root.querySelector("[data-position]");
      this.listen();
      this.load();
    }

    part(name) { return this.root.querySelector(`[data-${name}]`); }

    listen() {
      this.part("play").addEventListener("click", () => this.toggle());
      for (const button of this.root.querySelectorAll("[data-skip]")) {
        button.addEventListener("click", () => this.skip(Number(button.dataset.skip)));
      }
      this.part("speed").addEventListener("change", (event) => { this.audio.playbackRate = Number(event.target.value); });
      this.position.addEventListener("input", () => this.seek(Number(this.position.value)));
      this.audio.addEventListener("play", () => this.show());
      this.audio.addEventListener("pause", () => this.show());
      this.audio.addEventListener("seeked", () => this.show());
      this.audio.addEventListener("ended", () => this.show());
      this.audio.addEventListener("timeupdate", () => this.show());
      this.audio.addEventListener("durationchange", () => this.measured(this.audio.duration));
      this.audio.addEventListener("error", () => this.fail());
      new ResizeObserver(() => this.draw()).observe(this.wave);
    }

    // load fetches the picture of the recording's loudness.
    async load() {
      try {
        const answer = await fetch(this.root.dataset.waveform);
        if (!answer.ok) throw new Error(answer.statusText);
        this.picture = await answer.json();
        if (this.picture.duration) this.measured(this.picture.duration);
      } catch {
        this.picture = null;
      }
      if (!this.picture?.channels?.length) this.wave.classList.add("flat");
      this.draw();
    }

    measured(seconds) {
      if (!Number.isFinite(seconds) || seconds <= 0) return;
      this.length = seconds;
      this.position.max = seconds;
      this.part("total").textContent = text(seconds);
      this.show();
    }

    // draw makes the picture as wide as its place is, each channel a band of it.
    draw() {
      if (!this.picture?.channels?.length) return;
      const { width, height } = this.wave.getBoundingClientRect();
      if (!width) return;
      this.drawing?.remove();
      const id = "clip-" + this.root.dataset.lines;
      this.drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
      this.clip = svg("rect", { x: 0, y: 0, width: 0, height });
      const clip = svg("clipPath", { id });
      clip.append(this.clip);
      this.drawing.append(clip);
      const band = height / this.picture.channels.length;
      this.picture.channels.forEach((heights, i) => {
        const path = bars(heights, width, band * (i + .5), band / 2 - 3);
        const group = svg("g", { class: `channel-${i + 1}` });
        group.append(svg("path", { class: "rest", d: path }), svg("path", { class: "played", d: path, "clip-path": `url(#${id})` }));
        this.drawing.append(group);
      });
      this.cursor = svg("line", { class: "cursor", y1: 0, y2: height, x1: 0, x2: 0 });
      this.drawing.append(this.cursor);
      this.width = width;
      this.wave.prepend(this.drawing);
      this.show();
    }

    // show brings everything to where the audio is.
    show() {
      const now = this.wanted ?? this.audio.currentTime;
      this.root.classList.toggle("playing", !this.audio.paused);
      this.part("play").setAttribute("aria-label", this.audio.paused ? "Play" : "Pause");
      this.part("now").textContent = text(now);
      this.position.value = now;
      this.position.setAttribute("aria-valuetext", `${text(now)} of ${text(this.length)}`);
      const x = this.length ? Math.min(1, now / this.length) * (this.width || 0) : 0;
      this.clip?.setAttribute("width", x);
      this.cursor?.setAttribute("x1", x);
      this.cursor?.setAttribute("x2", x);
      this.mark(now);
      cancelAnimationFrame(this.frame);
      if (!this.audio.paused) this.frame = requestAnimationFrame(() => this.show());
    }

    // mark shows which line is spoken.
    mark(now) {
      const lines = document.getElementById(this.root.dataset.lines);
      if (!lines) return;
      const started = now > 0 || !this.audio.paused;
      let current = null;
      for (const line of lines.children) {
        if (started && Number(line.dataset.start) <= now + .05) current = line;
      }
      if (current && now > Number(current.dataset.end) + 1) current = null;
      if (current === this.current && (!current || current.hasAttribute("aria-current"))) return;
      this.current?.removeAttribute("aria-current");
      this.current = current;
      if (!current) return;
      current.setAttribute("aria-current", "true");
      if (lines.scrollHeight > lines.clientHeight) {
        lines.scrollTo({ top: current.offsetTop - lines.offsetTop - lines.clientHeight / 3, behavior: "smooth" });
      }
    }

    // seek goes to a place, which an audio that is not loaded yet takes when it is.
    seek(seconds) {
      const to = Math.min(Math.max(0, seconds), this.length || Infinity);
      if (this.audio.readyState > 0) {
        this.audio.currentTime = to;
      } else {
        if (this.wanted === undefined) {
          this.audio.addEventListener("loadedmetadata", () => {
            this.audio.currentTime = this.wanted;
            this.wanted = undefined;
          }, { once: true });
        }
        this.wanted = to;
      }
      this.show();
    }

    skip(seconds) { this.seek((this.wanted ?? this.audio.currentTime) + seconds); }

    toggle() { this.audio.paused ? this.play() : this.audio.pause(); }

    play() {
      for (const other of players.values()) if (other !== this) other.audio.pause();
      this.part("player-error").hidden = true;
      this.audio.play().catch((error) => { if (error.name !== "AbortError") this.fail(); });
    }

    fail() {
      const place = this.part("player-error");
      place.textContent = "The recording cannot be played now. Try again in a moment; if your session has ended, sign in again.";
      place.hidden = false;
      this.show();
    }
  }

  const players = new Map();

  // begin gives each player on the page its life, once.
  function begin() {
    for (const root of players.keys()) if (!root.isConnected) players.delete(root);
    for (const root of document.querySelectorAll("[data-player]")) {
      if (!players.has(root)) players.set(root, new Player(root));
    }
  }

  const of = (lines) => [...players.values()].find((p) => p.root.dataset.lines === lines.id);

  document.addEventListener("click", (event) => {
    const line = event.target.closest("[data-seek]");
    const player = line && of(line.closest("ol"));
    if (!player) return;
    player.seek(Number(line.dataset.seek));
    player.play();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=range]), textarea, select, dialog[open]")) return;
    const player = [...players.values()].find((p) => !p.audio.paused) || [...players.values()][0];
    if (!player) return;
    const onButton = event.target.closest("button, a, summary");
    if (event.key === "k" || (event.key === " " && !onButton)) player.toggle();
    else if (event.key === "j") player.skip(-10);
    else if (event.key === "l") player.skip(10);
    else return;
    event.preventDefault();
  });

  document.addEventListener("htmx:after:swap", begin);
  begin();
})();
