// Draws each chart live when it nears the screen. Until then, and if anything fails, the static
// picture in the page stays. Nothing is asked from anywhere but this book's own folder.
(() => {
  const bundle = document.currentScript.src.replace(/_static\/[^/]*$/, "vendor/vega.js");
  const NARROW = 520; // px; book.css switches the static pictures at the same width
  let loading;

  const embedder = () =>
    (loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = bundle;
      script.onload = () => (window.vegaEmbed ? resolve(window.vegaEmbed) : reject());
      script.onerror = reject;
      document.head.append(script);
    }));

  const partsOf = (figure) => JSON.parse(figure.querySelector(".chart-spec").textContent);

  // A specification of Vega, compiled when the book is made, with its data put back.
  const specOf = (figure, size) => {
    const { datasets, [size]: spec } = partsOf(figure);
    spec.data = spec.data.map((own) => (own.name in datasets ? { ...own, values: datasets[own.name] } : own));
    return spec;
  };

  const sliders = (spec) => (spec.signals ?? []).filter((s) => s.bind?.input).map((s) => s.name);

  async function draw(figure) {
    const box = figure.querySelector(".chart-box");
    const size = box.clientWidth < NARROW ? "narrow" : "wide";
    if (figure.dataset.live === size) return;
    figure.dataset.live = size;
    const spec = specOf(figure, size);
    const live = document.createElement("div");
    live.className = "chart-live";
    try {
      const embed = await embedder();
      const result = await embed(live, spec, { renderer: "svg", actions: false, logLevel: 1 });
      if (figure.dataset.live !== size) return result.finalize();
      const before = figure.view;
      // What the reader has set stays when the chart is drawn anew for another width.
      sliders(spec).forEach((name) => before && result.view.signal(name, before.signal(name)));
      await result.view.runAsync();
      before?.finalize();
      figure.view = result.view;
      const svg = live.querySelector("svg");
      live.className = "chart-live";
      ["role", "aria-roledescription", "aria-label"].forEach((a) => live.removeAttribute(a));
      // One picture with one description: parts that claim to be pictures have no text.
      svg.querySelectorAll("[role]").forEach((part) => {
        part.removeAttribute("role");
        part.removeAttribute("aria-roledescription");
      });
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", spec.description);
      box.querySelector(".chart-live")?.remove();
      box.append(live);
      box.querySelector(".chart-static").hidden = true;
    } catch {
      figure.dataset.live = "failed";
    }
  }

  function save(figure, kind) {
    const name = figure.id.replace(/^fig-/, "");
    let text;
    if (kind === "json") {
      const title = figure.querySelector(".chart-title").textContent;
      const { datasets, lite } = partsOf(figure);
      text = JSON.stringify({ ...lite, datasets, title }, null, 1);
    } else {
      const shown = [...figure.querySelectorAll(".chart-box svg")].find((s) => s.clientWidth);
      const svg = shown.cloneNode(true);
      svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
      svg.setAttribute("style", "color:#1a1a1a;background:#ffffff");
      text = new XMLSerializer().serializeToString(svg);
    }
    const link = document.createElement("a");
    const type = kind === "svg" ? "image/svg+xml" : "application/json";
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = `${name}.${kind === "svg" ? "svg" : "vl.json"}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // Paper is light, whatever the screen is.
  const page = document.documentElement;
  let shown;
  addEventListener("beforeprint", () => {
    shown = page.dataset.theme;
    page.dataset.theme = "light";
  });
  addEventListener("afterprint", () => (page.dataset.theme = shown));

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-save]");
    if (button) save(button.closest("figure"), button.dataset.save);
  });

  const near = new IntersectionObserver(
    (entries) => entries.forEach((e) => e.isIntersecting && (near.unobserve(e.target), watch(e.target))),
    { rootMargin: "300px" },
  );
  const watch = (figure) => {
    embedder().catch(() => {}); // draw() tells; the library loads while the page is laid out
    new ResizeObserver(() => draw(figure)).observe(figure.querySelector(".chart-box"));
  };
  // A chart does not wait for the rest of a long page, only for its own last part.
  const figures = document.getElementsByClassName("chart");
  let seen = 0;
  const look = () => {
    while (figures[seen]?.querySelector(".chart-tools")) near.observe(figures[seen++]);
    if (document.readyState === "loading") requestAnimationFrame(look);
  };
  look();
  document.addEventListener("DOMContentLoaded", look);
})();
