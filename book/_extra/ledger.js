// Filters of the claim ledger: section, verdict and notebook. Without scripts the table is whole.
(() => {
  const form = document.querySelector(".ledger-filter");
  const rows = [...document.querySelectorAll("table.ledger tbody tr")];
  const told = form.querySelector("output");

  function filter() {
    const wanted = Object.fromEntries(new FormData(form));
    const fits = (row) =>
      Object.entries(wanted).every(([key, value]) => {
        const own = row.dataset[key].split("; ");
        return !value || own.some((part) => part === value || part.startsWith(`${value}.`));
      });
    rows.forEach((row) => (row.hidden = !fits(row)));
    told.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
  }

  function show() {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row?.hidden) form.reset();
    filter();
    row?.scrollIntoView();
  }

  form.hidden = false;
  form.addEventListener("change", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  addEventListener("hashchange", show);
  show();
})();
