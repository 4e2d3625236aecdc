// A reader who changes the run of a chapter stays at the figure or heading that was in view.
(() => {
  const KEY = "unlock-place";
  const places = () => document.querySelectorAll(".bd-article :is(figure.chart, h2, h3)");
  const named = (place) => place.id || place.parentElement.id;
  const topOf = (place) => place.getBoundingClientRect().top;

  function note() {
    const seen = [...places()].filter((p) => topOf(p) < innerHeight / 2);
    const figure = [...places()].find((p) => p.id && topOf(p) > 0 && topOf(p) < innerHeight / 2);
    const place = figure ?? seen.at(-1);
    if (!place || scrollY < 200) return;
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ name: named(place), top: topOf(place) }));
    } catch {
      // Without storage the new page simply begins at its top.
    }
  }

  function back() {
    try {
      const { name, top } = JSON.parse(sessionStorage.getItem(KEY));
      sessionStorage.removeItem(KEY);
      const place = [...places()].find((p) => named(p) === name);
      scrollTo({ top: scrollY + topOf(place) - top, behavior: "instant" });
    } catch {
      // Nothing was noted.
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".runs a").forEach((link) => link.addEventListener("click", note));
    const open = document.querySelector(".runs details");
    open?.addEventListener("keydown", (e) => {
      if (e.key === "Escape") {
        open.open = false;
        open.firstElementChild.focus();
      }
    });
    addEventListener("click", (e) => open && !open.contains(e.target) && (open.open = false));
    if (document.querySelector(".runs")) back();
  });
})();
